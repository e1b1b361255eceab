//! Which relay a command that goes on is at, and which endpoints this machine has had there.

use std::time::Duration;

use muxhook_link::Now;
use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::{Ack, Owed, Role, Since, Welcome};
use muxhook_protocol::mux::signature::Key;

use crate::api;
use crate::config::{Connection, RelayChoice, Surroundings};
use crate::dial::Dialer;
use crate::embedded::{Embedded, EmbeddedError};
use crate::error::Error;
use crate::event::{Event, Level, Notice};
use crate::exchange::AGENT;
use crate::printer::Printer;
use crate::relay_url::RelayUrl;
use crate::secret::Secret;
use crate::session::Settings;
use crate::state::{EmbeddedRelay, Place, Remembered, State};

/// How long a process that has the relay on this machine may take to start it.
const STARTING: Duration = Duration::from_secs(5);

/// The same, when the link is lost: it will be asked again before each attempt, and the user waits meanwhile.
const MOVING: Duration = Duration::from_millis(300);

/// What a session is there for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    pub(super) role: Role,
    pub(super) ack: Ack,
    pub(super) owed: Owed,
    pub(super) since: Option<Since>,
}

impl Purpose {
    /// To forward, as long as nothing else is wished.
    pub(super) const LISTEN: Self =
        Self { role: Role::Listener, ack: Ack::App, owed: Owed::Deliver, since: None };
    /// To look on. What is owed is left to those who have an app.
    pub(super) const LOOK_ON: Self =
        Self { role: Role::Observer, ack: Ack::App, owed: Owed::Later, since: None };
}

/// The relay, and what this machine remembers of it.
pub(super) struct Home {
    relay: RelayUrl,
    token: Secret,
    /// The relay on this machine, when that is the one.
    embedded: Option<Embedded>,
    /// `None`: nothing can be remembered.
    state: Option<State>,
    /// The endpoint was named by the user: what machines remember is beside the point.
    named: Option<EndpointId>,
    dialer: Dialer,
    /// How many other listeners there were, as last told.
    others: u32,
}

impl Home {
    /// Finds the relay; starts one when none is configured. `named`: the endpoint that the user asked for. The notices
    /// are for the user.
    ///
    /// # Errors
    /// There is no relay to be had.
    pub(super) async fn open(
        connection: &Connection,
        named: Option<EndpointId>,
        around: &Surroundings,
        dialer: Dialer,
        now: Now,
    ) -> Result<(Self, Vec<Notice>), Error> {
        let mut notices = connection.notices.clone();
        let state = State::open(around.state_folder.as_deref());
        let mut state = state.map_err(|error| notices.push(forgetful(&error.to_string()))).ok();
        let home = match &connection.relay {
            RelayChoice::Configured(relay) => {
                let (relay, token) = (relay.url.clone(), relay.token.clone());
                Self { relay, token, embedded: None, state, named, dialer, others: 0 }
            }
            RelayChoice::Embedded => {
                let mut found = join_or_start(state.as_ref(), &dialer, now, STARTING).await;
                if let Err(error) = &found
                    && error.is_of_the_folder()
                {
                    notices.push(forgetful(&error.to_string()));
                    (state, found) = (None, Embedded::temporary(now).await);
                }
                let mut embedded = found.map_err(|error| no_relay(&error))?;
                notices.append(&mut embedded.notices);
                Self::at_embedded(embedded, state, named, dialer)
            }
        };
        Ok((home, notices))
    }

    /// At a relay on this machine.
    pub(super) fn at_embedded(
        embedded: Embedded,
        state: Option<State>,
        named: Option<EndpointId>,
        dialer: Dialer,
    ) -> Self {
        let (relay, token) = (embedded.relay.url.clone(), embedded.relay.token.clone());
        Self { relay, token, embedded: Some(embedded), state, named, dialer, others: 0 }
    }

    /// What a session here goes by: this machine's endpoint unless the user named one; and what was wrong with the
    /// memory. `retry`: whether it tries again on what may mend.
    pub(super) fn settings(&self, purpose: Purpose, retry: bool) -> (Settings, Option<Notice>) {
        let (prefer, notice) = self.remembered();
        let settings = Settings {
            relay: self.relay.clone(),
            token: self.token.clone(),
            endpoint: self.named.clone(),
            prefer,
            role: purpose.role,
            ack: purpose.ack,
            owed: purpose.owed,
            since: purpose.since,
            agent: AGENT.to_owned(),
            retry,
        };
        (settings, notice)
    }

