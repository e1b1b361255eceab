//! `muxhook relay`: the relay's own command line, untouched.

use std::ffi::OsString;
use std::process::ExitCode;

use muxhook_relay::cli;

/// Runs the relay's command line on `words`, as `muxhook-relay` does. It prints for itself and builds its own
/// runtime.
pub(super) fn run(words: Vec<OsString>) -> ExitCode {
    cli::run(words, "muxhook relay")
}

/// Its definition, for what is made from it.
pub(super) use cli::command;
