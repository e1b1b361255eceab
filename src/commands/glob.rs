//! A glob that was typed: a slip in it is named, what is merely unknown is remarked on.

use muxhook_protocol::mux::catalogue;
use muxhook_protocol::mux::glob::Glob;

use crate::error::Error;
use crate::event::{Level, Notice};

/// A glob of event types. A type spelled out that is none, but nearly one, is a slip; whatever else matches nothing
/// known may be new at Mux, and is only remarked on. `flag`: who gave it, as an error names it.
pub(super) fn glob(text: &str, flag: &str, notices: &mut Vec<Notice>) -> Result<Glob, Error> {
    let glob = Glob::parse(text).map_err(|error| Error::usage(format!("{flag} {text}: {error}")))?;
    if catalogue::all().any(|event| glob.matches(event.name)) {
        return Ok(glob);
    }
    let near = catalogue::suggest(text);
    if let (Some(near), false) = (&near, text.contains(['*', '?'])) {
        let message = format!("{flag} {text}: no event type that muxhook knows");
        return Err(Error::usage(message).with_hint(format!(
            "did you mean {near}? (A type that is new at Mux can be had with a glob: {text}*)"
        )));
    }
    let advice = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    notices.push(Notice {
        level: Level::Warning,
        code: "unknown_type".to_owned(),
        message: format!("{flag} {text} matches no event type that muxhook knows{advice}"),
    });
    Ok(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_type_is_named_with_what_was_meant() {
        let error = glob("video.asset.raedy", "--events", &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "--events video.asset.raedy: no event type that muxhook knows");
        assert!(error.hint().unwrap().starts_with("did you mean video.asset.ready?"), "{error:?}");
    }

    #[test]
    fn a_type_that_may_be_new_is_only_remarked_on() {
        let mut notices = Vec::new();
        assert!(glob("video.hologram.*", "--events", &mut notices).is_ok());
        assert_eq!(notices.len(), 1);
        assert!(glob("video.asset.*", "--events", &mut notices).is_ok());
        assert_eq!(notices.len(), 1);
    }
}
