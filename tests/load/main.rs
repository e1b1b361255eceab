//! The relay under many listeners: idle ones, dead ones, long-lived ones, and all of them back at once. The relay is a
//! process of its own; listeners are the CLI's sessions, over real sockets.
//!
//! Each case runs at a small count here, where it asserts what must hold, and at a large one by `scripts/load`, which
//! prints its figures; `docs/load.md` tells of all. Linux alone: `/proc`.

#![cfg(target_os = "linux")]
#![cfg(test)]

mod harness;
mod herd;
mod idle;
mod soak;
mod unread;
