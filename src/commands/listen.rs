//! `muxhook listen`: holds an endpoint open and forwards what arrives.

pub(crate) mod control;
pub(crate) mod listener;
mod notices;
mod plan;
pub(crate) mod relay;
pub(crate) mod run;
mod webhook;

use muxhook_link::Now;
use muxhook_protocol::frame::Role;

use crate::args;
use crate::config::{Listen, Surroundings};
use crate::error::Error;
use crate::event::{Event, Notice};
use crate::forwarder::Forwarder;
use crate::intake::Intake;
use crate::printer::keys::Keys;
use crate::printer::{Colors, Console, Printer};
use crate::session::{Session, Settings};
use control::Sources;
use listener::Listener;
use plan::Plan;
use relay::Home;
use run::{End, Run};

/// How a CLI names itself to relays.
pub(crate) const AGENT: &str = concat!("muxhook/", env!("CARGO_PKG_VERSION"));

/// Runs `muxhook listen`.
///
/// # Errors
/// Used wrongly, no relay, refused by it, or fewer events than asked for.
pub(super) async fn run(args: &args::Listen, around: &Surroundings, colors: Colors) -> Result<(), Error> {
    let config = Listen::resolve(args, around)?;
    let plan = Plan::of(&config)?;
    let now = Now::system();
    let dialer = super::reach::dialer(config.connection.relay_ca.clone(), around)?;
    let registered = match args.register {
        true => Some(webhook::register(args, &config, around, &dialer, &mut Console::new(colors)).await?),
        false => None,
    };
    let (home, mut notices) = Home::open(&config, around, dialer.clone(), now).await?;
    notices.extend(plan.notices);
    let (prefer, notice) = home.remembered();
    notices.extend(notice);

    let (registered, farewell) = registered.unzip();
    notices.extend(registered);

    let mut printer = super::printer(&config.output, colors, true)?;
    notices.into_iter().for_each(|notice| tell(&mut printer, now, notice));
    // Without keys the rest goes on as well.
    let keys = printer.is_interactive().then(Keys::listen).and_then(Result::ok).unwrap_or_else(Keys::off);
    let control = control::watch(Sources { after: config.end.after, keys }, printer.closed());

    let intake = Intake::new(plan.wishes, plan.checks);
    let role = if intake.forwards() { Role::Listener } else { Role::Observer };
    let (relay, token) = home.relay();
    let settings = Settings {
        relay,
        token,
        endpoint: home.named(),
        prefer,
        role,
        agent: AGENT.to_owned(),
        retry: !config.end.no_retry,
    };
    let forwarder = Forwarder::new(plan.forwarding);
    let session = Session::new(settings, dialer);
    let mut run = Run::new(config.end.count, None);
    run.farewell = farewell.flatten();
    run.kept_secrets = config.keys.is_empty();
    run.needs_secret = config.keys.is_empty() && config.require_signature;
    let listener = Listener { session, home, forwarder, intake, printer, now, run };
    let (end, summary) = listener.run(control).await?;
    match (end, config.end.count) {
        (End::TimeUp, Some(count)) => Err(Error::unmet(format!(
            "{} of {count} events came within the time given",
            summary.events - summary.skipped - summary.refused
        ))),
        (End::StoppedNow, _) => Err(Error::interrupted()),
        _ => Ok(()),
    }
}

fn tell(printer: &mut Printer, now: Now, notice: Notice) {
    printer.print(now.unix_millis(), &Event::Notice(notice));
}
