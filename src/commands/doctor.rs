//! `muxhook doctor`.

use crate::args;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook doctor`.
pub(super) async fn run(
    _args: &args::Doctor,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Ok(())
}
