//! `muxhook verify`.

use clap::Args;

use super::Signing;

pub(super) const EXAMPLES: &str = "\
The body must be the bytes that arrived: with a newline more, or as JSON that was parsed and
written again, it is another body. When such a change explains the signature, it is said.

Exit codes: 0 valid, 4 stale, invalid or missing, 2 used wrongly.

Examples:
  muxhook verify body.json --env-file .env --signature 't=1565125718,v1=854ece4c…'
  muxhook verify body.json --signature \"$SIG\" --at 2026-03-01T12:00:00Z   an old capture
  curl -s https://example.com/body | muxhook verify --signature \"$SIG\" --json";

/// `muxhook verify`.
#[derive(Clone, Debug, Default, Args)]
pub struct Verify {
    /// The file with the body, byte for byte; without it or with `-`, standard input
    #[arg(value_name = "FILE")]
    pub file: Option<String>,
    /// What the mux-signature header said: t=…,v1=…
    #[arg(long, value_name = "HEADER", help_heading = "Signature")]
    pub signature: String,
    /// Where the secrets come from.
    #[command(flatten)]
    pub signing: Signing,
    /// As of when: RFC 3339 or Unix seconds [default: now]
    #[arg(long, value_name = "TIME", help_heading = "Signature", allow_negative_numbers = true)]
    pub at: Option<String>,
    /// Print one JSON object: valid, verdict, age_s, reason
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
