//! `serve`: the relay itself.

use std::io::Write;
use std::sync::Arc;

use muxhook_link::Now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::failure::Failure;
use super::manager::Manager;
use super::reload::Reloader;
use super::signals::{Signals, Told};
use crate::accounts::{AccountName, NewToken};
use crate::config::{Config, Options, unknown_names};
use crate::journal;
use crate::server::{Relay, Sockets, raise_descriptors};

/// The label of the token that the first start makes.
const FIRST_LABEL: &str = "first";

/// Runs the relay until it is told to end.
pub(super) fn serve(mut options: Options, out: &mut impl Write) -> Result<(), Failure> {
    let sockets = inherit(&mut options)?;
    let config = Config::resolve(options.clone(), &super::environment)?;
    super::log::install(config.log);
    unknown_names(super::environment_names())
        .iter()
        .for_each(|told| tracing::warn!("the environment's {told}"));
    if let Err(error) = raise_descriptors() {
        tracing::warn!(%error, "this process can't have as many files as the system would let it");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("the runtime can't start: {error}")))?;
    let outcome = runtime.block_on(run(options, config, sockets, out));
    // What is still under way after the grace time is given up.
    runtime.shutdown_background();
    outcome
}

#[cfg(unix)]
fn inherit(options: &mut Options) -> Result<Sockets, Failure> {
    super::inherited::take(options)
}

#[cfg(not(unix))]
fn inherit(_: &mut Options) -> Result<Sockets, Failure> {
    Ok(Sockets::default())
}

async fn run(
    options: Options,
    config: Config,
    sockets: Sockets,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let manager = Arc::new(Manager::of_process());
    manager.starting(config.takeover);
    let _signs = {
        let manager = Arc::clone(&manager);
        AbortOnDropHandle::new(tokio::spawn(async move { manager.keep_alive().await }))
    };
    let mut signals =
        Signals::new().map_err(|error| Failure::failed(format!("signals can't be awaited: {error}")))?;
    let relay = tokio::select! {
        bound = Relay::bind_with(config.clone(), sockets, Now::system()) => bound?,
        signal = signals.end() => {
            tracing::info!(signal, "ended before it began: nothing was under way");
            return Ok(());
        }
    };
    super::panics::install(Arc::clone(relay.metrics()));
    announce(&config, &relay).await;
    if config.bootstrap_token.is_none() {
        greet(&relay, out)?;
    }
    let public_url = relay.public_url().clone();
    let reloader = Reloader { options, begun: config, relay: relay.reload() };
    let shutdown = CancellationToken::new();
    // A task of its own: the root of `block_on` would cost a wake-up more each time.
    let mut running = tokio::spawn(relay.run(shutdown.clone()));
    // Whoever connects from now on waits for nothing but that task's turn, which is next.
    manager.ready(public_url.as_str());
    let ended = loop {
        let told = tokio::select! {
            ended = &mut running => break ended,
            told = signals.next() => told,
        };
        let signal = match told {
            Told::End(signal) => signal,
            Told::Reload => {
                manager.reloading();
                reloader.reload();
                manager.ready(public_url.as_str());
                continue;
            }
        };
        let grace = reloader.grace();
        tracing::info!(signal, ?grace, "ending: what is under way may finish");
        manager.stopping(grace);
        shutdown.cancel();
        tokio::select! {
            ended = &mut running => break ended,
            signal = signals.end() => {
                tracing::warn!(signal, "ended at once");
                return Err(Failure::Interrupted);
            }
        }
    };
    ended.map_err(|error| Failure::failed(format!("the relay ended by itself: {error}")))?;
    tracing::info!("ended");
    Ok(())
}

async fn announce(config: &Config, relay: &Relay) {
    let version = env!("CARGO_PKG_VERSION");
    for address in relay.local_addrs() {
        tracing::info!(%address, tls = config.speaks_tls(), version, "listening");
    }
    if let Some(address) = relay.admin_addr() {
        tracing::info!(%address, "telling readiness");
    }
    keeping(config, relay).await;
    tracing::info!(public_url = %relay.public_url(), data_dir = %config.data_dir.display(), "reached at");
    if config.public_url.is_none() && config.listen.iter().any(|address| !address.ip().is_loopback()) {
        tracing::warn!("no --public-url is given, so listeners are told an address that Mux may not reach");
    }
}

/// What it keeps, for how long, and what it owes from before.
async fn keeping(config: &Config, relay: &Relay) {
    let Some(journal) = relay.journal() else {
        return tracing::info!(holds = false, "no webhook is kept: there is neither holding nor history");
    };
    let journal::Limits { retention, owed_for, bytes, .. } = config.journal;
    match journal.owed_in_all().await {
        Ok(owed) => tracing::info!(
            holds = config.hold,
            owed = owed.count,
            history_for = ?retention,
            owed_for = ?owed_for,
            max_bytes = bytes,
            "keeping webhooks"
        ),
        Err(error) => tracing::error!(%error, "the journal does not answer"),
    }
    if !config.hold {
        tracing::info!(
            "with --hold off nothing new is held: what is still owed from before goes to whoever listens"
        );
    }
}

/// What the first start tells, once.
fn greet(relay: &Relay, out: &mut impl Write) -> Result<(), Failure> {
    let first = relay.accounts().create_first_token(&AccountName::default(), FIRST_LABEL)?;
    let Some(NewToken { id, secret, .. }) = first else { return Ok(()) };
    let public_url = relay.public_url();
    let plain = if public_url.needs_plain() { " --plain" } else { "" };
    let told = writeln!(out, "muxhook login {public_url}{plain}\ntoken: {}", secret.reveal())
        .and_then(|()| out.flush());
    told.map_err(|error| {
        let cure = format!("`token rotate {id}` makes another");
        Failure::failed(format!(
            "the first token can't be shown, since stdout can't be written ({error}): {cure}"
        ))
    })
}
