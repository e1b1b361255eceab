//! What a person reads of a `listen`: the lines, how much of them, and what must never be in them.

use crate::home::Home;
use crate::http::{App, Sender, post};
use crate::running::Ended;

const EVENT: &str = r#"{"type":"video.live_stream.created","id":"e1","object":{"type":"live_stream","id":"ls1"},
    "data":{"stream_key":"s3cret-key","srt_passphrase":"s3cret-phrase","latency_mode":"low"}}"#;

/// What `listen` with further arguments makes of the event.
#[track_caller]
fn told(args: &[&str]) -> Ended {
    let (home, app) = (Home::new(), App::new(|_| ("200 OK", "the app's answer".to_owned())));
    let running = home.start(&[&["listen", "-f", &app.url()], args].concat());
    // Quiet, it prints no address; the state folder has it.
    let file = home.path("state/muxhook/state.json");
    let endpoint = (0..2000).find_map(|_| {
        std::thread::park_timeout(std::time::Duration::from_millis(5));
        let memory: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).ok()?).ok()?;
        Some(memory["relays"][0]["endpoints"][0]["endpoint"].as_str()?.to_owned())
    });
    post(&format!("http://127.0.0.1:{}/h/{}", home.port, endpoint.unwrap()), EVENT)
        .by_app(200, "the app's answer");
    running.stop().with(0, "")
}

#[test]
fn quiet_is_the_events_alone() {
    let told = told(&["--quiet"]);
    assert_eq!((told.out.lines().count(), told.err.as_str()), (1, ""));
    assert!(told.out.contains("200") && told.out.contains("video.live_stream.created"), "{}", told.out);
}

#[test]
fn as_much_of_an_event_as_is_wanted() {
    let (header, body, answer) = ("content-type: application/json", "latency_mode", "the app's answer");
    for (print, shown, hidden) in [
        ("summary", &[][..], &[header, body, answer][..]),
        ("headers", &[header], &[body, answer]),
        ("body", &[body], &[header, answer]),
        ("all", &[header, body, answer], &[]),
    ] {
        let told = told(&["--print", print]);
        assert!(shown.iter().all(|part| told.out.contains(part)), "{print}: {}", told.out);
        assert!(!hidden.iter().any(|part| told.out.contains(part)), "{print}: {}", told.out);
    }
}

