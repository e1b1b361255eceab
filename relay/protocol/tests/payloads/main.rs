//! Payloads: every sample against the tables of the fields that Mux sends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

mod captures;
mod checker;
mod faults;
mod samples;
mod tables;
