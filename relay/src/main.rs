//! The `muxhook-relay` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    muxhook_relay::cli::run(std::env::args_os().skip(1), "muxhook-relay")
}
