//! The signing secrets that a webhook's signature is checked by, or made with.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use muxhook_protocol::mux::signature::Key;

use super::given::{Given, Source};
use super::project::Project;
use super::surroundings::Surroundings;
use crate::args;
use crate::env_file;
use crate::error::Error;
use crate::event::{Level, Notice};
use crate::private_file;

/// What apps know the secret by: the variable, in the environment and in an env file.
pub const SECRET_VARIABLE: &str = "MUX_WEBHOOK_SECRET";

/// Largest `--secret-file`, in bytes.
const MAX_FILE: u64 = 4096;

/// Most secrets at once.
const MAX_KEYS: usize = 16;

/// The signing secrets of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// The secrets, in the order in which they are tried; the first one signs. At most 16, each once.
    pub keys: Vec<Key>,
    /// What the user should know about how they were given.
    pub notices: Vec<Notice>,
}

/// The secrets that were given: every `--secret`, every `--secret-file` and the one in `--env-file` count together,
/// in this order. Only when there is none of these, `MUX_WEBHOOK_SECRET` of the environment counts. None at all is
/// no mistake.
///
/// # Errors
/// A text that can be no secret, a file that can't be read, an env file without the variable, or too many; names
/// where it was given, never the secret.
pub fn signing_keys(
    args: &args::Signing,
    around: &Surroundings,
    project: &Project,
) -> Result<Signing, Error> {
    let mut given: Vec<_> =
        args.secret.iter().map(|secret| Given::flag(secret.clone(), "--secret")).collect();
    for file in &args.secret_file {
        given.push(secret_file(file, around)?);
    }
    if let Some(file) = &args.env_file {
        given.push(env_file(file, around, project)?);
    }
    if given.is_empty() {
        given.extend(around.env.get(SECRET_VARIABLE)?);
    }
    Ok(Signing { keys: keys(given)?, notices: visible_secret(args).into_iter().collect() })
}

fn keys(given: Vec<Given<String>>) -> Result<Vec<Key>, Error> {
    let mut keys = Vec::new();
    for given in given {
        let key = given.read(|text| Key::new(&text))?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.len() > MAX_KEYS {
        return Err(Error::usage(format!("{} signing secrets, {MAX_KEYS} at most", keys.len())));
    }
    Ok(keys)
}

/// All of a file but the line ends behind it. It may be a pipe: `--secret-file <(pass show mux)`.
fn secret_file(name: &str, around: &Surroundings) -> Result<Given<String>, Error> {
    let unusable = |why: &str| Error::usage(format!("--secret-file {name}: {why}"));
    let path = in_folder(around.folder.as_deref(), name);
    let bytes = read_up_to(&path, MAX_FILE).map_err(|error| unusable(&format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(unusable("above 4 KiB: it may hold nothing but a signing secret"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable("it is not UTF-8 text"))?;
    let secret = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    Ok(Given { value: secret.to_owned(), source: Source::FlagFile("--secret-file", path) })
}

fn read_up_to(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The variable in the file of that name in the current folder, else beside the project file.
fn env_file(name: &str, around: &Surroundings, project: &Project) -> Result<Given<String>, Error> {
    let mut folders = vec![around.folder.as_deref()];
    let beside = project.path.as_deref().and_then(Path::parent);
    if beside.is_some() && beside != around.folder.as_deref() {
        folders.push(beside);
    }
    for folder in &folders {
        let path = in_folder(*folder, name);
        let text = private_file::read(&path).map_err(|error| {
            Error::usage(format!("--env-file {}: cannot be read: {error}", path.display()))
        })?;
        if let Some(text) = text {
            return variable(&text, path);
        }
    }
    let places: Vec<_> = folders.iter().flatten().map(|folder| folder.display().to_string()).collect();
    Err(Error::usage(format!("--env-file {name}: there is no such file in {}", places.join(" or "))))
}

fn variable(text: &str, path: PathBuf) -> Result<Given<String>, Error> {
    let Some(value) = env_file::read(text, SECRET_VARIABLE) else {
        let message = format!("--env-file {}: it does not set {SECRET_VARIABLE}", path.display());
        return Err(Error::usage(message).with_hint(format!(
            "add a line {SECRET_VARIABLE}=… with the signing secret of the webhook, as Mux's dashboard shows it"
        )));
    };
    Ok(Given { value, source: Source::file(&path, SECRET_VARIABLE) })
}

fn in_folder(folder: Option<&Path>, name: &str) -> PathBuf {
    folder.unwrap_or(Path::new("")).join(name)
}

fn visible_secret(args: &args::Signing) -> Option<Notice> {
    (!args.secret.is_empty()).then(|| Notice {
        level: Level::Warning,
        code: "secret_on_command_line".to_owned(),
        message: "a signing secret on the command line can be seen by every user of this machine: set \
                  MUX_WEBHOOK_SECRET, or name a file with --secret-file or --env-file"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests;
