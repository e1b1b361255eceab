//! The whole path: a sender's bytes over a real socket, the relay, the built `muxhook listen`, an app; and back.
//!
//! Where a minute or a heartbeat matters, the CLI's rooms run in this process under a paused clock instead.
//! Processes are ended and frozen by signals, so all this is for Unix.

#![cfg(unix)]
#![cfg(test)]

mod app;
mod burst;
mod bytes;
mod certificate;
mod conformance;
mod harness;
mod laptop;
mod link;
mod rights;
mod several;
mod slow;