    pub(super) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Endpoints that this machine has had here, the latest first; and what was wrong with the memory.
    fn remembered(&self) -> (Vec<EndpointId>, Option<Notice>) {
        let Some(state) = &self.state else { return (Vec::new(), None) };
        match state.recall() {
            Ok((memory, notice)) => {
                let known =
                    memory.endpoints(self.place()).iter().map(|known| known.endpoint.clone()).collect();
                (known, notice)
            }
            Err(error) => (Vec::new(), Some(forgetful(&error.to_string()))),
        }
    }

    /// The signing secrets that are kept for an endpoint here.
    pub(super) fn secrets(&self, endpoint: &EndpointId) -> Vec<Key> {
        self.state.as_ref().map(|state| state.webhook_secrets(self.place(), endpoint)).unwrap_or_default()
    }

    /// Remembers the endpoint for the next start; and what was wrong with the memory.
    pub(super) fn remember(&self, welcome: &Welcome) -> Option<Notice> {
        let (Some(state), None) = (&self.state, &self.named) else { return None };
        let (known, _) = self.remembered();
        if known.first() == Some(&welcome.endpoint) {
            return None;
        }
        let remembered = remembered(welcome);
        let updated = state.update(|memory| memory.remember(self.place(), remembered));
        updated.err().map(|error| forgetful(&error.to_string()))
    }

    /// What to say to one who listens when others do so too, and it was not said before.
    pub(super) fn mind_others(&mut self, welcome: &Welcome) -> Option<Notice> {
        let before = std::mem::replace(&mut self.others, welcome.others);
        (welcome.others > before).then(|| shared(&remembered(welcome), welcome.others))
    }

    /// After a lost link: where the relay on this machine is now. It may have moved into this process. `None`: it is
    /// where it was, or whoever runs it does not say.
    ///
    /// # Errors
    /// There is no relay on this machine any more, and none can be started.
    pub(super) async fn find_again(
        &mut self,
        printer: &mut Printer,
        now: Now,
    ) -> Result<Option<(RelayUrl, Secret)>, Error> {
        let joined = self.embedded.as_ref().is_some_and(|embedded| !embedded.is_own());
        if !joined {
            return Ok(None);
        }
        let mut embedded = match join_or_start(self.state.as_ref(), &self.dialer, now, MOVING).await {
            Ok(embedded) => embedded,
            // It may be stopped, and go on later.
            Err(EmbeddedError::Mute) => return Ok(None),
            Err(error) => return Err(no_relay(&error)),
        };
        for notice in embedded.notices.drain(..) {
            printer.print(now.unix_millis(), &Event::Notice(notice));
        }
        (self.relay, self.token) = (embedded.relay.url.clone(), embedded.relay.token.clone());
        self.embedded = Some(embedded);
        Ok(Some((self.relay.clone(), self.token.clone())))
    }

    /// Ends the relay, if it runs in this process.
    pub(super) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }

    fn place(&self) -> Place<'_> {
        if self.is_embedded() { Place::Embedded } else { Place::Relay(&self.relay) }
    }
}

fn remembered(welcome: &Welcome) -> Remembered {
    Remembered { endpoint: welcome.endpoint.clone(), account: welcome.account.clone() }
}

/// The relay on this machine; a short-lived one when nothing can be kept.
async fn join_or_start(
    state: Option<&State>,
    dialer: &Dialer,
    now: Now,
    patience: Duration,
) -> Result<Embedded, EmbeddedError> {
    let answers = async |relay: &EmbeddedRelay| {
        api::Client::new(dialer, &relay.url, &relay.token).status().await.is_ok()
    };
    match state {
        Some(state) => Embedded::join_or_start(state, now, patience, answers).await,
        None => Embedded::temporary(now).await,
    }
}

fn no_relay(error: &EmbeddedError) -> Error {
    let failed = Error::failed(error.to_string());
    match error {
        EmbeddedError::Mute => {
            failed.with_hint("look for it with `pgrep -a muxhook`; or use another relay with --relay")
        }
        _ => failed,
    }
}

fn warning(code: &str, message: String) -> Notice {
    Notice { level: Level::Warning, code: code.to_owned(), message }
}

/// The endpoint was lost together with the link.
pub(super) fn address_changed(public_url: &str) -> Notice {
    let message = format!("the address is now {public_url}: the one before is gone, so give this one to Mux");
    warning("address_changed", message)
}

/// The state folder is of no use.
fn forgetful(cause: &str) -> Notice {
    let message =
        format!("{cause}: the address below is temporary, and will be another one at the next start");
    warning("nothing_remembered", message)
}

/// Others listen on the endpoint too.
fn shared(own: &Remembered, others: u32) -> Notice {
    let who =
        if others == 1 { "another listener is".to_owned() } else { format!("{others} other listeners are") };
    let message = format!(
        "{who} on this address too, and each gets every event; for an address of its own, add --endpoint {}",
        own.beside(2)
    );
    warning("endpoint_shared", message)
}
