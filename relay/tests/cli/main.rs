//! The built `muxhook-relay`, as an operator meets it.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

mod accounts;
#[cfg(unix)]
mod backup;
#[cfg(unix)]
mod check;
mod doors;
mod flags;
mod harness;
#[cfg(unix)]
mod health;
mod keeping;
#[cfg(unix)]
mod log;
#[cfg(target_os = "linux")]
mod manager;
mod metrics;
#[cfg(target_os = "linux")]
mod reload;
mod serve;
#[cfg(unix)]
mod sockets;
#[cfg(unix)]
mod status;
#[cfg(target_os = "linux")]
mod units;
mod words;
