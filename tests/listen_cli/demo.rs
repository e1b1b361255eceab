//! `muxhook demo`.

use std::io::{BufRead as _, BufReader};

use crate::home::Home;

#[test]
fn it_shows_both_events_and_ends_well() {
    let ended =
        Home::new().run(&["demo"]).with(0, "2 of 2 events reached the app byte for byte and validly signed");
    let lines: Vec<_> = ended.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.out);
    for (line, event) in lines.iter().zip(["video.asset.created", "video.asset.ready"]) {
        assert!(line.contains("200") && line.contains(event), "{line}");
        assert!(line.contains(" \u{270e} video."), "its signature is seen to be valid: {line}");
    }
    assert!(!ended.out.contains('\x1b') && !ended.err.contains('\x1b'), "{}{}", ended.out, ended.err);
}

#[test]
fn it_is_coloured_on_a_terminal() {
    let home = Home::new();
    let (running, _screen) = home.on_terminal(&["demo"]).start();
    let ended = running.end().with(0, "2 of 2 events");
    assert!(ended.out.contains("\x1b[32m"), "{:?}", ended.out);
}

#[test]
fn without_colours_a_terminal_gets_not_one_escape_byte() {
    let home = Home::new();
    let (running, _screen) = home.on_terminal(&["demo"]).env("NO_COLOR", "1").start();
    let ended = running.end().with(0, "2 of 2 events");
    assert!(!ended.out.contains('\x1b'), "{:?}", ended.out);
}

#[test]
fn it_names_no_keys_since_it_ends_by_itself() {
    let home = Home::new();
    let (running, _screen) = home.on_terminal(&["demo"]).start();
    assert!(!running.end().with(0, "").out.contains("for keys"));
}

#[test]
fn it_leaves_nothing_behind() {
    let home = Home::new();
    let before = home.read("state/muxhook/state.json");
    home.run(&["demo"]).with(0, "");
    assert_eq!(home.read("state/muxhook/state.json"), before);
    let left: Vec<_> =
        std::fs::read_dir(home.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["state"]);
}

#[test]
fn a_reader_who_goes_after_the_first_line_is_a_clean_end() {
    let home = Home::new();
    let mut child = home.muxhook(&["demo"]).spawn().unwrap();
    let mut line = String::new();
    // Both are dropped at the end of the statement: nobody reads on.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("video.asset.created"), "{line}");
    let ended = child.wait_with_output().unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && !err.contains("error"), "{err}");
}
