//! `muxhook events show`.

use crate::args::EventsShow;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook events show`.
///
/// # Errors
/// Used wrongly, no relay, or refused by it.
pub(super) async fn run(
    _args: &EventsShow,
    _around: &Surroundings,
    _console: &mut Console,
) -> Result<(), Error> {
    Err(Error::failed("this command is not there yet"))
}
