//! What `listen` makes of flags, environment and files, before it does anything.

use crate::fake_relay::{self, TOKEN};
use crate::home::Home;

#[test]
fn a_cloned_repository_cannot_send_webhooks_elsewhere() {
    for key in ["relay", "token", "secret"] {
        let home = Home::new();
        home.write_private("muxhook.toml", &format!("{key} = 'https://evil.example'"));
        let told = home.run(&["listen"]).with(2, &format!("`{key}` may not stand in a project file"));
        assert_eq!(told.out, "");
    }
}

#[test]
fn mistakes_in_a_project_file_are_named() {
    for (text, part) in [
        ("forward_to = '3000'", "did you mean `forward-to`?"),
        ("forward-to = ", "muxhook.toml, line 1"),
        ("timeout = '30'", "`30` is no time"),
        ("\u{1b}[2J = 1", "muxhook.toml, line 1"),
        ("\"\\u001b[2J\" = 1", "`\\x1b[2J`"),
    ] {
        let home = Home::new();
        home.write_private("muxhook.toml", text);
        assert!(!home.run(&["listen"]).with(2, part).err.contains('\x1b'));
    }
}

#[test]
fn a_relay_without_its_token_is_refused_before_anything_is_sent() {
    let home = Home::new();
    home.feed(&["login", &fake_relay::relay()], TOKEN).with(0, "");
    let other = fake_relay::answering(|_| panic!("the token went to a relay it is not for"));
    home.run(&["listen", "--relay", &other]).with(5, &format!("muxhook login {other}")).hides(TOKEN);
}

#[test]
fn mistakes_in_the_environment_are_named() {
    let home = Home::new();
    for (name, value, part) in [
        ("MUXHOOK_RELAY", "hooks.example.com", "MUXHOOK_RELAY: it has no scheme"),
        ("MUXHOOK_RELAY", "http://hooks.example.com", "MUXHOOK_RELAY: http:// would send the token"),
        ("MUXHOOK_TOKEN", "hunter2", "MUXHOOK_TOKEN: a token, but no relay"),
        ("MUXHOOK_ENDPOINT", "Not A Name", "MUXHOOK_ENDPOINT: an endpoint's name has"),
    ] {
        let output = home.muxhook(&["listen"]).env(name, value).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(part) && !err.contains("hunter2"), "{err}");
    }
}

#[test]
fn listening_at_what_is_no_relay_ends_with_the_reason() {
    let listen = |url: &str| Home::new().run(&["listen", "--no-retry", "--relay", url, "--token", TOKEN]);
    listen(&fake_relay::nobody()).with(3, "error: ").hides(TOKEN);
    let page = || fake_relay::answering(|_| fake_relay::json("200 OK", "<html>"));
    listen(&page()).with(5, "error: ").hides(TOKEN);
    let stranger = fake_relay::relay();
    Home::new().run(&["listen", "--relay", &stranger, "--token", "wr0ng"]).with(5, "error: ").hides("wr0ng");
}
