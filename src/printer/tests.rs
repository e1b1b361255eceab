use std::io::{Read as _, Seek as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use super::*;
use crate::event::{Reconnected, Summary};
use fixture::{AT, session};

/// What a printer writes to both streams while `act` uses it.
fn printed(format: Format, keys: bool, act: impl FnOnce(&mut Printer)) -> (String, String) {
    let [mut out, mut err] = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
    let human = Human {
        out: Style::default(),
        err: Style::default(),
        zone: TimeZone::UTC,
        width: None,
        print: Print::Summary,
        show_secrets: false,
        quiet: false,
        keys,
    };
    let [out_target, err_target] = [&out, &err].map(|file| Target::of(file.as_fd()).unwrap());
    let output = Output::new(out_target, err_target, None).unwrap();
    let mut printer = Printer::over(format, human, output);
    act(&mut printer);
    printer.finish().unwrap();
    let read = |file: &mut std::fs::File| {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    (read(&mut out), read(&mut err))
}

fn lost(reason: &str) -> Event {
    Event::Disconnected(Disconnected { reason: reason.into(), retry_in: Duration::from_secs(1) })
}

#[test]
fn a_program_gets_nothing_but_lines_of_json() {
    let (out, err) = printed(Format::Json, false, |printer| {
        session().iter().for_each(|event| printer.print(AT, event));
    });
    assert_eq!(out.lines().count(), session().len());
    for line in out.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap().is_object());
    }
    assert!(err.starts_with("+ Listening on\n") && err.contains("the link is back"));
    assert!(!err.contains("video."), "{err}");
}

#[test]
fn people_hear_of_a_cause_once_and_programs_each_time() {
    let act = |printer: &mut Printer| {
        let back = Event::Reconnected(Reconnected { down: Duration::from_secs(9), missed: None });
        for event in [lost("refused"), lost("refused"), lost("no answer"), back, lost("no answer")] {
            printer.print(AT, &event);
        }
    };
    let (out, err) = printed(Format::Json, false, act);
    assert_eq!(out.matches("\"disconnected\"").count(), 4);
    assert_eq!(err.matches("trying again").count(), 3);
    assert_eq!(printed(Format::Pretty, false, act), (String::new(), err));
}

#[test]
fn people_read_a_hint_once_and_programs_each_time() {
    let act = |printer: &mut Printer| {
        let (arrival, latency) = (fixture::arrival(|_| {}), Duration::ZERO);
        for status in [404, 404, 405, 404] {
            let reply = fixture::reply(status, "text/plain", "no");
            printer.print(AT, &fixture::forwarded(arrival.clone(), reply, latency));
        }
    };
    assert_eq!(printed(Format::Pretty, false, act).0.matches("hint:").count(), 3);
    let flood = |printer: &mut Printer| {
        let verdict = muxhook_protocol::mux::signature::Verdict::Missing;
        (0..9).for_each(|_| printer.print(AT, &fixture::refused(verdict, "no signature", "who sent it?")));
    };
    assert_eq!(printed(Format::Pretty, false, flood).0.matches("hint:").count(), 1);
    assert_eq!(printed(Format::Json, false, act).0.matches("\"hint\":\"").count(), 4);
}

#[test]
fn people_are_spared_the_counts_of_a_run_that_never_began() {
    let end = |printer: &mut Printer| printer.print(AT, &Event::Summary(Summary::default()));
    assert_eq!(printed(Format::Pretty, false, end), (String::new(), String::new()));
    assert!(printed(Format::Json, false, end).0.contains("\"summary\""));
}

#[test]
fn nothing_is_written_before_the_flush() {
    printed(Format::Pretty, false, |printer| {
        printer.print(AT, &lost("refused"));
        assert!(!printer.batch.is_empty());
        printer.flush();
        assert!(printer.batch.is_empty());
    });
}

#[test]
fn a_status_line_counts_as_something_to_show() {
    let received = session().swap_remove(1);
    for (keys, shows) in [(true, true), (false, false)] {
        printed(Format::Pretty, keys, |printer| {
            printer.flush();
            assert!(!printer.has_unflushed());
            printer.print(AT, &received);
            assert_eq!(printer.has_unflushed(), shows);
        });
    }
}

#[test]
fn the_clipboard_is_asked_for_on_a_terminal_alone() {
    let copy = |printer: &mut Printer| printer.copy("http://x/h/1");
    assert_eq!(printed(Format::Pretty, true, copy).1, "\x1b]52;c;aHR0cDovL3gvaC8x\x07");
    assert_eq!(printed(Format::Json, false, copy), (String::new(), String::new()));
}
