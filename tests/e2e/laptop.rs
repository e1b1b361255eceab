//! A laptop is closed, and opened again six hours later: what Mux sent meanwhile is all there, in order, and signed so
//! that the app takes it.

use std::io::Read;
use std::process::Stdio;

use muxhook_link::Now;
use muxhook_protocol::mux::catalogue;
use muxhook_protocol::mux::sample::Event;
use muxhook_protocol::mux::signature::{self, Key, Verdict};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::spawn_blocking;

use crate::harness::http::request;
use crate::harness::{App, Message, Relay, User, respond, run};

const SECRET: &str = "the-webhook-signing-secret-of-this-test";

/// The wall clock of six hours ago.
fn six_hours_ago() -> Now {
    Now::from_fn(|| Now::system().unix_millis() - 6 * 60 * 60 * 1000)
}

fn key() -> Key {
    Key::new(SECRET).unwrap()
}

/// What Mux sends: 150 events, and 50 of them a second time, as after an answer that never came.
fn sent(at: u64) -> Vec<Vec<u8>> {
    let types = [
        "video.upload.created",
        "video.asset.created",
        "video.asset.ready",
        "video.live_stream.active",
        "video.asset.errored",
    ];
    let event = |number: usize| {
        let event_type = catalogue::find(types[number % types.len()]).unwrap();
        Event::of(event_type, number as u64, at).to_body()
    };
    let mut bodies = Vec::new();
    for number in 0..150 {
        bodies.push(event(number));
        if number % 3 == 2 {
            bodies.push(event(number - 2));
        }
    }
    bodies
}

/// Sends some of it over one connection, signed now.
async fn send(relay: &Relay, path: &str, bodies: &[Vec<u8>], now: Now) {
    let mut mux = relay.connect().await;
    for body in bodies {
        let timestamp = i64::try_from(now.unix_millis() / 1000).unwrap();
        let signature = signature::sign(&key(), timestamp, body).into_bytes();
        let headers = [("mux-signature".to_owned(), signature)];
        mux.send(request(path, &headers, body)).await;
        assert_eq!(mux.receive().await.unwrap().by(), (200, "held"));
    }
}

/// An app as Mux's SDK makes it: what is not signed, or too long ago, is refused.
fn verifying(request: &Message) -> Vec<u8> {
    let now = i64::try_from(Now::system().unix_millis() / 1000).unwrap();
    let verify = |name| signature::verify(Some(request.get(name).as_bytes()), &request.body, &[key()], now);
    let is_valid = matches!(verify("mux-signature"), Verdict::Valid { .. });
    // What Mux had signed can still be read, and is six hours old.
    let was_stale =
        matches!(verify("muxhook-original-signature"), Verdict::Stale { age: 21_000..22_000, .. });
    respond(if is_valid && was_stale { 200 } else { 400 }, &[], "")
}

/// What is told, without what differs from run to run.
fn told(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut words = line.to_owned();
        if line.get(2..3) == Some(":") && line.get(5..6) == Some(":") {
            words.replace_range(..8, "hh:mm:ss");
        }
        if let Some(end) = words.find(" ms ") {
            let begin = words[..end].rfind(' ').map_or(0, |space| space + 1);
            words.replace_range(begin..end, &format!("{:<width$}", "#", width = end - begin));
        }
        out.push_str(words.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn a_closed_laptop_misses_nothing() {
    run(|| async {
        let mut relay = Relay::start().await;
        let now = six_hours_ago();
        relay.restart_at(now).await;
        let user = User::of(&relay);
        let mut app = App::start(|request| async move { verifying(&request) });
        let listen = ["--forward-to", &app.url(), "--endpoint", "laptop"];
        let mut cli = user.listen(&listen).await;
        cli.stop().await;

        let sent = sent(now.unix_millis());
        assert_eq!(sent.len(), 200);
        send(&relay, "/h/laptop", &sent[..70], now).await;
        relay.restart().await;
        send(&relay, "/h/laptop", &sent[70..], now).await;
        relay.restart_at(Now::system()).await;

        let mut command = user.command(&[&["listen"], &listen[..]].concat());
        command.env("MUX_WEBHOOK_SECRET", SECRET).env("LANG", "C.UTF-8");
        let mut listener =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, mut err) = (listener.stdout.take().unwrap(), listener.stderr.take().unwrap());
        let read = spawn_blocking(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text).unwrap()
        });
        let mut arrived = Vec::new();
        while arrived.len() < sent.len() {
            arrived.push(app.request().await.body.clone());
        }
        assert!(arrived == sent, "in order of arrival, each with the bytes that Mux sent");
        // The relay is to know of the last one, and the CLI to say that it is over.
        let said = spawn_blocking(move || {
            let mut text = String::new();
            let mut buffer = [0; 1024];
            while !text.contains("caught up") {
                let length = err.read(&mut buffer).unwrap();
                assert!(length > 0, "it ended: {text}");
                text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            }
            text
        });
        let said = said.await.unwrap();
        kill_process(Pid::from_child(&listener), Signal::TERM).unwrap();
        let lines = read.await.unwrap();
        assert!(listener.wait().unwrap().success());
        assert_eq!(app.unseen(), 0);
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(lines.len(), 200, "{lines:#?}");
        assert!(lines.iter().all(|line| line.contains("✓ 200") && line.contains("owed")), "{lines:#?}");
        assert_eq!(lines.iter().filter(|line| line.contains("duplicate")).count(), 50);
        let said = said.replace(&relay.addr.port().to_string(), "<relay>");
        let said = said.replace(app.url().rsplit(':').next().unwrap(), "<app>");
        insta::assert_snapshot!(told(&format!("{said}\n{}", lines[..12].join("\n"))));

        let mut cli = user.listen(&listen).await;
        cli.stop().await;
        assert_eq!(app.unseen(), 0, "nothing is owed any more");
    });
}
