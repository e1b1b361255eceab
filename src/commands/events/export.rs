//! `muxhook events export`.

use crate::args::EventsExport;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook events export`.
///
/// # Errors
/// Used wrongly, no relay, or refused by it.
pub(super) async fn run(
    _args: &EventsExport,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Err(Error::failed("this command is not there yet"))
}