#[test]
fn a_line_keeps_to_the_terminal_as_wide_as_it_is_now() {
    let (home, app) = (Home::new(), App::counting());
    let terminal = home.on_terminal(&["listen", "-f", &app.url()]).env("NO_COLOR", "1");
    let (running, screen) = terminal.start();
    let address = running.address();
    let event =
        |kind: &str| format!(r#"{{"type":"{kind}","object":{{"type":"live","id":"abcdefghijklmnopq"}}}}"#);
    post(&address, &event("video.live_stream.idle"));
    running.out.wait_for("video.live_stream.idle      live abcdefgh…nopq\r\n");
    screen.resize(50);
    post(&address, &event("video.live_stream.disconnected"));
    running.out.wait_for("video.live_stream.disco…\r\n");
}

#[test]
fn secrets_are_masked_unless_they_are_asked_for() {
    told(&["--print", "all"]).hides("s3cret");
    let shown = told(&["--print", "all", "--show-secrets"]).out;
    assert!(shown.contains("s3cret-key") && shown.contains("s3cret-phrase"), "{shown}");
}

#[test]
fn headers_are_added_and_replaced_on_the_way_to_the_app() {
    let (home, app) = (Home::new(), App::counting());
    let headers = [
        "-H",
        "X-Added: one",
        "--header",
        "X-Added: two",
        "-H",
        "Content-Type: text/x",
        "-H",
        "Host: my.app",
    ];
    let running = home.start(&[&["listen", "-f", &app.url()], &headers[..]].concat());
    post(&running.address(), "{}").by_app(200, "took 2");
    let seen = &app.seen()[0];
    let added: Vec<_> =
        seen.headers.iter().filter(|(name, _)| name == "x-added").map(|(_, value)| value).collect();
    assert_eq!(added, ["one", "two"]);
    assert_eq!((seen.header("content-type"), seen.header("host")), (Some("text/x"), Some("my.app")));
    assert!(seen.header("muxhook-delivery").is_some());
}

#[test]
fn an_app_that_says_no_is_counted_with_its_cause() {
    let (home, app) = (Home::new(), App::new(|_| ("404 Not Found", "no".to_owned())));
    let running = home.start(&["listen", "-f", &app.url()]);
    let address = running.address();
    post(&address, r#"{"type":"video.asset.ready"}"#).by_app(404, "no");
    post(&address, r#"{"type":"video.asset.ready"}"#).by_app(404, "no");
    let ended = running.stop().with(0, "2 events · 2 forwarded · 2 of them rejected by the app in");
    assert_eq!(ended.out.matches("hint: the app has no").count(), 1, "said once: {}", ended.out);
}

#[test]
fn types_go_where_their_route_leads_or_nowhere() {
    let (home, main, live) = (Home::new(), App::counting(), App::counting());
    let route = format!("video.live_stream.*={}/live", live.url());
    let args = ["listen", "-f", &main.url(), "--route", &route, "-e", "video.*", "--exclude", "*.deleted"];
    let running = home.start(&args);
    let address = running.address();
    post(&address, r#"{"type":"video.live_stream.active"}"#).by_app(200, "took 35");
    post(&address, r#"{"type":"video.asset.ready"}"#).by_app(200, "took 28");
    for skipped in [r#"{"type":"video.asset.deleted"}"#, r#"{"type":"other.thing"}"#] {
        let answer = post(&address, skipped);
        assert_eq!((answer.status(), answer.header("muxhook-answer")), (200, Some("skipped")));
    }
    assert_eq!((main.seen().len(), live.seen().len()), (1, 1));
    assert_eq!(live.seen()[0].first, "POST /live HTTP/1.1");
    running.stop().with(0, "4 events · 2 forwarded · 2 skipped");
}

#[test]
fn without_an_app_events_are_shown_and_answered() {
    let home = Home::new();
    let running = home.start(&["listen"]);
    let answer = post(&running.address(), r#"{"type":"video.asset.ready"}"#);
    assert_eq!((answer.status(), answer.header("muxhook-answer")), (200, Some("none")));
    running.out.wait_for("received");
    running.stop().with(0, "nowhere: events are shown, and answered 200").with(0, "1 event in");
}

#[test]
fn nothing_a_sender_says_reaches_the_terminal_as_more_than_text() {
    let hostile = "\u{1b}[2J\u{9b}31m\u{1b}]0;owned\u{7}\r\u{8}\u{202e}\u{200b}\u{7f}\n12:00:00  forged";
    let escaped: String = serde_json::to_string(hostile).unwrap();
    let bodies = [
        format!(
            r#"{{"type":{escaped},"id":{escaped},"object":{{"type":{escaped},"id":{escaped}}},"data":{{{escaped}:{escaped}}}}}"#
        ),
        hostile.to_owned(),
    ];
    let home = Home::new();
    // The app's answer is shown below a failure, and may come from anywhere too.
    let app = App::new(move |_| ("500 Oops", hostile.to_owned()));
    for args in [&["--print", "all"][..], &["--json"]] {
        let running = home.start(&[&["listen", "-f", &app.url(), "--count", "2"], args].concat());
        let address = running.address();
        for body in &bodies {
            let answer = Sender::to(&address).unwrap().post(
                &format!("{address}/%1b[2J?\u{1b}[2J"),
                "x-hostile: a\u{1b}[2Jb\u{85}\r\n",
                body.as_bytes(),
            );
            // Raw control bytes in a request line or header may be refused as well: 400.
            answer.unwrap();
            post(&format!("{address}/%1b[2J?%1b"), body).by_app(500, hostile);
        }
        let ended = running.end().with(0, "2 events");
        for text in [&ended.out, &ended.err] {
            let bad = |char: char| (char.is_control() && char != '\n') || "\u{202e}\u{200b}".contains(char);
            assert!(!text.contains(bad), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("12:00:00")), "{text}");
        }
        assert!(ended.out.contains("forged"), "{}", ended.out);
    }
}
