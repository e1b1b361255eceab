//! What a configuration file may hold, and the mistakes in one.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::private_file;

/// Above this likeness (Jaro-Winkler) a wrong key was meant to be the right one.
const ALIKE: f64 = 0.8;

/// The keys that project file and user file have in common: defaults for `listen`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Settings {
    pub(super) forward_to: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) events: Option<Vec<String>>,
    pub(super) exclude: Option<Vec<String>>,
    #[serde(rename = "match")]
    pub(super) matches: Option<Vec<String>>,
    pub(super) headers: Option<Vec<String>>,
    pub(super) routes: Option<toml::Table>,
    pub(super) timeout: Option<String>,
    pub(super) max_in_flight: Option<u32>,
    pub(super) ack: Option<String>,
}

impl Settings {
    pub(super) const KEYS: [&'static str; 10] = [
        "forward-to",
        "endpoint",
        "events",
        "exclude",
        "match",
        "headers",
        "routes",
        "timeout",
        "max-in-flight",
        "ack",
    ];
}

/// A file that was read, before anybody made sense of it.
pub(super) struct Text {
    pub(super) path: PathBuf,
    text: String,
    table: toml::Table,
}

impl Text {
    /// Reads a TOML file; `None` when there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let text = private_file::read(path).map_err(|error| unreadable(path, &error))?;
        text.map(|text| Self::parse(path, text)).transpose()
    }

    fn parse(path: &Path, text: String) -> Result<Self, Error> {
        let table = text.parse().map_err(|error| no_toml(path, &text, &error))?;
        Ok(Self { path: path.to_owned(), text, table })
    }

    /// The keys at the top, in order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    /// Refuses keys that are not among `known`.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Error> {
        let Some(key) = self.keys().find(|key| !known.contains(key)) else { return Ok(()) };
        let error = Error::usage(format!("{}: there is no key `{key}`", self.path.display()));
        Err(match nearest(key, known) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint(format!("its keys are: {}", known.join(", "))),
        })
    }

    /// Its keys as `T` has them; others are passed over.
    pub(super) fn settings<T: DeserializeOwned>(&self) -> Result<T, Error> {
        toml::from_str(&self.text).map_err(|error| no_toml(&self.path, &self.text, &error))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::usage(format!("{} cannot be read: {error}", path.display()))
}

/// Names the line; the line itself stays unsaid, since it may hold a token.
fn no_toml(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line =
        before.map(|before| format!(", line {}", before.matches('\n').count() + 1)).unwrap_or_default();
    Error::usage(format!("{}{line}: {}", path.display(), without_value(error.message())))
}

/// A message of serde's about a text where something else belongs, without that text.
fn without_value(message: &str) -> String {
    let value = message.split_once("type: string \"");
    let value = value.and_then(|(before, rest)| Some((before, rest.rsplit_once("\", ")?.1)));
    value.map_or_else(|| message.to_owned(), |(before, after)| format!("{before}type: text, {after}"))
}

fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(key, known);
    let best = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) > ALIKE).then_some(best)
}
