//! `listen` with nothing configured: the relay on this machine.

use std::net::TcpListener;

use rustix::process::Signal;

use crate::home::Home;
use crate::http::{App, post, try_post};
use crate::running::Running;

/// A `listen` that forwards to the app.
fn listen(home: &Home, app: &App) -> Running {
    home.start(&["listen", "-f", &app.url()])
}

/// Posts until the app answers, as Mux would.
#[track_caller]
fn post_until_answered(address: &str, running: &Running) {
    for _ in 0..200 {
        match try_post(address, "{}") {
            Ok(answer) if answer.header("muxhook-answer") == Some("app") => return,
            _ => std::thread::park_timeout(std::time::Duration::from_millis(50)),
        }
    }
    panic!("never answered by the app:\n{}", running.err.text());
}

#[test]
fn a_webhook_reaches_the_app_and_the_sender_its_answer() {
    let (home, app) = (Home::new(), App::counting());
    let running = home.start(&["listen", "-f", &format!("{}/hooks?x=1", app.url())]);
    let address = running.address();
    assert!(address.starts_with(&format!("http://127.0.0.1:{}/h/", home.port)), "{address}");
    post(&format!("{address}/s?q=2"), r#"{"type":"video.asset.ready"}"#).by_app(200, "took 28");
    let seen = &app.seen()[0];
    assert_eq!(seen.first, "POST /hooks/s?x=1&q=2 HTTP/1.1");
    assert_eq!(seen.header("host"), Some(&*format!("127.0.0.1:{}", app.port)));

    let ended =
        running.stop().with(0, "Only this machine can reach that address").with(0, "muxhook relay serve");
    let ended = ended.with(0, "muxhook login").with(0, "1 event · 1 forwarded");
    assert_eq!(ended.out.lines().count(), 1);
    assert!(ended.out.contains("video.asset.ready"), "{}", ended.out);
}

#[test]
fn the_address_is_the_same_on_every_start() {
    let home = Home::new();
    let first = home.start(&["listen"]);
    let address = first.address();
    first.stop().with(0, "");
    let second = home.start(&["listen"]);
    assert_eq!(second.address(), address);
}

#[test]
fn a_second_one_joins_and_says_how_to_have_an_address_of_its_own() {
    let (home, apps) = (Home::new(), [App::counting(), App::counting()]);
    let first = listen(&home, &apps[0]);
    let address = first.address();
    let own = format!("{}-2", address.rsplit_once('/').unwrap().1);
    let second = listen(&home, &apps[1]);
    assert_eq!(second.address(), address);
    second.err.wait_for(&format!("another listener is on this address too, and each gets every event; for an address of its own, add --endpoint {own}"));
    post(&address, "{}").by_app(200, "took 2");
    for (running, app) in [(&first, &apps[0]), (&second, &apps[1])] {
        running.out.wait_for("✓ 200");
        assert_eq!(app.seen().len(), 1);
    }

    let third = home.start(&["listen", "--endpoint", &own]);
    assert_eq!(third.address(), format!("{address}-2"));
    assert!(!third.err.text().contains("another listener"), "{}", third.err.text());
}

#[test]
fn when_the_first_ends_the_second_takes_over_port_data_and_address() {
    for signal in [Signal::TERM, Signal::KILL] {
        let (home, app) = (Home::new(), App::counting());
        let first = listen(&home, &app);
        let address = first.address();
        let second = listen(&home, &app);
        second.address();
        first.signal(signal);
        let code = first.end().code;
        assert_eq!(code, if signal == Signal::TERM { 0 } else { 137 });
        second.err.wait_for("the link is back");
        post_until_answered(&address, &second);
        let third = listen(&home, &app);
        assert_eq!(third.address(), address);
        assert!(!second.stop().with(0, "").err.contains("another program"));
    }
}

#[test]
fn a_foreign_program_on_the_port_moves_the_relay_for_good_and_is_told() {
    let home = Home::new();
    let foreign = TcpListener::bind(("127.0.0.1", home.port)).unwrap();
    let first = home.start(&["listen"]);
    let address = first.address();
    first
        .err
        .wait_for(&format!("another program uses port {}, so this machine's relay now has port ", home.port));
    assert!(!address.contains(&home.port.to_string()), "{address}");
    first.stop().with(0, "the address below is a new one");

    drop(foreign);
    let second = home.start(&["listen"]);
    assert_eq!(second.address(), address);
    assert!(!second.stop().with(0, "").err.contains("another program"));
}

#[test]
fn without_a_place_to_remember_things_the_address_is_temporary_and_that_is_said() {
    let (home, app) = (Home::new(), App::counting());
    home.write("file", "");
    let mut command = home.muxhook(&["listen", "-f", &app.url()]);
    command.env("XDG_STATE_HOME", home.path("file"));
    let running = Running::start(command);
    post(&running.address(), "{}").by_app(200, "took 2");
    running.stop().with(0, "file/muxhook cannot be used").with(0, "the address below is temporary");
}

#[test]
fn a_folder_that_is_there_and_of_no_use_gives_a_temporary_address_as_well() {
    // A folder where a file belongs, and the other way round: root too is refused those.
    for (part, is_folder) in
        [("state.json", true), ("embedded.json", true), ("relay.lock", true), ("relay", false)]
    {
        let (home, app) = (Home::new(), App::counting());
        let path = home.path(&format!("broken/muxhook/{part}"));
        std::fs::create_dir_all(if is_folder { &path } else { path.parent().unwrap() }).unwrap();
        if !is_folder {
            std::fs::write(&path, "").unwrap();
        }
        let mut command = home.muxhook(&["listen", "-f", &app.url()]);
        command.env("XDG_STATE_HOME", home.path("broken"));
        let running = Running::start(command);
        post(&running.address(), "{}").by_app(200, "took 2");
        running.stop().with(0, part).with(0, "the address below is temporary");
    }
}

#[test]
fn a_memory_that_makes_no_sense_is_set_aside_and_that_is_said() {
    let home = Home::new();
    home.write("state/muxhook/state.json", "garbage");
    let running = home.start(&["listen"]);
    running.address();
    running.stop().with(0, "state.json made no sense and was set aside");
    assert_eq!(home.read("state/muxhook/state.json.corrupt"), "garbage");
}
