//! `muxhook listen`.

use clap::{Args, ValueEnum};

use super::{Relay, Signing};

pub(super) const EXAMPLES: &str = "\
Examples:
  muxhook listen                                  only show what arrives
  muxhook listen -f 3000/api/webhooks/mux         forward to localhost:3000
  muxhook listen -f :3000 -e 'video.asset.*'      assets only
  muxhook listen -f :3000 --match 'data.passthrough=alice*'
  muxhook listen -f :3000 --env-file .env.local --require-signature
  muxhook listen -f :3000 --route 'video.live_stream.*=localhost:4000/live'
  muxhook listen -f :3000 --owed later            leave what came while you were away where it is
  muxhook listen -f :3000 --since 10m             first once more what came in the last ten minutes
  muxhook listen -f :3000 --json | jq .event_type
  muxhook listen -f :3000 --count 3 --for 2m      for CI: exit 4 when fewer came

What can be kept in muxhook.toml, here or in a parent folder: forward-to, endpoint, events, exclude,
match, headers, [routes], timeout, max-in-flight, ack.";

/// What `muxhook listen` was told. Fields are named as the flags are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Listen {
    /// Your app: 3000, :3000/path, localhost:3000/path, http://…, https://… [env: MUXHOOK_FORWARD_TO]
    ///
    /// Without it, events are shown and answered with 200.
    #[arg(short = 'f', long, visible_alias = "forward", value_name = "TARGET", help_heading = "Forwarding")]
    pub forward_to: Option<String>,
    /// Send events of these types to another target; the first that matches counts
    #[arg(long, value_name = "GLOB=TARGET", help_heading = "Forwarding")]
    pub route: Vec<String>,
    /// Add a header to what goes to the app, or replace it
    #[arg(short = 'H', long, value_name = "K: V", help_heading = "Forwarding")]
    pub header: Vec<String>,
    /// Accept any certificate of the app
    #[arg(long, visible_alias = "insecure", help_heading = "Forwarding")]
    pub skip_verify: bool,
    /// How long the app may take [default: 30s]
    #[arg(long, value_name = "TIME", help_heading = "Forwarding")]
    pub timeout: Option<String>,
    /// Most requests at the app at once; more wait in order [default: 50]
    #[arg(long, value_name = "N", help_heading = "Forwarding")]
    pub max_in_flight: Option<u32>,

    /// Who answers the sender: your app, or the relay as soon as the event is safe on its disk; then it comes until
    /// your app takes it [default: app] [env: MUXHOOK_ACK]
    #[arg(long, value_name = "WHO", help_heading = "What the relay keeps")]
    pub ack: Option<Ack>,
    /// What becomes of events that came while nobody listened [default: deliver]
    #[arg(long, value_name = "WHAT", help_heading = "What the relay keeps")]
    pub owed: Option<Owed>,
    /// First deliver again what the history holds: of this time (10m), since a moment (2026-11-23T08:00:00Z), from
    /// a SEQ on, or all
    #[arg(long, value_name = "WHEN", help_heading = "What the relay keeps")]
    pub since: Option<String>,

    /// Forward these types only: video.asset.ready,video.live_stream.*
    #[arg(short = 'e', long, value_name = "GLOB,…", value_delimiter = ',', help_heading = "Filters")]
    pub events: Vec<String>,
    /// Never forward these types
    #[arg(long, value_name = "GLOB,…", value_delimiter = ',', help_heading = "Filters")]
    pub exclude: Vec<String>,
    /// Forward only what has this value in this field: data.passthrough=alice*; of several, all must hold
    #[arg(long = "match", value_name = "PATH=GLOB", help_heading = "Filters")]
    pub matches: Vec<String>,

    /// By which secrets signatures are checked.
    #[command(flatten)]
    pub signing: Signing,
    /// Refuse with 401 what is not validly signed, before your app sees it
    #[arg(long, help_heading = "Signature")]
    pub require_signature: bool,

    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
    /// The address' name, instead of this machine's own [env: MUXHOOK_ENDPOINT]
    #[arg(long, value_name = "NAME", help_heading = "Relay")]
    pub endpoint: Option<String>,
    /// First make or enable the webhook at Mux, as `muxhook register` does; it stays enabled
    #[arg(long, help_heading = "Webhook at Mux")]
    pub register: bool,
    /// Disable it in the end
    #[arg(long, requires = "register", help_heading = "Webhook at Mux")]
    pub unregister_on_exit: bool,
    /// Change things at Mux without asking
    #[arg(short, long, requires = "register", help_heading = "Webhook at Mux")]
    pub yes: bool,

    /// Print one JSON object a line on stdout, and nothing else there
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
    /// The same as --json, or what a person reads
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,
    /// No banner and no status line
    #[arg(long, short = 'q', help_heading = "Output")]
    pub quiet: bool,
    /// How much of each event [default: summary]
    #[arg(long, value_name = "WHAT", conflicts_with = "json", help_heading = "Output")]
    pub print: Option<Print>,
    /// Show stream keys, passphrases and the like; --json never masks them
    #[arg(long, help_heading = "Output")]
    pub show_secrets: bool,

    /// End after one event
    #[arg(long, conflicts_with = "count", help_heading = "Ending by itself")]
    pub once: bool,
    /// End after N events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Ending by itself")]
    pub count: Option<u64>,
    /// End after this time; with --count or --once, exit 4 when fewer came
    #[arg(long = "for", value_name = "TIME", help_heading = "Ending by itself")]
    pub for_time: Option<String>,
    /// End when the relay cannot be reached, instead of trying again
    #[arg(long, help_heading = "Ending by itself")]
    pub no_retry: bool,
}

/// Who reads the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A program: NDJSON
    Json,
    /// A person
    Pretty,
}

/// How much of an event a person is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Print {
    /// One line
    #[default]
    Summary,
    /// And its body
    Body,
    /// And its headers
    Headers,
    /// And both
    All,
}

/// Who answers the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ack {
    /// Your app
    App,
    /// The relay
    Relay,
}

/// What becomes of what the relay owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Owed {
    /// They are delivered, in order
    Deliver,
    /// They stay where they are
    Later,
    /// They are given up
    Discard,
}
