//! The relay through real sockets: bytes in on the public side, frames out to a scripted CLI, and back.
#![cfg(test)]

mod answers;
mod fidelity;
mod flow;
mod harness;
mod intake;
mod page;
mod restart;
mod sanitised;
mod several;
mod tls;
mod wire;
