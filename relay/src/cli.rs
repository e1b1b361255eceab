//! The words of the `muxhook-relay` binary, which `muxhook relay` takes as well.
//!
//! Results go to stdout, all else to stderr. Exit codes: 0 done, 1 failed while running, 2 used wrongly,
//! 3 no relay answers (`status`), 130 ended by a second Ctrl-C.

mod account;
mod age;
mod backup;
mod check;
mod endpoint;
mod failure;
mod health;
#[cfg(unix)]
mod inherited;
mod log;
mod manager;
mod panics;
mod reload;
mod serve;
mod signals;
mod status;
mod table;
mod token;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use muxhook_link::Now;

use crate::accounts::Accounts;
use crate::config::{ConfigError, Options, Place};
use failure::Failure;

/// Gives Mux's webhooks a public address, and hands them to the muxhook listeners behind it
#[derive(Parser)]
#[command(name = "muxhook-relay", version, max_term_width = 100)]
struct Words {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the relay until SIGTERM or Ctrl-C
    ///
    /// The first start on an empty data folder makes a token and prints it with the line to log in with. Every flag
    /// may stand in the environment as well (MUXHOOK_RELAY_LISTEN for --listen), or in the TOML file of --config
    /// (listen = "…"): a flag goes before the environment, that before the file. RUST_LOG sets how much is logged.
    Serve(Box<Options>),
    /// Show how the relay is: who listens, what comes, what is owed
    ///
    /// On a terminal a table that is refreshed every second until q or Ctrl-C; in a pipe, or with --once, one table. Asks
    /// the relay over a socket in its data folder, which its user alone may open. Where no relay runs it tells what the
    /// databases tell, and ends with 3. The busiest endpoints come first, 256 of them at most.
    Status(status::Words),
    /// Look whether a relay could start here, and whether its data is what it wrote
    ///
    /// Takes the flags of `serve`. Reads alone: it may run beside the relay, and changes nothing. Every webhook that is
    /// kept is read and compared with its checksum, which takes a while where there are many. Exit code 1: something is
    /// wrong, and it says what to do.
    Check(check::Words),
    /// Ask the relay of this machine how it is, for the probe of a container or a supervisor
    ///
    /// Takes the flags of `serve`: it asks at --admin whether the relay is ready, and without one at the first --listen
    /// whether it lives, be it with TLS, whose certificate is not checked. Exit code 0: it is; 1: it is not, or there is
    /// no answer within 5 s.
    Health(health::Words),
    /// Copy the relay's data into one tar file, while it runs too
    ///
    /// It holds what is owed, the history, accounts, the hashes of tokens, and endpoints: keep it as you keep those. To
    /// restore it: tar xf FILE -C DIR into an empty folder, and `serve --data-dir DIR`.
    Backup(backup::Words),
    /// Make, show and end the tokens that let a CLI act for an account
    #[command(subcommand)]
    Token(token::Verb),
    /// Make, show, switch off and delete endpoints
    #[command(subcommand)]
    Endpoint(endpoint::Verb),
    /// Show accounts, set how much they may have, and switch them off
    #[command(subcommand)]
    Account(account::Verb),
}

/// The whole command line, for man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Words::command()
}

/// Does what the words ask, and says how it ended. `words` begin behind the program's own name; `program_name` is
/// what usage lines call it. Not to be called from inside a runtime: `serve` starts its own.
pub fn run(words: impl IntoIterator<Item = OsString>, program_name: &str) -> ExitCode {
    let command = command().no_binary_name(true).bin_name(program_name);
    let words: Vec<OsString> = words.into_iter().collect();
    let matches = command.try_get_matches_from(&words);
    let parsed = matches.and_then(|matches| Words::from_arg_matches(&matches));
    let outcome = match parsed {
        Ok(Words { verb }) => verb.run(&mut io::stdout().lock()),
        Err(error) => return shown(&error, &words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                say(message);
            }
            failure.exit_code()
        }
    }
}

impl Verb {
    fn run(self, out: &mut impl Write) -> Result<(), Failure> {
        match self {
            Self::Serve(options) => serve::serve(*options, out),
            Self::Status(words) => status::run(words, out),
            Self::Check(words) => check::run(words, out),
            Self::Health(words) => health::run(words, out),
            Self::Backup(words) => backup::run(words, out),
            Self::Token(verb) => token::run(verb, out),
            Self::Endpoint(verb) => endpoint::run(verb, out),
            Self::Account(verb) => account::run(verb, out),
        }
    }
}

/// Help and version go to stdout and end well if that takes them; a misuse goes to stderr. A reader that has gone is no
/// failure.
fn shown(error: &clap::Error, words: &[OsString]) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() {
        if let Some(name) = from_environment(error, words) {
            say(&format!("\nThe value is the environment's {name}."));
        }
        return ExitCode::from(2);
    }
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("error: the output cannot be written: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// The name in the environment that a refused value came from: the flag itself is not among the words.
fn from_environment(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = flag.split(|char: char| !char.is_ascii_alphanumeric() && char != '-').next()?;
    let is_given = words.iter().any(|word| word.as_encoded_bytes().starts_with(flag.as_bytes()));
    let name = format!("MUXHOOK_RELAY_{}", flag.strip_prefix("--")?.to_uppercase().replace('-', "_"));
    (!is_given && std::env::var_os(&name).is_some()).then_some(name)
}

/// One line to who sits at the terminal. There is nobody left to tell when it can't be written.
fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Where the data is, in the process's environment.
fn data_dir(place: Place) -> Result<PathBuf, ConfigError> {
    place.data_dir(&environment)
}

/// The accounts of a relay that has been there before.
fn accounts(place: Place) -> Result<Accounts, Failure> {
    Ok(Accounts::open_existing(&data_dir(place)?, Now::system())?)
}

/// What the environment has; what is not UTF-8 is nothing of the relay's.
fn environment_names() -> impl Iterator<Item = String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}

fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
