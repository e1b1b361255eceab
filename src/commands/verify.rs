//! `muxhook verify`: whether a body is what a signature was made for.

mod repair;

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use jiff::Timestamp;
use muxhook_link::Now;
use muxhook_protocol::mux::signature::{self, Fault, Header, Key, TOLERANCE, Verdict};
use serde_json::json;

use super::reach;
use crate::args;
use crate::config::{Project, Surroundings, signing_keys};
use crate::error::{Error, Kind};
use crate::printer::Console;

/// Largest body, in bytes.
const MAX_BODY: u64 = 32 * 1024 * 1024;

/// Checks the signature, says what it is worth, and ends with 0 only when it is valid.
pub(super) fn run(
    args: &args::Verify,
    around: &Surroundings,
    console: &mut Console,
) -> Result<ExitCode, Error> {
    let at = args.at.as_deref().map_or_else(|| Ok(Now::system().unix_seconds()), moment)?;
    let header = header_value(&args.signature);
    if !header.is_empty() {
        Header::parse(header.as_bytes()).map_err(|error| Error::usage(format!("--signature: {error}")))?;
    }
    let signing = signing_keys(&args.signing, around, &Project::find(around)?)?;
    reach::say(&signing.notices, console);
    if signing.keys.is_empty() {
        return Err(no_secret());
    }
    let body = body(args.file.as_deref())?;
    let found = Found::look(header, &body, &signing.keys, at);
    let line = if args.json { found.json() } else { found.line(console) };
    console.out(&line)?;
    Ok(ExitCode::from(if found.is_valid() { 0 } else { Kind::Unmet.code() }))
}

/// What there is to tell.
struct Found {
    verdict: Verdict,
    reason: Option<String>,
}

impl Found {
    fn look(header: &str, body: &[u8], keys: &[Key], at: i64) -> Self {
        let verdict = signature::verify(Some(header.as_bytes()), body, keys, at);
        let reason = match verdict {
            Verdict::Valid { .. } => None,
            Verdict::Stale { age, .. } => Some(format!(
                "the signature is right, but {} old, and Mux's SDKs refuse above {TOLERANCE} s; --at checks as of \
                 another time",
                seconds(age)
            )),
            Verdict::Missing => Some("there is no signature: --signature is empty".to_owned()),
            Verdict::Invalid(Fault::NoMatch) => Some(no_match(header, body, keys)),
            Verdict::Invalid(fault) => Some(fault.to_string()),
        };
        Self { verdict, reason }
    }

    fn is_valid(&self) -> bool {
        matches!(self.verdict, Verdict::Valid { .. })
    }

    fn name(&self) -> &'static str {
        match self.verdict {
            Verdict::Valid { .. } => "valid",
            Verdict::Stale { .. } => "stale",
            Verdict::Invalid(_) => "invalid",
            Verdict::Missing => "missing",
        }
    }

    fn age(&self) -> Option<i64> {
        match self.verdict {
            Verdict::Valid { age, .. } | Verdict::Stale { age, .. } => Some(age),
            Verdict::Invalid(_) | Verdict::Missing => None,
        }
    }

    fn json(&self) -> String {
        json!({ "valid": self.is_valid(), "verdict": self.name(), "age_s": self.age(), "reason": self.reason })
            .to_string()
    }

    fn line(&self, console: &Console) -> String {
        let style = console.out_style();
        let name = match self.verdict {
            Verdict::Valid { .. } => style.good(self.name()),
            Verdict::Stale { .. } => style.warn(self.name()),
            Verdict::Invalid(_) | Verdict::Missing => style.bad(self.name()),
        };
        match (&self.reason, self.age()) {
            (Some(reason), _) => format!("{name}: {reason}"),
            (None, Some(age)) if age < 0 => {
                format!("{name}: signed {} ahead of the time it is checked at", seconds(age.saturating_neg()))
            }
            (None, age) => format!("{name}: signed {} ago", seconds(age.unwrap_or_default())),
        }
    }
}

