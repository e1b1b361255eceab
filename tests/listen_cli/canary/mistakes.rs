//! Secrets in places where they don't belong: the mistake is told, and the secret is not. And help, which is asked for
//! where they stand in the environment.

use std::fs;

use muxhook_protocol::mux::signature::{Key, sign};

use super::watch::Watch;

#[test]
fn a_mistake_in_a_file_does_not_quote_it() {
    let watch = Watch::new();
    let token = watch.canary("the token");
    let url = "https://hooks.example.com";
    let config = "config/muxhook/config.toml";
    for text in [
        format!("[relays.\"{url}\"]\ntoken = {token}"),
        format!("[relays.\"{url}\"]\ntoken = \"{token}\""),
        format!("[relays.\"{url}\"]\ntoken = '{token}' x"),
        format!("[relays.\"{url}\"]\ntoken = ['{token}']"),
        format!("[relays.\"{url}\"]\ntoken = '{token} {token}'"),
        format!("[relays.\"{url}\"]\ntoken = '{token}'\ntoken = '{token}'"),
        format!("[relays.\"{url}\"]\ntoken = 'x'\nplain = '{token}'"),
        format!("[relays.\"{url}\"]\ntokens = '{token}'"),
        format!("[relays]\n'{url}' = '{token}'"),
        format!("relays = '{token}'"),
        format!("relay = '{token}'"),
        format!("relay = 'https://{token}@hooks.example.com'"),
        format!("token = '{token}'"),
        format!("secret = '{token}'"),
        format!("timeout = '{token}'\nevents = '{token}'"),
    ] {
        watch.home.write_private(config, &text);
        for command in ["status", "listen"] {
            let ended = watch.run(&[command], &[]);
            assert_eq!(ended.code, 2, "{text}\n{}", ended.err);
        }
        watch.run(&["logout"], &[]);
    }
    fs::remove_file(watch.home.path(config)).unwrap();
    for key in ["token", "relay", "secret"] {
        watch.home.write_private("muxhook.toml", &format!("{key} = '{token}'"));
        watch.run(&["listen"], &[]).with(2, "may not stand in a project file");
        watch.home.write_private("muxhook.toml", &format!("{key} = {token}"));
        watch.run(&["listen"], &[]).with(2, "muxhook.toml, line 1");
    }
    fs::remove_file(watch.home.path("muxhook.toml")).unwrap();

    for text in [
        format!("bootstrap-token = '{token}'"),
        format!("bootstrap-token = {token}"),
        format!("bootstrap-token = \"{token}\""),
        format!("log = 'text'\nbootstrap-token-file = {token}"),
        format!("bootstrap-token-file = ['{token}']"),
        format!("bootstrap-token-file = '{}'", token.replace(['\\', '/'], "_")),
        format!("plain = '{token}'"),
    ] {
        watch.home.write_private("relay.toml", &text);
        let ended = watch.run(&["relay", "serve", "--config", "relay.toml"], &[]);
        assert_eq!(ended.code, 2, "{text}\n{}", ended.err);
        watch.run(&["relay", "check", "--config", "relay.toml"], &[]);
    }
    fs::remove_file(watch.home.path("relay.toml")).unwrap();
    watch.nothing_was_told(&[]);
}

