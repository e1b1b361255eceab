//! `muxhook unregister`.

use crate::args;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook unregister`.
pub(super) async fn run(
    _args: &args::Unregister,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Ok(())
}