fn no_match(header: &str, body: &[u8], keys: &[Key]) -> String {
    let signed = |body: &[u8]| {
        Header::parse(header.as_bytes()).is_ok_and(|header| header.signer(body, keys).is_some())
    };
    if let Some(change) = repair::find(body, signed) {
        return format!("the secret is right, but the body was changed: {change}");
    }
    let secret = if keys.len() == 1 { "another secret" } else { "none of these secrets" };
    format!(
        "no signature matches: {secret} signed it, or the body is not byte for byte what arrived (one newline at \
         its end makes a difference)"
    )
}

/// A header's value, also when the whole line was pasted.
fn header_value(text: &str) -> &str {
    let text = text.trim();
    match text.split_once(':') {
        Some((name, value)) if name.trim_end().eq_ignore_ascii_case(signature::HEADER) => value.trim_start(),
        _ => text,
    }
}

fn body(file: Option<&str>) -> Result<Vec<u8>, Error> {
    let (name, read) = match file {
        Some(file) if file != "-" => (file, File::open(file).and_then(up_to_bound)),
        None if io::stdin().is_terminal() => {
            return Err(Error::usage("no body: nothing is piped in, and no file was named")
                .with_hint("muxhook verify body.json --signature …"));
        }
        _ => ("standard input", up_to_bound(io::stdin().lock())),
    };
    let body = read.map_err(|error| Error::usage(format!("{name} cannot be read: {error}")))?;
    if body.len() as u64 > MAX_BODY {
        return Err(Error::usage(format!("{name} is above 32 MiB, and no webhook's body is")));
    }
    Ok(body)
}

fn up_to_bound(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BODY + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn no_secret() -> Error {
    Error::usage("no signing secret to check with").with_hint(
        "set MUX_WEBHOOK_SECRET, or name the file that holds it: --env-file .env, or --secret-file FILE",
    )
}

/// A point in time, in seconds since the Unix epoch.
fn moment(text: &str) -> Result<i64, Error> {
    let text = text.trim();
    let seconds = text.parse().or_else(|_| text.parse().map(|time: Timestamp| time.as_second()));
    seconds.map_err(|_| {
        Error::usage(format!("--at: `{text}` is no time"))
            .with_hint("write it like 2026-03-01T12:00:00Z, or as Unix seconds: 1772366400")
    })
}

/// A span that a person can grasp: `42 s`, `3700 s (1 h)`.
fn seconds(span: i64) -> String {
    let (size, unit) = match span {
        ..120 => return format!("{span} s"),
        120..7_200 => (60, "min"),
        7_200..172_800 => (3_600, "h"),
        _ => (86_400, "days"),
    };
    format!("{span} s ({} {unit})", span / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_either_way() {
        for (text, expected) in [
            ("1772366400", 1_772_366_400),
            (" 0 ", 0),
            ("-5", -5),
            ("2026-03-01T12:00:00Z", 1_772_366_400),
            ("2026-03-01T13:00:00.9+01:00", 1_772_366_400),
        ] {
            assert_eq!(moment(text).unwrap(), expected, "{text}");
        }
        for text in ["", "now", "2026-03-01", "2026-03-01T12:00:00", "99999999999999999999"] {
            assert_eq!(moment(text).unwrap_err().kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn a_whole_header_line_may_be_pasted() {
        for text in ["t=1,v1=a", " t=1,v1=a\n", "Mux-Signature: t=1,v1=a", "mux-signature:t=1,v1=a"] {
            assert_eq!(header_value(text), "t=1,v1=a");
        }
        assert_eq!(header_value("x-signature: t=1"), "x-signature: t=1");
        assert_eq!(header_value(""), "");
    }

    #[test]
    fn spans_can_be_grasped() {
        for (span, told) in [
            (0, "0 s"),
            (119, "119 s"),
            (412, "412 s (6 min)"),
            (7_200, "7200 s (2 h)"),
            (864_000, "864000 s (10 days)"),
        ] {
            assert_eq!(seconds(span), told);
        }
    }
}
