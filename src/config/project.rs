//! `muxhook.toml`: what belongs to a project and may be committed with it.

use std::path::{Path, PathBuf};

use super::file::{Settings, Text};
use super::surroundings::Surroundings;
use crate::error::Error;

/// What the file is called.
const NAME: &str = "muxhook.toml";

/// Keys that a project has no say in.
const REFUSED: [&str; 4] = ["relay", "relays", "token", "secret"];

/// The project file that was found.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Where; `None` when there is none.
    pub path: Option<PathBuf>,
    pub(super) settings: Settings,
}

impl Project {
    /// Looks in the current folder and those above it, up to the home folder or the root.
    ///
    /// # Errors
    /// A file that is no TOML, that has a key or a value it should not have, or that can't be read.
    pub fn find(around: &Surroundings) -> Result<Self, Error> {
        let Some(folder) = &around.folder else { return Ok(Self::default()) };
        for folder in folder.ancestors() {
            if let Some(project) = Self::read(&folder.join(NAME))? {
                return Ok(project);
            }
            if Some(folder) == around.home.as_deref() {
                break;
            }
        }
        Ok(Self::default())
    }

    fn read(path: &Path) -> Result<Option<Self>, Error> {
        let Some(text) = Text::read(path)? else { return Ok(None) };
        if let Some(key) = text.keys().find(|key| REFUSED.contains(key)) {
            return Err(refused(path, key));
        }
        text.only(&Settings::KEYS)?;
        Ok(Some(Self { path: Some(path.to_owned()), settings: text.settings()? }))
    }
}

fn refused(path: &Path, key: &str) -> Error {
    let message = format!(
        "{}: `{key}` may not stand in a project file, or a repository that somebody cloned could send their \
         webhooks or their token elsewhere",
        path.display()
    );
    let hint = match key {
        "secret" => "leave it out: secrets do not belong into a repository",
        _ => {
            "take it out; `muxhook login URL` stores a relay and its token for you, MUXHOOK_RELAY and MUXHOOK_TOKEN name them in CI"
        }
    };
    Error::usage(message).with_hint(hint)
}
