//! Live streams, where they are sent on to, and the spaces that once were.

use super::subject::{Pieces, Subject, number, words};
use super::units::count;

pub(super) fn live_stream(live: &Subject<'_>) -> Pieces {
    vec![
        latency(live),
        live.owned("active_ingest_protocol"),
        live.status(),
        reconnect(live),
        live.other("asset", "active_asset_id"),
    ]
}

pub(super) fn simulcast_target(target: &Subject<'_>) -> Pieces {
    vec![
        target.text("url").and_then(host).map(str::to_owned),
        target.text("error_severity").map(|severity| format!("{severity} error")),
        target.status(),
        target.other("live stream", "live_stream_id"),
    ]
}

pub(super) fn space(space: &Subject<'_>) -> Pieces {
    vec![space.status(), space.owned("type"), count(space.list("broadcasts").len(), "broadcast")]
}

pub(super) fn broadcast(broadcast: &Subject<'_>) -> Pieces {
    vec![
        broadcast.owned("layout"),
        broadcast.owned("resolution"),
        broadcast.status(),
        broadcast.other("live stream", "live_stream_id"),
    ]
}

fn latency(live: &Subject<'_>) -> Option<String> {
    live.text("latency_mode").map(|mode| format!("{} latency", words(mode)))
}

/// How long an encoder may stay away, and once it is away, what that means.
fn reconnect(live: &Subject<'_>) -> Option<String> {
    let seconds = number(live.data, "reconnect_window");
    let window = live.duration("reconnect_window");
    if live.is("disconnected") {
        live.text("status").filter(|status| *status == "active")?;
        Some(match (seconds, window) {
            (Some(0.0), _) => "goes idle at once".to_owned(),
            (_, Some(window)) => format!("goes idle in {window} unless it reconnects"),
            (_, None) => "goes idle unless it reconnects in time".to_owned(),
        })
    } else if live.is("idle") || live.is("disabled") || live.is("deleted") {
        None
    } else {
        window.map(|window| format!("{window} to reconnect"))
    }
}

/// The host, and port if there is one, of a URL whose other parts hold keys.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    (!host.is_empty() && host.len() <= 253 && host.bytes().all(plain)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn of_a_url_only_the_host_is_told() {
        for (url, expected) in [
            ("rtmp://a.rtmp.youtube.com/live2/abcd-efgh", Some("a.rtmp.youtube.com")),
            ("rtmps://live.example.com:443/app/key", Some("live.example.com:443")),
            ("rtmp://name:pass@host.example/app", Some("host.example")),
            ("srt://host.example:9000?passphrase=hush", Some("host.example:9000")),
            ("rtmp://[2001:db8::1]:1935/x", Some("[2001:db8::1]:1935")),
            ("rtmp:///live2/abcd", None),
            ("rtmp://host\\evil/app", None),
            ("rtmp://ho\u{1b}st/app", None),
            ("abcd-efgh", None),
            ("", None),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}
