//! `muxhook register` and `muxhook unregister`.

use clap::Args;

use super::{Relay, Signing};

pub(super) const EXAMPLES: &str = "\
The access token is taken from MUX_TOKEN_ID and MUX_TOKEN_SECRET; it needs the permissions System read and write:
https://dashboard.mux.com/settings/access-tokens

Examples:
  muxhook register                                for this machine's own address
  muxhook register --endpoint my-app-dev --write-env .env.local
  muxhook register --yes --json                   in a script
  muxhook register --secret-file secret.txt       when the webhook was made elsewhere";

/// Unlike elsewhere, the environment does not count: what is set there may be another webhook's.
pub(super) const SECRET: &str =
    "The secret of a webhook that was made elsewhere; others on this machine can see it here: prefer a file";

pub(super) const UNREGISTER_EXAMPLES: &str = "\
Examples:
  muxhook unregister                              until `muxhook register` enables it again
  muxhook unregister --delete --yes";

/// `muxhook register`.
#[derive(Clone, Debug, Default, Args)]
pub struct Register {
    /// The address' name, instead of this machine's own [env: MUXHOOK_ENDPOINT]
    #[arg(long, value_name = "NAME")]
    pub endpoint: Option<String>,
    /// Change things at Mux without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Delete a webhook that is there and make it anew: for when its secret is lost
    #[arg(long, conflicts_with_all = ["secret", "secret_file", "env_file"])]
    pub recreate: bool,
    /// Set MUX_WEBHOOK_SECRET in this file, and leave the rest of it alone: .env.local
    #[arg(long, value_name = "FILE")]
    pub write_env: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Print the signing secret
    #[arg(long)]
    pub show_secrets: bool,
    /// The secret of a webhook that was made elsewhere.
    #[command(flatten)]
    pub signing: Signing,
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}

/// `muxhook unregister`.
#[derive(Clone, Debug, Default, Args)]
pub struct Unregister {
    /// The address' name, instead of this machine's own [env: MUXHOOK_ENDPOINT]
    #[arg(long, value_name = "NAME")]
    pub endpoint: Option<String>,
    /// Change things at Mux without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Delete the webhook, and with it its secret, instead of disabling it
    #[arg(long)]
    pub delete: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Where the address is.
    #[command(flatten)]
    pub relay: Relay,
}
