//! What the process finds around itself.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use etcetera::{AppStrategy, AppStrategyArgs};

use super::given::{Given, Source};
use crate::error::Error;

/// The environment variables as they were at the start. Its `Debug` shows no values: some are secrets.
#[derive(Clone, Default)]
pub struct Env(HashMap<String, OsString>);

/// Where a run takes place: everything that is not typed and stands in no file.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment.
    pub env: Env,
    /// The current folder; `None` when it is gone.
    pub folder: Option<PathBuf>,
    /// The user's home folder, if there is one.
    pub home: Option<PathBuf>,
    /// Where the user's configuration lives: `$XDG_CONFIG_HOME/muxhook` or the system's own place.
    pub config_folder: Option<PathBuf>,
    /// Where muxhook remembers things: `$XDG_STATE_HOME/muxhook` or the system's own place.
    pub state_folder: Option<PathBuf>,
}

impl Env {
    /// The process' own.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// A variable's text, when it has one.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|value| value.to_str()).map(str::to_owned)
    }

    /// The same as if `name` were not set.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut rest = self.clone();
        rest.0.remove(name);
        rest
    }

    /// A variable's text, and where it is from. Set to nothing is the same as not set.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<Given<String>>, Error> {
        let Some(value) = self.0.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        let value = value.to_str().ok_or_else(|| Error::usage(format!("{name} is not UTF-8")))?;
        Ok(Some(Given { value: value.to_owned(), source: Source::Env(name) }))
    }
}

impl<K: Into<String>, V: Into<OsString>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Surroundings {
    /// The process' own.
    #[must_use]
    pub fn of_process() -> Self {
        let names = AppStrategyArgs {
            top_level_domain: "dev".to_owned(),
            author: "muxhook".to_owned(),
            app_name: "muxhook".to_owned(),
        };
        let native = etcetera::app_strategy::choose_native_strategy(names).ok();
        Self {
            env: Env::of_process(),
            folder: std::env::current_dir().ok(),
            home: etcetera::home_dir().ok(),
            config_folder: native.as_ref().map(AppStrategy::config_dir),
            // macOS and Windows have no place of their own for state.
            state_folder: native.map(|native| native.state_dir().unwrap_or_else(|| native.data_dir())),
        }
    }
}
