//! `muxhook register`.

use clap::Args;

use super::Relay;

pub(super) const EXAMPLES: &str = "Examples:\n  muxhook register";

/// `muxhook register`.
#[derive(Clone, Debug, Default, Args)]
pub struct Register {
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}

/// `muxhook unregister`.
#[derive(Clone, Debug, Default, Args)]
pub struct Unregister {
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}
