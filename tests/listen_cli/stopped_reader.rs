//! A program that reads `listen --json` and stops reading for a while.

use std::io;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::home::Home;
use crate::http::{App, Sender};
use crate::running::{Printed, Running};

/// How many send at once.
const SENDERS: usize = 4;

/// Posts `count` events of 8 KiB, whose ids begin with `name`, and checks that the app answered each.
fn send(address: &str, name: &str, count: usize) -> io::Result<()> {
    let mut sender = Sender::to(address)?;
    for number in 0..count {
        let body =
            format!(r#"{{"type":"video.asset.ready","id":"{name}-{number}","data":"{}"}}"#, "x".repeat(8192));
        sender.post(address, "", body.as_bytes())?.by_app(200, &format!("took {}", body.len()));
    }
    Ok(())
}

fn senders(address: &str, name: &str, count: usize) -> Vec<thread::JoinHandle<()>> {
    let sender = |number| {
        let (address, name) = (address.to_owned(), format!("{name}{number}"));
        thread::spawn(move || send(&address, &name, count).unwrap())
    };
    (0..SENDERS).map(sender).collect()
}

#[test]
fn webhooks_go_on_or_wait_and_no_line_is_lost() {
    let (home, app) = (Home::new(), App::counting());
    let (mut running, out) =
        Running::start_unread(home.muxhook(&["listen", "--json", "-f", &app.url(), "--count", "1200"]));
    let address = running.address();
    // 3 MiB fit into what the printer keeps: all goes on as if somebody read.
    senders(&address, "early", 90).into_iter().for_each(|sender| sender.join().unwrap());
    // 7 MiB more do not: the rest waits, at the relay too.
    let late = senders(&address, "late", 210);
    let mut seen = app.seen().len();
    loop {
        thread::park_timeout(Duration::from_millis(300));
        if std::mem::replace(&mut seen, app.seen().len()) == seen {
            break;
        }
    }
    assert!(seen < 1200, "nothing had to wait");
    running.out = Printed::by(out);
    late.into_iter().for_each(|sender| sender.join().unwrap());

    let lines = running.end().with(0, "1,200 events · 1,200 forwarded").lines();
    let ids = |kind: &str| {
        let of_kind = lines.iter().filter(|line| line["kind"] == kind);
        let mut ids: Vec<_> = of_kind.map(|line| line["event_id"].as_str().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    let mut sent: Vec<String> = [("early", 90), ("late", 210)]
        .into_iter()
        .flat_map(|(name, count)| {
            (0..SENDERS)
                .flat_map(move |sender| (0..count).map(move |number| format!("{name}{sender}-{number}")))
        })
        .collect();
    sent.sort_unstable();
    assert!(ids("event") == sent && ids("forwarded") == sent, "some line is lost, or is there twice");
    let others: Vec<&Value> = lines
        .iter()
        .map(|line| &line["kind"])
        .filter(|kind| *kind != "event" && *kind != "forwarded")
        .collect();
    assert_eq!(others, ["ready", "summary"], "the link stayed up");
}
