//! `muxhook demo`: the main job on one machine, for real. A relay, an app, a listener, and an asset's life sent to
//! the public address, signed; each event must reach the app byte for byte, and the app's answer the sender.

mod app;
mod sender;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE32_NOPAD;
use muxhook_link::Now;
use muxhook_protocol::frame::Role;
use muxhook_protocol::mux::signature::{self, Key, Verdict};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::listen::control::{self, Sources};
use super::listen::listener::Listener;
use super::listen::relay::Home;
use super::listen::run::{End, Run};
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

/// What is sent, in order: an asset is made, and becomes ready.
const EVENTS: [&str; 2] = [include_str!("demo/asset_created.json"), include_str!("demo/asset_ready.json")];

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
    let listener = listener(&app, printer, ready, now, key.clone()).await?;
    let sending = tokio::spawn(send(is_ready, key.clone(), now));
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
    judge(&sent?, &app.seen(), &key, now.unix_seconds())?;
    let mut console = crate::printer::Console::new(colors);
    console.note(&format!(
        "{0} of {0} events reached the app byte for byte and validly signed, and its answers the sender. Next: muxhook listen -f 3000",
        EVENTS.len()
    ));
    Ok(())
}

async fn listener(
    app: &App,
    printer: Printer,
    ready: oneshot::Sender<Ready>,
    now: Now,
    key: Key,
) -> Result<Listener, Error> {
    let failed = |error: &dyn std::error::Error| Error::failed(error.to_string());
    let target = Target::parse(&app.url()).map_err(|error| failed(&error))?;
    let wishes = Wishes {
        default: Some(Arc::new(target)),
        routes: vec![],
        events: vec![],
        exclude: vec![],
        matches: vec![],
    };
    let intake = Intake::new(wishes, Checks { keys: vec![key], require: true });
    let options = Options { timeout: PATIENCE, max_in_flight: 4, skip_verify: false, headers: Vec::new() };
    let forwarder = Forwarder::new(options);
    let dialer = Dialer::new(DialOptions::default()).map_err(|error| failed(&error))?;
    let embedded = Embedded::temporary(now).await.map_err(|error| failed(&error))?;
    let name = ENDPOINT.parse().ok();
    let home = Home::at_embedded(embedded, None, name, dialer.clone());
    let (settings, _) = home.settings(Role::Listener, false);
    let (session, run) = (Session::new(settings, dialer), Run::new(Some(EVENTS.len() as u64), Some(ready)));
    Ok(Listener { session, home, forwarder, intake, printer, now, run })
}

/// Sends every event once the listener is ready; gives back the answers.
async fn send(ready: oneshot::Receiver<Ready>, key: Key, now: Now) -> Result<Vec<Bytes>, Error> {
    let Ready { public_url, .. } =
        ready.await.map_err(|_| Error::failed("the listener did not become ready"))?;
    let mut answers = Vec::new();
    for event in EVENTS {
        sleep(PACE).await;
        let signature = signature::sign(&key, now.unix_seconds(), event.as_bytes());
        let answer = sender::post(&format!("{public_url}{}", app::SUFFIX), event, &signature).await;
        answers.push(answer.map_err(|error| Error::failed(format!("sending an event failed: {error}")))?);
    }
    Ok(answers)
}

/// Whether everything came through as it was sent.
fn judge(answers: &[Bytes], seen: &[app::Seen], key: &Key, now: i64) -> Result<(), Error> {
    if seen.len() != EVENTS.len() || answers.len() != EVENTS.len() {
        return Err(Error::failed(format!("{} of {} events reached the app", seen.len(), EVENTS.len())));
    }
    for ((event, seen), answer) in EVENTS.iter().zip(seen).zip(answers) {
        let whole = seen.body == event.as_bytes()
            && seen.target == app::expected_target()
            && seen.content_type.as_deref() == Some(sender::CONTENT_TYPE.as_bytes());
        if !whole {
            return Err(Error::failed("an event reached the app, but not as it was sent"));
        }
        let verdict =
            signature::verify(seen.signature.as_deref(), &seen.body, std::slice::from_ref(key), now);
        if !matches!(verdict, Verdict::Valid { .. }) {
            return Err(Error::failed("an event reached the app, but its signature no longer holds"));
        }
        if answer != app::ANSWER {
            return Err(Error::failed("the app's answer did not reach the sender as it was given"));
        }
    }
    Ok(())
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
