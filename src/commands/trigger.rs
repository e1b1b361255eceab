//! `muxhook trigger`: events as Mux would send them, to an app or to an address of a relay.
//!
//! Pure: `subject` (what was named), `draft` (its events), `plan` (their order), `signer`, `retry` (how Mux goes on),
//! `verdict` (whether the app accepted one). `sender` and `run` do it; `report` and `list` tell of it.

mod draft;
mod list;
mod plan;
mod report;
mod retry;
mod run;
pub(crate) mod sender;
mod signer;
mod subject;
pub(crate) mod verdict;

use std::io::Read;

use muxhook_link::Now;
use muxhook_protocol::mux::sample::MAX_EVENT;
use muxhook_protocol::mux::signature::Key;

use super::control;
use super::reach;
use super::status;
use crate::args;
use crate::config::{self, Surroundings};
use crate::error::{Error, Kind};
use crate::event::{Level, Notice};
use crate::forwarder::Target;
use crate::printer::{Console, escape};
use crate::state::State;
use draft::Draft;
use plan::{Faults, Turn};
use report::Report;
use run::Run;
use sender::{Address, Sender};
use signer::Signer;

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
    let seed = args.seed.unwrap_or_else(|| getrandom::u32().unwrap_or_default().into());
    let turns = turns(args, &config, seed, now)?;
    // What is wrong with the address is said before anything about signatures.
    let (sender, kept) = sender(args, &config, around, console).await?;
    let signer = signer(args, &config, kept, console)?;
    let drawn = args.from.is_none() || args.reorder;
    let mut report = Report::new(args.json, &turns, sender.url(), drawn.then_some(seed));
    let mut run = Run { sender, signer, pace: config.pace, delay: config.delay, retry: args.retry, now };
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

fn turns(args: &args::Trigger, config: &config::Trigger, seed: u64, now: Now) -> Result<Vec<Turn>, Error> {
    let mut drafts = match &args.from {
        Some(file) => vec![written(file)?],
        None => draft::told(&subject::named(&args.names)?, seed, now.unix_millis(), config.pace),
    };
    draft::change(&mut drafts, &config.changes)?;
    let faults = Faults { duplicate: args.duplicate.unwrap_or_default(), reorder: args.reorder };
    plan::plan(drafts, faults, config.pace, seed)
}

fn written(file: &str) -> Result<Draft, Error> {
    let text = read(file).map_err(|error| Error::usage(format!("--from {file}: {error}")))?;
    Draft::written(&text).map_err(|error| Error::usage(format!("--from {file}: {error}")))
}

/// One byte more than an event may have is enough to see that it is none.
fn read(file: &str) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let from: Box<dyn Read> = match file {
        "-" => Box::new(std::io::stdin().lock()),
        path => Box::new(std::fs::File::open(path)?),
    };
    from.take(MAX_EVENT as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Where to send, and the signing secret that this machine keeps for that address.
async fn sender(
    args: &args::Trigger,
    config: &config::Trigger,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(Sender, Option<Key>), Error> {
    if let Some(text) = &args.forward_to {
        let target = Target::parse(text);
        let target = target.map_err(|error| Error::usage(format!("--forward-to {text}: {error}")))?;
        return Ok((Sender::app(target, args.skip_verify), None));
    }
    const START: &str = "start `muxhook listen --forward-to …` first, or send straight to your app: --forward-to localhost:3000";
    let reached = reach::reach(&args.relay, around, console).await?;
    let reached = reached.ok_or_else(|| reach::nowhere().with_hint(START))?;
    let relay = reached.api.relay();
    let endpoints = reached.api.endpoints().await?;
    let wanted = match &config.endpoint {
        Some(named) => named.clone(),
        None => status::own(&reached, around, &endpoints).ok_or_else(|| {
            Error::usage(format!("this machine has no address at {relay} yet")).with_hint(START)
        })?,
    };
    let found = endpoints.into_iter().find(|known| known.endpoint == wanted).ok_or_else(|| {
        Error::refused(format!("there is no endpoint {wanted} of yours at {relay}"))
            .with_hint("`muxhook endpoints list` names yours, `muxhook endpoints create NAME` makes one")
    })?;
    let address = Address::parse(&found.public_url)
        .ok_or_else(|| Error::refused(format!("{relay} gives {} for an address", found.public_url)))?;
    // What can't be read is not known.
    let state = State::open(around.state_folder.as_deref()).ok();
    let kept = state.and_then(|state| state.webhook_secrets(reached.place(), &wanted).into_iter().next());
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
