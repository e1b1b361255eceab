//! What this machine remembers between runs: its endpoints, their webhooks at Mux, and the relay that runs on it.
//!
//! All of it lies in one folder of the user's (0700). Losing it costs an address, and a signing secret that Mux shows
//! once; so a command that can't write here warns and goes on, save the one that would be given such a secret.

mod embedded;
mod memory;
mod webhooks;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

pub use embedded::EmbeddedRelay;
pub use memory::{Memory, Place, Remembered};
pub use webhooks::Registered;

use crate::event::{Level, Notice};
use crate::private_file;

const MEMORY: &str = "state.json";
const EMBEDDED: &str = "embedded.json";
const LOCK: &str = "state.lock";
const RELAY_LOCK: &str = "relay.lock";

/// The state folder.
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
}

/// The right to run this machine's relay. One process has it; the system takes it back when that process ends,
/// however it ends.
#[derive(Debug)]
pub struct RelayLock {
    _file: File,
}

/// What could not be remembered, or recalled.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is no home folder to keep it in.
    #[error("there is no folder to remember things in: neither HOME nor XDG_STATE_HOME is set")]
    NoFolder,
    /// A file that holds a token is not its owner's alone.
    #[error("{} may be read by others (mode {mode:04o}), and holds a token: chmod 600 {}", path.display(), path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file system said no.
    #[error("{} cannot be used: {source}", path.display())]
    Unusable {
        /// Which file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl State {
    /// Opens the folder, and makes it when it is not there.
    ///
    /// # Errors
    /// There is none, or it can't be made.
    pub fn open(folder: Option<&Path>) -> Result<Self, StateError> {
        let folder = folder.ok_or(StateError::NoFolder)?.to_owned();
        private_file::make_folder(&folder).map_err(|source| unusable(&folder, source))?;
        Ok(Self { folder })
    }

    /// What is remembered. A file that makes no sense is set aside and counts as empty; the notice says so.
    ///
    /// # Errors
    /// The file is there and can't be read, or be set aside.
    pub fn recall(&self) -> Result<(Memory, Option<Notice>), StateError> {
        let path = self.folder.join(MEMORY);
        let text = private_file::read(&path).or_else(not_text).map_err(|source| unusable(&path, source))?;
        let Some(text) = text else { return Ok((Memory::default(), None)) };
        match serde_json::from_str(&text) {
            Ok(memory) => Ok((memory, None)),
            Err(_) => Ok((Memory::default(), Some(set_aside(&path)?))),
        }
    }

    /// Changes what is remembered. Other processes that do the same wait for each other.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn update(&self, change: impl FnOnce(&mut Memory)) -> Result<(), StateError> {
        let path = self.folder.join(MEMORY);
        let _locked = self.lock()?;
        let (mut memory, _) = self.recall()?;
        change(&mut memory);
        let text = serde_json::to_string_pretty(&memory).map_err(|error| unusable(&path, error.into()))?;
        private_file::write(&path, &text).map_err(|source| unusable(&path, source))
    }

    /// Waits for other processes that change something here, and keeps them waiting until it is dropped.
    fn lock(&self) -> Result<File, StateError> {
        let path = self.folder.join(LOCK);
        let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| unusable(&path, source))
    }

    /// The folder that the embedded relay keeps its data in. Nobody has made it yet.
    #[must_use]
    pub fn relay_data(&self) -> PathBuf {
        self.folder.join("relay")
    }

    /// The relay that some process of this machine runs, as that process wrote it down. It may have died since: who
    /// asks, finds out by calling it. `None`: nobody did, or it makes no sense.
    ///
    /// # Errors
    /// [`StateError::Open`]: others may read its token, or have sent it elsewhere.
    pub fn embedded(&self) -> Result<Option<EmbeddedRelay>, StateError> {
        let path = self.folder.join(EMBEDDED);
        let Some(text) = private_file::read(&path).ok().flatten() else { return Ok(None) };
        match private_file::open_to_others(&path) {
            Ok(Some(mode)) => Err(StateError::Open { path, mode }),
            _ => Ok(EmbeddedRelay::from_json(&text)),
        }
    }

    /// Takes the right to run this machine's relay; `None` when another process has it.
    ///
    /// # Errors
    /// The lock file can't be made.
    pub fn lock_relay(&self) -> Result<Option<RelayLock>, StateError> {
        let path = self.folder.join(RELAY_LOCK);
        let file = File::create(&path).map_err(|source| unusable(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(RelayLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(unusable(&path, source)),
        }
    }

    /// Writes down that this process runs a relay.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn publish(&self, relay: &EmbeddedRelay) -> Result<(), StateError> {
        let path = self.folder.join(EMBEDDED);
        private_file::write(&path, &relay.to_json()).map_err(|source| unusable(&path, source))
    }

    /// Takes back what process `pid` published, unless another has published since.
    pub fn withdraw(&self, pid: u32) {
        if self.embedded().ok().flatten().is_some_and(|relay| relay.pid == pid) {
            // A file that stays behind names a relay that does not answer: whoever reads it finds out.
            let _ = fs::remove_file(self.folder.join(EMBEDDED));
        }
    }
}

/// A file that is no text makes as little sense as one that is no JSON.
fn not_text(error: io::Error) -> io::Result<Option<String>> {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => Ok(Some(String::new())),
        _ => Err(error),
    }
}

fn set_aside(path: &Path) -> Result<Notice, StateError> {
    let aside = path.with_extension("json.corrupt");
    fs::rename(path, &aside).map_err(|source| unusable(path, source))?;
    Ok(Notice {
        level: Level::Warning,
        code: "state_corrupt".to_owned(),
        message: format!(
            "{} made no sense and was set aside as {}: this machine's endpoints are forgotten (`muxhook endpoints \
             list` shows them, --endpoint takes one up again)",
            path.display(),
            aside.display()
        ),
    })
}

fn unusable(path: &Path, source: io::Error) -> StateError {
    StateError::Unusable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
