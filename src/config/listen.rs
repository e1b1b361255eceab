//! What `muxhook listen` is to do.

use std::path::PathBuf;
use std::time::Duration;

use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::{Ack, Owed};
use muxhook_protocol::mux::field::Match;

use super::endpoint::endpoint;
use super::file::Settings;
use super::given::{Given, Source};
use super::layers::Layers;
use super::past::Past;
use super::project::Project;
use super::relay::Connection;
use super::signing::{Signing, signing_keys};
use super::surroundings::Surroundings;
use super::user::UserFile;
use super::value;
use crate::args;
use crate::error::Error;
use crate::forwarder::HeaderOverride;

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_IN_FLIGHT: u32 = 50;

/// All that a `listen` goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The relay.
    pub connection: Connection,
    /// The endpoint asked for by name; `None`: this machine's own.
    pub endpoint: Option<EndpointId>,
    /// The app; `None`: events are only shown.
    pub forward_to: Option<String>,
    /// Globs of types, and the targets that these go to instead. In order: the first that matches counts.
    pub routes: Vec<(String, String)>,
    /// Who answers the sender.
    pub ack: Ack,
    /// What becomes of what the relay owes already.
    pub owed: Owed,
    /// What is to be delivered again first.
    pub since: Option<Past>,
    /// Globs of types to forward; empty: all.
    pub events: Vec<String>,
    /// Globs of types not to forward.
    pub exclude: Vec<String>,
    /// Fields that must be as they say, each of them.
    pub matches: Vec<Match>,
    /// The signing secrets that were given.
    pub signing: Signing,
    /// Refuse what is not validly signed.
    pub require_signature: bool,
    /// Headers that are added to what goes to the app, or replace those of that name.
    pub headers: Vec<HeaderOverride>,
    /// Accept any certificate of the app.
    pub skip_verify: bool,
    /// How long the app may take.
    pub timeout: Duration,
    /// Most requests at the app at once.
    pub max_in_flight: u32,
    /// What is printed.
    pub output: Output,
    /// When it ends.
    pub end: End,
    /// The project file that had a say in this.
    pub project_file: Option<PathBuf>,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// NDJSON on stdout, for a program.
    pub json: bool,
    /// No banner and no status line.
    pub quiet: bool,
    /// How much of an event a person is shown.
    pub print: args::Print,
    /// Whether a person is shown secrets.
    pub show_secrets: bool,
}

/// When a `listen` ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// After so many live events.
    pub count: Option<u64>,
    /// After this time.
    pub after: Option<Duration>,
    /// As soon as the relay can't be reached.
    pub no_retry: bool,
}

impl Listen {
    /// Makes sense of what was typed, in these surroundings.
    ///
    /// # Errors
    /// What is wrong, and where it was given.
    pub fn resolve(args: &args::Listen, around: &Surroundings) -> Result<Self, Error> {
        let project = Project::find(around)?;
        let user = UserFile::read(around)?;
        let layers = Layers::of(&project, &user);
        let (forward_to, routes) = (forward_to(args, around, &layers)?, routes(args, &layers)?);
        if forward_to.is_none() && routes.is_empty() {
            needs_an_app(args)?;
        }
        Ok(Self {
            connection: Connection::resolve(&args.relay, around, &user)?,
            endpoint: endpoint(args.endpoint.as_ref(), around, &layers)?,
            forward_to,
            routes,
            ack: ack(args, around, &layers)?,
            owed: args.owed.map_or(Owed::default(), owed),
            since: since(args)?,
            events: globs(&args.events, "--events", layers.pick("events", |file| file.events.clone()))?,
            exclude: globs(&args.exclude, "--exclude", layers.pick("exclude", |file| file.exclude.clone()))?,
            matches: matches(args, &layers)?,
            signing: signing_keys(&args.signing, around, &project)?,
            require_signature: args.require_signature,
            headers: headers(args, &layers)?,
            skip_verify: args.skip_verify,
            timeout: timeout(args, &layers)?,
            max_in_flight: max_in_flight(args, &layers)?,
            output: output(args),
            end: end(args)?,
            project_file: project.path,
        })
    }
}

fn list(typed: &[String], flag: &'static str, file: Option<Given<Vec<String>>>) -> Given<Vec<String>> {
    match file {
        Some(file) if typed.is_empty() => file,
        _ => Given::flag(typed.to_vec(), flag),
    }
}

fn forward_to(
    args: &args::Listen,
    around: &Surroundings,
    layers: &Layers<'_>,
) -> Result<Option<String>, Error> {
    let file = layers.pick("forward-to", |file| file.forward_to.clone());
    let given =
        Given::first(args.forward_to.as_ref(), "--forward-to", around.env.get("MUXHOOK_FORWARD_TO"), file)?;
    Ok(given.map(|given| given.value))
}

