//! `muxhook trigger`.

use clap::Args;

use super::{Relay, Signing};

pub(super) const EXAMPLES: &str = "\
Examples:
  muxhook trigger --list                               every type and scenario
  muxhook trigger video.asset.ready                    to this machine's own address
  muxhook trigger video.asset.ready -f 3000/webhooks   straight to your app
  muxhook trigger upload-to-ready --pace 10x           a whole story, ten times as fast
  muxhook trigger 'video.asset.*' --seed 7             all that match, the same ids each time
  muxhook trigger video.asset.ready --set data.passthrough=ci-42 --unset data.duration
  muxhook trigger video.asset.ready --duplicate 2      does your app cope with it?
  muxhook trigger video.asset.ready --retry --pace 10x until your app takes it, as Mux would
  muxhook trigger --from 3f9ac1 --set data.status=errored  one that came, changed, and signed anew

A PATH is written with dots: data.tracks.0.type. A VALUE that is JSON is taken as JSON, all else as
text: --set data.duration=12.5 is a number, --set data.passthrough='\"12.5\"' is text.

Exit codes: 0 the app answered every event 2xx (--accept-held: or the relay holds it), 4 it did not, 2 used wrongly, 3 no relay.";

/// `muxhook trigger`.
#[derive(Clone, Debug, Default, Args)]
pub struct Trigger {
    /// What to send: event types, globs of types ('video.asset.*'), scenarios; one after the other
    #[arg(value_name = "TYPE|SCENARIO", required_unless_present_any = ["list", "from"])]
    pub names: Vec<String>,
    /// Name all types and scenarios, and send nothing
    #[arg(long, conflicts_with_all = ["names", "from", "forward_to", "endpoint"])]
    pub list: bool,
    /// Print one JSON object a line on stdout, and nothing else there
    #[arg(long)]
    pub json: bool,

    /// Your app: 3000, :3000/path, localhost:3000/path, http://…, https://…
    ///
    /// Without it, events go to an address of the relay, and on to whoever listens there.
    #[arg(short = 'f', long, visible_alias = "forward", value_name = "TARGET", help_heading = "Where to")]
    pub forward_to: Option<String>,
    /// Accept any certificate of the app
    #[arg(long, visible_alias = "insecure", requires = "forward_to", help_heading = "Where to")]
    pub skip_verify: bool,
    /// An address by its name, instead of this machine's own [env: MUXHOOK_ENDPOINT]
    #[arg(long, value_name = "NAME", help_heading = "Where to")]
    pub endpoint: Option<String>,

    /// Give a field a value, in every event that has what it stands in
    #[arg(long, value_name = "PATH=VALUE", help_heading = "What is in them")]
    pub set: Vec<String>,
    /// Take a field out of every event that has it
    #[arg(long, value_name = "PATH", help_heading = "What is in them")]
    pub unset: Vec<String>,
    /// Send the event in this file (- is standard input), or one of the history by its id, byte for byte unless
    /// something is changed
    ///
    /// The history is that of --endpoint, or of this machine's own address.
    #[arg(long, value_name = "FILE|EVENT-ID", conflicts_with = "names", help_heading = "What is in them")]
    pub from: Option<String>,
    /// The same ids again: each run names its seed. Times are always now
    #[arg(long, value_name = "N", conflicts_with = "list", help_heading = "What is in them")]
    pub seed: Option<u64>,

    /// How fast a story goes: 0 (no waiting), real, or a multiple like 10x [default: 0]
    #[arg(long, value_name = "PACE", help_heading = "How they are sent")]
    pub pace: Option<String>,
    /// Wait this long before each
    #[arg(long, value_name = "TIME", help_heading = "How they are sent")]
    pub delay: Option<String>,
    /// Send each N times more
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "How they are sent")]
    pub duplicate: Option<u32>,
    /// Send them out of order
    #[arg(long, help_heading = "How they are sent")]
    pub reorder: bool,
    /// Play Mux: what is not answered 2xx is sent again, up to 30 times, later and later (at --pace)
    #[arg(long, help_heading = "How they are sent")]
    pub retry: bool,
    /// Take it for accepted when nobody listens and the relay holds an event: it is delivered when somebody does
    #[arg(long, conflicts_with_all = ["list", "forward_to"], help_heading = "How they are sent")]
    pub accept_held: bool,
    /// Sign with a time 10 minutes ago, which an app must refuse
    #[arg(long, help_heading = "Signature")]
    pub stale: bool,
    /// Get one digit of the signature wrong
    #[arg(long, help_heading = "Signature")]
    pub bad_signature: bool,

    /// What to sign with: the first secret counts.
    #[command(flatten)]
    pub signing: Signing,
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}
