//! The relay inside this process, and how the commands of this machine share it.
//!
//! One process at a time owns it: the one that holds the lock in the state folder. It writes down where the relay
//! is; the others join it there, and when it ends, one of them takes over its port and data.

mod port;

use std::io;
use std::time::Duration;

use muxhook_link::Now;
use muxhook_relay::accounts::{Token, UnfitToken};
use muxhook_relay::config::Config;
use muxhook_relay::server::{BindError, Relay};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::event::Notice;
use crate::relay_url::RelayUrl;
use crate::secret::Secret;
use crate::state::{EmbeddedRelay, RelayLock, State, StateError};

/// How long a relay on this machine may take to answer before it counts as one that does not.
const ANSWER: Duration = Duration::from_secs(1);

/// How often it is asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// What is in flight when the relay's process ends is given this long.
const GRACE: Duration = Duration::from_secs(1);

/// The relay on this machine, as one process knows it.
#[derive(Debug)]
pub struct Embedded {
    /// Where it is, and a token for it.
    pub relay: EmbeddedRelay,
    /// What the user should know about it.
    pub notices: Vec<Notice>,
    /// Set when it runs in this process.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Where it is written down for others, and the lock that says that this process may.
    published: Option<(State, RelayLock)>,
    /// Its data, when that is to go with it.
    _data: Option<TempDir>,
}

/// Why there is no relay on this machine.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The state folder is of no use for it.
    #[error(transparent)]
    State(#[from] StateError),
    /// It could not begin.
    #[error("the relay on this machine can't start: {0}")]
    Bind(#[from] BindError),
    /// No port could be had.
    #[error("the relay on this machine can't listen: {0}")]
    Listen(io::Error),
    /// There is no place for its data.
    #[error("the relay on this machine has no place for its data: {0}")]
    NoPlace(io::Error),
    /// No token could be made.
    #[error("no token can be made for the relay on this machine: {0}")]
    Random(#[from] getrandom::Error),
    /// The token that was made is none.
    #[error(transparent)]
    Token(#[from] UnfitToken),
    /// Another process holds the lock, but its relay does not answer.
    #[error("another muxhook runs this machine's relay, but it does not answer")]
    Mute,
}

impl EmbeddedError {
    /// Whether this machine's folder can't be used, so that only a temporary relay can be had.
    #[must_use]
    pub fn is_of_the_folder(&self) -> bool {
        use muxhook_relay::database::OpenError::{Folder, ReadOnly};
        matches!(self, Self::State(_) | Self::Bind(BindError::Data(Folder { .. } | ReadOnly(_))))
    }
}

impl Embedded {
    /// Joins the relay that another process of this machine runs, or starts it here. `answers` says whether a relay
    /// answers to its token. `patience`: how long another process may take from holding the lock to answering.
    ///
    /// # Errors
    /// See [`EmbeddedError`].
    pub async fn join_or_start(
        state: &State,
        now: Now,
        patience: Duration,
        answers: impl AsyncFn(&EmbeddedRelay) -> bool,
    ) -> Result<Self, EmbeddedError> {
        let give_up = Instant::now() + patience;
        loop {
            if let Some(lock) = state.lock_relay()? {
                return Self::start(state, lock, now).await;
            }
            if let Some(relay) = state.embedded()?
                && timeout(ANSWER, answers(&relay)).await == Ok(true)
            {
                return Ok(Self { relay, notices: Vec::new(), own: None });
            }
            if Instant::now() >= give_up {
                return Err(EmbeddedError::Mute);
            }
            sleep(ASK_AGAIN).await;
        }
    }

    /// Starts a relay on any free port whose data go with it.
    ///
    /// # Errors
    /// See [`EmbeddedError`].
    pub async fn temporary(now: Now) -> Result<Self, EmbeddedError> {
        let data = TempDir::with_prefix("muxhook-").map_err(EmbeddedError::NoPlace)?;
        let token = random_token()?;
        let config = config(data.path().to_owned(), 0, &token)?;
        let relay = Relay::bind(config, now).await?;
        let here = describe(&relay, token);
        let mut started = Self::run(relay, here);
        if let Some(own) = &mut started.own {
            own._data = Some(data);
        }
        Ok(started)
    }

    async fn start(state: &State, lock: RelayLock, now: Now) -> Result<Self, EmbeddedError> {
        let token = random_token()?;
        let (memory, corrupt) = state.recall()?;
        let (port, changed) = port::choose(memory.embedded_port).map_err(EmbeddedError::Listen)?;
        let relay = Relay::bind(config(state.relay_data(), port, &token)?, now).await?;
        // What can fail comes before it runs, so that a failure leaves no relay behind.
        if memory.embedded_port != Some(port) {
            state.update(|memory| memory.embedded_port = Some(port))?;
        }
        let here = describe(&relay, token);
        state.publish(&here)?;
        let mut started = Self::run(relay, here);
        started.notices.extend(corrupt.into_iter().chain(changed));
        if let Some(own) = &mut started.own {
            own.published = Some((state.clone(), lock));
        }
        Ok(started)
    }

    fn run(relay: Relay, here: EmbeddedRelay) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(relay.run(stop.clone()));
        Self { relay: here, notices: Vec::new(), own: Some(Own { stop, task, published: None, _data: None }) }
    }

    /// Whether the relay runs in this process.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Ends the relay, if it runs in this process. Others may take over its port and data then.
    pub async fn stop(self) {
        let Some(own) = self.own else { return };
        own.stop.cancel();
        // A relay that panicked has ended too.
        let _ = own.task.await;
        if let Some((state, lock)) = own.published {
            state.withdraw(std::process::id());
            drop(lock);
        }
    }
}

fn config(data: std::path::PathBuf, port: u16, token: &str) -> Result<Config, EmbeddedError> {
    let mut config = Config::embedded(data, port::address(port), Token::given(token)?);
    config.limits.grace = GRACE;
    Ok(config)
}

/// A relay that is bound here, as others of this machine are told of it.
fn describe(relay: &Relay, token: String) -> EmbeddedRelay {
    let url = RelayUrl::loopback(relay.local_addrs().first().map_or(0, std::net::SocketAddr::port));
    EmbeddedRelay { url, token: Secret::from(token), pid: std::process::id() }
}

fn random_token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}
