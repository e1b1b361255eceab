//! `muxhook verify`.

use crate::args;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook verify`.
pub(super) async fn run(
    _args: &args::Verify,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Ok(())
}
