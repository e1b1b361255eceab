//! What `muxhook trigger` is to do.

use std::fmt;
use std::time::Duration;

use muxhook_protocol::EndpointId;
use muxhook_protocol::mux::field::{InvalidPath, Path};
use serde_json::Value;

use super::endpoint::endpoint;
use super::given::Given;
use super::layers::Layers;
use super::project::Project;
use super::signing::{Signing, signing_keys};
use super::surroundings::Surroundings;
use super::user::UserFile;
use super::value;
use crate::args;
use crate::error::Error;

/// Fastest pace, and slowest, as a multiple of the real one.
const PACES: std::ops::RangeInclusive<f64> = 0.01..=1_000_000.0;

/// All that a `trigger` goes by, beside its plain flags.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// The endpoint asked for by name; `None`: this machine's own.
    pub endpoint: Option<EndpointId>,
    /// What to sign with: the first secret.
    pub signing: Signing,
    /// What to change in the events, in order.
    pub changes: Vec<Change>,
    /// How fast time goes.
    pub pace: Pace,
    /// The wait before each event.
    pub delay: Duration,
}

/// A change to an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The field gets this value.
    Set(Path, Value),
    /// The field goes.
    Unset(Path),
}

/// How fast time goes between events.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// No time passes.
    #[default]
    Instant,
    /// So many times as fast as in reality; above zero.
    Times(f64),
}

impl Trigger {
    /// Makes sense of what was typed, in these surroundings.
    ///
    /// # Errors
    /// What is wrong, and where it was given.
    pub fn resolve(args: &args::Trigger, around: &Surroundings) -> Result<Self, Error> {
        let project = Project::find(around)?;
        let user = UserFile::read(around)?;
        let typed = |text: &Option<String>, name| text.clone().map(|text| Given::flag(text, name));
        let pace = typed(&args.pace, "--pace").map(|given| given.read(|text| Pace::parse(&text)));
        let delay = typed(&args.delay, "--delay").map(|given| given.read(|text| value::duration(&text)));
        Ok(Self {
            endpoint: endpoint(args.endpoint.as_ref(), around, &Layers::of(&project, &user))?,
            signing: signing_keys(&args.signing, around, &project)?,
            changes: changes(args)?,
            pace: pace.transpose()?.unwrap_or_default(),
            delay: delay.transpose()?.unwrap_or_default(),
        })
    }
}

/// Sets come before unsets.
fn changes(args: &args::Trigger) -> Result<Vec<Change>, Error> {
    let sets = args.set.iter().map(|text| Given::flag(text, "--set").read(|text| Change::set(text)));
    let unset = |text: &str| Path::parse(text).map(Change::Unset).map_err(|error| wrong_path(text, error));
    let unsets = args.unset.iter().map(|text| Given::flag(text, "--unset").read(|text| unset(text)));
    sets.chain(unsets).collect()
}

fn wrong_path(text: &str, error: InvalidPath) -> String {
    format!("`{text}`: {error}")
}

impl Change {
    /// Reads `PATH=VALUE`. A value that is no JSON is a text.
    fn set(text: &str) -> Result<Self, String> {
        let (path, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}`: write PATH=VALUE, like data.passthrough=ci-42"))?;
        let path = Path::parse(path).map_err(|error| wrong_path(text, error))?;
        Ok(Self::Set(path, serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
    }
}

impl fmt::Display for Change {
    /// As it is typed, without the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(path, _) => write!(f, "--set {path}"),
            Self::Unset(path) => write!(f, "--unset {path}"),
        }
    }
}

impl Pace {
    /// Reads `0` (or `instant`), `real` or `10x`.
    ///
    /// # Errors
    /// It is none of these.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "0" | "instant" => Ok(Self::Instant),
            "real" => Ok(Self::Times(1.0)),
            other => other
                .strip_suffix('x')
                .and_then(|number| number.parse().ok())
                .filter(|times| PACES.contains(times))
                .map(Self::Times)
                .ok_or_else(|| format!("`{text}`: write instant, real, or how many times as fast, like 10x")),
        }
    }

    /// How long to wait for what takes `real` in reality.
    #[must_use]
    pub fn wait(self, real: Duration) -> Duration {
        match self {
            Self::Instant => Duration::ZERO,
            Self::Times(times) => {
                Duration::try_from_secs_f64(real.as_secs_f64() / times).unwrap_or(Duration::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_is_json_is_json_and_all_else_text() {
        for (typed, value) in [
            ("12.5", json!(12.5)),
            ("true", json!(true)),
            ("null", json!(null)),
            (r#"{"a":[1]}"#, json!({"a": [1]})),
            (r#""12""#, json!("12")),
            ("ci-42", json!("ci-42")),
            ("a=b", json!("a=b")),
            ("1e999", json!("1e999")),
            ("[1", json!("[1")),
            ("", json!("")),
        ] {
            let path = Path::parse("data.x").unwrap();
            assert_eq!(Change::set(&format!("data.x={typed}")), Ok(Change::Set(path, value)), "{typed}");
        }
        for wrong in ["data.x", "=1", "data..x=1"] {
            assert!(Change::set(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pace_is_none_the_real_one_or_a_multiple() {
        let ten = Duration::from_secs(10);
        for (text, wait) in
            [("0", 0.0), ("instant", 0.0), ("real", 10.0), ("1x", 10.0), ("4x", 2.5), ("0.5x", 20.0)]
        {
            assert_eq!(Pace::parse(text).unwrap().wait(ten), Duration::from_secs_f64(wait), "{text}");
        }
        for wrong in ["", "x", "-1x", "0x", "nanx", "infx", "1e300x", "2", "fast"] {
            assert!(Pace::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Pace::Times(0.01).wait(Duration::MAX), Duration::MAX);
    }
}
