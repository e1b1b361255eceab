//! The flags that say which relay.

use clap::Args;

use crate::secret::Secret;

/// Which relay, and how it is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Relay")]
pub struct Relay {
    /// The relay: https://host, or http://localhost:PORT [env: MUXHOOK_RELAY]
    #[arg(long, value_name = "URL")]
    pub relay: Option<String>,
    /// Its token. Others on this machine can see it here: prefer `muxhook login` [env: MUXHOOK_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<Secret>,
    /// A further root certificate for the relay, as PEM [env: MUXHOOK_RELAY_CA]
    #[arg(long, value_name = "FILE")]
    pub relay_ca: Option<String>,
    /// Allow http:// to another machine: the token and all webhooks travel unencrypted
    #[arg(long)]
    pub plain: bool,
}
