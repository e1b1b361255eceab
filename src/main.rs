//! The `muxhook` binary.

fn main() {}
