//! One module a verb; the only place where rooms meet.

mod completions;
mod endpoints;
mod login;
mod logout;
mod man;
mod reach;
mod relay;
mod status;

use std::process::ExitCode;

use crate::args::Command;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Colors, Console};

/// Does what was asked for, to its end.
///
/// # Errors
/// Why it was not done. Nothing of it has been printed yet.
pub fn run(command: Command, colors: Colors, console: &mut Console) -> Result<ExitCode, Error> {
    match command {
        Command::Relay(args) => return Ok(relay::run(args.words)),
        Command::Completions { shell } => completions::run(shell, console)?,
        Command::Man { words } => man::run(&words, console)?,
        other => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Error::failed(format!("no runtime can be built: {error}")))?;
            let outcome = runtime.block_on(converse(other, colors, console));
            // Some thread may still wait for a key that nobody will press.
            runtime.shutdown_background();
            outcome?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The commands that talk to a relay.
async fn converse(command: Command, _colors: Colors, console: &mut Console) -> Result<(), Error> {
    let around = Surroundings::of_process();
    match command {
        Command::Listen(_) | Command::Demo => Err(Error::failed("this build cannot listen")),
        Command::Endpoints(args) => endpoints::run(args.verb, &around, console).await,
        Command::Login(args) => login::run(&args, &around, console).await,
        Command::Logout(args) => logout::run(&args, &around, console),
        Command::Status(args) => status::run(&args, &around, console).await,
        // They talk to nobody: `run` has seen to them.
        Command::Relay(_) | Command::Completions { .. } | Command::Man { .. } => Ok(()),
    }
}
