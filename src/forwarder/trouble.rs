//! Why an app gave no usable answer, in words: what happened, to which app, and what to do.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use muxhook_protocol::{FailReason, Failure};

use super::answer::{Fault, MAX_FIELDS, MAX_HEAD};
use super::connection::Broken;
use super::target::Origin;
use super::tls::TlsFault;

/// A failure, and what the user may try.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) failure: Failure,
    pub(super) hint: Option<String>,
}

impl Trouble {
    fn new(reason: FailReason, message: String) -> Self {
        Self { failure: Failure { reason, message }, hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The relay handed over what can't be written as a request.
    pub(super) fn not_http(origin: &Origin) -> Self {
        let message = format!("the relay's delivery is no proper HTTP request, so {origin} did not get it");
        Self::new(FailReason::Protocol, message)
    }

    /// The name does not resolve.
    pub(super) fn unresolved(origin: &Origin, error: &io::Error) -> Self {
        let message = format!("no address is known for {}: {error}", origin.host);
        Self::new(FailReason::Refused, message).hint("look at the spelling, or at /etc/hosts and your DNS")
    }

    /// No address took the connection.
    pub(super) fn unreached(origin: &Origin, failed: &[(SocketAddr, io::Error)]) -> Self {
        let tried = failed.iter().map(|(address, _)| name_of(address)).collect::<Vec<_>>().join(" and ");
        let tried =
            if tried == origin.host.to_string() { String::new() } else { format!(" (tried {tried})") };
        // Where one address is plainly shut, another that this machine has no way to is not worth a word.
        let shut = failed.iter().any(|(_, error)| error.kind() == io::ErrorKind::ConnectionRefused);
        match failed.last() {
            Some((_, error)) if !shut => {
                Self::new(FailReason::Refused, format!("{origin} can't be reached{tried}: {error}"))
                    .hint("is the address right, and does a firewall stand in between?")
            }
            _ => Self::new(FailReason::Refused, format!("nothing listens on {origin}{tried}"))
                .hint(where_is_it(origin)),
        }
    }

    /// The time is up.
    pub(super) fn timeout(origin: &Origin, timeout: Duration, connected: bool) -> Self {
        let late = |message| Self::new(FailReason::Timeout, message);
        if connected {
            return late(format!("{origin} did not answer within {timeout:?}"))
                .hint("let the app answer first and work afterwards, or give it longer with --timeout");
        }
        if origin.secure {
            return late(format!("no https connection with {origin} came about within {timeout:?}"))
                .hint(format!("if the app speaks plain http, forward to {}", plain(origin)));
        }
        late(format!("{origin} took no connection within {timeout:?}"))
            .hint("the app may hang, or a firewall drops what is sent to it")
    }

    /// The handshake failed.
    pub(super) fn tls(origin: &Origin, fault: &TlsFault) -> Self {
        match fault {
            TlsFault::Certificate(error) => {
                Self::new(FailReason::Tls, format!("the certificate of {origin} was refused: {error}"))
                    .hint("--skip-verify takes any certificate")
            }
            TlsFault::NotTls => Self::new(FailReason::Tls, format!("{origin} does not speak https"))
                .hint(format!("forward to {}", plain(origin))),
            TlsFault::Handshake(error) => {
                Self::new(FailReason::Tls, format!("no TLS connection with {origin}: {error}"))
                    .hint(format!("if the app speaks plain http, forward to {}", plain(origin)))
            }
        }
    }

    /// The exchange broke.
    pub(super) fn broken(origin: &Origin, broken: &Broken) -> Self {
        match broken {
            Broken::Io(error, _) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
                Self::new(FailReason::Tls, format!("the TLS connection with {origin} broke: {error}"))
            }
            Broken::Unused | Broken::Io(_, false) | Broken::Answer(Fault::Silent, _) => Self::silent(origin),
            Broken::Io(_, true) | Broken::Answer(Fault::Cut, _) => {
                let message = format!("{origin} closed the connection in the middle of its answer");
                Self::new(FailReason::Reset, message).hint("the app may have crashed: look at its log")
            }
            Broken::Answer(fault, begin) => Self::unusable(origin, *fault, begin),
        }
    }

    fn silent(origin: &Origin) -> Self {
        let trouble =
            Self::new(FailReason::Reset, format!("{origin} closed the connection without an answer"));
        if origin.secure {
            return trouble.hint("the app may have crashed: look at its log");
        }
        trouble.hint(format!(
            "the app may have crashed: look at its log; if it speaks https, forward to {}",
            secure(origin)
        ))
    }

    fn unusable(origin: &Origin, fault: Fault, begin: &[u8]) -> Self {
        let too_large = |what| Self::new(FailReason::TooLarge, format!("the answer of {origin} has {what}"));
        match fault {
            Fault::HeadTooLarge => too_large(format!("a head above {} KiB", MAX_HEAD / 1024)),
            Fault::TooManyFields => too_large(format!("more than {MAX_FIELDS} header fields")),
            Fault::Broken(how) => Self::new(FailReason::Protocol, format!("the answer of {origin} {how}")),
            // A TLS record of the kind `alert`, protocol version 3.x (RFC 8446 §5.1).
            _ if begin.starts_with(&[0x15, 0x03]) => {
                Self::new(FailReason::Protocol, format!("{origin} speaks https, not http"))
                    .hint(format!("forward to {}", secure(origin)))
            }
            _ => {
                let begin = begin[..begin.len().min(24)].escape_ascii();
                let message = format!("the answer of {origin} is no HTTP/1.x: it begins with \"{begin}\"");
                Self::new(FailReason::Protocol, message).hint("is it the right port?")
            }
        }
    }
}

fn where_is_it(origin: &Origin) -> String {
    let hint = "start the app, or give the port that it says it listens on";
    let contained = ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists());
    if origin.host.is_localhost() && contained {
        return format!(
            "{hint}; inside a container localhost is the container itself: try host.docker.internal"
        );
    }
    hint.to_owned()
}

