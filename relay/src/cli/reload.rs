//! What SIGHUP does: the settings are read anew, from the same flags and environment and from the file as it is now.

use std::error::Error;
use std::time::Duration;

use crate::config::{Config, Options};
use crate::server::Reload;

/// Takes up what may change, and says what may not.
pub(super) struct Reloader {
    /// The words of the command line and the environment; the file is not among them.
    pub(super) options: Options,
    /// What the relay began with, and has in effect where it can't change.
    pub(super) begun: Config,
    pub(super) relay: Reload,
}

impl Reloader {
    /// Reads the settings anew. What can't be used changes nothing, and is told in the log.
    pub(super) fn reload(&self) {
        match self.try_reload() {
            Ok((config, changed)) => {
                tracing::info!(changed = %list(&changed), "settings read anew");
                let fixed = self.begun.fixed_differences(&config);
                if !fixed.is_empty() {
                    tracing::warn!(changed = %list(&fixed), "these take effect at the next start alone");
                }
            }
            Err(error) => tracing::error!(%error, "settings not read anew: all stays as it was"),
        }
    }

    fn try_reload(&self) -> Result<(Config, Vec<&'static str>), Box<dyn Error>> {
        let config = Config::resolve(self.options.clone(), &super::environment)?;
        let changed = self.relay.apply(&config)?;
        Ok((config, changed))
    }

    /// The grace time that is in effect.
    pub(super) fn grace(&self) -> Duration {
        self.relay.settings().now().limits.grace
    }
}

fn list(flags: &[&str]) -> String {
    if flags.is_empty() { "nothing".to_owned() } else { flags.join(", ") }
}
