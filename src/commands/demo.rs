//! `muxhook demo`: the main job on one machine, for real. A relay, an app, a listener, and an asset's life sent to
//! the public address, signed; each event must reach the app byte for byte, and the app's answer the sender.

mod app;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use muxhook_link::Now;
use muxhook_protocol::Outcome;
use muxhook_protocol::mux::sample;
use muxhook_protocol::mux::signature::{self, Key, Verdict};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::control::{self, Sources};
use super::home::{Home, Purpose};
use super::listen::listener::Listener;
use super::listen::run::{End, Run};
use super::trigger::sender::{self, Address, Sender};
use super::trigger::verdict;
use crate::config;
use crate::dial::{DialOptions, Dialer};
use crate::embedded::Embedded;
use crate::error::Error;
use crate::event::{Event, Level, Notice, Ready};
use crate::forwarder::{Forwarder, Options, Target};
use crate::intake::{Checks, Intake, Wishes};
use crate::printer::keys::Keys;
use crate::printer::{Colors, Printer};
use crate::session::Session;
use app::App;

/// What is played: an asset is made, and becomes ready.
const SCENARIO: &str = "asset-from-url";

/// Between two events, so that a reader can follow.
const PACE: Duration = Duration::from_millis(600);

/// Longest that all of it may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The endpoint's name on the demo's own relay.
const ENDPOINT: &str = "demo";

/// Runs `muxhook demo`.
///
/// # Errors
/// An event did not come through as it was sent, or something could not be started.
pub(super) async fn run(colors: Colors) -> Result<(), Error> {
    let (now, key) = (Now::system(), random_key()?);
    let app =
        App::start().await.map_err(|error| Error::failed(format!("the sample app can't start: {error}")))?;
    let mut printer = super::printer(&config::Output::default(), colors, false)?;
    say(
        &mut printer,
        now,
        "a relay, a sample app and a listener start on this machine; Mux's part is played",
    );

    let (ready, is_ready) = oneshot::channel();
    let sources = Sources { after: Some(PATIENCE), keys: Keys::off() };
    let control = control::watch(sources, printer.closed());
    let dialer = Dialer::new(DialOptions::default()).map_err(|error| Error::failed(error.to_string()))?;
    let part = Part { key, events: events(now), now };
    let listener = listener(&app, printer, ready, &part, dialer.clone()).await?;
    let sending = tokio::spawn(part.clone().send(is_ready, dialer));
    let ran = listener.run(control).await;
    if let Ok((End::Closed, _)) = ran {
        return Ok(());
    }
    let sent = match sending.await {
        Ok(sent) => sent,
        Err(_) => Err(Error::failed("the sender stopped before the end")),
    };
    if let (End::Stopped | End::StoppedNow, _) = ran? {
        return Err(Error::interrupted());
    }
    part.judge(&sent?, &app.seen())?;
    let mut console = crate::printer::Console::new(colors);
    console.note(&format!(
        "{0} of {0} events reached the app byte for byte and validly signed, and its answers the sender. Next: muxhook listen -f 3000",
        part.events.len()
    ));
    Ok(())
}

async fn listener(
    app: &App,
    printer: Printer,
    ready: oneshot::Sender<Ready>,
    part: &Part,
    dialer: Dialer,
) -> Result<Listener, Error> {
    let failed = |error: &dyn std::error::Error| Error::failed(error.to_string());
    let target = Target::parse(&app.url()).map_err(|error| failed(&error))?;
    let wishes = Wishes { default: Some(Arc::new(target)), ..Wishes::default() };
    let intake = Intake::new(wishes, Checks { keys: vec![part.key.clone()], require: true });
    let options = Options { timeout: PATIENCE, max_in_flight: 4, skip_verify: false, headers: Vec::new() };
    let forwarder = Forwarder::new(options);
    let now = part.now;
    let embedded = Embedded::temporary(now).await.map_err(|error| failed(&error))?;
    let name = ENDPOINT.parse().ok();
    let home = Home::at_embedded(embedded, None, name, dialer.clone());
    let (settings, _) = home.settings(Purpose::LISTEN, false);
    let run = Run::new(Some(part.events.len() as u64), Some(ready));
    Ok(Listener { session: Session::new(settings, dialer), home, forwarder, intake, printer, now, run })
}

/// The bodies of the events, of which the last happens now.
fn events(now: Now) -> Vec<Bytes> {
    let Some(scenario) = sample::scenarios().into_iter().find(|known| known.name == SCENARIO) else {
        return Vec::new();
    };
    let play = |at| scenario.play(0, at);
    let length = play(0).last().map_or(0, |step| step.after.as_millis() as u64);
    let steps = play(now.unix_millis().saturating_sub(length));
    steps.iter().map(|step| step.event.to_body().into()).collect()
}

/// Mux's part.
#[derive(Clone)]
struct Part {
    key: Key,
    events: Vec<Bytes>,
    now: Now,
}

impl Part {
    /// Sends every event once the listener is ready; gives back the app's answers.
    async fn send(self, ready: oneshot::Receiver<Ready>, dialer: Dialer) -> Result<Vec<Bytes>, Error> {
        let Ready { public_url, .. } =
            ready.await.map_err(|_| Error::failed("the listener did not become ready"))?;
        let address = Address::parse(&format!("{public_url}{}", app::SUFFIX))
            .ok_or_else(|| Error::failed(format!("the relay gives {public_url} for an address")))?;
        let mut sender = Sender::address(dialer, address);
        let mut answers = Vec::new();
        for event in self.events {
            sleep(PACE).await;
            let signature = signature::sign(&self.key, self.now.unix_seconds(), &event);
            let answer = sender.send(event, Some(&signature), self.now.unix_millis()).await;
            verdict::judge(&answer)
                .map_err(|refusal| Error::failed(format!("sending an event failed: {}", refusal.why)))?;
            if let Outcome::Replied(reply) = answer.outcome {
                answers.push(reply.body);
            }
        }
        Ok(answers)
    }

    /// Whether everything came through as it was sent.
    fn judge(&self, answers: &[Bytes], seen: &[app::Seen]) -> Result<(), Error> {
        let (events, keys) = (&self.events, std::slice::from_ref(&self.key));
        if seen.len() != events.len() || answers.len() != events.len() {
            return Err(Error::failed(format!("{} of {} events reached the app", seen.len(), events.len())));
        }
        for ((event, seen), answer) in events.iter().zip(seen).zip(answers) {
            let whole = seen.body == event
                && seen.target == app::expected_target()
                && seen.content_type.as_deref() == Some(sender::JSON.as_bytes());
            if !whole {
                return Err(Error::failed("an event reached the app, but not as it was sent"));
            }
            let now = self.now.unix_seconds();
            let verdict = signature::verify(seen.signature.as_deref(), &seen.body, keys, now);
            if !matches!(verdict, Verdict::Valid { .. }) {
                return Err(Error::failed("an event reached the app, but its signature no longer holds"));
            }
            if answer != app::ANSWER {
                return Err(Error::failed("the app's answer did not reach the sender as it was given"));
            }
        }
        Ok(())
    }
}

/// A signing secret for this run alone, as long as Mux's are.
fn random_key() -> Result<Key, Error> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::failed(format!("the system gives no random bytes: {error}")))?;
    Key::new(&BASE32_NOPAD.encode(&bytes)).map_err(|error| Error::failed(error.to_string()))
}

fn say(printer: &mut Printer, now: Now, message: &str) {
    let notice = Notice { level: Level::Info, code: "demo".to_owned(), message: message.to_owned() };
    printer.print(now.unix_millis(), &Event::Notice(notice));
}
