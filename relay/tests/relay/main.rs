//! The relay through real sockets: bytes in on the public side, frames out to a scripted CLI, and back.

mod answers;
mod harness;
mod several;
mod wire;
