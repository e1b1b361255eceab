//! What `muxhook wait` is to do.

use std::ffi::OsString;
use std::time::Duration;

use muxhook_protocol::EndpointId;
use muxhook_protocol::mux::field::Match;

use super::endpoint::endpoint;
use super::given::Source;
use super::layers::Layers;
use super::project::Project;
use super::relay::Connection;
use super::surroundings::Surroundings;
use super::user::UserFile;
use super::value;
use crate::args;
use crate::error::Error;

/// All that a `wait` goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The relay.
    pub connection: Connection,
    /// The endpoint asked for by name; `None`: this machine's own.
    pub endpoint: Option<EndpointId>,
    /// Globs of types, at least one: an event matches one of them,
    pub globs: Vec<String>,
    /// and all of these.
    pub matches: Vec<Match>,
    /// How many different events.
    pub count: u64,
    /// How long, from the subscription on; `None`: for ever.
    pub timeout: Option<Duration>,
    /// Try again, for ever, when the relay can't be reached.
    pub retry: bool,
    /// NDJSON on stdout, for a program.
    pub json: bool,
    /// Only warnings on stderr.
    pub quiet: bool,
    /// A program and its arguments, to be run meanwhile; empty: none.
    pub command: Vec<OsString>,
}

impl Wait {
    /// Makes sense of what was typed, in these surroundings.
    ///
    /// # Errors
    /// What is wrong, and where it was given.
    pub fn resolve(args: &args::Wait, around: &Surroundings) -> Result<Self, Error> {
        let (project, user) = (Project::find(around)?, UserFile::read(around)?);
        let globs = value::globs(args.glob.split(',').map(str::to_owned).collect());
        let filter = |text: &String| {
            Match::parse(text).map_err(|error| Error::usage(format!("--match {text}: {error}")))
        };
        let timeout = args.timeout.as_deref().map(value::duration).transpose();
        Ok(Self {
            connection: Connection::resolve(&args.relay, around, &user)?,
            endpoint: endpoint(args.endpoint.as_ref(), around, &Layers::of(&project, &user))?,
            globs: globs.map_err(|error| Error::usage(format!("wait {}: {error}", args.glob)))?,
            matches: args.matches.iter().map(filter).collect::<Result<_, _>>()?,
            count: args.count,
            timeout: timeout.map_err(|error| Source::Flag("--timeout").error(error))?,
            retry: !args.no_retry,
            json: args.json,
            quiet: args.quiet,
            command: args.command.clone(),
        })
    }
}
