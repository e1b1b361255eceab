//! `muxhook listen`: holds an endpoint open and forwards what arrives.

mod catchup;
mod fresh;
pub(crate) mod listener;
mod notices;
mod plan;
mod reliance;
pub(crate) mod run;
mod webhook;

use muxhook_link::Now;
use muxhook_protocol::frame::Role;

use super::control::{self, Sources};
use super::home::{Home, Purpose};
use crate::args;
use crate::config::{Listen, Surroundings};
use crate::error::Error;
use crate::event::{Event, Notice};
use crate::forwarder::Forwarder;
use crate::intake::Intake;
use crate::printer::keys::Keys;
use crate::printer::{Colors, Console, Printer};
use crate::session::Session;
use catchup::Catchup;
use listener::Listener;
use plan::Plan;
use reliance::Reliance;
use run::{End, Run};

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
    let named = config.endpoint.clone();
    let (home, mut notices) = Home::open(&config.connection, named, around, dialer.clone(), now).await?;
    let intake = Intake::new(plan.wishes, plan.checks);
    let since = config.since.map(|past| past.since(now.unix_millis()));
    let purpose = match intake.forwards() {
        true => Purpose { ack: config.ack, owed: config.owed, since, ..Purpose::LISTEN },
        false => Purpose::LOOK_ON,
    };
    let (settings, notice) = home.settings(purpose, !config.end.no_retry);
    notices.extend(plan.notices.into_iter().chain(notice));

    let (registered, farewell) = registered.unzip();
    notices.extend(registered);

    let mut printer = super::printer(&config.output, colors, true)?;
    notices.into_iter().for_each(|notice| tell(&mut printer, now, notice));
    // Without keys the rest goes on as well.
    let keys = printer.is_interactive().then(Keys::listen).and_then(Result::ok).unwrap_or_else(Keys::off);
    let control = control::watch(Sources { after: config.end.after, keys }, printer.closed());

    let forwarder = Forwarder::new(plan.forwarding);
    let session = Session::new(settings, dialer);
    let mut run = Run::new(config.end.count, None);
    run.catchup = Catchup::new(config.owed, config.since.is_some());
    if purpose.role == Role::Listener {
        run.reliance = Reliance::new(config.ack, args.owed.is_some(), since.is_some());
    }
    run.farewell = farewell.flatten();
    run.kept_secrets = config.signing.keys.is_empty();
    run.needs_secret = config.signing.keys.is_empty() && config.require_signature;
    let listener = Listener { session, home, forwarder, intake, printer, now, run };
    let (end, _) = listener.run(control).await?;
    match (end, config.end.count) {
        (End::TimeUp { came }, Some(count)) => {
            Err(Error::unmet(format!("{came} of {count} events came within the time given")))
        }
        (End::StoppedNow, _) => Err(Error::interrupted()),
        _ => Ok(()),
    }
}

fn tell(printer: &mut Printer, now: Now, notice: Notice) {
    printer.print(now.unix_millis(), &Event::Notice(notice));
}