fn routes(args: &args::Listen, layers: &Layers<'_>) -> Result<Vec<(String, String)>, Error> {
    match layers.pick("routes", |file| file.routes.clone()) {
        Some(file) if args.route.is_empty() => file.read(|table| {
            let pair = |(glob, target): (String, toml::Value)| match target {
                toml::Value::String(target) => Ok((glob, target)),
                _ => Err(format!("the target of `{glob}` is not in quotes")),
            };
            table.into_iter().map(pair).collect::<Result<_, _>>()
        }),
        _ => Given::flag(&args.route, "--route")
            .read(|typed| typed.iter().map(|text| value::route(text)).collect::<Result<_, _>>()),
    }
}

fn globs(
    typed: &[String],
    flag: &'static str,
    file: Option<Given<Vec<String>>>,
) -> Result<Vec<String>, Error> {
    list(typed, flag, file).read(value::globs)
}

fn matches(args: &args::Listen, layers: &Layers<'_>) -> Result<Vec<Match>, Error> {
    let parse = |text: &String| Match::parse(text).map_err(|error| format!("`{text}`: {error}"));
    list(&args.matches, "--match", layers.pick("match", |file| file.matches.clone()))
        .read(|typed| typed.iter().map(parse).collect::<Result<_, _>>())
}

fn headers(args: &args::Listen, layers: &Layers<'_>) -> Result<Vec<HeaderOverride>, Error> {
    let file = layers.pick("headers", |file| file.headers.clone());
    list(&args.header, "--header", file)
        .read(|lines| lines.iter().map(|line| HeaderOverride::parse(line)).collect::<Result<_, _>>())
}

fn timeout(args: &args::Listen, layers: &Layers<'_>) -> Result<Duration, Error> {
    let file = layers.pick("timeout", |file| file.timeout.clone());
    let given = Given::first(args.timeout.as_ref(), "--timeout", Ok(None), file)?;
    given.map_or(Ok(TIMEOUT), |given| given.read(|text| value::duration(&text)))
}

fn max_in_flight(args: &args::Listen, layers: &Layers<'_>) -> Result<u32, Error> {
    let typed = args.max_in_flight.map(|count| Given::flag(count, "--max-in-flight"));
    let given = typed.or_else(|| layers.pick("max-in-flight", |file: &Settings| file.max_in_flight));
    given.map_or(Ok(MAX_IN_FLIGHT), |given| given.read(value::in_flight))
}

/// Refuses what says how an app is to be given events where there is none: nothing is ever owed to one who looks on.
fn needs_an_app(args: &args::Listen) -> Result<(), Error> {
    let typed =
        [("--ack", args.ack.is_some()), ("--owed", args.owed.is_some()), ("--since", args.since.is_some())];
    let Some((flag, _)) = typed.into_iter().find(|(_, is_typed)| *is_typed) else { return Ok(()) };
    Err(Error::usage(format!(
        "{flag} makes no sense without an app: what only looks on is sent what arrives now"
    ))
    .with_hint("give the app with --forward-to; `muxhook events list` shows what came before"))
}

fn ack(args: &args::Listen, around: &Surroundings, layers: &Layers<'_>) -> Result<Ack, Error> {
    match args.ack {
        Some(args::Ack::App) => return Ok(Ack::App),
        Some(args::Ack::Relay) => return Ok(Ack::Relay),
        None => {}
    }
    let given = around.env.get("MUXHOOK_ACK")?.or_else(|| layers.pick("ack", |file| file.ack.clone()));
    given.map_or(Ok(Ack::default()), |given| {
        given.read(|text| match text.as_str() {
            "app" => Ok(Ack::App),
            "relay" => Ok(Ack::Relay),
            _ => Err(format!("`{text}` is neither `app` nor `relay`")),
        })
    })
}

fn owed(typed: args::Owed) -> Owed {
    match typed {
        args::Owed::Deliver => Owed::Deliver,
        args::Owed::Later => Owed::Later,
        args::Owed::Discard => Owed::Discard,
    }
}

fn since(args: &args::Listen) -> Result<Option<Past>, Error> {
    let since = args.since.as_deref().map(Past::parse).transpose();
    since.map_err(|error| Source::Flag("--since").error(error))
}

fn output(args: &args::Listen) -> Output {
    Output {
        json: args.json || args.format == Some(args::Format::Json),
        quiet: args.quiet,
        print: args.print.unwrap_or_default(),
        show_secrets: args.show_secrets,
    }
}

fn end(args: &args::Listen) -> Result<End, Error> {
    let after = args.for_time.as_deref().map(value::duration).transpose();
    Ok(End {
        count: if args.once { Some(1) } else { args.count },
        after: after.map_err(|error| Source::Flag("--for").error(error))?,
        no_retry: args.no_retry,
    })
}
