//! `muxhook verify`.

use clap::Args;

use super::Relay;

pub(super) const EXAMPLES: &str = "Examples:\n  muxhook verify body.json";

/// `muxhook verify`.
#[derive(Clone, Debug, Default, Args)]
pub struct Verify {
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}
