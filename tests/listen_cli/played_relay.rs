//! `listen` against a relay that a test plays frame by frame: what it asks for, and what it makes of what it is sent.

use std::net::{TcpListener, TcpStream};

use muxhook_protocol::frame::{Ack, Backlog, Gap, Hello, Limits, Owed, Since, Welcome};
use muxhook_protocol::{Delivery, DeliveryId, FailReason, Frame, Headers, Outcome};
use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept_hdr};

use crate::home::{Home, free_port};
use crate::http::App;
use crate::running::{LIMIT, Running};

/// The relay's side of one link.
struct Link {
    socket: WebSocket<TcpStream>,
    hello: Hello,
}

impl Link {
    /// Takes the next link and its greeting.
    #[track_caller]
    fn take(listener: &TcpListener) -> Self {
        let stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        #[allow(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
        let upgrade = |_: &Request, mut response: Response| {
            response.headers_mut().insert("sec-websocket-protocol", "muxhook.v1".parse().unwrap());
            Ok(response)
        };
        let mut socket = accept_hdr(stream, upgrade).unwrap();
        let Message::Binary(first) = socket.read().unwrap() else { panic!("no greeting") };
        let Ok(Frame::Hello(hello)) = Frame::decode(first) else { panic!("no hello") };
        Self { socket, hello }
    }

    fn welcome(&mut self, owed: u64, seq: u64) {
        self.welcome_of(owed, seq, None);
    }

    /// `keeps`: whether the relay holds, and whether it has a history; `None`: it does not say.
    fn welcome_of(&mut self, owed: u64, seq: u64, keeps: Option<(bool, bool)>) {
        self.send(&Frame::Welcome(Welcome {
            endpoint: "shop".parse().unwrap(),
            public_url: "http://127.0.0.1:1/h/shop".into(),
            account: "me".into(),
            session: 1,
            server: "played".into(),
            others: 0,
            owed: Backlog { count: owed, oldest_at: None },
            seq,
            holds: keeps.map(|(holds, _)| holds),
            history: keeps.map(|(_, history)| history),
            limits: Limits { in_flight: 4, max_body: 1024 },
        }));
    }

    fn send(&mut self, frame: &Frame) {
        self.socket.send(Message::Binary(frame.encode())).unwrap();
    }

