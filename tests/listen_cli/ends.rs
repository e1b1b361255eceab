//! How a `listen` ends: by itself, by a signal, or before it began.

use std::sync::mpsc::sync_channel;
use std::thread;

use rustix::process::Signal;

use crate::home::{Home, free_port};
use crate::http::{App, post};
use crate::running::LIMIT;

#[test]
fn it_ends_after_as_many_events_as_were_asked_for() {
    let (home, app) = (Home::new(), App::counting());
    for (args, count) in [(["--once", "--quiet"], 1), (["--count", "3"], 3)] {
        let running = home.start(&[&["listen", "--json", "-f", &app.url()], &args[..]].concat());
        let address = running.line("ready")["public_url"].as_str().unwrap().to_owned();
        (0..count).for_each(|_| post(&address, "{}").by_app(200, "took 2"));
        assert_eq!(running.end().with(0, "").lines().last().unwrap()["forwarded"], count);
    }
}

#[test]
fn when_the_time_is_up_the_count_decides() {
    let (home, app) = (Home::new(), App::counting());
    home.run(&["listen", "--for", "10ms"]).with(0, "");
    home.run(&["listen", "--for", "10ms", "--once"]).with(4, "0 of 1 events came within the time given");
    let running = home.start(&["listen", "-f", &app.url(), "--for", "2s", "--count", "2"]);
    post(&running.address(), "{}").by_app(200, "took 2");
    running.end().with(4, "1 of 2 events came");
}

#[test]
fn a_signal_lets_the_app_finish_and_the_sender_have_its_answer() {
    for signal in [Signal::INT, Signal::TERM] {
        let home = Home::new();
        let (go, gone) = sync_channel(0);
        let gone = std::sync::Mutex::new(gone);
        let app = App::new(move |_| {
            gone.lock().unwrap().recv_timeout(LIMIT).unwrap();
            ("201 Created", "in the end".to_owned())
        });
        let running = home.start(&["listen", "-f", &app.url()]);
        let address = running.address();
        let sent = thread::spawn(move || post(&address, "{}"));
        app.wait_for(1);
        running.signal(signal);
        running.err.wait_for("1 event is still at the app");
        go.send(()).unwrap();
        sent.join().unwrap().by_app(201, "in the end");
        running.end().with(0, "1 event · 1 forwarded");
    }
}

#[test]
fn an_app_that_does_not_finish_is_not_waited_for() {
    let home = Home::new();
    let app = App::new(|_| {
        thread::park_timeout(LIMIT);
        ("200 OK", String::new())
    });
    let running = home.start(&["listen", "-f", &app.url()]);
    let address = running.address();
    let sent = thread::spawn(move || post(&address, "{}"));
    app.wait_for(1);
    running.signal(Signal::TERM);
    let ended = running.end().with(0, "1 event in");
    assert!(!ended.err.contains("forwarded in"), "{}", ended.err);
    let answer = sent.join().unwrap();
    assert_eq!((answer.status(), answer.header("muxhook-answer")), (502, Some("relay")));
    assert!(answer.text().contains("the listener ended before the app answered"), "{}", answer.text());
}

#[test]
fn a_relay_that_cannot_be_reached_is_given_up_when_asked() {
    let home = Home::new();
    let relay = format!("http://127.0.0.1:{}", free_port());
    let args = ["listen", "--relay", &relay, "--no-retry"];
    let mut command = home.muxhook(&args);
    command.env("MUXHOOK_TOKEN", "t0ken");
    let ended = crate::running::Running::start(command).end();
    let ended = ended.with(3, "cannot be reached: nothing listens there").hides("t0ken");
    assert_eq!((ended.out.as_str(), ended.err.lines().count()), ("", 1), "{}", ended.err);
}

#[test]
fn what_speaks_no_muxhook_is_called_so_at_once() {
    let home = Home::new();
    for (status, body) in
        [("200 OK", "<h1>nginx</h1>"), ("404 Not Found", ""), ("426 Upgrade Required", "{}")]
    {
        let site = App::new(move |_| (status, body.to_owned()));
        let mut command = home.muxhook(&["listen", "--relay", &site.url()]);
        command.env("MUXHOOK_TOKEN", "t0ken");
        let ended = crate::running::Running::start(command).end();
        ended.with(5, &format!("what answers at {} is no muxhook relay", site.url())).hides("t0ken");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_what_was_meant() {
    let home = Home::new();
    home.write("no.pem", "no certificate");
    for (args, parts) in [
        (&["--frward-to", "3000"][..], ["--frward-to", "--forward-to"]),
        (
            &["--events", "video.asset.raedy"],
            ["no event type that muxhook knows", "did you mean video.asset.ready?"],
        ),
        (&["--exclude", "video .asset"], ["--exclude video .asset", "white space"]),
        (&["--forward-to", "localhost:0"], ["--forward-to localhost:0", "port 0"]),
        (&["--forward-to", "localhost:70000"], ["--forward-to localhost:70000", "port"]),
        (&["--forward-to", "ftp://localhost"], ["\"ftp\"", "use http or https"]),
        (&["--forward-to", "http://"], ["neither a host name nor an IP address", "localhost:3000"]),
        (&["--route", "video.*"], ["--route", "GLOB=TARGET"]),
        (&["--route", "video.*=localhost:0"], ["--route", "port 0"]),
        (&["--header", "colon"], ["--header", "Name: value"]),
        (&["--header", "Mux-Signature: x"], ["--header", "mux-signature"]),
        (&["--endpoint", "No!"], ["--endpoint", "3 to 63 characters"]),
        (&["--for", "soon"], ["`soon`", "30s, 5m"]),
        (&["--relay", "http://hooks.example.com", "--token", "t0ken"], ["unencrypted", "https://"]),
        (&["--relay", "http://127.0.0.1:0", "--token", "t0ken"], ["--relay", "port"]),
        (
            &["--relay", "https://localhost:1", "--token", "t0ken", "--relay-ca", "no-such.pem"],
            ["no-such.pem", "root certificate"],
        ),
        (
            &["--relay", "https://localhost:1", "--token", "t0ken", "--relay-ca", "no.pem"],
            ["no.pem", "BEGIN CERTIFICATE"],
        ),
    ] {
        let ended =
            home.run(&[&["listen"], args].concat()).with(2, parts[0]).with(2, parts[1]).hides("t0ken");
        assert_eq!(ended.out, "");
    }
}

#[test]
fn a_host_that_does_not_exist_is_told_with_each_event() {
    let home = Home::new();
    let running = home.start(&["listen", "-f", "no-such-host.invalid:3000", "--once"]);
    assert_eq!(post(&running.address(), "{}").status(), 502);
    let ended = running.end().with(0, "1 failed");
    assert!(ended.out.contains("no-such-host.invalid"), "{}", ended.out);
}
