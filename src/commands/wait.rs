//! `muxhook wait`: ends as soon as an event arrives, and prints it; meanwhile, it can run what makes the event come.

mod command;
mod expectation;
mod group;
mod watch;

use std::process::ExitCode;

use muxhook_link::Now;

use super::control::{self, Sources};
use super::glob::glob;
use super::home::{Home, Purpose};
use crate::args;
use crate::config::{self, Surroundings};
use crate::error::Error;
use crate::event::Event;
use crate::intake::{Checks, Intake, Wishes};
use crate::printer::keys::Keys;
use crate::printer::{self, Colors, Console, Format, Printer, escape};
use crate::session::Session;
use command::Command;
use expectation::Expectation;
use watch::{End, Progress, Watch};

/// Runs `muxhook wait`. The code is 0, or that of the command that was run meanwhile.
///
/// # Errors
/// Used wrongly, no relay, refused by it, or the time passed first.
pub(super) async fn run(
    args: &args::Wait,
    around: &Surroundings,
    colors: Colors,
    console: &mut Console,
) -> Result<ExitCode, Error> {
    let config = config::Wait::resolve(args, around)?;
    let mut unknown = Vec::new();
    let globs = config.globs.iter().map(|text| glob(text, "wait", &mut unknown));
    let expectation = Expectation::new(globs.collect::<Result<_, _>>()?, config.matches, config.count);

    let now = Now::system();
    let dialer = super::reach::dialer(config.connection.relay_ca.clone(), around)?;
    let (home, mut notices) =
        Home::open(&config.connection, config.endpoint, around, dialer.clone(), now).await?;
    let (settings, notice) = home.settings(Purpose::LOOK_ON, config.retry);
    notices.extend(unknown.into_iter().chain(notice));

    let format = if config.json { Format::Deliveries } else { Format::Pretty };
    let options = printer::Options { format, quiet: config.quiet, colors, ..Default::default() };
    let mut printer = Printer::new(options)
        .map_err(|error| Error::failed(format!("the output can't be opened: {error}")))?;
    for notice in notices {
        printer.print(now.unix_millis(), &Event::Notice(notice));
    }
    let control = control::watch(Sources { after: None, keys: Keys::off() }, printer.closed());
    let watch = Watch {
        session: Session::new(settings, dialer),
        home,
        intake: observing(),
        printer,
        now,
        expectation,
        command: Command::new(config.command),
        timeout: config.timeout,
        announce: Console::is_tty(),
        progress: Progress::default(),
    };
    match watch.run(control).await? {
        End::Met => Ok(ExitCode::SUCCESS),
        End::Failed(failure) => {
            console.error(&escape(&failure.message), failure.hint);
            Ok(ExitCode::from(failure.code))
        }
        End::Stopped => Err(Error::interrupted()),
    }
}

/// Nothing is forwarded, everything is seen.
fn observing() -> Intake<()> {
    Intake::new(Wishes::default(), Checks::default())
}
