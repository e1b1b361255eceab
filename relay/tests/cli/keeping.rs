//! What the relay keeps, whom it waits for, and how it says that it is ready.

use std::io::{BufRead, Read};
use std::net::TcpListener;

use crate::harness::{Serving, answer, ask, post, run, stderr, stdout, until, with_endpoint};

#[cfg(unix)]
#[test]
fn what_is_held_is_told_at_the_end_and_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let mut first = Serving::start(dir.path(), &[], &[]);
    let keeping = until(&mut first, "keeping webhooks");
    assert!(keeping.contains("holds=true owed=0 history_for=86400s owed_for=86400s"), "{keeping}");
    let url = first.public_url();
    for _ in 0..3 {
        let held = post(&url, "{}");
        assert!(held.starts_with("HTTP/1.1 200 ") && held.contains("muxhook-answer: held"), "{held}");
    }
    first.signal("TERM");
    let (code, _, log) = first.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("owed=3"), "{log}");

    let mut second = Serving::start(dir.path(), &["--hold=off", "--retention=0s"], &[]);
    let keeping = until(&mut second, "keeping webhooks");
    assert!(keeping.contains("holds=false owed=3 history_for=0ns"), "what was held is owed still: {keeping}");
    assert!(post(&second.public_url(), "{}").starts_with("HTTP/1.1 503 "));
}

#[cfg(unix)]
#[test]
fn a_relay_that_keeps_nothing_makes_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &["--hold", "off"], &[("MUXHOOK_RELAY_RETENTION", "0s")]);
    until(&mut serving, "no webhook is kept");
    let refused = post(&serving.public_url(), "{}");
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("no_listener"), "{refused}");
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
    let files: Vec<_> =
        dir.path().read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(files.iter().any(|name| name == "relay.db"), "{files:?}");
    assert!(!files.iter().any(|name| name.starts_with("journal")), "{files:?}");
}

#[cfg(unix)]
#[test]
fn without_holding_there_may_be_history() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &["--hold=off"], &[]);
    until(&mut serving, "with --hold off nothing new is held");
    assert!(post(&serving.public_url(), "{}").starts_with("HTTP/1.1 503 "));
    assert!(dir.path().join("journal.db").exists());
}

#[cfg(unix)]
#[test]
fn a_second_relay_waits_for_the_first_and_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Serving::start(dir.path(), &[], &[]);
    let address = first.public_url();
    let port = format!("--listen={}", address.strip_prefix("http://").unwrap());

    let mut second = Serving::start_at(dir.path(), &[&port, "--grace=10m"], &[]);
    until(&mut second, "another relay serves from the data folder: waiting for it to end");
    assert!(answer(&address, "GET /healthz").starts_with("HTTP/1.1 200 "), "the first one serves");
    first.signal("TERM");
    assert_eq!(first.end().0, Some(0));
    assert_eq!(second.public_url(), address);
    assert!(answer(&address, "GET /healthz").starts_with("HTTP/1.1 200 "));
}

#[cfg(unix)]
#[test]
fn a_second_relay_that_waits_ends_at_once_when_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Serving::start(dir.path(), &[], &[]);
    first.line();
    for signal in ["INT", "TERM"] {
        let mut second = Serving::start(dir.path(), &["--grace=10m"], &[]);
        until(&mut second, "waiting for it to end");
        second.signal(signal);
        let (code, out, log) = second.end();
        assert_eq!((code, out.as_str()), (Some(0), ""));
        assert!(log.contains("ended before it began") && log.contains(signal), "{log}");
    }
}

#[test]
fn a_second_relay_gives_up_when_its_grace_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Serving::start(dir.path(), &[], &[]);
    first.line();
    // A port that is taken: it is the folder that is told, since no port is touched before.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("--listen={}", taken.local_addr().unwrap());
    for grace in ["--grace=0s", "--grace=200ms"] {
        let refused = run(&["serve", &port, grace], dir.path()).code(1);
        let told = stderr(&refused);
        let last = told.lines().last().unwrap();
        let place = dir.path().display();
        let expected = format!(
            "error: another relay serves from {place} already: end it first, or give this one a --data-dir of its own"
        );
        assert_eq!(last, expected);
        assert_eq!(told.contains("waiting for it to end"), grace != "--grace=0s", "{told}");
        assert_eq!(stdout(refused), "");
    }
}

