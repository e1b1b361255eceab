//! `muxhook events list`.

use crate::args::EventsList;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook events list`.
///
/// # Errors
/// Used wrongly, no relay, or refused by it.
pub(super) async fn run(
    _args: &EventsList,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Err(Error::failed("this command is not there yet"))
}
