//! The user's own file: which relay is used, and the token for each.
//!
//! ```toml
//! relay = "https://hooks.example.com"
//!
//! [relays."https://hooks.example.com"]
//! token = "…"
//! account = "video-team"
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml_edit::{DocumentMut, Item, Table, value};

use super::file::{Settings, Text};
use super::given::Source;
use super::surroundings::Surroundings;
use crate::error::Error;
use crate::private_file;
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

const NAME: &str = "config.toml";

/// The user's file, as it is.
#[derive(Clone, Debug, Default)]
pub struct UserFile {
    /// Where it is, or would be; `None` without a home folder.
    pub path: Option<PathBuf>,
    /// The relay that is used when no other is named.
    pub relay: Option<RelayUrl>,
    logins: BTreeMap<RelayUrl, Login>,
    pub(super) settings: Settings,
}

/// What is kept for one relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The token, for this relay alone.
    pub token: Secret,
    /// Whose token it is, as the relay said.
    pub account: Option<String>,
    /// A further root certificate to trust this relay by.
    pub relay_ca: Option<PathBuf>,
    /// The user allowed http:// to this relay on another machine.
    pub plain: bool,
}

#[derive(Deserialize)]
struct Keys {
    relay: Option<String>,
    #[serde(default)]
    relays: BTreeMap<String, LoginKeys>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LoginKeys {
    token: String,
    account: Option<String>,
    relay_ca: Option<PathBuf>,
    #[serde(default)]
    plain: bool,
}

impl UserFile {
    /// Reads it; without one, it is empty.
    ///
    /// # Errors
    /// Others can read it, or it is no TOML, or has a key or a value that it should not have.
    pub fn read(around: &Surroundings) -> Result<Self, Error> {
        let Some(path) = around.config_folder.as_ref().map(|folder| folder.join(NAME)) else {
            return Ok(Self::default());
        };
        match Text::read(&path)? {
            None => Ok(Self { path: Some(path), ..Self::default() }),
            Some(text) => Self::parse(path, &text),
        }
    }

    fn parse(path: PathBuf, text: &Text) -> Result<Self, Error> {
        check_private(&path)?;
        let known: Vec<&str> = ["relay", "relays"].into_iter().chain(Settings::KEYS).collect();
        text.only(&known)?;
        let keys: Keys = text.settings()?;
        let mut logins = BTreeMap::new();
        for (url, keys) in keys.relays {
            let source = Source::file(&path, format!("relays.{url}"));
            let url = RelayUrl::parse(&url, keys.plain).map_err(|error| source.error(error))?;
            let token = Secret::token(&keys.token).map_err(|error| source.error(error))?;
            let LoginKeys { account, relay_ca, plain, .. } = keys;
            logins.insert(url, Login { token, account, relay_ca, plain });
        }
        let mut file = Self { path: Some(path), relay: None, logins, settings: text.settings()? };
        file.relay = keys.relay.map(|url| file.default_relay(&url)).transpose()?;
        Ok(file)
    }

    fn default_relay(&self, url: &str) -> Result<RelayUrl, Error> {
        let source = Source::file(self.path.as_deref().unwrap_or(Path::new(NAME)), "relay");
        self.relay_url(url, false).map_err(|error| source.error(error))
    }

    /// Reads a relay's URL; one that the user logged in to over http:// on purpose stays allowed.
    pub(super) fn relay_url(
        &self,
        url: &str,
        plain: bool,
    ) -> Result<RelayUrl, crate::relay_url::InvalidRelayUrl> {
        let known = RelayUrl::parse(url, true)?;
        let plain = plain || self.login(&known).is_some_and(|login| login.plain);
        RelayUrl::parse(url, plain)
    }

    /// What is kept for this relay, and for no other.
    #[must_use]
    pub fn login(&self, relay: &RelayUrl) -> Option<&Login> {
        self.logins.get(relay)
    }

    /// The relays that something is kept for.
    pub fn relays(&self) -> impl Iterator<Item = &RelayUrl> {
        self.logins.keys()
    }

    /// Keeps `login` for `relay` and makes it the one that is used. What else stands in the file stays, comments
    /// too.
    ///
    /// # Errors
    /// No home folder, or the file can't be written.
    pub fn store(&self, relay: &RelayUrl, login: &Login) -> Result<(), Error> {
        self.edit(|document| {
            document["relay"] = value(relay.origin());
            let relays = document.entry("relays").or_insert_with(|| Item::Table(implicit_table()));
            self.forget_spellings(relays, relay);
            relays[relay.origin()] = Item::Table(login_table(login));
        })
    }

    /// Forgets what is kept for `relay`.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn remove(&self, relay: &RelayUrl) -> Result<(), Error> {
        self.edit(|document| {
            if self.relay.as_ref() == Some(relay) {
                document.remove("relay");
            }
            if let Some(relays) = document.get_mut("relays") {
                self.forget_spellings(relays, relay);
            }
        })
    }

    /// Removes every way of writing `relay`: somebody may have added a slash by hand.
    fn forget_spellings(&self, relays: &mut Item, relay: &RelayUrl) {
        let same = |url: &str| RelayUrl::parse(url, true).is_ok_and(|url| url == *relay);
        if let Some(relays) = relays.as_table_like_mut() {
            let spellings: Vec<String> =
                relays.iter().filter(|(url, _)| same(url)).map(|(url, _)| url.to_owned()).collect();
            for spelling in spellings {
                relays.remove(&spelling);
            }
        }
    }

    fn edit(&self, change: impl FnOnce(&mut DocumentMut)) -> Result<(), Error> {
        let path = self.path.as_deref().ok_or_else(|| {
            Error::failed("there is no home folder to keep a token in")
                .with_hint("set HOME or XDG_CONFIG_HOME")
        })?;
        let failed =
            |error: std::io::Error| Error::failed(format!("{} cannot be written: {error}", path.display()));
        check_folder(path)?;
        let text = private_file::read(path).map_err(failed)?.unwrap_or_default();
        let mut document: DocumentMut =
            text.parse().map_err(|_| Error::failed(format!("{} is no TOML any more", path.display())))?;
        change(&mut document);
        private_file::write(path, &document.to_string()).map_err(failed)
    }
}

fn login_table(login: &Login) -> Table {
    let mut table = Table::new();
    table["token"] = value(login.token.expose());
    if let Some(account) = &login.account {
        table["account"] = value(account.as_str());
    }
    if let Some(file) = &login.relay_ca {
        table["relay-ca"] = value(file.display().to_string());
    }
    if login.plain {
        table["plain"] = value(true);
    }
    table
}

fn implicit_table() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// Whether nobody else may read the file, or put another in its place.
fn check_private(path: &Path) -> Result<(), Error> {
    check_folder(path)?;
    let Some(mode) = private_file::open_to_others(path).map_err(|error| unreadable(path, &error))? else {
        return Ok(());
    };
    let message = format!("{} may be read by others (mode {mode:04o}), and holds tokens", path.display());
    Err(Error::usage(message).with_hint(format!("chmod 600 {}", path.display())))
}

/// One that is not there yet will be made for its owner alone.
fn check_folder(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent().filter(|folder| folder.exists()) else { return Ok(()) };
    let mode = private_file::open_to_others(folder).map_err(|error| unreadable(folder, &error))?;
    let Some(mode) = mode.filter(|mode| mode & 0o022 != 0) else { return Ok(()) };
    let message =
        format!("others may put files into {} (mode {mode:04o}), where tokens are kept", folder.display());
    Err(Error::usage(message).with_hint(format!("chmod 700 {}", folder.display())))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::usage(format!("{} cannot be read: {error}", path.display()))
}
