//! Mistakes, and what can be sent.

use super::{WRITTEN, trigger};
use crate::home::Home;
use crate::http::App;

#[test]
fn mistakes_are_named_before_anything_is_sent() {
    let (home, app) = (Home::new(), App::counting());
    home.write("event.json", WRITTEN);
    home.write("text", "no JSON");
    home.write("list.json", "[1]");
    home.write("huge.json", &" ".repeat(5 * 1024 * 1024 + 1));
    for (args, parts) in [
        (
            &["video.asset.raedy"][..],
            ["no event type and no scenario `video.asset.raedy`", "did you mean video.asset.ready?"],
        ),
        (&["no-such-story"], ["no event type and no scenario `no-such-story`", "--list"]),
        (&["video.asset.ready", "--set", "data.no.such=1"], ["--set data.no.such", "there is no"]),
        (&["video.asset.ready", "--unset", "data.no_such"], ["--unset data.no_such", "there is no"]),
        (&["video.asset.ready", "--set", "passthrough"], ["--set: `passthrough`", "PATH=VALUE"]),
        (&["video.asset.ready", "--set", "data..x=1"], ["--set: `data..x=1`", "a part of the path is empty"]),
        (&["video.asset.ready", "--pace", "fast"], ["--pace: `fast`", "10x"]),
        (&["video.asset.ready", "--delay", "soon"], ["--delay: `soon`", "30s, 5m"]),
        (&["video.asset.ready", "--reorder"], ["--reorder: there is only one event", "scenario"]),
        (&["--from", "nowhere.json"], ["--from nowhere.json", "No such file"]),
        (&["--from", "text"], ["--from text", "no JSON"]),
        (&["--from", "list.json"], ["--from list.json", "no Mux event"]),
        (&["--from", "huge.json"], ["--from huge.json", "larger than 5 MiB"]),
        (&["--from", "event.json", "video.asset.ready"], ["--from", "cannot be used with"]),
        (&[], ["TYPE|SCENARIO", "required"]),
    ] {
        let ended = trigger(&home, &[args, &["-f", &app.url()]].concat());
        assert_eq!(ended.out, "", "{args:?}");
        let ended = ended.with(2, parts[0]);
        assert!(ended.err.contains(parts[1]), "{args:?}: {}", ended.err);
    }
    assert!(app.seen().is_empty());
    trigger(&home, &["video.asset.ready", "-f", "localhost:0"]).with(2, "--forward-to localhost:0");
    trigger(&home, &["video.asset.ready", "--skip-verify"]).with(2, "--forward-to");
}

#[test]
fn the_list_names_everything() {
    let home = Home::new();
    let list = home.run(&["trigger", "--list"]).with(0, "").out;
    let json = &home.run(&["trigger", "--list", "--json"]).with(0, "").lines()[0];
    assert_eq!(json["types"].as_array().unwrap().len(), 127);
    for known in json["types"].as_array().unwrap() {
        let (name, meaning) = (known["type"].as_str().unwrap(), known["meaning"].as_str().unwrap());
        let row = |line: &&str| line.trim().split_once("  ").is_some_and(|(left, _)| left == name);
        let row = list.lines().find(row).unwrap_or_else(|| panic!("{name}: {list}"));
        assert!(!meaning.is_empty() && row.ends_with(meaning), "{row}");
    }
    for known in json["scenarios"].as_array().unwrap() {
        assert!(list.contains(known["name"].as_str().unwrap()), "{known}");
    }
    assert!(list.lines().any(|line| line == "video.live_stream"), "{list}");
}
