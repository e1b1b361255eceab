//! The TOML file of `--config`.

use std::fs;
use std::path::Path;

use super::{ConfigError, Options};

#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/checks/config.rs"]
pub(crate) mod fuzz;

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Options, ConfigError> {
    let text =
        fs::read_to_string(path).map_err(|cause| ConfigError::File { path: path.to_owned(), cause })?;
    parse(&text).map_err(|found| fault(path, found))
}

/// What is said of a file with a fault.
fn fault(path: &Path, found: Fault) -> ConfigError {
    match found {
        Fault::Syntax(message) => ConfigError::Syntax { path: path.to_owned(), message },
        Fault::Key(key) => {
            let nearest =
                nearest(&key).map(|nearest| format!(": did you mean {nearest}?")).unwrap_or_default();
            ConfigError::UnknownKey { path: path.to_owned(), key, nearest }
        }
    }
}

enum Fault {
    Syntax(String),
    Key(String),
}

fn parse(text: &str) -> Result<Options, Fault> {
    let syntax = |error: toml::de::Error| Fault::Syntax(located(text, &error));
    let table: toml::Table = text.parse().map_err(syntax)?;
    if let Some(key) = table.keys().find(|key| !keys().contains(key)) {
        return Err(Fault::Key(key.clone()));
    }
    toml::from_str(text).map_err(syntax)
}

/// What is wrong, and where. The line itself stays unsaid: somebody may have put a token into it.
fn located(text: &str, error: &toml::de::Error) -> String {
    let place = error.span().and_then(|span| text.get(..span.start)).map(|before| {
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let (line, column) = (before.matches('\n').count() + 1, before[start..].chars().count() + 1);
        format!("line {line}, column {column}: ")
    });
    format!("{}{}", place.unwrap_or_default(), without_value(error.message()))
}

/// A message of serde's about a text where something else belongs, without that text.
fn without_value(message: &str) -> String {
    let value = message.split_once("type: string \"");
    let value = value.and_then(|(before, rest)| Some((before, rest.rsplit_once("\", ")?.1)));
    value.map_or_else(|| message.to_owned(), |(before, after)| format!("{before}type: text, {after}"))
}

/// A key for each flag, save the one that names the file.
pub(super) fn keys() -> Vec<String> {
    let flags = <Options as clap::Args>::augment_args(clap::Command::new("serve"));
    flags
        .get_arguments()
        .filter_map(|flag| flag.get_long())
        .filter(|&flag| flag != "config")
        .map(str::to_owned)
        .collect()
}

/// The key that was meant, as far as can be guessed.
pub(super) fn nearest(key: &str) -> Option<String> {
    let likeness = |known: &String| strsim::jaro_winkler(&key.replace('_', "-").to_lowercase(), known);
    let best = keys().into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) > 0.7).then_some(best)
}
