//! The flags that give signing secrets.

use clap::Args;

/// Where signing secrets come from. Several are tried one after the other: while a secret is rotated, both count.
#[derive(Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Signature")]
pub struct Signing {
    /// The webhook's signing secret; others on this machine can see it here: prefer a file [env: MUX_WEBHOOK_SECRET]
    #[arg(long, value_name = "SECRET")]
    pub secret: Vec<String>,
    /// A file with nothing but a signing secret in it
    #[arg(long, value_name = "FILE")]
    pub secret_file: Vec<String>,
    /// Take MUX_WEBHOOK_SECRET from this file, here or beside muxhook.toml: .env, .env.local
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<String>,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signing")
            .field("secrets", &self.secret.len())
            .field("secret_file", &self.secret_file)
            .field("env_file", &self.env_file)
            .finish()
    }
}
