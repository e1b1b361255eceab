//! `muxhook wait`.

use clap::Args;

use super::Relay;

pub(super) const EXAMPLES: &str = "Examples:\n  muxhook wait video.asset.ready --timeout 5m";

/// `muxhook wait`.
#[derive(Clone, Debug, Default, Args)]
pub struct Wait {
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}
