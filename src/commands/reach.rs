//! How the commands that ask something and end come to a relay.

use std::path::PathBuf;

use crate::api::{Client, Endpoint, Status};
use crate::args;
use crate::config::{Connection, RelayChoice, Source, Surroundings, UserFile};
use crate::dial::{DialOptions, Dialer, ProxySettings};
use crate::error::Error;
use crate::event::{Level, Notice};
use crate::printer::{Console, escape};
use crate::state::{EmbeddedRelay, Memory, Place, State};

/// The relay that was meant.
pub(super) struct Reached {
    pub(super) api: Client,
    /// Who named it; `None`: nobody, and it is the one that runs on this machine.
    pub(super) source: Option<Source>,
}

impl Reached {
    pub(super) fn place(&self) -> Place<'_> {
        match self.source {
            Some(_) => Place::Relay(self.api.relay()),
            None => Place::Embedded,
        }
    }
}

/// The relay that the user named, not asked yet; else the one that runs on this machine; else `None`.
pub(super) async fn reach(
    args: &args::Relay,
    around: &Surroundings,
    console: &mut Console,
) -> Result<Option<Reached>, Error> {
    let connection = Connection::resolve(args, around, &UserFile::read(around)?)?;
    say(&connection.notices, console);
    let dialer = dialer(connection.relay_ca, around)?;
    match connection.relay {
        RelayChoice::Configured(relay) => {
            let api = Client::new(&dialer, &relay.url, &relay.token);
            Ok(Some(Reached { api, source: Some(relay.source) }))
        }
        RelayChoice::Embedded => {
            let living = living(around, &dialer).await;
            Ok(living.map(|(relay, _)| Reached { api: client(&dialer, &relay), source: None }))
        }
    }
}

/// The relay that runs on this machine, if it answers to the token that was written down.
pub(super) async fn living(around: &Surroundings, dialer: &Dialer) -> Option<(EmbeddedRelay, Status)> {
    let relay = State::open(around.state_folder.as_deref()).ok()?.embedded().ok()??;
    let status = client(dialer, &relay).status().await.ok()?;
    Some((relay, status))
}

pub(super) fn client(dialer: &Dialer, relay: &EmbeddedRelay) -> Client {
    Client::new(dialer, &relay.url, &relay.token)
}

/// Opens connections as the user's environment wants them.
pub(super) fn dialer(relay_ca: Option<PathBuf>, around: &Surroundings) -> Result<Dialer, Error> {
    let proxies = ProxySettings::from_env(|name| around.env.text(name));
    Dialer::new(DialOptions { relay_ca, proxies }).map_err(|error| Error::usage(error.to_string()))
}

/// There is no relay to ask.
pub(super) fn nowhere() -> Error {
    Error::unreachable("no relay is configured, and none runs on this machine").with_hint(
        "`muxhook login https://…` for a relay somewhere else, or start `muxhook listen`, which brings its own",
    )
}

/// This machine's own among the endpoints that are `there`: the first that it remembers.
pub(super) fn own<'a>(memory: &Memory, place: Place<'_>, there: &'a [Endpoint]) -> Option<&'a Endpoint> {
    let mut remembered = memory.endpoints(place).iter();
    remembered.find_map(|known| there.iter().find(|one| one.endpoint == known.endpoint))
}

/// Tells what the user should know.
pub(super) fn say(notices: &[Notice], console: &mut Console) {
    for notice in notices {
        let message = escape(&notice.message);
        match notice.level {
            Level::Info => console.note(&message),
            Level::Warning => {
                let line = format!("{} {message}", console.err_style().warn("warning:"));
                console.note(&line);
            }
        }
    }
}
