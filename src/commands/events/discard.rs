//! `muxhook events discard`.

use crate::args::EventsDiscard;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook events discard`.
///
/// # Errors
/// Used wrongly, no relay, or refused by it.
pub(super) async fn run(
    _args: &EventsDiscard,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Err(Error::failed("this command is not there yet"))
}
