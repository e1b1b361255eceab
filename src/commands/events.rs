//! `muxhook events`: the history that a relay keeps, and what it still owes.

mod discard;
mod export;
mod filters;
#[cfg(test)]
mod fixture;
mod lines;
mod list;
mod place;
mod replay;
mod show;
mod stored;
mod table;
mod timeline;
mod words;

use crate::args::{Events, EventsVerb};
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::Console;

/// Runs `muxhook events`.
///
/// # Errors
/// Used wrongly, no relay, refused by it, or an expectation that was not met.
pub(super) async fn run(args: &Events, around: &Surroundings, console: &mut Console) -> Result<(), Error> {
    match &args.verb {
        EventsVerb::List(args) => list::run(args, around, console).await,
        EventsVerb::Show(args) => show::run(args, around, console).await,
        EventsVerb::Timeline(args) => timeline::run(args, around, console).await,
        EventsVerb::Replay(args) => replay::run(args, around, console).await,
        EventsVerb::Export(args) => export::run(args, around, console).await,
        EventsVerb::Discard(args) => discard::run(args, around, console).await,
    }
}
