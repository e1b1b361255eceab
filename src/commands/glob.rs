//! A glob that was typed: a slip in it is named, what is merely unknown is remarked on.

use muxhook_protocol::mux::catalogue;
use muxhook_protocol::mux::glob::Glob;

use crate::error::Error;
use crate::event::{Level, Notice};

/// How alike a glob is to what may have been meant, at least: from 0 to 1.
const ALIKE: f64 = 0.8;

/// The longest glob that is compared, in bytes: far above any type of Mux's.
const LONGEST: usize = 100;

/// A glob of event types. A type spelled out that is none, but nearly one, is a slip; whatever else matches nothing
/// known may be new at Mux, and is only remarked on. `flag`: who gave it, as an error names it.
pub(super) fn glob(text: &str, flag: &str, notices: &mut Vec<Notice>) -> Result<Glob, Error> {
    let glob = Glob::parse(text).map_err(|error| Error::usage(format!("{flag} {text}: {error}")))?;
    if catalogue::all().any(|event| glob.matches(event.name)) {
        return Ok(glob);
    }
    let near = catalogue::suggest(text).or_else(|| nearest(text));
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

/// The glob that may have been meant: its wildcards where they are, and in between the words of a type that muxhook knows.
fn nearest(text: &str) -> Option<String> {
    if text.len() > LONGEST || !text.contains(['*', '?']) {
        return None;
    }
    let likeness = |meant: &str| strsim::normalized_damerau_levenshtein(text, meant);
    let meant = catalogue::all().filter_map(|event| {
        let meant = in_words_of(event.name, text);
        Glob::parse(&meant).is_ok_and(|glob| glob.matches(event.name)).then_some(meant)
    });
    let nearest = meant.max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&nearest) >= ALIKE).then_some(nearest)
}

/// `text` with each word that has no wildcard replaced by the one of `name` in the same place.
fn in_words_of(name: &str, text: &str) -> String {
    let mut known = name.split('.');
    let words = text.split('.').map(|word| {
        let known = known.next().unwrap_or(word);
        if word.contains(['*', '?']) { word } else { known }
    });
    words.collect::<Vec<_>>().join(".")
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
    fn a_slip_in_a_glob_is_remarked_on_with_what_was_meant() {
        for (typed, meant) in [
            ("video.aset.*", Some("video.asset.*")),
            ("vido.asset.*", Some("video.asset.*")),
            ("video.live_steam.*", Some("video.live_stream.*")),
            ("video.*.raedy", Some("video.*.ready")),
            ("video.asset.trak.*", Some("video.asset.track.*")),
            ("video.hologram.*", None),
            ("video.asset.ready.*", Some("video.asset.ready*")),
            ("?.x", None),
        ] {
            let mut notices = Vec::new();
            assert!(glob(typed, "--events", &mut notices).is_ok(), "{typed}");
            let [notice] = &notices[..] else { panic!("{typed}: {notices:?}") };
            match meant {
                Some(meant) => {
                    let end = format!("; did you mean {meant}?");
                    assert!(notice.message.ends_with(&end), "{typed}: {}", notice.message);
                }
                None => assert!(!notice.message.contains("did you mean"), "{typed}: {}", notice.message),
            }
        }
        let mut notices = Vec::new();
        assert!(glob(&"y*".repeat(100), "--events", &mut notices).is_ok());
        assert!(!notices[0].message.contains("did you mean"));
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
