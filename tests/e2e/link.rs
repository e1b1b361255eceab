//! The link to the relay is lost: the user is told, it is made again, the address stays, and nothing that was under
//! way is lost or handed over twice.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use muxhook_protocol::Outcome;
use tokio::join;
use tokio::time::{Instant, pause, sleep};
use tokio_util::sync::CancellationToken;

use crate::harness::{App, Cable, Carrier, Relay, RelayProcess, Told, User, Wire, respond, run};

/// An app that answers what comes with the body `held` only once it is `let_go`.
struct Holding {
    app: App,
    let_go: CancellationToken,
}

impl Holding {
    fn start() -> Self {
        let let_go = CancellationToken::new();
        let gone = let_go.clone();
        let app = App::start(move |request| {
            let gone = gone.clone();
            async move {
                if request.body == b"held" {
                    gone.cancelled().await;
                }
                respond(201, &[], &request.body)
            }
        });
        Self { app, let_go }
    }
}

/// A relay that leaves time for a link to be made again.
async fn patient() -> Relay {
    Relay::with(|config| config.limits.reply_deadline = Duration::from_secs(60)).await
}

#[test]
fn a_socket_that_closes() {
    run(|| async {
        let relay = patient().await;
        let cable = Cable::to(relay.addr).await;
        let Holding { mut app, let_go } = Holding::start();
        let mut cli = User::at(format!("http://{}", cable.addr)).listen(&["--forward-to", &app.url()]).await;
        let held = relay.begin_post(cli.path(), "held");
        assert_eq!(app.request().await.text(), "held");

        cable.cut();
        cli.until("disconnected").await;
        let missed = relay.post(cli.path(), "missed").await;
        assert_eq!(missed.by(), (200, "held"));
        // The outcome comes while there is no link, and is kept.
        let_go.cancel();
        cli.until("forwarded").await;
        cable.mend();
        let back = cli.until("reconnected").await;
        assert!(back["down_ms"].is_u64(), "{back}");
        let held = held.await.unwrap();
        assert_eq!((held.by(), held.text()), ((201, "app"), "held"));
        assert_eq!(app.request().await.text(), "missed", "handed over twice");
        assert_eq!(relay.post(cli.path(), "next").await.by(), (201, "app"), "the address stays");
        assert_eq!(app.request().await.text(), "next", "handed over twice");
        assert_eq!(cli.stop().await["events"], 3);
    });
}

#[test]
fn a_network_that_swallows_everything() {
    run(|| async {
        pause();
        let relay = patient().await;
        let cable = Cable::to(relay.addr).await;
        let Holding { mut app, let_go } = Holding::start();
        let mut carrier = Carrier::start(cable.addr, &app.url());
        let (_, Told::Ready(path)) = carrier.tells().await else { panic!("not ready") };
        let held = relay.begin_post(&path, "held");
        assert_eq!(app.request().await.text(), "held");

        cable.swallow();
        let swallowed = Instant::now();
        let lost = relay.begin_post(&path, "swallowed");
        let_go.cancel();
        let replied = |told: &Told| matches!(told, Told::Forwarded(_, Outcome::Replied(_)));
        assert!(replied(&carrier.tells().await.1), "its outcome is swallowed as well");
        let (at, told) = carrier.tells().await;
        assert_eq!(told, Told::Lost("the link to the relay is lost: nothing was heard for 15 s".into()));
        assert!(at - swallowed < Duration::from_millis(15_100), "{:?}", at - swallowed);
        // Nothing answers on the new connections either.
        let (_, told) = carrier.tells().await;
        assert!(matches!(&told, Told::Lost(reason) if reason.contains("gave no answer")), "{told:?}");

        cable.mend();
        while !matches!(carrier.tells().await.1, Told::Back) {}
        let (held, lost) = (held.await.unwrap(), lost.await.unwrap());
        assert_eq!((held.by(), held.text()), ((201, "app"), "held"));
        assert_eq!((lost.by(), lost.text()), ((201, "app"), "swallowed"));
        assert_eq!(app.request().await.text(), "swallowed");
        assert_eq!(app.unseen(), 0, "handed over twice");
        assert!(replied(&carrier.tells().await.1));
    });
}

/// Each body is of its own; every fifth is large, so that cuts fall into the middle of it and of its answer.
fn body(number: usize) -> String {
    format!("{number}{}", "x".repeat(if number.is_multiple_of(5) { 200_000 } else { 0 }))
}

