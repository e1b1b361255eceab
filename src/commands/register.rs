//! `muxhook register`.

use crate::args;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook register`.
pub(super) async fn run(
    _args: &args::Register,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Ok(())
}
