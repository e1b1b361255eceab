//! `events list`, `show`, `timeline` and `discard`, as far as a relay that is none shows them.

use serde_json::Value;

use crate::fake_history::{History, Past};
use crate::fake_relay::{self, TOKEN};
use crate::home::{Ended, Home};

/// Runs a verb of `events` on the endpoint `alice` of a relay.
fn events(home: &Home, relay: &str, args: &[&str]) -> Ended {
    let place = ["--endpoint", "alice", "--relay", relay];
    let mut command = home.muxhook(&[&["events"], args, &place].concat());
    command.env("MUXHOOK_TOKEN", TOKEN);
    Ended::of(command)
}

fn three() -> Vec<Past> {
    let past = (1..=3).map(|nth| {
        let id = if nth == 3 { "AS2" } else { "AS1" };
        let body = format!(r#"{{"type":"video.asset.ready","data":{{"id":"{id}"}}}}"#);
        let mut past = Past::new(nth, &[("x-secret", b"caf\xe9")], body.as_bytes());
        (past.detail.row.object_type, past.detail.row.object_id) = (Some("asset".into()), Some(id.into()));
        past
    });
    past.collect()
}

fn lines(told: &Ended) -> Vec<Value> {
    assert!(!told.out.contains('\u{1b}'), "{}", told.out);
    told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["kind"].as_str().unwrap()).collect()
}

#[test]
fn a_list_has_the_latest_first_what_is_gone_and_what_is_owed() {
    let (home, history) = (Home::new(), History::of(three(), 2, |_| unreachable!()));
    let told = events(&home, &history.url, &["list"]).with(0, "2 events owed");
    assert!(!told.out.contains('\u{1b}') && told.out.contains("\\x1b[2J"), "{}", told.out);
    assert_eq!(told.out.matches("video.asset.ready").count(), 3, "{}", told.out);

    let lines = lines(&events(&home, &history.url, &["list", "--json", "--type", "video.*"]).with(0, ""));
    assert_eq!(kinds(&lines), ["delivery", "delivery", "delivery", "gap", "summary"]);
    let seqs: Vec<_> = lines[..3].iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [3, 2, 1]);
    assert_eq!((&lines[0]["fate"], &lines[0]["attempts"][0]["status"]), (&"rejected".into(), &500.into()));
    assert_eq!(
        (&lines[3]["count"], &lines[4]["owed"], &lines[4]["more"]),
        (&1.into(), &2.into(), &false.into())
    );
    assert_eq!(history.asked("GET /_relay/v1/endpoints/alice/events?type=video.%2A&").len(), 1);

    let told = events(&home, &history.url, &["list", "--limit", "2"]).with(0, "there are more");
    assert_eq!(told.out.matches("video.asset.ready").count(), 2, "{}", told.out);
}

#[test]
fn one_is_shown_whole_or_as_its_bytes_alone() {
    let (home, history) = (Home::new(), History::unheard(three()));
    let told = events(&home, &history.url, &["show", "0202"]).with(0, "send it again: muxhook events replay");
    for part in [&three()[1].id(), "AS1", "app 500", "x-secret"] {
        assert!(told.out.contains(part), "{part}: {}", told.out);
    }
    assert!(!told.out.contains('\u{1b}'), "{}", told.out);
    let told = events(&home, &history.url, &["show", "0202", "--raw"]).with(0, "");
    assert_eq!(told.out.as_bytes(), three()[1].body);
    let lines = lines(&events(&home, &history.url, &["show", "0202", "--json"]).with(0, ""));
    assert_eq!((kinds(&lines), &lines[0]["headers"][0][1]), (vec!["delivery"], &"caf\u{e9}".into()));
    assert_eq!(lines[0]["payload"]["data"]["id"], "AS1");
    events(&home, &history.url, &["show", "0909"]).with(2, "not found");
}

#[test]
fn a_timeline_has_what_belongs_to_the_object_alone() {
    let (home, history) = (Home::new(), History::unheard(three()));
    let told = events(&home, &history.url, &["timeline", "AS1"]).with(0, "2 events");
    assert!(told.out.contains("AS1") && !told.out.contains("AS2"), "{}", told.out);
    let lines = lines(&events(&home, &history.url, &["timeline", "AS1", "--json"]).with(0, ""));
    assert_eq!(lines[0]["object"]["id"], "AS1");
    let told: Vec<_> = lines.iter().filter(|line| line["kind"] == "delivery").collect();
    let seqs: Vec<_> = told.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2], "in order of arrival");
    events(&home, &history.url, &["timeline", "AS9"]).with(2, "nothing in the history of alice is about AS9");
}

#[test]
fn what_is_given_up_is_named_once_or_all_of_it() {
    let (home, history) = (Home::new(), History::of(three(), 5, |_| unreachable!()));
    events(&home, &history.url, &["discard", "0101", "030303", "0101"]).with(0, "gave up 2 events");
    let asked = history.asked("POST /_relay/v1/endpoints/alice/events/discard");
    let ids = serde_json::json!({ "ids": [three()[0].id(), three()[2].id()] }).to_string();
    assert!(asked.len() == 1 && asked[0].ends_with(&ids), "{asked:?}");

    let lines = lines(&events(&home, &history.url, &["discard", "--all", "--json"]).with(0, ""));
    assert_eq!((kinds(&lines), &lines[0]["discarded"]), (vec!["discarded"], &5.into()));
    let asked = history.asked("POST");
    assert!(asked.len() == 2 && asked[1].ends_with(r#"{"all":true}"#), "{asked:?}");

    events(&home, &history.url, &["discard", "0101", "0909"]).with(2, "not found");
    assert_eq!(history.asked("POST").len(), 2, "of an id that is not known nothing is given up");
}

#[test]
fn a_relay_without_a_history_is_told_from_an_empty_one() {
    let home = Home::new();
    let relay = fake_relay::answering(|request| match request.split(' ').nth(1).unwrap() {
        "/_relay/v1/endpoints" => {
            let endpoint = r#"{"endpoint":"alice","public_url":"https://h.example/h/alice","created_at":1,"listeners":0,"observers":0}"#;
            fake_relay::json("200 OK", &format!(r#"{{"endpoints":[{endpoint}]}}"#))
        }
        _ => fake_relay::problem("404 Not Found", "no_history", "this relay keeps no webhooks"),
    });
    for args in [&["list"][..], &["show", "0101"], &["timeline", "AS1"], &["discard", "--all"]] {
        let told = events(&home, &relay, args).with(5, "this relay keeps no webhooks");
        assert_eq!(told.out, "", "{args:?}");
    }
    let empty = History::unheard(Vec::new());
    events(&home, &empty.url, &["list"]).with(0, "the history of alice is empty");
}