/// Sends as Mux does: what was not taken is sent again later.
async fn insist(wire: &mut Wire, path: &str, body: &str) {
    loop {
        let answer = wire.post(path, body).await;
        if answer.by() == (201, "app") {
            return assert!(answer.text() == body, "another answer of {} bytes", answer.body.len());
        }
        assert_eq!(answer.error(), (503, "no_listener".into()));
        sleep(Duration::from_secs(1)).await;
    }
}

#[test]
fn a_link_that_breaks_again_and_again_loses_nothing_and_repeats_nothing() {
    run(|| async {
        pause();
        let relay = Relay::with(|config| {
            config.limits.reply_deadline = Duration::from_secs(60);
            // The senders insist instead.
            config.hold = false;
        })
        .await;
        let cable = Cable::to(relay.addr).await;
        let mut app = App::start(|request| async move { respond(201, &[], &request.body) });
        let mut carrier = Carrier::start(cable.addr, &app.url());
        let (_, Told::Ready(path)) = carrier.tells().await else { panic!("not ready") };

        let sending = join_all((0..16).map(async |sender| {
            let mut wire = relay.connect().await;
            for number in (sender..400).step_by(16) {
                insist(&mut wire, &path, &body(number)).await;
            }
        }));
        let breaking = async {
            let mut handed_over = HashSet::new();
            while handed_over.len() < 400 {
                let request = app.request().await;
                assert!(handed_over.insert(request.body.clone()), "handed over twice");
                match handed_over.len() {
                    number if number % 48 == 0 => cable.swallow(),
                    number if number % 16 == 0 => cable.cut(),
                    _ => continue,
                }
                cable.mend();
            }
        };
        let mut breaks = 0;
        let listening = async {
            loop {
                breaks += usize::from(matches!(carrier.tells().await.1, Told::Back));
            }
        };
        tokio::select! {
            _ = async { join!(sending, breaking) } => {}
            () = listening => {}
        }
        assert_eq!(app.unseen(), 0, "handed over twice");
        assert!(breaks > 10, "{breaks}");
    });
}

#[test]
fn a_relay_that_freezes() {
    run(|| async {
        let relay = RelayProcess::start(&["--reply-deadline", "60s"]).await;
        let Holding { mut app, let_go } = Holding::start();
        let mut cli = User::at(relay.url()).listen(&["--forward-to", &app.url()]).await;
        let held = relay.begin_post(cli.path(), "held");
        assert_eq!(app.request().await.text(), "held");

        relay.freeze();
        let lost = cli.until("disconnected").await;
        assert_eq!(lost["reason"], "the link to the relay is lost: nothing was heard for 15 s");
        relay.thaw();
        cli.until("reconnected").await;
        let_go.cancel();
        let held = held.await.unwrap();
        assert_eq!((held.by(), held.text()), ((201, "app"), "held"));
        assert_eq!(relay.begin_post(cli.path(), "next").await.unwrap().by(), (201, "app"));
        assert_eq!(app.request().await.text(), "next", "handed over twice");
        assert_eq!(cli.stop().await["events"], 2);
    });
}

#[test]
fn a_relay_that_is_killed_and_started_again() {
    run(|| async {
        let mut relay = RelayProcess::start(&[]).await;
        let mut app = App::saying("thanks");
        let mut cli = User::at(relay.url()).listen(&["--forward-to", &app.url()]).await;
        relay.kill();
        cli.until("disconnected").await;
        relay.start_again().await;
        cli.until("reconnected").await;
        assert_eq!(relay.begin_post(cli.path(), "x").await.unwrap().by(), (200, "app"));
        assert_eq!(app.request().await.text(), "x");
        cli.stop().await;
    });
}

#[test]
fn a_relay_that_restarts_answers_what_is_under_way_first() {
    run(|| async {
        let mut relay = patient().await;
        let Holding { mut app, let_go } = Holding::start();
        let user = User::of(&relay);
        let mut cli = user.listen(&["--forward-to", &app.url()]).await;
        let held = relay.begin_post(cli.path(), "held");
        assert_eq!(app.request().await.text(), "held");
        relay.stop();
        let_go.cancel();
        let held = held.await.unwrap();
        assert_eq!((held.by(), held.text()), ((201, "app"), "held"));
        relay.restart().await;
        assert_eq!(cli.until("disconnected").await["reason"], "the relay is restarting");
        cli.until("reconnected").await;
        assert_eq!(relay.post(cli.path(), "next").await.by(), (201, "app"));
        let address = cli.address.clone();
        cli.stop().await;
        let again = user.listen(&["--forward-to", &app.url()]).await;
        assert_eq!(again.address, address, "the same on every start");
    });
}
