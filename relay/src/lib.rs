//! muxhook's relay: a public address for webhooks, and the WebSocket sessions of the CLIs behind it.
//!
//! - [`config`]: what the operator asked for, from flags, environment and file.
//! - [`accounts`]: who may listen, and whose an endpoint is. SQLite in the data folder.
//! - [`journal`]: what is owed, and what was: the durable record of deliveries. SQLite in the data folder.
//! - [`database`]: SQLite files in the data folder.
//! - [`tls`]: the listener's certificates, read again when their files change.
//! - [`ingress`]: the public side: HTTP in, an answer out.
//! - [`dispatch`]: one delivery's life, from its arrival to the answer.
//! - [`registry`]: which sessions are live on which endpoint. Memory only.
//! - [`connect`]: the upgrade that a session begins with.
//! - [`session`]: one connected CLI.
//! - [`api`]: what a CLI may ask over plain HTTP.
//! - [`admin`]: what its operator may ask: is it alive, is it ready.
//! - [`status`]: what is told to whoever may read its data folder: who listens, what comes, what is owed.
//! - [`backup`]: a copy of its data, made while it runs.
//! - [`check`]: whether its data is what it wrote.
//! - `remark`: what the log says of an answer.
//! - [`cli`]: the words of the `muxhook-relay` binary, which `muxhook relay` takes as well.

pub mod accounts;
pub mod admin;
pub mod api;
pub mod backup;
pub mod check;
pub mod cli;
pub mod config;
pub mod connect;
pub mod database;
pub mod dispatch;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod ingress;
pub mod journal;
pub mod metrics;
pub mod outbox;
pub mod registry;
mod remark;
pub mod server;
pub mod session;
pub mod status;
pub mod tls;

/// Program and version, as a relay names itself to CLIs.
pub const SERVER: &str = concat!("muxhook-relay/", env!("CARGO_PKG_VERSION"));