#[cfg(unix)]
#[test]
fn readiness_is_told_on_a_port_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &["--admin=127.0.0.1:0"], &[]);
    let line = until(&mut serving, "telling readiness");
    let admin = format!("http://{}", line.split_once("address=").unwrap().1.trim());
    let public = serving.public_url();

    assert!(answer(&admin, "GET /healthz").ends_with("\r\n\r\nok\n"));
    let ready = answer(&admin, "GET /readyz");
    assert!(
        ready.starts_with("HTTP/1.1 200 ") && ready.contains("content-type: application/json"),
        "{ready}"
    );
    assert!(ready.ends_with(r#"{"ready":true,"faults":[],"dropped":0}"#), "{ready}");
    let head = answer(&admin, "HEAD /readyz");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    let wrong = answer(&admin, "POST /readyz");
    assert!(wrong.starts_with("HTTP/1.1 405 ") && wrong.contains("allow: GET, HEAD"), "{wrong}");
    for path in ["/", "/h/hooks", "/_relay/v1/status"] {
        assert!(answer(&admin, &format!("GET {path}")).starts_with("HTTP/1.1 404 "), "{path}");
    }
    for path in ["/readyz", "/metrics"] {
        assert!(
            answer(&public, &format!("GET {path}")).starts_with("HTTP/1.1 404 "),
            "it is not for the public"
        );
    }

    assert!(answer(&public, "POST /h/nobody").starts_with("HTTP/1.1 404 "));
    let counted = answer(&admin, "GET /metrics");
    assert!(counted.contains("\r\ncontent-type: application/openmetrics-text; version=1.0.0; "), "{counted}");
    assert!(counted.contains("\nmuxhook_webhooks_total{answer=\"relay\",status=\"404\"} 1\n"), "{counted}");

    for line in [
        "sessions{role=\"listener\"} 0",
        "webhooks_in_flight 0",
        "owed 0",
        "journal_open 1",
        "history_dropped_total 0",
    ] {
        assert!(counted.contains(&format!("\nmuxhook_{line}\n")), "{line} in {counted}");
    }

    // A question under way keeps the relay from being down, and it says so.
    let mut under_way =
        ask(&public, "POST /_relay/v1/endpoints HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue");
    let mut status = String::new();
    under_way.read_line(&mut status).unwrap();
    assert_eq!(status, "HTTP/1.1 100 Continue\r\n");
    serving.signal("TERM");
    until(&mut serving, "going down");
    let unready = answer(&admin, "GET /readyz");
    assert!(unready.starts_with("HTTP/1.1 503 ") && unready.contains(r#""fault":"going_down""#), "{unready}");
    assert!(answer(&admin, "GET /healthz").starts_with("HTTP/1.1 200 "), "alive all the same");
    drop(under_way);
    assert_eq!(serving.end().0, Some(0));
}

/// A proxy that is not trusted says who sent a request: that is told once, with what to do, and believed never.
#[cfg(unix)]
#[test]
fn who_says_where_requests_come_from_and_is_not_trusted_is_told_of_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    let public = serving.public_url();
    for field in ["X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7", "X-Forwarded-Proto: https"] {
        let mut answered = String::new();
        let head = format!("POST /h/nobody HTTP/1.1\r\nConnection: close\r\n{field}");
        ask(&public, &head).read_to_string(&mut answered).unwrap();
        assert!(answered.starts_with("HTTP/1.1 404 "), "{answered}");
    }
    serving.signal("TERM");
    let (_, _, log) = serving.end();
    assert_eq!(log.matches("--trusted-proxy 127.0.0.1").count(), 1, "{log}");
    assert!(!log.contains("192.0.2.7"), "{log}");
}
