//! `muxhook events`.

use clap::{Args, Subcommand, ValueEnum};

use super::{Relay, Signing};

pub(super) const EXAMPLES: &str = "\
Examples:
  muxhook events list                             what came lately, and what became of it
  muxhook events list --type 'video.asset.*' --status rejected,failed
  muxhook events show 3f9ac1                      one of them, whole
  muxhook events timeline ASSET-ID                an upload, its asset, tracks and renditions
  muxhook events replay --failed                  send again what your app did not take
  muxhook events replay 3f9ac1 -f localhost:3000  straight to an app
  muxhook events export 3f9ac1 --as curl
  muxhook events discard --all                    owe nothing any more

An ID is a delivery's or Mux's event id; a beginning or an end of it will do while it is clear which is meant.";

/// `muxhook events`.
#[derive(Clone, Debug, Args)]
pub struct Events {
    /// What to do.
    #[command(subcommand)]
    pub verb: EventsVerb,
}

/// What to do with the history.
#[derive(Clone, Debug, Subcommand)]
pub enum EventsVerb {
    /// Show what came, the latest first, and what became of it
    List(Box<EventsList>),
    /// Show one delivery: headers, body, every attempt
    Show(Box<EventsShow>),
    /// Show the life of an object: its events and those of what belongs to it, in order
    Timeline(Box<EventsTimeline>),
    /// Send deliveries again, in order of arrival
    Replay(Box<EventsReplay>),
    /// Write deliveries as JSON, as curl commands or as a HAR archive; secrets in them are not masked
    Export(Box<EventsExport>),
    /// Give up what the relay still owes
    Discard(Box<EventsDiscard>),
}

/// Which endpoint's history, and at which relay.
#[derive(Clone, Debug, Default, Args)]
pub struct Where {
    /// The address' name, instead of this machine's own [env: MUXHOOK_ENDPOINT]
    #[arg(long, value_name = "NAME", help_heading = "Relay")]
    pub endpoint: Option<String>,
    /// Which relay.
    #[command(flatten)]
    pub relay: Relay,
}

/// Which deliveries.
#[derive(Clone, Debug, Default, Args)]
pub struct Filters {
    /// Of these types only: video.asset.ready,video.live_stream.*
    #[arg(
        long = "type",
        visible_alias = "events",
        short = 'e',
        value_name = "GLOB,…",
        value_delimiter = ',',
        help_heading = "Which"
    )]
    pub types: Vec<String>,
    /// Not of these types
    #[arg(long, value_name = "GLOB,…", value_delimiter = ',', help_heading = "Which")]
    pub exclude: Vec<String>,
    /// With this value in this field: data.passthrough=alice*; of several, all must hold
    #[arg(long = "match", value_name = "PATH=GLOB", help_heading = "Which")]
    pub matches: Vec<String>,
    /// Received within this time, or since this moment: 10m, 2026-11-23T08:00:00Z
    #[arg(long, value_name = "WHEN", help_heading = "Which")]
    pub since: Option<String>,
    /// Received before
    #[arg(long, value_name = "WHEN", help_heading = "Which")]
    pub until: Option<String>,
    /// That became this: accepted, rejected, failed, late, owed, expired, discarded, skipped, refused, observed, lost
    #[arg(long, value_name = "WHAT,…", value_delimiter = ',', help_heading = "Which")]
    pub status: Vec<String>,
}

/// `muxhook events list`.
#[derive(Clone, Debug, Default, Args)]
pub struct EventsList {
    /// Which.
    #[command(flatten)]
    pub filters: Filters,
    /// At most so many [default: 50]
    #[arg(long, short = 'n', value_name = "N", help_heading = "Which")]
    pub limit: Option<usize>,
    /// Print one JSON object a line instead of a table
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub place: Where,
}

