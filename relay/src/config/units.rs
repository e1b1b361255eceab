//! Sizes, durations and addresses as people write them.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// A size in bytes: `5MiB`, `512KiB`, `1GiB`, `100B`, `100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub usize);

/// The text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a size is a whole number with B, KiB, MiB or GiB behind it, such as 5MiB or 512KiB")]
pub struct InvalidSize;

impl FromStr for ByteSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let (number, unit) = split(text);
        let scale = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(InvalidSize),
        };
        let number: usize = number.parse().map_err(|_| InvalidSize)?;
        number.checked_mul(scale).map(Self).ok_or(InvalidSize)
    }
}

/// A duration: `4.5s`, `500ms`, `2m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// The text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a number with ms, s, m or h behind it, such as 4.5s or 500ms")]
pub struct InvalidSpan;

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let (number, unit) = split(text);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(InvalidSpan),
        };
        let number: f64 = number.parse().map_err(|_| InvalidSpan)?;
        Duration::try_from_secs_f64(number * seconds).map(Self).map_err(|_| InvalidSpan)
    }
}

/// A number, and what follows it.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

/// The text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address to listen on is an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:443 or [::]:443"
)]
pub struct InvalidListen;

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(text: &str) -> Result<Self, InvalidListen> {
        text.parse().map(Self).map_err(|_| InvalidListen)
    }
}
