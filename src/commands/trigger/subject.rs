//! What was named: event types and scenarios, and what was meant by what is none.

use muxhook_protocol::mux::catalogue::{self, EventType};
use muxhook_protocol::mux::glob::Glob;
use muxhook_protocol::mux::sample::{self, Scenario};

use crate::error::Error;

/// From this likeness on (normalised Damerau-Levenshtein), another scenario was meant.
const ALIKE: f64 = 0.7;

/// Something that can be sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Subject {
    /// One event of this type.
    Type(&'static EventType),
    /// All events of this scenario.
    Scenario(Scenario),
}

/// What `names` stand for, in order. A glob stands for all types that it matches or, when there is none, for all such
/// scenarios.
///
/// # Errors
/// A name that stands for nothing.
pub(super) fn named(names: &[String]) -> Result<Vec<Subject>, Error> {
    let scenarios = sample::scenarios();
    let each = names.iter().map(|name| one(name, &scenarios));
    Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
}

fn one(name: &str, scenarios: &[Scenario]) -> Result<Vec<Subject>, Error> {
    let glob = Glob::parse(name).map_err(|error| Error::usage(format!("`{name}`: {error}")))?;
    let types: Vec<_> =
        catalogue::all().filter(|known| glob.matches(known.name)).map(Subject::Type).collect();
    if !types.is_empty() {
        return Ok(types);
    }
    let matching = scenarios.iter().filter(|known| glob.matches(&known.name));
    match matching.cloned().map(Subject::Scenario).collect::<Vec<_>>() {
        none if none.is_empty() => Err(unknown(name, scenarios)),
        found => Ok(found),
    }
}

fn unknown(name: &str, scenarios: &[Scenario]) -> Error {
    let error = Error::usage(format!("there is no event type and no scenario `{name}`"));
    let meant = scenario_like(name, scenarios);
    match meant.or_else(|| catalogue::suggest(name)) {
        Some(meant) => {
            error.with_hint(format!("did you mean {meant}? `muxhook trigger --list` names all there are"))
        }
        None => error.with_hint(
            "`muxhook trigger --list` names all there are; --from FILE sends an event of any other type",
        ),
    }
}

fn scenario_like(name: &str, scenarios: &[Scenario]) -> Option<String> {
    let likeness = |known: &Scenario| {
        strsim::normalized_damerau_levenshtein(&name.to_lowercase().replace('_', "-"), &known.name)
    };
    let best = scenarios.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= ALIKE).then(|| best.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenarios() -> Vec<Scenario> {
        ["upload-to-ready", "asset-errored", "robots-summarize", "robots-moderate"]
            .map(|name| Scenario { name: name.to_owned(), meaning: String::new() })
            .to_vec()
    }

    fn count(name: &str) -> usize {
        one(name, &scenarios()).unwrap().len()
    }

    #[test]
    fn a_name_is_one_and_a_glob_is_many() {
        assert_eq!(count("video.asset.ready"), 1);
        assert_eq!(count("*"), 127);
        assert_eq!(count("upload-to-ready"), 1);
        assert_eq!(count("robots-*"), 2);
    }

    #[test]
    fn order_and_repeats_are_kept() {
        let names = ["video.asset.ready", "video.asset.created", "video.asset.ready"].map(str::to_owned);
        let types: Vec<_> = named(&names)
            .unwrap()
            .into_iter()
            .map(|subject| match subject {
                Subject::Type(known) => known.name,
                Subject::Scenario(_) => "a scenario",
            })
            .collect();
        assert_eq!(types, names);
    }

    #[test]
    fn what_is_none_is_met_with_what_was_meant() {
        for (name, meant) in [
            ("video.asset.raedy", Some("video.asset.ready?")),
            ("asset.ready", Some("video.asset.ready?")),
            ("upload-to-redy", Some("upload-to-ready?")),
            ("Robots_Summarise", Some("robots-summarize?")),
            ("robots-sumarize*", Some("robots-summarize?")),
            ("order.paid", None),
        ] {
            let error = one(name, &scenarios()).unwrap_err();
            let hint = error.hint().unwrap();
            assert_eq!(hint.contains("did you mean"), meant.is_some(), "{name}: {hint}");
            assert!(hint.contains(meant.unwrap_or("--from")), "{name}: {hint}");
        }
        assert!(one("a,b", &scenarios()).is_err());
    }
}
