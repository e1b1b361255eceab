//! What was typed, as it was typed. What it means together with the environment and the files is for
//! [`config`](crate::config) to say. Alone in the CLI, this room knows clap.

mod doctor;
mod events;
mod listen;
mod pages;
mod register;
mod relay;
mod signing;
mod trigger;
mod verify;
mod wait;

use std::ffi::OsString;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use doctor::Doctor;
pub use events::{
    Events, EventsDiscard, EventsExport, EventsList, EventsReplay, EventsShow, EventsTimeline, EventsVerb,
    ExportForm, Filters, Where,
};
pub use listen::{Ack, Format, Listen, Owed, Print};
pub use pages::{Shell, completions, man};
pub use register::{Register, Unregister};
pub use relay::Relay;
pub use signing::Signing;
pub use trigger::Trigger;
pub use verify::Verify;
pub use wait::Wait;

use crate::error::Error;
use crate::printer::ColorChoice;

const EXAMPLES: &str = "\
Examples:
  muxhook demo                               see it work, with nothing set up
  muxhook listen -f localhost:3000/webhooks  forward what arrives to your app
  muxhook login https://hooks.example.com    use your team's relay from now on
  muxhook relay serve --help                 run a relay of your own";

/// Mux webhooks on localhost, through an address that stays the same.
#[derive(Clone, Debug, Parser)]
#[command(name = "muxhook", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
pub struct Args {
    /// Colours in what is printed
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Everywhere")]
    pub color: Color,
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
}

impl Args {
    /// Reads the process' command line. Help, the version and mistakes are printed, and end the process.
    ///
    /// # Errors
    /// Help or the version was asked for, and stdout does not take it.
    pub fn read() -> Result<Self, Error> {
        let shown = match Self::try_parse() {
            Ok(args) => return Ok(args),
            Err(shown) => shown,
        };
        match shown.print() {
            // What was asked for did not come out. A mistake is one whether anybody can read of it or not.
            Err(error) if !shown.use_stderr() => Err(error.into()),
            _ => std::process::exit(shown.exit_code()),
        }
    }
}

/// The verbs.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Hold an address open and forward what arrives to your app
    #[command(after_help = listen::EXAMPLES)]
    Listen(Box<Listen>),
    /// Send events as Mux would: one of any type, or a whole story
    #[command(after_help = trigger::EXAMPLES)]
    Trigger(Box<Trigger>),
    /// Wait until an event arrives, and print it
    #[command(after_help = wait::EXAMPLES)]
    Wait(Box<Wait>),
    /// The history that the relay keeps, and what it still owes
    #[command(after_help = events::EXAMPLES)]
    Events(Events),
    /// Check the signature of a webhook's body
    #[command(after_help = verify::EXAMPLES)]
    Verify(Verify),
    /// Give an address to Mux: make a webhook for it there
    #[command(after_help = register::EXAMPLES, mut_arg("secret", |arg| arg.help(register::SECRET)))]
    Register(Box<Register>),
    /// Disable the webhook at Mux again
    #[command(after_help = register::UNREGISTER_EXAMPLES)]
    Unregister(Box<Unregister>),
    /// Try every link of the chain and say what to mend
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(Box<Doctor>),
    /// Show it all at work: a relay, a sample app and the events of an asset's life
    Demo,
    /// List, create and delete your addresses
    Endpoints(Endpoints),
    /// Store the token of a relay and use that relay from now on
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(Login),
    /// Forget the token of a relay
    Logout(Logout),
    /// Show which relay is used, why, and what it holds for you
    Status(Status),
    /// Run a relay and look after it (`muxhook relay --help` says more)
    #[command(disable_help_flag = true)]
    Relay(Words),
    /// Print a shell's completion script
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual, as a man page
    #[command(after_help = "Examples:\n  muxhook man | man -l -\n  muxhook man listen | man -l -")]
    Man {
        /// Of this command rather than of all: `listen`, `relay serve`
        #[arg(value_name = "COMMAND")]
        words: Vec<String>,
    },
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR and its like say otherwise
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// Words for another command line.
#[derive(Clone, Debug, ClapArgs)]
pub struct Words {
    /// The relay's own command line
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    pub words: Vec<OsString>,
}

/// `muxhook endpoints`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Endpoints {
    /// What to do with them.
    #[command(subcommand)]
    pub verb: EndpointsVerb,
}

/// What to do with endpoints.
#[derive(Clone, Debug, Subcommand)]
pub enum EndpointsVerb {
    /// Show them all
    List(OneShot),
    /// Make one: its address is printed on stdout
    Create {
        /// How it is called; without it, the relay draws a name that nobody can guess
        name: Option<String>,
        /// Where.
        #[command(flatten)]
        common: OneShot,
    },
    /// Delete one: what is sent to its address will be answered with 404
    Delete {
        /// Which
        name: String,
        /// Where.
        #[command(flatten)]
        common: OneShot,
    },
}

/// What the commands share that ask a relay something and end.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct OneShot {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Which relay.
    #[command(flatten)]
    pub relay: Relay,
}

/// `muxhook status`.
pub type Status = OneShot;

const LOGIN_EXAMPLES: &str = "\
The token is asked for, or read from standard input; it is never shown.

Examples:
  muxhook login https://hooks.example.com
  muxhook login https://hooks.example.com < token.txt";

/// `muxhook login`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Login {
    /// The relay: https://host, or http://localhost:PORT
    pub url: String,
    /// A further root certificate for the relay, as PEM; remembered [env: MUXHOOK_RELAY_CA]
    #[arg(long, value_name = "FILE")]
    pub relay_ca: Option<String>,
    /// Allow http:// to another machine: the token and all webhooks travel unencrypted
    #[arg(long)]
    pub plain: bool,
}

/// `muxhook logout`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Logout {
    /// The relay; without it, the one in use
    pub url: Option<String>,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  muxhook completions bash > ~/.local/share/bash-completion/completions/muxhook
  muxhook completions zsh > \"${fpath[1]}/_muxhook\"
  muxhook completions fish > ~/.config/fish/completions/muxhook.fish
  muxhook completions powershell >> $PROFILE";
