//! `login`, `status`, `logout`.

use std::fs;

use crate::fake_relay::{self, TOKEN};
use crate::home::Home;

#[test]
fn a_token_is_tried_then_kept_then_used_then_forgotten() {
    let (home, relay) = (Home::new(), fake_relay::relay());
    let told = home.feed(&["login", &relay], &format!("{TOKEN}\n")).with(0, "as acme\\x1b[2J").hides(TOKEN);
    assert_eq!(told.out, "");
    assert!(fs::read_to_string(home.config()).unwrap().contains(TOKEN));

    let status = home.run(&["status"]).with(0, "").hides(TOKEN);
    for part in [&*relay, "muxhook-relay/9.9", "acme\\x1b[2J", "config.toml", "https://h.example/h/alice"] {
        assert!(status.out.contains(part), "{part}: {}", status.out);
    }
    assert!(!status.out.contains('\x1b'));

    home.run(&["logout"]).with(0, "forgot the token").hides(TOKEN);
    assert!(!fs::read_to_string(home.config()).unwrap().contains(TOKEN));
    home.run(&["logout"]).with(0, "nothing to forget");
    home.run(&["logout", &relay]).with(1, "there is no token for");
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (home, relay) = (Home::new(), fake_relay::relay());
    home.feed(&["login", &relay], TOKEN).with(0, "");
    assert_eq!(fs::metadata(home.config()).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(home.config(), fs::Permissions::from_mode(0o644)).unwrap();
    home.run(&["status"]).with(2, "may be read by others").with(2, "chmod 600").hides(TOKEN);
    fs::set_permissions(home.config(), fs::Permissions::from_mode(0o600)).unwrap();

    let folder = home.path("config/muxhook");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o775)).unwrap();
    home.run(&["status"]).with(2, "others may put files into").with(2, "chmod 700").hides(TOKEN);
    fs::remove_file(home.config()).unwrap();
    home.feed(&["login", &relay], TOKEN).with(2, "chmod 700").hides(TOKEN);
    assert!(!home.config().exists(), "no token is put there");
}

#[test]
fn a_stored_token_is_sent_to_its_own_origin_alone() {
    let (home, relay) = (Home::new(), fake_relay::relay());
    home.feed(&["login", &relay], TOKEN).with(0, "");
    let (heard, hears) = std::sync::mpsc::sync_channel(8);
    let elsewhere = fake_relay::answering(move |request| {
        heard.send(request.to_owned()).unwrap();
        fake_relay::problem("401 Unauthorized", "unauthorized", "no such token")
    });
    // The same machine on another port is another origin: there is nothing to send, so nothing is sent.
    home.run(&["status", "--relay", &elsewhere]).with(5, "there is no token for").hides(TOKEN);
    home.run(&["endpoints", "list", "--relay", &elsewhere]).with(5, "there is no token for").hides(TOKEN);
    // Nor is the same port by another scheme, or by another name.
    for other in [relay.replace("http://", "https://"), relay.replace("127.0.0.1", "localhost")] {
        home.run(&["status", "--relay", &other]).with(5, "there is no token for").hides(TOKEN);
        home.run(&["listen", "--relay", &other]).with(5, "there is no token for").hides(TOKEN);
    }
    assert!(hears.try_recv().is_err());
    // Nor does a redirect take it along.
    let target = elsewhere.clone();
    let redirects = fake_relay::answering(move |_| {
        format!("HTTP/1.1 307 x\r\nlocation: {target}/_relay/v1/status\r\ncontent-length: 0\r\n\r\n")
    });
    home.run(&["status", "--relay", &redirects, "--token", TOKEN])
        .with(5, "it redirects elsewhere")
        .hides(TOKEN);
    let listen = ["listen", "--no-retry", "--relay", &redirects, "--token", TOKEN];
    home.run(&listen).with(5, "307 Temporary Redirect, and points to").hides(TOKEN);
    assert!(hears.try_recv().is_err());
}

#[test]
fn a_token_without_the_scope_is_told_which_it_needs() {
    let home = Home::new();
    let message = "this token has not the scope admin: ask whoever runs this relay";
    let relay = fake_relay::answering(move |_| fake_relay::problem("403 Forbidden", "scope", message));
    let args = ["endpoints", "delete", "alice", "--relay", &relay];
    let command = home.run(&[&args[..], &["--token", TOKEN]].concat());
    command.with(5, "has not the scope admin").hides(TOKEN);
}