    fn deliver(&mut self, seq: u64, change: impl FnOnce(&mut Delivery)) {
        let mut delivery = Delivery {
            id: DeliveryId::new(seq, &[0; 10]),
            seq,
            received_at: 1_790_000_000_000,
            attempt: 1,
            method: "POST".into(),
            path: "".into(),
            query: None,
            headers: Headers::new(),
            owed: false,
            replayed: false,
            body: format!(r#"{{"id":"e{seq}"}}"#).into(),
        };
        change(&mut delivery);
        let size = delivery.body.len() as u64;
        self.send(&Frame::Deliver { delivery: Box::new(delivery), size });
    }

    /// The next frame.
    #[track_caller]
    fn frame(&mut self) -> Frame {
        loop {
            if let Message::Binary(bytes) = self.socket.read().unwrap() {
                return Frame::decode(bytes).unwrap();
            }
        }
    }

    #[track_caller]
    fn outcome(&mut self, seq: u64) -> Outcome {
        match self.frame() {
            Frame::Outcome { id, outcome, .. } if id == DeliveryId::new(seq, &[0; 10]) => outcome,
            other => panic!("not the outcome of {seq}: {other:?}"),
        }
    }
}

/// A `listen` at a relay that the test plays.
fn start(home: &Home, args: &[&str]) -> (Running, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut command = home.muxhook(&[&["listen", "--json", "--relay", &url], args].concat());
    command.env("MUXHOOK_TOKEN", "a-token-of-no-use-anywhere-but-here");
    (Running::start(command), listener)
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[test]
fn what_was_asked_for_is_asked_of_the_relay_and_the_past_counts_for_nothing() {
    let (home, app) = (Home::new(), App::counting());
    let asked = ["--ack", "relay", "--owed", "discard", "--since", "5", "--once"];
    let (running, listener) = start(&home, &[&["-f", &app.url()], &asked[..]].concat());
    let mut link = Link::take(&listener);
    assert_eq!((link.hello.ack, link.hello.owed), (Ack::Relay, Owed::Discard));
    assert_eq!(link.hello.since, Some(Since { at: 0, after: 4, until: None }));
    link.welcome(3, 9);
    link.send(&Frame::Gap(Gap { from_seq: 5, to_seq: 6, count: 2, why: "older than 24 h".into() }));
    let again = |delivery: &mut Delivery| (delivery.replayed, delivery.attempt) = (true, 2);
    link.deliver(7, again);
    assert!(link.outcome(7).accepted());
    link.send(&Frame::Past { after: 7 });

    drop(link);
    let mut link = Link::take(&listener);
    assert_eq!((link.hello.ack, link.hello.owed), (Ack::Relay, Owed::Deliver), "given up once");
    assert_eq!(link.hello.since, Some(Since { at: 0, after: 7, until: Some(9) }));
    link.welcome(1, 9);
    assert!(link.outcome(7).accepted(), "told again: nobody has confirmed it");
    link.deliver(9, again);
    assert!(link.outcome(9).accepted());
    // Owed since it is the relay that answers, but here as it arrives: it counts.
    link.deliver(10, |delivery| delivery.owed = true);
    assert!(link.outcome(10).accepted());

    drop(link);
    let lines = running.end().with(0, "3 events · 3 forwarded").lines();
    assert_eq!(lines.iter().filter(|line| line["kind"] == "event" && line["replayed"] == true).count(), 2);
    let gap = of_kind(&lines, "gap")[0];
    assert_eq!((&gap["from_seq"], &gap["to_seq"], &gap["count"]), (&5.into(), &6.into(), &2.into()));
    assert_eq!(gap["why"], "older than 24 h");
    assert_eq!(of_kind(&lines, "reconnected")[0]["missed"], 1);
}

#[test]
fn the_relay_learns_that_an_app_is_away_and_that_it_is_back() {
    let (home, port) = (Home::new(), free_port());
    let (running, listener) = start(&home, &["-f", &port.to_string()]);
    let mut link = Link::take(&listener);
    link.welcome(1, 9);
    let owed = |delivery: &mut Delivery| delivery.owed = true;
    link.deliver(3, owed);
    let outcome = link.outcome(3);
    assert!(
        matches!(&outcome, Outcome::Failed(failed) if failed.reason == FailReason::Refused),
        "{outcome:?}"
    );
    running.out.wait_for(r#""code":"app_away""#);
    let app = App::at(port, |_| ("200 OK", String::new()));
    assert_eq!(link.frame(), Frame::Reachable);
    link.deliver(3, |delivery| (delivery.owed, delivery.attempt) = (true, 2));
    assert!(link.outcome(3).accepted());
    running.out.wait_for(r#""code":"caught_up""#);
    drop(link);
    let lines = running.stop().lines();
    let notices = of_kind(&lines, "notice");
    let codes = notices.iter().map(|line| line["code"].as_str().unwrap());
    let codes: Vec<_> = codes.filter(|code| *code != "app_address").collect();
    assert_eq!(codes, ["owed", "app_away", "app_back", "caught_up"]);
    let attempts: Vec<_> = of_kind(&lines, "event").iter().map(|line| line["attempt"].clone()).collect();
    assert_eq!(attempts, [1, 2]);
    assert_eq!(app.seen().len(), 1);
}

#[test]
fn a_relay_that_neither_holds_nor_remembers_is_not_relied_on_in_silence() {
    let (home, app) = (Home::new(), App::counting());
    let told = |args: &[&str], keeps| {
        let (running, listener) = start(&home, &[&["-f", &app.url(), "--once"], args].concat());
        let mut link = Link::take(&listener);
        link.welcome_of(0, 9, keeps);
        link.deliver(10, |_| {});
        assert!(link.outcome(10).accepted());
        drop(link);
        let lines = running.end().with(0, "").lines();
        let notices = of_kind(&lines, "notice");
        let codes = notices.iter().map(|line| line["code"].as_str().unwrap().to_owned());
        codes.filter(|code| ["nothing_held", "no_history"].contains(&&**code)).collect::<Vec<_>>()
    };
    let all = ["--ack", "relay", "--owed", "later", "--since", "5"];
    assert_eq!(told(&all, Some((false, false))), ["nothing_held", "no_history"]);
    assert_eq!(told(&all, Some((true, true))), [""; 0]);
    assert_eq!(told(&all, None), [""; 0], "an older relay is not doubted");
    assert_eq!(told(&[], Some((false, false))), [""; 0], "nothing was asked for");
}
