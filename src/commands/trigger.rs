//! `muxhook trigger`: events as Mux would send them, to an app or to an address of a relay.
//!
//! Pure: `subject` (what was named), `draft` (its events), `plan` (their order), `signer`, `retry` (how Mux goes on),
//! `verdict` (whether the app accepted one). `place` (which endpoint), `source` (what `--from` names), `sender` and
//! `run` do it; `report` and `list` tell of it.

mod draft;
mod list;
mod place;
mod plan;
pub(crate) mod report;
mod retry;
mod run;
pub(crate) mod sender;
mod signer;
mod source;
mod subject;
pub(crate) mod verdict;

use muxhook_link::Now;
use muxhook_protocol::mux::signature::Key;

use super::control;
use super::reach;
use crate::args;
use crate::config::{self, Surroundings};
use crate::error::{Error, Kind};
use crate::event::{Level, Notice};
use crate::forwarder::Target;
use crate::printer::{Console, escape};
use crate::state::State;
use draft::Draft;
use place::Place;
use plan::{Faults, Turn};
use report::Report;
use run::Run;
use sender::{Address, Sender};
use signer::Signer;
use source::Source;

/// Runs `muxhook trigger`.
///
/// # Errors
/// It was used wrongly, there is nowhere to send to, or not every event was accepted by the app.
pub(super) async fn run(
    args: &args::Trigger,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    if args.list {
        return list::print(args.json, console);
    }
    let (config, now) = (config::Trigger::resolve(args, around)?, Now::system());
    let source = args.from.as_deref().map(Source::of);
    straight(args, source.as_ref())?;
    // Only what stands in the history needs the relay before it is known what is sent.
    let mut place = match source {
        Some(Source::Past(_)) => Some(place::find(args, &config, around, console).await?),
        _ => None,
    };
    let written = match &source {
        Some(source) => Some(source.read(place.as_ref()).await?),
        None => None,
    };
    let seed = args.seed.unwrap_or_else(|| getrandom::u32().unwrap_or_default().into());
    let turns = turns(args, &config, written, seed, now)?;
    // What is wrong with the address is said before anything about signatures.
    if place.is_none() && args.forward_to.is_none() {
        place = Some(place::find(args, &config, around, console).await?);
    }
    let (sender, kept) = sender(args, place, around)?;
    let signer = signer(args, &config, kept, console)?;
    let drawn = args.from.is_none() || args.reorder;
    let mut report = Report::new(args.json, &turns, sender.url(), drawn.then_some(seed));
    let (pace, delay) = (config.pace, config.delay);
    let mut run = Run { sender, signer, pace, delay, retry: args.retry, accept_held: args.accept_held, now };
    let ran = tokio::select! {
        // Signals are listened for before the first word is said.
        biased;
        () = control::signal() => Err(Error::interrupted()),
        ran = run.all(&turns, &mut report, console) => ran,
    };
    match (ran, report.end(now.unix_millis(), console)) {
        (Err(error), Err(shortfall)) if error.kind() != Kind::Closed => {
            console.note(&escape(&shortfall.to_string()));
            Err(error)
        }
        (ran, ended) => ran.and(ended),
    }
}

/// What goes straight to an app needs no relay, unless the event stands in its history.
fn straight(args: &args::Trigger, source: Option<&Source>) -> Result<(), Error> {
    if args.forward_to.is_none() || matches!(source, Some(Source::Past(_))) {
        return Ok(());
    }
    let relay = args.endpoint.is_some() || args.relay != args::Relay::default();
    if !relay {
        return Ok(());
    }
    Err(Error::usage("--forward-to goes straight to the app, and no relay is asked")
        .with_hint("leave out --forward-to, or --endpoint, --relay, --token, --relay-ca and --plain"))
}

fn turns(
    args: &args::Trigger,
    config: &config::Trigger,
    written: Option<Draft>,
    seed: u64,
    now: Now,
) -> Result<Vec<Turn>, Error> {
    let mut drafts = match written {
        Some(written) => vec![written],
        None => draft::told(&subject::named(&args.names)?, seed, now.unix_millis(), config.pace),
    };
    draft::change(&mut drafts, &config.changes)?;
    let faults = Faults { duplicate: args.duplicate.unwrap_or_default(), reorder: args.reorder };
    plan::plan(drafts, faults, config.pace, seed)
}

/// Where to send, and the signing secret that this machine keeps for that address.
fn sender(
    args: &args::Trigger,
    place: Option<Place>,
    around: &Surroundings,
) -> Result<(Sender, Option<Key>), Error> {
    if let Some(text) = &args.forward_to {
        let target = Target::parse(text);
        let target = target.map_err(|error| Error::usage(format!("--forward-to {text}: {error}")))?;
        return Ok((Sender::app(target, args.skip_verify), None));
    }
    let Place { reached, endpoint } = place.ok_or_else(reach::nowhere)?;
    let address = Address::parse(&endpoint.public_url).ok_or_else(|| {
        Error::refused(format!("{} gives {} for an address", reached.api.relay(), endpoint.public_url))
    })?;
    // What can't be read is not known.
    let state = State::open(around.state_folder.as_deref()).ok();
    let secrets = state.map(|state| state.webhook_secrets(reached.place(), &endpoint.endpoint));
    let kept = secrets.unwrap_or_default().into_iter().next();
    Ok((Sender::address(reached.api.dialer().clone(), address), kept))
}

fn signer(
    args: &args::Trigger,
    config: &config::Trigger,
    kept: Option<Key>,
    console: &mut Console,
) -> Result<Signer, Error> {
    reach::say(&config.signing.notices, console);
    let key = config.signing.keys.first().cloned().or(kept);
    if key.is_none() {
        if args.stale || args.bad_signature {
            let flag = if args.stale { "--stale" } else { "--bad-signature" };
            return Err(Error::usage(format!("{flag}: there is no secret to sign with"))
                .with_hint("set MUX_WEBHOOK_SECRET, or give --secret-file or --env-file"));
        }
        let message = "no signing secret is given, so the events carry no signature: set MUX_WEBHOOK_SECRET, \
                       or give --secret-file or --env-file";
        let notice =
            Notice { level: Level::Warning, code: "unsigned".to_owned(), message: message.to_owned() };
        reach::say(&[notice], console);
    }
    Ok(Signer { key, stale: args.stale, bad: args.bad_signature })
}