/// `muxhook events show`.
#[derive(Clone, Debug, Default, Args)]
pub struct EventsShow {
    /// Which
    pub id: String,
    /// Write the body's bytes and nothing else
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    pub raw: bool,
    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Show stream keys, passphrases and the like; --json and --raw never mask them
    #[arg(long, help_heading = "Output")]
    pub show_secrets: bool,
    /// Where.
    #[command(flatten)]
    pub place: Where,
}

/// `muxhook events timeline`.
#[derive(Clone, Debug, Default, Args)]
pub struct EventsTimeline {
    /// The object's id: of an upload, an asset, a live stream, …
    #[arg(value_name = "OBJECT-ID")]
    pub object: String,
    /// Print one JSON object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub place: Where,
}

/// `muxhook events replay`.
#[derive(Clone, Debug, Default, Args)]
#[command(
    override_usage = "muxhook events replay [OPTIONS] <ID>... | --last <N> | [--since <WHEN>] [--failed]"
)]
pub struct EventsReplay {
    /// Which; in order of arrival, however they are named
    #[arg(value_name = "ID", required_unless_present_any = ["last", "since", "failed"])]
    pub ids: Vec<String>,
    /// The last N
    #[arg(long, value_name = "N", conflicts_with_all = ["ids", "since", "failed"], help_heading = "Which")]
    pub last: Option<usize>,
    /// All received within this time, or since this moment: 10m, 2026-11-23T08:00:00Z
    #[arg(long, value_name = "WHEN", conflicts_with = "ids", help_heading = "Which")]
    pub since: Option<String>,
    /// All that no app accepted: rejected, failed, late, expired, lost; with --since, of those. What is owed comes by
    /// itself
    #[arg(long, conflicts_with = "ids", help_heading = "Which")]
    pub failed: bool,
    /// Straight to an app, instead of through whoever listens: 3000, :3000/path, http://…
    #[arg(short = 'f', long, visible_alias = "forward", value_name = "TARGET", help_heading = "Sending")]
    pub forward_to: Option<String>,
    /// Accept any certificate of the app
    #[arg(long, visible_alias = "insecure", requires = "forward_to", help_heading = "Sending")]
    pub skip_verify: bool,
    /// As quick as can be, as slow as they came, or so many times faster: instant, real, 10x [default: instant]
    #[arg(long, value_name = "PACE", help_heading = "Sending")]
    pub pace: Option<String>,
    /// By which secrets signatures are checked, and made.
    #[command(flatten)]
    pub signing: Signing,
    /// Sign all of them anew, whatever signature they came with; else only what was valid when it came and is too
    /// old by now
    #[arg(long, conflicts_with = "original_signature", help_heading = "Signature")]
    pub sign: bool,
    /// Leave every signature as it came, however old
    #[arg(long, help_heading = "Signature")]
    pub original_signature: bool,
    /// Print one JSON object a line
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub place: Where,
}

/// `muxhook events export`.
#[derive(Clone, Debug, Default, Args)]
pub struct EventsExport {
    /// Which
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// In which form; nothing is masked, since programs read it
    #[arg(long = "as", value_name = "FORM", default_value = "json", help_heading = "Output")]
    pub form: ExportForm,
    /// To where curl sends [default: http://localhost:3000]
    #[arg(short = 'f', long, value_name = "TARGET", help_heading = "Output")]
    pub forward_to: Option<String>,
    /// Where.
    #[command(flatten)]
    pub place: Where,
}

/// How deliveries are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportForm {
    /// One JSON object a line, as `listen --json` prints events
    #[default]
    Json,
    /// A shell command each
    Curl,
    /// An HTTP archive, which browsers' tools open
    Har,
}

/// `muxhook events discard`.
#[derive(Clone, Debug, Default, Args)]
#[command(override_usage = "muxhook events discard [OPTIONS] <ID>... | --all")]
pub struct EventsDiscard {
    /// Which
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub ids: Vec<String>,
    /// All that is owed on the address
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub place: Where,
}
