//! `muxhook doctor`.

use clap::Args;

use super::{Listen, Relay, Signing};

pub(super) const EXAMPLES: &str = "\
Examples:
  muxhook doctor                                       with what is configured
  muxhook doctor -f localhost:3000/api/webhooks/mux    and this app
  muxhook doctor --json | jq '.checks[] | select(.verdict == \"fault\")'

With MUX_TOKEN_ID and MUX_TOKEN_SECRET in the environment, the webhook at Mux is looked at too.

Exit code: 0 when the chain holds, 1 when a link is broken.";

/// `muxhook doctor`.
#[derive(Clone, Debug, Default, Args)]
pub struct Doctor {
    /// Your app, as for `listen`; without it, the configured one [env: MUXHOOK_FORWARD_TO]
    #[arg(short = 'f', long, visible_alias = "forward", value_name = "TARGET")]
    pub forward_to: Option<String>,
    /// The address' name, instead of this machine's own [env: MUXHOOK_ENDPOINT]
    #[arg(long, value_name = "NAME")]
    pub endpoint: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// The signing secrets.
    #[command(flatten)]
    pub signing: Signing,
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}

impl Doctor {
    /// What `muxhook listen` would be told by the same words.
    #[must_use]
    pub fn as_listen(&self) -> Listen {
        Listen {
            forward_to: self.forward_to.clone(),
            endpoint: self.endpoint.clone(),
            relay: self.relay.clone(),
            ..Listen::default()
        }
    }
}
