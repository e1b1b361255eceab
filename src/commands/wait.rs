//! `muxhook wait`.

use std::process::ExitCode;

use crate::args;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Colors, Console};

/// Runs `muxhook wait`.
pub(super) async fn run(
    _args: &args::Wait,
    _around: &Surroundings,
    _colors: Colors,
    _console: &mut Console,
) -> Result<ExitCode, Error> {
    Ok(ExitCode::SUCCESS)
}
