//! `listen` on a terminal: the status line and the keys.

use std::thread;

use rustix::process::Signal;

use crate::home::Home;
use crate::http::{App, post, try_post};
use crate::running::Running;
use crate::terminal::Screen;

const CTRL_C: char = '\x03';

/// A `listen` on a terminal, live.
fn listen(home: &Home, app: &App) -> (Running, Screen, String) {
    let (running, screen) = home.on_terminal(&["listen", "-f", &app.url()]).start();
    let address = running.address();
    (running, screen, address)
}

#[test]
fn q_quits_with_the_counts_and_gives_the_terminal_back() {
    let (home, app) = (Home::new(), App::counting());
    let (running, screen, address) = listen(&home, &app);
    screen.shown.wait_for("Press ? for keys, q to quit.");
    post(&address, "{}").by_app(200, "took 2");
    screen.shown.wait_for(" live");
    screen.press('q');
    let ended = running.end().with(0, "1 event · 1 forwarded");
    assert!(ended.out.ends_with("\r\x1b[2K"), "the status line is still there: {:?}", ended.out);
    assert!(screen.is_as_a_shell_wants_it());
}

#[test]
fn ctrl_c_and_sigterm_give_the_terminal_back_as_well() {
    let (home, app) = (Home::new(), App::counting());
    let (running, screen, _) = listen(&home, &app);
    screen.press(CTRL_C);
    running.end().with(0, "0 events");
    assert!(screen.is_as_a_shell_wants_it());

    let (running, screen, _) = listen(&home, &app);
    screen.press('?');
    screen.shown.wait_for("this help");
    running.signal(Signal::TERM);
    running.end().with(0, "0 events");
    assert!(screen.is_as_a_shell_wants_it());
}

#[test]
fn a_second_ctrl_c_ends_it_at_once_and_gives_the_terminal_back() {
    let home = Home::new();
    let app = App::new(|_| {
        thread::park_timeout(crate::running::LIMIT);
        ("200 OK", String::new())
    });
    let (running, screen, address) = listen(&home, &app);
    thread::spawn(move || try_post(&address, "{}"));
    screen.shown.wait_for("1 in flight");
    screen.press(CTRL_C);
    screen.shown.wait_for("1 event is still at the app");
    screen.press(CTRL_C);
    running.end().with(130, "");
    assert!(screen.is_as_a_shell_wants_it());
}

#[test]
fn p_holds_events_back_and_goes_on_with_them() {
    let (home, app) = (Home::new(), App::counting());
    let (running, screen, address) = listen(&home, &app);
    screen.press('p');
    screen.shown.wait_for("paused");
    let sent = thread::spawn(move || post(&address, "{}"));
    screen.shown.wait_for(" paused · 1 waiting · 0 events");
    assert_eq!(app.seen().len(), 0);
    screen.press('p');
    sent.join().unwrap().by_app(200, "took 2");
    screen.press('q');
    running.end().with(0, "1 event · 1 forwarded");
}

#[test]
fn r_replays_the_last_event_which_counts_as_none() {
    let (home, app) = (Home::new(), App::counting());
    let (running, screen, address) = listen(&home, &app);
    post(&address, r#"{"type":"video.asset.created"}"#);
    post(&address, r#"{"type":"video.asset.ready"}"#);
    screen.shown.wait_for("video.asset.ready");
    screen.press('r');
    screen.shown.wait_for("replayed");
    let bodies: Vec<_> = app.seen().iter().map(|seen| seen.text().to_owned()).collect();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[1], bodies[2]);
    screen.press('q');
    running.end().with(0, "2 events · 2 forwarded");
}

#[test]
fn c_hands_the_address_to_the_clipboard() {
    let (home, app) = (Home::new(), App::counting());
    let (_running, screen, address) = listen(&home, &app);
    screen.press('c');
    screen.shown.wait_for(&format!("\x1b]52;c;{}\x07", data_encoding::BASE64.encode(address.as_bytes())));
}

#[test]
fn without_colours_a_terminal_gets_not_one_escape_byte() {
    let (home, app) = (Home::new(), App::counting());
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let args = ["listen", "-f", &app.url(), "--print", "all"];
        let (running, _screen) = home.on_terminal(&args).env(name, value).start();
        post(&running.address(), "{}").by_app(200, "took 2");
        running.out.wait_for("took 2");
        let ended = running.stop().with(0, "1 event · 1 forwarded");
        assert!(!ended.out.contains('\x1b'), "{:?}", ended.out);
    }
}

#[test]
fn json_has_the_terminal_to_itself() {
    let (home, app) = (Home::new(), App::counting());
    let command = home.on_terminal(&["listen", "--json", "--count", "1", "-f", &app.url()]);
    let running = command.start_with_stderr_piped();
    post(running.line("ready")["public_url"].as_str().unwrap(), "{}").by_app(200, "took 2");
    let ended = running.end().with(0, "");
    let kinds: Vec<_> = ended.lines().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["ready", "event", "forwarded", "summary"]);
    assert!(!ended.out.contains('\x1b') && !ended.err.contains("for keys"), "{}", ended.err);
}
