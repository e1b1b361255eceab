//! `endpoints`.

use serde_json::Value;

use crate::fake_relay::{self, TOKEN};
use crate::home::{Ended, Home};

fn logged_in() -> Home {
    let home = Home::new();
    home.feed(&["login", &fake_relay::relay()], TOKEN).with(0, "");
    home
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn they_are_listed_a_line_each() {
    let home = logged_in();
    let list = home.run(&["endpoints", "list"]).with(0, "").out;
    let alice = "https://h.example/h/alice  made 2025-11-24  1 listener\n";
    assert_eq!(list, format!("{alice}https://h.example/h/bob  made 2025-11-24\n"));
    assert_eq!(json(&home.run(&["endpoints", "list", "--json"]))["endpoints"][1]["endpoint"], "bob");
}

#[test]
fn one_is_made_and_its_address_can_be_piped() {
    let home = logged_in();
    let made = home.run(&["endpoints", "create"]).with(0, "muxhook listen --endpoint carol");
    assert_eq!(made.out, "https://h.example/h/carol\n");
    let made = json(&home.run(&["endpoints", "create", "carol", "--json"]).with(0, ""));
    assert_eq!(made["public_url"], "https://h.example/h/carol");
}

#[test]
fn what_the_relay_refuses_is_told() {
    let home = logged_in();
    home.run(&["endpoints", "create", "taken"]).with(5, "another account has `taken`");
    home.run(&["endpoints", "delete", "zoe"]).with(5, "no such endpoint");
    home.run(&["endpoints", "create", "No!"]).with(2, "`No!`: an endpoint's name has 3 to 63 characters");
}

#[test]
fn one_is_deleted_and_forgotten() {
    let home = Home::new();
    let relay = fake_relay::relay();
    home.feed(&["login", &relay], TOKEN).with(0, "");
    let memory = r#"[{"endpoint":"alice","account":"acme"},{"endpoint":"bob","account":"acme"}]"#;
    let memory = format!(r#"{{"relays":[{{"relay":"{relay}","endpoints":{memory}}}]}}"#);
    home.write_private("state/muxhook/state.json", &memory);
    home.run(&["endpoints", "delete", "alice"]).with(0, "deleted alice");
    let memory = std::fs::read_to_string(home.path("state/muxhook/state.json")).unwrap();
    assert!(memory.contains("bob") && !memory.contains("alice"), "{memory}");
    assert_eq!(json(&home.run(&["endpoints", "delete", "alice", "--json"]))["deleted"], "alice");
}

#[test]
fn without_a_relay_they_say_what_to_do() {
    for args in [&["endpoints", "list"][..], &["endpoints", "create"], &["endpoints", "delete", "bob"]] {
        Home::new().run(args).with(3, "no relay is configured").with(3, "muxhook login");
    }
}
