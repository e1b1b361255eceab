//! `muxhook wait`.

use std::ffi::OsString;

use clap::Args;

use super::Relay;

pub(super) const EXAMPLES: &str = "\
Examples:
  muxhook wait video.asset.ready --timeout 5m
  muxhook wait video.asset.ready,video.asset.errored --timeout 5m -- ./upload.sh
  muxhook wait video.asset.ready --match data.passthrough=ci-42 --timeout 5m -- ./upload.sh
  event=$(muxhook wait video.asset.ready --json -- ./upload.sh) && jq .payload <<< \"$event\"

Exit code: 0 once the events came and the command has done well; 4 when the time passed first;
the command's own as soon as it fails (127: there is no such command, 126: it cannot be run).
Without --timeout it waits for ever: in CI, give one.";

/// What `muxhook wait` was told. Fields are named as the flags are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Wait {
    /// What type of event: video.asset.ready, 'video.asset.*'; or several, of which any will do
    #[arg(value_name = "GLOB,…")]
    pub glob: String,
    /// Run this once subscribed, so that no event of its doing is missed; its output goes to stderr
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,

    /// Only events with this field: data.passthrough=ci-42; given several times, all must hold
    #[arg(long = "match", value_name = "PATH=GLOB", help_heading = "What is waited for")]
    pub matches: Vec<String>,
    /// How many events; one that Mux sends again counts once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000), help_heading = "What is waited for")]
    pub count: u64,
    /// Give up (exit 4) this long after subscribing: 30s, 5m
    #[arg(long, value_name = "TIME", help_heading = "What is waited for")]
    pub timeout: Option<String>,

    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
    /// The address' name, instead of this machine's own [env: MUXHOOK_ENDPOINT]
    #[arg(long, value_name = "NAME", help_heading = "Relay")]
    pub endpoint: Option<String>,
    /// End when the relay cannot be reached (exit 3), instead of trying again
    #[arg(long, help_heading = "Relay")]
    pub no_retry: bool,

    /// Print each event as one JSON object a line, as `listen --json` does
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Only warnings and errors on stderr
    #[arg(long, short = 'q', help_heading = "Output")]
    pub quiet: bool,
}
