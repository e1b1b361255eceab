//! `listen` with nothing configured: the relay on this machine.

use std::net::TcpListener;

use muxhook::relay_url::RelayUrl;
use muxhook::secret::Secret;
use muxhook::state::{EmbeddedRelay, RelayLock, State};
use rustix::process::Signal;

use crate::home::Home;
use crate::http::{App, post, try_post};
use crate::running::Running;

/// Takes the right to run the relay on this machine, as a process that hangs would hold it.
fn hold_the_relay(home: &Home) -> (State, RelayLock) {
    let state = State::open(Some(&home.path("state/muxhook"))).unwrap();
    let lock = state.lock_relay().unwrap().unwrap();
    (state, lock)
}

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
fn of_two_that_could_take_over_one_does_and_the_other_joins_it() {
    let home = Home::new();
    let apps = [App::counting(), App::counting()];
    let first = home.start(&["listen"]);
    let address = first.address();
    let rest = apps.each_ref().map(|app| listen(&home, app));
    rest.iter().for_each(|running| assert_eq!(running.address(), address));
    drop(first);
    rest.iter().for_each(|running| running.err.wait_for("the link is back"));
    post(&address, "{}").by_app(200, "took 2");
    apps.iter().for_each(|app| app.wait_for(1));
    for running in rest {
        let ended = running.stop().with(0, "1 event · 1 forwarded");
        assert!(!ended.err.contains("address has changed"), "{}", ended.err);
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

#[test]
fn a_relay_that_hangs_is_told_at_the_start() {
    let home = Home::new();
    let _held = hold_the_relay(&home);
    let ended =
        home.run(&["listen"]).with(1, "another muxhook runs this machine's relay, but it does not answer");
    assert!(ended.err.contains("pgrep -a muxhook"), "{}", ended.err);
}

#[test]
fn a_relay_that_comes_to_hang_is_waited_for() {
    let (home, token) = (Home::new(), "a-token-that-is-long-enough-for-a-relay");
    let (state, _lock) = hold_the_relay(&home);
    let listen = format!("127.0.0.1:{}", home.port);
    let serve = || {
        let mut command = home.muxhook(&["relay", "serve", "--listen", &listen, "--data-dir", "relay"]);
        command.env("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", token);
        let relay = Running::start(command);
        relay.err.wait_for("reached at");
        relay
    };
    let relay = serve();
    let url = RelayUrl::parse(&format!("http://{listen}"), false).unwrap();
    state.publish(&EmbeddedRelay { url, token: Secret::new(token), pid: 1 }).unwrap();
    let second = home.start(&["listen", "--json"]);
    let address = second.line("ready")["public_url"].as_str().unwrap().to_owned();
    drop(relay);
    second.out.until("another attempt", |text| (text.matches("\"disconnected\"").count() > 1).then_some(()));
    let _relay = serve();
    second.line("reconnected");
    assert_eq!(post(&address, "{}").header("muxhook-answer"), Some("none"));
}
