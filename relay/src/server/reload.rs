//! How a relay that runs takes up other settings.

use std::sync::Arc;

use crate::config::{Config, Settings};
use crate::tls::{Reread, TlsError};

/// What takes up other settings; good for as long as its relay runs.
#[derive(Clone, Debug)]
pub struct Reload {
    pub(super) settings: Arc<Settings>,
    pub(super) tls: Option<Reread>,
}

impl Reload {
    /// Reads the certificate's files anew, and takes up what of `config` may change while the relay runs. Gives back the
    /// flags whose settings changed.
    ///
    /// # Errors
    /// The certificate's files can't be used: nothing has changed.
    pub fn apply(&self, config: &Config) -> Result<Vec<&'static str>, TlsError> {
        if let Some(tls) = &self.tls {
            tls.read()?;
        }
        Ok(self.settings.replace(config.live()))
    }

    /// The settings that are in effect.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
