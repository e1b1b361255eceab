//! `muxhook trigger`.

use clap::Args;

use super::Relay;

pub(super) const EXAMPLES: &str = "Examples:\n  muxhook trigger video.asset.ready";

/// `muxhook trigger`.
#[derive(Clone, Debug, Default, Args)]
pub struct Trigger {
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}
