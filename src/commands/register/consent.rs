//! The question whether Mux may be told.

use super::case::Case;
use crate::error::Error;
use crate::printer::{Console, Style, escape};

/// Tells what is about to be changed and where, and asks, unless `yes` says so beforehand.
///
/// # Errors
/// There is nobody to ask, or she says no.
pub(crate) fn consent(
    case: &Case,
    announcement: &str,
    yes: bool,
    console: &mut Console,
) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    console.note(announcement);
    facts(case, console.err_style()).iter().for_each(|fact| console.note(fact));
    if !Console::is_tty() {
        return Err(Error::usage("there is no terminal to ask on, so nothing was changed")
            .with_hint("say yes beforehand, with --yes"));
    }
    match console.ask("Go on?") {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::failed("nothing was changed, since the answer was no")),
        Err(error) => Err(Error::failed(format!("the answer cannot be read: {error}"))),
    }
}

/// A line each.
fn facts(case: &Case, style: Style) -> Vec<String> {
    let webhook = case.found.as_ref().map(|found| found.id.as_str());
    [
        ("organization", case.who.organization()),
        ("environment", Some(case.who.environment())),
        ("address", Some(case.address.url.as_str())),
        ("webhook", webhook),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("  {name:<13} {}", style.bold(escape(value?)))))
    .collect()
}

/// `Development of Acme`, escaped.
pub(crate) fn whose(case: &Case) -> String {
    escape(&case.who.to_string()).into_owned()
}
