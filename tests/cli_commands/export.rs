//! `events export`.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fake_history::{History, Past};
use crate::fake_relay::TOKEN;
use crate::home::{Ended, Home};

/// Runs `events export` on the history of `alice`.
fn export(home: &Home, history: &History, args: &[&str]) -> Ended {
    let place = ["--endpoint", "alice", "--relay", &history.url];
    let mut command = home.muxhook(&[&["events", "export"], args, &place].concat());
    command.env("MUXHOOK_TOKEN", TOKEN);
    Ended::of(command)
}

/// A request as its bytes came.
struct Request {
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// An app that takes one request.
fn app() -> (String, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/base?x=1", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        sender.send(request(&mut stream).unwrap()).unwrap();
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
    });
    (url, receiver)
}

fn request(stream: &mut impl BufRead) -> io::Result<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(b"") | None => break,
            Some(line) => lines.push(line.to_vec()),
        }
    }
    let line = String::from_utf8(lines.remove(0)).unwrap();
    let field = |line: Vec<u8>| {
        let colon = line.iter().position(|byte| *byte == b':').unwrap();
        let name = String::from_utf8(line[..colon].to_ascii_lowercase()).unwrap();
        (name, line[colon + 1..].trim_ascii().to_vec())
    };
    let headers: Vec<_> = lines.into_iter().map(field).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| std::str::from_utf8(value).unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Request { line, headers, body })
}

/// Shells of this machine; none, said aloud, where there is no curl.
fn shells() -> Vec<&'static str> {
    let there = |name: &str| {
        Command::new(name)
            .arg("-c")
            .arg("curl --version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
    };
    let shells: Vec<_> = ["sh", "bash", "dash", "zsh"]
        .into_iter()
        .filter(|name| there(name).is_ok_and(|status| status.success()))
        .collect();
    if shells.is_empty() {
        let _ = writeln!(io::stderr(), "SKIPPED: there is no sh with a curl here");
    }
    shells
}

/// What the app gets when `sh` runs the command for `past`.
fn ran(shell: &str, past: &Past) -> Request {
    let (home, history) = (Home::new(), History::unheard(vec![past.clone()]));
    let (url, seen) = app();
    let told = export(&home, &history, &[&past.id(), "--as", "curl", "-f", &url]).with(0, "");
    assert!(!told.out.bytes().any(|byte| byte.is_ascii_control() && byte != b'\n' && byte != b'\t'));
    let mut command = Command::new(shell);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home.path(""));
    // From a file: it may be longer than what a program can be given.
    std::fs::write(home.path("command"), &told.out).unwrap();
    let output = command.arg(home.path("command")).output().unwrap();
    assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    seen.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[test]
fn a_curl_command_sends_the_very_bytes() {
    let all: Vec<u8> = (0..=255).collect();
    let every_second: String = ('\u{80}'..='\u{7ff}').filter(|char| !char.is_control()).collect();
    let bodies: [&[u8]; 11] = [
        br#"{"type":"video.asset.ready","data":{"title":"it's \"100%\" $HOME `id` \\n !"}}"#,
        b"",
        b"@/etc/passwd",
        b"-d @- two\nlines\tand a tab\n\n",
        b"%s%d\\n\\0'\"",
        b"\r\n\x1b[2J \x7f",
        "\u{202e}\u{9b}hidden ü €".as_bytes(),
        every_second.as_bytes(),
        &all,
        &[b"x'".repeat(200_000).as_slice(), b"\n"].concat(),
        &all.repeat(1000),
    ];
    for shell in shells() {
        for body in bodies {
            let got = ran(shell, &Past::new(1, &[("content-type", b"application/json")], body));
            assert!(got.body == body, "{shell}: {}", body[..body.len().min(300)].escape_ascii());
        }
    }
}

