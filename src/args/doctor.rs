//! `muxhook doctor`.

use clap::Args;

use super::Relay;

pub(super) const EXAMPLES: &str = "Examples:\n  muxhook doctor";

/// `muxhook doctor`.
#[derive(Clone, Debug, Default, Args)]
pub struct Doctor {
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}
