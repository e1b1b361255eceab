//! What the log says: a line for each request that failed, found by the id that its sender has; and nothing of what
//! anybody sent.

use std::collections::BTreeSet;
use std::io::{BufRead, Read, Write};

use serde_json::Value;

use crate::harness::{Serving, answer, ask, held, with_endpoint};

const DOCS: &str = include_str!("../../../docs/self-hosting.md");

/// A relay that logs JSON, the address it is reached at, and its log so far.
fn start(dir: &std::path::Path, level: &str) -> (Serving, String, String) {
    let mut serving = Serving::start(dir, &["--log=json"], &[("RUST_LOG", level)]);
    let mut log = String::new();
    loop {
        let from = log.len();
        assert!(serving.stderr.read_line(&mut log).unwrap() > 0, "it never told its address: {log}");
        let line: Value = serde_json::from_str(&log[from..]).unwrap();
        if let Some(url) = line["public_url"].as_str() {
            let url = url.to_owned();
            return (serving, url, log);
        }
    }
}

fn objects(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.split("\r\n\r\n").next().unwrap().lines();
    lines.find_map(|line| line.split_once(": ").filter(|(key, _)| *key == name)).map(|(_, value)| value)
}

/// A frame of a WebSocket's client (RFC 6455 §5.2), its mask all zeros.
fn frame(payload: &str) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut frame = vec![0x82, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload.as_bytes());
    frame
}

/// A session with an agent that means ill, which begins and ends.
fn session(url: &str, token: &str) {
    let head = format!(
        "GET /_relay/v1/connect HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: muxhook.v1\r\nAuthorization: Bearer {token}"
    );
    let mut stream = ask(url, &head);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.contains(" 101 "), "{line}");
    let hello = r#"{"frame":"hello","agent":"evil\n\u001b[2J","endpoint":"hooks","prefer":[],"listener":"one",
        "role":"listener","ack":"app","owed":"later","since":null,"resume":[]}"#;
    let hello = format!("{}\n", hello.split_whitespace().collect::<String>());
    stream.get_mut().write_all(&frame(&hello)).unwrap();
    let mut welcome = vec![0; 2048];
    while !String::from_utf8_lossy(&welcome).contains("welcome") {
        welcome.clear();
        assert!(stream.fill_buf().is_ok_and(|bytes| {
            welcome.extend(bytes);
            !bytes.is_empty()
        }));
        stream.consume(welcome.len());
    }
}

#[test]
fn each_failure_is_found_by_the_id_in_its_answer_and_nothing_that_was_sent_stands_there() {
    let dir = tempfile::tempdir().unwrap();
    let token = with_endpoint(dir.path());
    let (serving, url, mut log) = start(dir.path(), "muxhook_relay=debug");
    let secrets = "X-Secret: header-secret\r\nAuthorization: Bearer bearer-secret";
    let sent = [
        ("404 ", "unknown_endpoint", answer(&url, "POST /h/nobody/path-secret?q=query-secret")),
        ("401 ", "unauthorized", answer(&url, "GET /_relay/v1/status?q=query-secret")),
        ("405 ", "method_not_allowed", answer(&url, "PUT /h/hooks?q=query-secret")),
        ("404 ", "not_found", answer(&url, "GET /path-secret")),
    ];
    let mut with_secrets = String::new();
    ask(
        &url,
        &format!(
            "POST /h/hooks?q=query-secret HTTP/1.1\r\nConnection: close\r\n{secrets}\r\nContent-Length: 11"
        ),
    )
    .get_mut()
    .write_all(b"body-secret")
    .unwrap();
    let mut wrong_token =
        ask(&url, &format!("GET /_relay/v1/status HTTP/1.1\r\nConnection: close\r\n{secrets}"));
    wrong_token.read_to_string(&mut with_secrets).unwrap();
    held(&url, "body-secret");
    session(&url, &token);
    serving.signal("TERM");
    let (code, _, rest) = serving.end();
    assert_eq!(code, Some(0));
    log.push_str(&rest);

    for secret in ["header-secret", "bearer-secret", "path-secret", "query-secret", "body-secret", &token] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let lines = objects(&log);
    for (status, code, answer) in &sent {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        let id = field(answer, "muxhook-request").unwrap();
        let found: Vec<_> = lines.iter().filter(|line| line["request"] == id).collect();
        assert_eq!(found.len(), 1, "{id} in {log}");
        assert_eq!((&found[0]["code"], &found[0]["message"]), (&(*code).into(), &"request failed".into()));
        assert_eq!(found[0]["status"].as_u64(), status.trim().parse().ok());
    }
    let answered: Vec<_> = lines.iter().filter(|line| line["message"] == "request answered").collect();
    assert!(answered.iter().any(|line| line["delivery"].is_string() && line["endpoint"] == "hooks"), "{log}");

    let session = |message: &str| lines.iter().find(|line| line["message"] == message).unwrap().clone();
    let (begins, ends) = (session("session begins"), session("session ends"));
    assert_eq!((&begins["session"], &begins["account"]), (&ends["session"], &"default".into()));
    assert_eq!((&begins["agent"], &begins["endpoint"]), (&r#""evil\n\u{1b}[2J""#.into(), &"hooks".into()));
    assert!(ends["cause"].is_string() && ends["lasted_s"].is_u64(), "{ends}");
}

#[test]
fn each_line_has_its_shape_and_each_field_its_place_in_the_docs() {
    let dir = tempfile::tempdir().unwrap();
    let token = with_endpoint(dir.path());
    let (serving, url, mut log) = start(dir.path(), "info");
    answer(&url, "POST /h/nobody");
    held(&url, "{}");
    session(&url, &token);
    serving.signal("TERM");
    log.push_str(&serving.end().2);
    let mut keys = BTreeSet::new();
    for line in objects(&log) {
        for always in ["timestamp", "level", "message", "target"] {
            assert!(line[always].is_string(), "{always} in {line}");
        }
        assert!(["INFO", "WARN", "ERROR"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(line["target"].as_str().unwrap().starts_with("muxhook_relay"), "{line}");
        keys.extend(line.as_object().unwrap().keys().cloned());
    }
    let (_, section) = DOCS.split_once("## The log").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let missing: Vec<_> = keys.iter().filter(|key| !section.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "{missing:?} are not in docs/self-hosting.md");
    assert!(keys.len() >= 20, "{keys:?}");
}

#[test]
fn strangers_do_not_fill_the_log() {
    const EACH: usize = 200;
    let dir = tempfile::tempdir().unwrap();
    let (serving, url, mut log) = start(dir.path(), "info");
    // What a stranger's failures are limited by does not count these: each is answered with 405.
    for _ in 0..EACH {
        assert!(answer(&url, "PUT /h/nobody").starts_with("HTTP/1.1 405 "));
    }
    serving.signal("TERM");
    log.push_str(&serving.end().2);
    let lines = objects(&log);
    let failed: Vec<_> = lines.iter().filter(|line| line["code"] == "method_not_allowed").collect();
    let told: u64 = failed.iter().filter_map(|line| line["left_out"].as_u64()).sum();
    assert!((50..EACH).contains(&failed.len()), "{} lines", failed.len());
    assert!(failed.len() as u64 + told <= EACH as u64, "{} and {told}", failed.len());
}
