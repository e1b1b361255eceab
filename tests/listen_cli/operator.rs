//! `relay status` on a terminal: a page that is refreshed until somebody has seen enough.

use rustix::process::Signal;

use crate::home::{Home, free_port};
use crate::http::{App, post};
use crate::relay::Relay;
use crate::terminal::Terminal;

const CTRL_C: char = '\x03';
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

fn status(home: &Home) -> Terminal {
    home.on_terminal(&["relay", "status", "--data-dir", "relay"])
}

#[test]
fn it_follows_the_relay_and_the_terminal_and_gives_that_back() {
    let (home, app, port) = (Home::new(), App::counting(), free_port());
    let (relay, token) = Relay::first(&home, port);
    home.feed(&["login", &relay.url], &token).with(0, "logged in to");
    let listener = home.start(&["listen", "--endpoint", "shop", "-f", &app.url()]);
    let address = listener.address();

    let (watching, screen) = status(&home).start();
    screen.shown.wait_for("1 listener  0 observers");
    screen.shown.wait_for("q ends it");
    assert!(screen.shown.text().starts_with(ENTER));
    assert!(screen.shown.text().contains("\x1b[1mENDPOINT"), "{:?}", screen.shown.text());
    post(&address, "{}").by_app(200, "took 2");
    // When the last one came.
    screen.shown.until("the webhook", |text| {
        text.split("\x1b[H").any(|frame| frame.contains("shop") && frame.contains(" s\x1b[K")).then_some(())
    });
    screen.resize(40);
    screen.shown.until("a narrow page", |text| {
        let frame = text.rsplit("\x1b[H").find(|frame| frame.contains("q ends it"))?;
        (!frame.contains("ACCOUNT")).then_some(())
    });
    // Arrows mean nothing.
    screen.press('\x1b');
    listener.stop().with(0, "");
    screen.shown.wait_for("0 listeners");
    screen.press('q');
    let ended = watching.end().with(0, "");
    assert!(ended.out.ends_with(LEAVE), "{:?}", ended.out);
    assert!(screen.is_as_a_shell_wants_it());
    assert!(!ended.out.contains(&token));
}

#[test]
fn ctrl_c_and_sigterm_end_it_and_no_color_has_none() {
    let (home, port) = (Home::new(), free_port());
    let (relay, _) = Relay::first(&home, port);
    let (watching, screen) = status(&home).env("NO_COLOR", "1").start();
    screen.shown.wait_for("q ends it");
    screen.press(CTRL_C);
    let ended = watching.end().with(0, "");
    assert!(ended.out.ends_with(LEAVE) && !ended.out.contains("\x1b[1m"), "{:?}", ended.out);
    assert!(screen.is_as_a_shell_wants_it());

    let (watching, screen) = status(&home).start();
    screen.shown.wait_for("q ends it");
    relay.running.stop().with(0, "");
    screen.shown.wait_for("the relay has gone");
    watching.signal(Signal::TERM);
    let ended = watching.end().with(0, "");
    assert!(ended.out.ends_with(LEAVE), "{:?}", ended.out);
    assert!(screen.is_as_a_shell_wants_it());

    // Nothing to follow, and a terminal that can't.
    let (once, screen) = status(&home).start();
    let ended = once.end().with(3, "no relay runs on");
    assert!(!ended.out.contains('\x1b') && screen.is_as_a_shell_wants_it(), "{:?}", ended.out);
}

#[test]
fn a_terminal_that_can_not_is_shown_it_once() {
    let (home, port) = (Home::new(), free_port());
    let (_relay, _) = Relay::first(&home, port);
    let (once, _) = status(&home).env("TERM", "dumb").start();
    let ended = once.end().with(0, "ENDPOINT");
    assert!(!ended.out.contains('\x1b'), "{:?}", ended.out);
}
