//! One module a verb; the only place where rooms meet.

mod completions;
mod control;
mod demo;
mod doctor;
mod endpoints;
mod events;
mod glob;
mod home;
mod listen;
mod login;
mod logout;
mod man;
mod reach;
mod register;
mod relay;
mod status;
mod trigger;
mod unregister;
mod verify;
mod wait;

use std::process::ExitCode;

use crate::args::{self, Command};
use crate::config::{Output, Surroundings};
use crate::error::Error;
use crate::printer::{self, Colors, Console, Format, Print, Printer};

/// Does what was asked for, to its end.
///
/// # Errors
/// Why it was not done. Nothing of it has been printed yet.
pub fn run(command: Command, colors: Colors, console: &mut Console) -> Result<ExitCode, Error> {
    match command {
        Command::Relay(args) => return Ok(relay::run(args.words)),
        Command::Completions { shell } => completions::run(shell, console)?,
        Command::Man { words } => man::run(&words, console)?,
        Command::Verify(args) => return verify::run(&args, &Surroundings::of_process(), console),
        other => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Error::failed(format!("no runtime can be built: {error}")))?;
            let outcome = runtime.block_on(converse(other, colors, console));
            // Some thread may still wait for a key that nobody will press.
            runtime.shutdown_background();
            return outcome;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The printer for a command that goes on. `keys`: until the user ends it, perhaps by one.
fn printer(output: &Output, colors: Colors, keys: bool) -> Result<Printer, Error> {
    let format = if output.json { Format::Json } else { Format::Pretty };
    let options = printer::Options {
        format,
        quiet: output.quiet,
        print: match output.print {
            args::Print::Summary => Print::Summary,
            args::Print::Body => Print::Body,
            args::Print::Headers => Print::Headers,
            args::Print::All => Print::All,
        },
        colors,
        show_secrets: output.show_secrets,
        interactive: keys && printer::interactive(format, output.quiet, colors),
    };
    Printer::new(options).map_err(|error| Error::failed(format!("the output can't be opened: {error}")))
}

/// The commands that talk to a relay.
async fn converse(command: Command, colors: Colors, console: &mut Console) -> Result<ExitCode, Error> {
    let around = Surroundings::of_process();
    match command {
        Command::Listen(args) => listen::run(&args, &around, colors).await?,
        Command::Trigger(args) => trigger::run(&args, &around, console).await?,
        Command::Wait(args) => return wait::run(&args, &around, colors, console).await,
        Command::Register(args) => register::run(&args, &around, console).await?,
        Command::Unregister(args) => unregister::run(&args, &around, console).await?,
        Command::Doctor(args) => return doctor::run(&args, &around, console).await,
        Command::Demo => demo::run(colors).await?,
        Command::Events(args) => events::run(&args, &around, console).await?,
        Command::Endpoints(args) => endpoints::run(args.verb, &around, console).await?,
        Command::Login(args) => login::run(&args, &around, console).await?,
        Command::Logout(args) => logout::run(&args, &around, console)?,
        Command::Status(args) => status::run(&args, &around, console).await?,
        // They talk to nobody: `run` has seen to them.
        Command::Relay(_) | Command::Completions { .. } | Command::Man { .. } | Command::Verify(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}
