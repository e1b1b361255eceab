//! The relay through real sockets: bytes in on the public side, frames out to a scripted CLI, and back.
#![cfg(test)]

mod abuse;
mod acme;
mod answers;
#[cfg(target_os = "linux")]
mod conversation;
mod disk;
mod doors;
mod fidelity;
mod flow;
mod harness;
mod history;
mod intake;
#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod mutations;
mod owed;
mod page;
mod past;
#[cfg(target_os = "linux")]
mod proxies;
mod restart;
mod rights;
mod sanitised;
mod several;
mod tls;
mod wire;
