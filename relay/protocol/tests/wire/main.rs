//! The wire: what travels between a CLI and a relay, to the byte.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

mod arbitrary;
mod codec;
mod golden;
mod history;
mod parts;
mod samples;
