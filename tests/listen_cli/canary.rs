//! Canaries: random secrets that are given to every command in every allowed way, and must then be in nothing that any
//! process says: no log however chatty, no error, no metric, no help, no list of processes, no answer on the wire.
//!
//! What may hold one is named in each test: files of mode 0600, and the stdout of those commands that are there to make
//! a token.

mod mistakes;
mod own;
mod watch;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use muxhook_protocol::mux::signature::{Key, sign};
use tokio::time::Instant;

use crate::home::free_port;
use crate::http::{App, Sender};
use crate::mux::Mux;
use crate::running::{LIMIT, Running};
use watch::Watch;

const BODY: &str = r#"{"type":"video.asset.ready","id":"e1","data":{"id":"a1","status":"ready"}}"#;

/// A relay that says all it can.
const CHATTY: (&str, &str) = ("RUST_LOG", "trace");

/// One request, and the whole answer.
fn ask(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "{head}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The words that serve a relay on `port`, and tell how it is on the next one.
fn serve<'a>(port: u16, log: &'a str, listen: &'a mut [String; 2]) -> Vec<&'a str> {
    *listen = [format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", port + 1)];
    vec!["relay", "serve", "--data-dir", "relay", "--listen", &listen[0], "--admin", &listen[1], "--log", log]
}

#[test]
fn a_relay_and_those_who_use_it_tell_nothing() {
    for log in ["text", "json"] {
        let watch = Watch::new();
        let (token, port) = (watch.canary("the bootstrap token"), free_port());
        let mut listen = Default::default();
        let mut words = serve(port, log, &mut listen);
        let mut variables = vec![CHATTY];
        if log == "text" {
            watch.home.write_private("bootstrap", &token);
            words.extend(["--bootstrap-token-file", "bootstrap"]);
        } else {
            variables.push(("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", &token));
        }
        let relay = watch.start(&words, &variables);
        relay.err.wait_for("reached at");
        let url = format!("http://127.0.0.1:{port}");

        watch.feed(&["login", &url], &token, &[]).with(0, "logged in to");
        operate(&watch);
        probe(&watch, port, &token);
        let relay = listen_there(&watch, &url, &token, relay, &words, &variables);

        watch.run(&["relay", "check", "--data-dir", "relay"], &[]).with(0, "");
        watch.run(&["relay", "check", "--data-dir", "relay", "--json"], &[]).with(0, "");
        watch.run(&["relay", "backup", "relay.tar", "--data-dir", "relay"], &[]).with(0, "");
        watch.run(&["logout"], &[]).with(0, "forgot the token");
        watch.stop("relay serve", relay).with(0, "ended");
        let mut kept = vec!["verify-secret", "secret", ".env", "relay/relay.db", "relay.tar"];
        kept.extend((log == "text").then_some("bootstrap"));
        watch.nothing_was_told(&kept);
    }
}

/// What an operator does beside the relay.
fn operate(watch: &Watch) {
    let place = ["--data-dir", "relay"];
    let run = |words: &[&str]| watch.run(&[&["relay"], words, &place].concat(), &[]);
    watch.told("a created token", &["relay", "token", "create", "--account", "web", "--data-dir", "relay"]);
    let list = run(&["token", "list"]).with(0, "").out;
    run(&["token", "list", "--json"]).with(0, "");
    let id = list.lines().find(|line| line.contains(" web ")).unwrap().split_whitespace().next().unwrap();
    let rotate = ["relay", "token", "rotate", id, "--data-dir", "relay"];
    let rotated = watch.told("a rotated token", &rotate);
    run(&["token", "revoke", id]).with(0, "");
    run(&["token", "rotate", id]).with(1, "is revoked");
    run(&["token", "revoke", &rotated[..8]]).with(1, "there is no token");
    run(&["account", "list"]).with(0, "");
    run(&["endpoint", "create", "checked"]).with(0, "");
    let secret = watch.canary("the secret that the relay checks by");
    watch.home.write_private("verify-secret", &secret);
    let set = ["relay", "endpoint", "set", "checked", "--verify-secret-stdin", "--data-dir", "relay"];
    watch.feed(&set, &secret, &[]).with(0, "");
    watch.feed(&set, &format!("{secret}\nand more"), &[]);
    run(&["endpoint", "list"]).with(0, "");
    run(&["endpoint", "list", "--json"]).with(0, "");
}

/// What strangers and senders of nonsense are answered, and what the operator's port says.
fn probe(watch: &Watch, port: u16, token: &str) {
    let secret = watch.home.read("verify-secret");
    let signature = sign(&Key::new(&secret).unwrap(), jiff::Timestamp::now().as_second(), BODY.as_bytes());
    let url = format!("http://127.0.0.1:{port}/h/checked");
    let signed = |signature: &str| {
        let header = format!("Mux-Signature: {signature}\r\n");
        let answer = Sender::to(&url).unwrap().post(&url, &header, BODY.as_bytes()).unwrap();
        watch.heard("an answer to a webhook", &format!("{answer:?} {}", answer.text()));
        answer.status()
    };
    // The relay checks by the secret within a second. Until then it would keep what it is sent below.
    let began = Instant::now();
    while signed("t=1,v1=00") != 401 {
        assert!(began.elapsed() < LIMIT, "what is not signed is taken");
        thread::park_timeout(Duration::from_millis(20));
    }
    let status = "GET /_relay/v1/status HTTP/1.1";
    for head in [
        format!("{status}\r\nAuthorization: Bearer {token}"),
        format!("{status}\r\nAuthorization: Bearer {token}x"),
        format!("{status}\r\nAuthorization: Bearer {token} and more"),
        format!("{status}\r\nAuthorization: Basic {}", data_encoding::BASE64.encode(token.as_bytes())),
        format!("{status}\r\nAuthorization: {token}"),
        format!("{status}\r\nAuthorization: Bearer {token}\r\nAuthorization: Bearer {token}"),
        format!("{status}\r\n {token}"),
        format!("GET /_relay/v1/connect HTTP/1.1\r\nAuthorization: Bearer {token}"),
        format!("GET /_relay/v1/status?token={token} HTTP/1.1"),
        format!("POST /h/checked HTTP/1.1\r\nMux-Signature: {token}\r\nContent-Length: 0"),
    ] {
        watch.heard("an answer of the relay", &ask(port, &head));
    }
    assert_eq!(signed(&signature), 200);
    for path in ["/metrics", "/readyz", "/healthz", "/"] {
        let answer = ask(port + 1, &format!("GET {path} HTTP/1.1"));
        watch.heard(path, &answer);
        assert!(path != "/metrics" || answer.contains("muxhook_webhooks_total{"), "{answer}");
    }
}

/// Listeners and whoever asks, over a relay that is killed meanwhile; the next relay.
fn listen_there(
    watch: &Watch,
    url: &str,
    token: &str,
    relay: Running,
    serve: &[&str],
    variables: &[(&str, &str)],
) -> Running {
    let app = App::new(|request| match request.text().contains("fails") {
        true => ("500 Internal Server Error", "it broke".to_owned()),
        false => ("200 OK", String::new()),
    });
    let secret = watch.canary("the signing secret");
    watch.home.write_private("secret", &secret);
    watch.home.write_private(".env", &format!("MUX_WEBHOOK_SECRET='{secret}'\n"));
    let by_token = [("MUXHOOK_RELAY", url), ("MUXHOOK_TOKEN", token)];
    let app_url = app.url();
    let people =
        ["listen", "-f", &app_url, "--secret-file", "secret", "--print", "all", "--endpoint", "people"];
    let people = watch.start(&people, &[]);
    let program = ["listen", "--json", "-f", &app_url, "--env-file", ".env", "--endpoint", "program"];
    let program = watch.start(&program, &by_token);
    let looks_on = watch.start(&["listen", "--endpoint", "people"], &[("MUX_WEBHOOK_SECRET", &secret)]);
    for listener in [&people, &program, &looks_on] {
        listener.err.wait_for("Listening on");
    }
    for endpoint in ["people", "program"] {
        for (key, data) in [(&*secret, "{}"), ("another", "{}"), (&*secret, r#"{"passthrough":"fails"}"#)] {
            let args = ["trigger", "video.asset.ready", "--endpoint", endpoint, "--data", data, "--json"];
            watch.run(&args, &[("MUX_WEBHOOK_SECRET", key)]);
        }
        watch.run(&["events", "list", "--endpoint", endpoint], &by_token).with(0, "");
        watch.run(&["events", "list", "--endpoint", endpoint, "--json"], &[]).with(0, "");
    }
    watch.run(&["status"], &[]).with(0, "");
    watch.run(&["status", "--json"], &by_token).with(0, "");
    watch.run(&["endpoints", "list"], &[]).with(0, "");
    watch.run(&["doctor", "--secret-file", "secret"], &[]);
    watch.run(&["doctor", "--json"], &[by_token[0], by_token[1], ("MUX_WEBHOOK_SECRET", &secret)]);
    watch.list_processes("listen --json");
    let waits = ["wait", "video.*", "--endpoint", "people", "--timeout", "100ms"];
    watch.run(&waits, &[("MUX_WEBHOOK_SECRET", &secret)]).with(4, "");

    relay.signal(rustix::process::Signal::KILL);
    let killed = watch.ended(&["relay serve, killed"], relay.end());
    assert!(killed.err.contains("DEBUG"), "it said little: {}", killed.err);
    for listener in [&people, &program] {
        listener.err.wait_for("the link to the relay is lost");
    }
    let once = ["listen", "--no-retry", "--endpoint", "people"];
    watch.run(&once, &by_token).with(3, "cannot be reached");
    let relay = watch.start(serve, variables);
    relay.err.wait_for("reached at");
    for (who, listener) in [("listen", people), ("listen --json", program)] {
        listener.err.wait_for("the link is back");
        watch.stop(who, listener).with(0, "");
    }
    watch.stop("listen, looking on", looks_on);
    let wrong = format!("{token}x");
    watch.run(&["listen"], &[("MUXHOOK_RELAY", url), ("MUXHOOK_TOKEN", &wrong)]).with(5, "");
    watch.run(&["status"], &[("MUXHOOK_RELAY", url), ("MUXHOOK_TOKEN", &wrong)]).with(5, "");
    relay
}

#[test]
fn mux_is_told_the_access_token_and_nobody_else_is() {
    let watch = Watch::new();
    let access = watch.canary("Mux's access token");
    let mux = Mux::taking(&access);
    watch.watch("a webhook's secret", &Mux::secret("w1"));
    let own = mux.variables();
    let own = own.each_ref().map(|(name, value)| (*name, &**value));
    let (token, port) = (watch.canary("the bootstrap token"), free_port());
    let mut listen = Default::default();
    let words = serve(port, "text", &mut listen);
    let words = [&words[..], &["--public-url", "https://hooks.example.com"]].concat();
    let relay = watch.start(&words, &[CHATTY, ("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", &token)]);
    relay.err.wait_for("reached at");
    watch.feed(&["login", &format!("http://127.0.0.1:{port}")], &token, &[]).with(0, "");

    watch.run(&["register", "--yes"], &own).with(0, "");
    watch.run(&["register", "--json"], &own).with(0, "");
    watch.home.write_private("app.env", "A=1\n");
    watch.run(&["register", "--write-env", "app.env"], &own).with(0, "");
    let listener = watch.start(&["listen", "--register"], &own);
    listener.err.wait_for("Listening on");
    watch.list_processes("listen --register");
    watch.run(&["doctor"], &own);
    watch.run(&["doctor", "--json"], &own);
    watch.stop("listen --register", listener).with(0, "");
    watch.run(&["unregister", "--yes"], &own).with(0, "");
    let wrong = [own[0], own[1], ("MUX_TOKEN_SECRET", &access[1..])];
    watch.run(&["register", "--yes"], &wrong).with(5, "");
    watch.run(&["doctor"], &wrong);
    for (status, body) in [("500 Internal Server Error", ""), ("403 Forbidden", "no"), ("200 OK", "{")] {
        mux.answers("GET", status, body);
        watch.run(&["register", "--yes"], &own);
    }
    let nobody = [("MUX_BASE_URL", "http://127.0.0.1:1"), own[1], own[2]];
    watch.run(&["register", "--yes"], &nobody);
    watch.stop("relay serve", relay).with(0, "");
    watch.nothing_was_told(&["config/muxhook/config.toml", "state/muxhook/webhooks.json", "app.env"]);
}
