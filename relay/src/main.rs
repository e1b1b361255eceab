//! The `muxhook-relay` binary.

fn main() {}
