//! The signing secret: is there one here, and does the app have the same?

use std::path::{Path, PathBuf};

use muxhook_protocol::mux::signature::Key;

use super::finding::Finding;
use crate::args;
use crate::config::{self, Listen, Project, RelayChoice, Surroundings};
use crate::env_file;
use crate::error::Error;
use crate::private_file;
use crate::state::{Place, State};

const LINK: &str = "secret";

/// What apps know the secret by.
const VARIABLE: &str = "MUX_WEBHOOK_SECRET";

/// Where apps have it.
const FILES: [&str; 2] = [".env.local", ".env"];

/// What is to be said of the secret. `config`: unless that makes no sense.
pub(super) fn examine(args: &args::Signing, around: &Surroundings, config: Option<&Listen>) -> Finding {
    match secrets(args, around, config) {
        Ok((keys, whence, files)) => judge(&keys, whence, &files),
        Err(error) => Finding::of_error(LINK, &error),
    }
}

/// From where the secrets are that `listen` checks by.
#[derive(Clone, Copy)]
enum Whence {
    Given,
    Kept,
}

/// The secrets at hand, and those in the project's env files.
type Secrets = (Vec<Key>, Whence, Vec<(PathBuf, Key)>);

fn secrets(args: &args::Signing, around: &Surroundings, config: Option<&Listen>) -> Result<Secrets, Error> {
    let project = Project::find(around)?;
    let given = config::signing_keys(args, around, &project)?.keys;
    let files = in_files(around, &project);
    if given.is_empty() {
        let kept = config.and_then(|config| kept(config, around)).unwrap_or_default();
        return Ok((kept, Whence::Kept, files));
    }
    Ok((given, Whence::Given, files))
}

/// What `register` kept for the endpoint that `listen` would take.
fn kept(config: &Listen, around: &Surroundings) -> Option<Vec<Key>> {
    let state = State::open(around.state_folder.as_deref()).ok()?;
    let place = match &config.connection.relay {
        RelayChoice::Configured(relay) => Place::Relay(&relay.url),
        RelayChoice::Embedded => Place::Embedded,
    };
    let own = || Some(state.recall().ok()?.0.endpoints(place).first()?.endpoint.clone());
    Some(state.webhook_secrets(place, &config.endpoint.clone().or_else(own)?))
}

/// The secrets in the env files here and beside the project file. What can't be read is not ours to judge.
fn in_files(around: &Surroundings, project: &Project) -> Vec<(PathBuf, Key)> {
    let beside = project.path.as_deref().and_then(Path::parent);
    let mut folders: Vec<_> = around.folder.as_deref().into_iter().chain(beside).collect();
    folders.dedup();
    let paths = folders.into_iter().flat_map(|folder| FILES.map(|name| folder.join(name)));
    let secret = |path: PathBuf| {
        let value = env_file::read(&private_file::read(&path).ok()??, VARIABLE)?;
        Some((path, Key::new(&value).ok()?))
    };
    paths.filter_map(secret).collect()
}

fn judge(keys: &[Key], whence: Whence, files: &[(PathBuf, Key)]) -> Finding {
    if keys.is_empty() {
        let file = files.first().map_or(".env.local".to_owned(), |(path, _)| path.display().to_string());
        return Finding::doubt(
            LINK,
            "no signing secret is at hand, so `listen` can't tell whether a webhook is Mux's",
        )
        .cure(format!("set {VARIABLE}, or give the app's file with --env-file {file}"));
    }
    let at_hand = match whence {
        Whence::Given => "at hand",
        Whence::Kept => "kept here by `register`",
    };
    if let Some((path, _)) = files.iter().find(|(_, key)| !keys.contains(key)) {
        return differs(&path.display().to_string(), at_hand, whence);
    }
    match keys.len() {
        1 => Finding::fine(LINK, format!("a signing secret is {at_hand}")),
        many => Finding::fine(LINK, format!("{many} signing secrets are {at_hand}")),
    }
}

fn differs(path: &str, at_hand: &str, whence: Whence) -> Finding {
    let message = format!("{VARIABLE} in {path} is not the secret {at_hand}: one of them is not Mux's");
    Finding::doubt(LINK, message).cure(match whence {
        Whence::Kept => format!("`muxhook register --write-env {path}` puts the kept one there"),
        Whence::Given => format!("take the right one for both; if it is the file's: --env-file {path}"),
    })
}