#[test]
fn a_wrong_token_is_refused_and_not_kept() {
    let (home, relay) = (Home::new(), fake_relay::relay());
    home.feed(&["login", &relay], "wr0ng-t0ken").with(5, "does not know this token").hides("wr0ng");
    assert!(!home.config().exists());
}

#[test]
fn what_is_pasted_must_be_a_token() {
    let (home, relay) = (Home::new(), fake_relay::relay());
    home.run(&["login", &relay]).with(2, "the token is empty");
    home.feed(&["login", &relay], "p@ste d by mistake")
        .with(2, "characters that no token has")
        .hides("mistake");
}

#[test]
fn a_relay_that_is_not_there_cannot_be_reached() {
    let home = Home::new();
    home.feed(&["login", &fake_relay::nobody()], TOKEN).with(3, "cannot be reached").hides(TOKEN);
    assert!(!home.config().exists());
}

#[test]
fn what_is_no_relay_is_called_so() {
    for answer in [
        fake_relay::json("200 OK", "<!doctype html><title>Welcome to nginx</title>"),
        fake_relay::json("200 OK", r#"{"ok":true}"#),
        fake_relay::json("404 Not Found", r#"{"detail":"Not Found"}"#),
        "SSH-2.0-OpenSSH_9.9\r\n".to_owned(),
    ] {
        let home = Home::new();
        let url = fake_relay::answering(move |_| answer.clone());
        home.feed(&["login", &url], TOKEN).with(5, "is no muxhook relay").hides(TOKEN);
        assert!(!home.config().exists());
    }
}

#[test]
fn a_url_that_is_none_is_refused_with_the_reason() {
    let home = Home::new();
    for (url, reason) in [
        ("hooks.example.com", "it has no scheme"),
        ("http://hooks.example.com", "--plain"),
        ("https://hooks.example.com/relay", "it has a path"),
        ("https://me:hunter2@hooks.example.com", "user name or password"),
        ("https://hooks.example.com:0", "its port"),
    ] {
        home.feed(&["login", url], TOKEN).with(2, reason).hides(TOKEN).hides("hunter2");
    }
}

#[test]
fn a_certificate_that_cannot_be_read_is_named() {
    let home = Home::new();
    let args = ["login", "https://localhost:1", "--relay-ca", "no-such.pem"];
    home.feed(&args, TOKEN).with(2, "no-such.pem").hides(TOKEN);
}

#[test]
fn status_says_so_when_there_is_no_relay() {
    let home = Home::new();
    assert!(home.run(&["status"]).with(0, "muxhook login").out.starts_with("no relay is configured"));
    let json: serde_json::Value = serde_json::from_str(&home.run(&["status", "--json"]).out).unwrap();
    assert_eq!(json["relay"], serde_json::Value::Null);
}

#[test]
fn a_typed_token_is_remarked_on_and_never_repeated() {
    let (home, relay) = (Home::new(), fake_relay::relay());
    let args = ["status", "--json", "--relay", &relay, "--token", TOKEN];
    let told =
        home.run(&args).with(0, "warning: a token on the command line").with(0, "MUXHOOK_TOKEN").hides(TOKEN);
    let json: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&json["relay"], &json["source"]), (&relay.clone().into(), &"--relay".into()));
    assert_eq!(json["endpoints"][0]["listeners"], 1);
    home.run(&["status", "--relay", &relay]).with(5, &format!("muxhook login {relay}"));
}

#[test]
fn the_relay_on_this_machine_is_found_while_it_lives() {
    let (home, relay) = (Home::new(), fake_relay::relay());
    let record = |url: &str| format!(r#"{{"url":"{url}","token":"{TOKEN}","pid":1}}"#);
    home.write_private("state/muxhook/embedded.json", &record(&relay));
    let memory = r#"{"relays":[{"relay":"embedded","endpoints":[{"endpoint":"bob","account":"acme"}]}]}"#;
    home.write_private("state/muxhook/state.json", memory);
    let status = home.run(&["status"]).with(0, "").hides(TOKEN);
    assert!(status.out.contains("runs on this machine"), "{}", status.out);
    assert!(status.out.contains("h/bob  made 2025-11-24  this machine's own"), "{}", status.out);

    let other = fake_relay::relay();
    let both = home.run(&["status", "--relay", &other, "--token", TOKEN]).with(0, "").hides(TOKEN);
    assert!(
        both.out.contains(&format!("{relay} runs on this machine (process 1), not used")),
        "{}",
        both.out
    );

    home.write_private("state/muxhook/embedded.json", &record(&fake_relay::nobody()));
    assert!(home.run(&["status"]).with(0, "").out.starts_with("no relay is configured"));
}