#[test]
fn a_curl_command_sends_the_headers_that_came_and_none_of_its_own() {
    let sent: &[(&str, &[u8])] = &[
        ("x-quote'$`", b"it's \"$HOME\" `id`"),
        ("mux-signature", b"t=1,v1=ab"),
        ("x-twice", b"1"),
        ("x-bytes", b"caf\xe9 \x80\xff\t!"),
        ("x-twice", b"2"),
        ("x-empty", b""),
        ("x-at", b"@file"),
        ("x-text", "ü".as_bytes()),
    ];
    let hop: &[(&str, &[u8])] = &[
        ("connection", b"x-hop"),
        ("x-hop", b"1"),
        ("te", b"trailers"),
        ("host", b"h.example"),
        ("content-length", b"999"),
    ];
    for shell in shells() {
        let mut past = Past::new(1, &[sent, hop].concat(), &b"z".repeat(2 << 20));
        (past.detail.row.path, past.detail.row.query) = ("/a/../{b}[1-3]".into(), Some("q='$(id)".into()));
        let got = ran(shell, &past);
        assert_eq!(got.line, "POST /base/a/../{b}[1-3]?x=1&q='$(id) HTTP/1.1", "{shell}");
        let mut rest = got.headers;
        rest.retain(|(name, _)| name != "host" && name != "content-length");
        let sent: Vec<_> = sent.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
        assert_eq!(rest, sent, "{shell}");
    }
}

#[test]
fn json_is_what_listen_prints() {
    let body = b"{\"type\" : \"video.asset.ready\", \"id\":\"e1\",\"stream_key\":\"k\", \"big\":1.0}\n";
    let past = [Past::new(1, &[("x-b", b"\xff")], body), Past::new(2, &[], b"\xff\0")];
    let (home, history) = (Home::new(), History::unheard(past.to_vec()));
    let told = export(&home, &history, &[&past[1].id()[30..], &past[0].id()]).with(0, "");
    let lines: Vec<Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["v"], &lines[0]["kind"], &lines[0]["body_base64"]),
        (&json!(1), &json!("event"), &json!("/wA="))
    );
    assert_eq!(lines[1]["delivery"], past[0].id());
    assert_eq!(lines[1]["headers"], json!([["x-b", "ÿ"]]));
    assert_eq!(
        (&lines[1]["event_type"], &lines[1]["signature"]),
        (&json!("video.asset.ready"), &json!("unchecked"))
    );
    assert!(
        told.out.contains(r#""payload":{"type":"video.asset.ready","id":"e1","stream_key":"k","big":1.0}"#)
    );
}

#[test]
fn a_har_is_one_archive() {
    let past = [Past::new(1, &[], "\u{9b}ü".as_bytes()), Past::new(2, &[], b"{}")];
    let (home, history) = (Home::new(), History::unheard(past.to_vec()));
    let told = export(&home, &history, &[&past[0].id(), &past[1].id(), "--as", "har"]).with(0, "");
    assert!(!told.out.contains('\u{9b}'));
    let log = &serde_json::from_str::<Value>(&told.out).unwrap()["log"];
    assert_eq!((&log["version"], &log["creator"]["name"]), (&json!("1.2"), &json!("muxhook")));
    let entries = log["entries"].as_array().unwrap();
    assert_eq!((entries.len(), &entries[0]["request"]["url"]), (2, &json!("https://h.example/h/alice")));
    assert_eq!(entries[0]["request"]["postData"]["text"], "\u{9b}ü");
    assert_eq!(entries[0]["startedDateTime"], "2026-01-01T00:00:01.000Z");
}

#[test]
fn mistakes_are_named_and_nothing_is_half_written() {
    let past = Past::new(1, &[], b"{}");
    let (home, history) = (Home::new(), History::unheard(vec![past.clone()]));
    for form in ["json", "curl", "har"] {
        let told =
            export(&home, &history, &[&past.id(), "ffff", "--as", form]).with(2, "there is no such event");
        assert_eq!(told.out, "", "{form}");
    }
    export(&home, &history, &[&past.id(), "-f", "3000"]).with(2, "--forward-to is for --as curl");
    export(&home, &history, &[&past.id(), "--as", "curl", "-f", "localhost:0"])
        .with(2, "--forward-to localhost:0");
    Home::new().run(&["events", "export", "abcd"]).with(3, "no relay is configured");
}

#[test]
fn a_signature_that_an_app_refuses_for_its_age_is_spoken_of() {
    let stale = Past::new(1, &[("mux-signature", b"t=1767225600,v1=aa")], b"{}");
    let history = History::unheard(vec![stale.clone(), Past::new(2, &[], b"{}")]);
    let home = Home::new();
    export(&home, &history, &[&stale.id(), "--as", "curl"]).with(0, "older than 300 s");
    let told = export(&home, &history, &["0202", "--as", "curl"]).with(0, "");
    assert_eq!(told.err, "");
}