#[test]
fn a_mistake_in_the_environment_does_not_quote_it() {
    let watch = Watch::new();
    let secret = watch.canary("the secret");
    for (name, code) in
        [("MUXHOOK_RELAY", 2), ("MUXHOOK_TOKEN", 2), ("MUXHOOK_ENDPOINT", 2), ("MUX_BASE_URL", 2)]
    {
        let given = [("MUX_TOKEN_ID", "x"), ("MUX_TOKEN_SECRET", &*secret), (name, &*secret)];
        let ended = watch.run(&["register", "--yes"], &given);
        assert_eq!(ended.code, code, "{name}: {}", ended.err);
    }
    let spaced = format!("{secret} {secret}");
    let relay = [("MUXHOOK_RELAY", "https://127.0.0.1:1"), ("MUXHOOK_TOKEN", &*spaced)];
    watch.run(&["status"], &relay).with(2, "characters that no token has");
    let userinfo = format!("http://me:{}@127.0.0.1:1", &secret[secret.len() - 32..]);
    let proxied =
        [("MUXHOOK_RELAY", "https://relay.invalid"), ("HTTPS_PROXY", &*userinfo), ("MUXHOOK_TOKEN", "x")];
    watch.run(&["status"], &proxied).with(3, "the proxy at 127.0.0.1:1");
    let file = secret.replace(['\\', '/'], "_");
    watch
        .run(&["relay", "serve", "--data-dir", "x"], &[("MUXHOOK_RELAY_BOOTSTRAP_TOKEN_FILE", &file)])
        .with(2, "");
    let short = [("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", &secret[secret.len() - 30..])];
    watch.run(&["relay", "serve", "--data-dir", "x"], &short).with(2, "at least 32 characters");
    let both = [("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", &*secret), ("MUXHOOK_RELAY_BOOTSTRAP_TOKEN_FILE", "x")];
    watch.run(&["relay", "serve", "--data-dir", "x"], &both).with(2, "exclude one another");
    watch.feed(&["login", "https://127.0.0.1:1"], &spaced, &[]).with(2, "characters that no token has");
    watch.feed(&["login", "https://127.0.0.1:1"], &secret, &[]).with(3, "");
    watch.nothing_was_told(&[]);
}

#[test]
fn a_signature_is_judged_without_the_secret() {
    let watch = Watch::new();
    let secret = watch.canary("the secret");
    let own = [("MUX_WEBHOOK_SECRET", &*secret)];
    let header = |key: &str, at| sign(&Key::new(key).unwrap(), at, b"{}");
    let now = jiff::Timestamp::now().as_second();
    let quoted = format!("\"{secret}\"");
    for (key, at, code) in [(&*secret, now, 0), (&secret, now - 1000, 4), (&quoted, now, 4), ("x", now, 4)] {
        for form in [&[][..], &["--json"]] {
            let header = header(key, at);
            let args = [&["verify", "--signature", &header], form].concat();
            let ended = watch.feed(&args, "{}", &own);
            assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
        }
    }
    // Whoever swapped the two.
    watch.home.write_private("body", "{}");
    watch.home.write_private(".env", &format!("OTHER='{secret}'\nMUX_WEBHOOK_SECRET = '{secret}\n"));
    let signature = header("x", now);
    for args in [&["--env-file", ".env"][..], &["--secret-file", "no-such-file"]] {
        watch.run(&[&["verify", "--signature", &signature, "body"], args].concat(), &own);
    }
    watch.nothing_was_told(&[".env"]);
}

#[test]
fn help_does_not_show_what_is_set() {
    let watch = Watch::new();
    let names = [
        "MUXHOOK_TOKEN",
        "MUXHOOK_RELAY_BOOTSTRAP_TOKEN",
        "MUXHOOK_RELAY_BOOTSTRAP_TOKEN_FILE",
        "MUX_WEBHOOK_SECRET",
        "MUX_TOKEN_ID",
        "MUX_TOKEN_SECRET",
    ];
    let secrets = names.map(|name| watch.canary(name));
    let set: Vec<_> = names.into_iter().zip(secrets.iter().map(String::as_str)).collect();
    let verbs = [
        "listen",
        "trigger",
        "wait",
        "events",
        "endpoints",
        "verify",
        "register",
        "unregister",
        "login",
        "logout",
        "status",
        "doctor",
        "demo",
        "completions",
        "man",
    ];
    for verb in verbs {
        watch.run(&[verb, "--help"], &set).with(0, "");
        watch.run(&[verb, "--no-such-flag"], &set).with(2, "");
        watch.run(&["man", verb], &set).with(0, "");
    }
    for words in [&["serve"][..], &["token", "create"], &["endpoint", "set"], &["backup"], &["check"], &[]] {
        watch.run(&[&["relay"], words, &["--help"]].concat(), &set).with(0, "");
        watch.run(&[&["relay"], words, &["--no-such-flag"]].concat(), &set).with(2, "");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        watch.run(&["completions", shell], &set).with(0, "");
    }
    watch.run(&["--help"], &set).with(0, "");
    watch.nothing_was_told(&[]);
}
