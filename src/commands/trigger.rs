//! `muxhook trigger`.

use crate::args;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook trigger`.
pub(super) async fn run(
    _args: &args::Trigger,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Ok(())
}
