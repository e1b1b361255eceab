//! muxhook's command line: the rooms behind the `muxhook` binary.
//!
//! - [`args`], [`config`]: what was typed, and what it means together with the environment and the files.
//! - [`commands`]: one module a verb; the only place where rooms meet.
//! - [`relay_url`], [`secret`]: where a relay is, and what must not be shown.
//! - [`dial`], [`session`], [`backoff`]: how the relay is reached, and the link to it kept.
//! - [`exchange`]: one HTTP request and its answer; [`api`]: what the relay is asked that way.
//! - [`mux_api`]: what Mux is asked about its webhooks.
//! - [`intake`]: what is to be done with a delivery. Pure.
//! - [`forwarder`]: hands a delivery to the app and brings back what became of it.
//! - [`cure`]: what an app's failing answer tells of its cause. Pure.
//! - [`event`], [`printer`]: what a user may be told, and the one owner of stdout and stderr.
//! - [`embedded`]: the relay inside this process.
//! - [`state`]: what this machine remembers between runs; [`private_file`]: how what only its owner may read is kept;
//!   [`env_file`]: how a variable stands in a project's `.env`.

pub mod api;
pub mod args;
pub mod backoff;
pub mod commands;
pub mod config;
pub mod cure;
pub mod dial;
pub mod embedded;
pub mod env_file;
pub mod error;
pub mod event;
pub mod exchange;
pub mod forwarder;
pub mod intake;
pub mod mux_api;
pub mod printer;
pub mod private_file;
pub mod relay_url;
pub mod secret;
pub mod session;
pub mod state;
