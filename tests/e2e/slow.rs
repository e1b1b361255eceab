//! A slow handler holds up nobody else.

use std::time::Duration;

use futures_util::future::join_all;
use muxhook_protocol::Outcome;
use tokio::time::{Instant, pause, sleep};
use tokio_util::sync::CancellationToken;

use crate::harness::{App, Carrier, Relay, Told, User, respond, run};

#[test]
fn a_handler_that_sleeps_a_minute_holds_up_neither_webhooks_nor_heartbeats() {
    run(|| async {
        pause();
        let relay = Relay::start().await;
        let mut app = App::start(|request| async move {
            if request.body == b"slow" {
                sleep(Duration::from_secs(60)).await;
            }
            respond(200, &[], &request.body)
        });
        let mut carrier = Carrier::start(relay.addr, &app.url());
        let (_, Told::Ready(path)) = carrier.tells().await else { panic!("not ready") };

        let began = Instant::now();
        let slow = relay.begin_post(&path, "slow");
        assert_eq!(app.request().await.text(), "slow");
        let quick: Vec<_> = (0..49).map(|number| number.to_string()).collect();
        let answers = join_all(quick.iter().map(|body| relay.post(&path, body))).await;
        for (body, answer) in quick.iter().zip(&answers) {
            assert_eq!((answer.by(), answer.text()), ((200, "app"), &**body));
            assert!(matches!(carrier.tells().await, (_, Told::Forwarded(_, Outcome::Replied(_)))));
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());

        assert_eq!(slow.await.unwrap().error(), (504, "app_timeout".into()));
        let deadline = began + Duration::from_millis(4500);
        assert!((deadline..deadline + Duration::from_millis(200)).contains(&Instant::now()));
        let (_, Told::Answered(late)) = carrier.tells().await else { panic!("not told that it is late") };
        // Had a heartbeat failed in the minute, the session would say so first.
        let (at, told) = carrier.tells().await;
        assert!(matches!(told, Told::Forwarded(id, Outcome::Replied(_)) if id == late), "{told:?}");
        assert!(at - began >= Duration::from_secs(60));
        assert_eq!(relay.post(&path, "next").await.by(), (200, "app"));
    });
}

#[test]
fn an_answer_after_the_deadline_is_shown_as_late() {
    run(|| async {
        let relay = Relay::with(|config| config.limits.reply_deadline = Duration::from_millis(500)).await;
        let finish = CancellationToken::new();
        let finished = finish.clone();
        let app = App::start(move |_| {
            let finished = finished.clone();
            async move {
                finished.cancelled().await;
                respond(200, &[], "at last")
            }
        });
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        let answer = relay.post(cli.path(), "x").await;
        assert_eq!(answer.error(), (504, "app_timeout".into()));
        let event = cli.tells("event").await;
        finish.cancel();
        let forwarded = cli.tells("forwarded").await;
        assert_eq!(forwarded["delivery"], event["delivery"]);
        assert_eq!((&forwarded["status"], &forwarded["late"]), (&200.into(), &true.into()));
        cli.stop().await;
    });
}