/// An address's IP as it stands in a URL.
pub(super) fn name_of(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

fn plain(origin: &Origin) -> String {
    Origin { secure: false, ..origin.clone() }.url()
}

fn secure(origin: &Origin) -> String {
    Origin { secure: true, ..origin.clone() }.url()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forwarder::Target;

    fn origin(target: &str) -> Origin {
        Origin::clone(&Target::parse(target).unwrap().origin)
    }

    /// Everything that can be said of an app, as a person reads it.
    #[test]
    fn every_trouble_has_its_words() {
        let (app, https) = (&origin("http://app.test:3000"), &origin("https://app.test"));
        let failed = |text: &str, kind: io::ErrorKind| (text.parse().unwrap(), io::Error::from(kind));
        let (six, four) = ("[::1]:3000", "127.0.0.1:3000");
        let unknown = rustls::CertificateError::UnknownIssuer.into();
        let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (second, begin) = (Duration::from_millis(1500), b"\x1b]0;hi\x07".to_vec());
        let troubles = [
            Trouble::not_http(app),
            Trouble::unresolved(app, &io::Error::other("no such host")),
            Trouble::unreached(
                app,
                &[
                    failed(six, io::ErrorKind::AddrNotAvailable),
                    failed(four, io::ErrorKind::ConnectionRefused),
                ],
            ),
            Trouble::unreached(app, &[failed(four, io::ErrorKind::HostUnreachable)]),
            Trouble::unreached(&origin("127.0.0.1:3000"), &[failed(four, io::ErrorKind::ConnectionRefused)]),
            Trouble::timeout(app, second, true),
            Trouble::timeout(app, second, false),
            Trouble::timeout(https, second, false),
            Trouble::tls(https, &TlsFault::Certificate(unknown)),
            Trouble::tls(https, &TlsFault::NotTls),
            Trouble::tls(https, &TlsFault::Handshake(eof())),
            Trouble::broken(app, &Broken::Unused),
            Trouble::broken(https, &Broken::Io(eof(), false)),
            Trouble::broken(app, &Broken::Io(eof(), true)),
            Trouble::broken(https, &Broken::Io(io::Error::other(rustls::Error::DecryptError), true)),
            Trouble::broken(app, &Broken::Answer(Fault::Cut, Vec::new())),
            Trouble::broken(app, &Broken::Answer(Fault::HeadTooLarge, Vec::new())),
            Trouble::broken(app, &Broken::Answer(Fault::TooManyFields, Vec::new())),
            Trouble::broken(app, &Broken::Answer(Fault::Broken("has a fault"), Vec::new())),
            Trouble::broken(app, &Broken::Answer(Fault::NotHttp, vec![0x15, 0x03, 0x01])),
            Trouble::broken(app, &Broken::Answer(Fault::NotHttp, begin)),
        ];
        let told: Vec<String> = troubles
            .into_iter()
            .map(|Trouble { failure, hint }| {
                let hint = hint.map_or(String::new(), |hint| format!("\n    {hint}"));
                format!("{}: {}{hint}", failure.reason, failure.message)
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
