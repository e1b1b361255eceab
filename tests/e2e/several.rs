//! Who gets what: several listeners, observers, filters, routes.

use tokio::join;

use crate::harness::{App, Cli, Relay, User, respond, run};

/// A listener on the endpoint `shop`, on a machine of its own.
async fn shop(relay: &Relay, args: &[&str]) -> Cli {
    User::of(relay).listen(&[&["--endpoint", "shop"], args].concat()).await
}

fn event(event_type: &str) -> String {
    format!(r#"{{"type":"{event_type}"}}"#)
}

#[test]
fn each_listener_gets_every_webhook_and_the_first_2xx_answers() {
    run(|| async {
        let relay = Relay::start().await;
        let (failing, working) = (App::start(|_| async { respond(500, &[], "no") }), App::saying("yes"));
        let mut one = shop(&relay, &["--forward-to", &failing.url()]).await;
        let mut two = shop(&relay, &["--forward-to", &working.url()]).await;
        assert_eq!((one.told("notice"), two.told("notice")), (0, 1), "the second is told of the first");
        assert_eq!(one.address, two.address);
        for body in ["a", "b", "c"] {
            let answer = relay.post("/h/shop", body).await;
            assert_eq!((answer.by(), answer.text()), ((200, "app"), "yes"));
            let (no, yes) = join!(one.until("forwarded"), two.until("forwarded"));
            assert_eq!((&no["status"], &no["late"]), (&500.into(), &false.into()));
            assert_eq!((&yes["status"], &yes["delivery"]), (&200.into(), &no["delivery"]));
        }
        two.stop().await;
        assert_eq!(relay.post("/h/shop", "alone").await.by(), (500, "app"));
        one.stop().await;
    });
}

#[test]
fn an_observer_sees_copies_and_answers_only_when_alone() {
    run(|| async {
        let relay = Relay::start().await;
        let app = App::saying("thanks");
        let mut observer = shop(&relay, &[]).await;
        let mut listener = shop(&relay, &["--forward-to", &app.url()]).await;
        let answer = relay.post("/h/shop", event("video.asset.ready")).await;
        assert_eq!((answer.by(), answer.text()), ((200, "app"), "thanks"));
        let (copy, own) = join!(observer.tells("event"), listener.until("event"));
        for key in ["delivery", "event_type", "payload", "headers", "received_at"] {
            assert_eq!(copy[key], own[key], "{key}");
        }
        listener.stop().await;
        let answer = relay.post("/h/shop", "x").await;
        assert_eq!((answer.by(), answer.text()), ((200, "none"), ""));
        observer.tells("event").await;
        let summary = observer.stop().await;
        assert_eq!((&summary["events"], &summary["forwarded"]), (&2.into(), &0.into()));
    });
}

#[test]
fn what_a_filter_leaves_out_is_answered_200_and_told() {
    run(|| async {
        let relay = Relay::start().await;
        let mut app = App::saying("thanks");
        let filters = ["--events", "video.asset.*", "--exclude", "*.deleted"];
        let mut cli = shop(&relay, &[&["--forward-to", &*app.url()], &filters[..]].concat()).await;
        for (body, filter) in [
            (event("video.asset.deleted"), "--exclude *.deleted"),
            (event("video.upload.created"), "--events video.asset.*"),
            ("no event at all".to_owned(), "--events video.asset.*"),
        ] {
            let answer = relay.post("/h/shop", &body).await;
            assert_eq!((answer.by(), answer.text()), ((200, "skipped"), ""), "{body}");
            let event = cli.tells("event").await;
            let skipped = cli.tells("skipped").await;
            assert_eq!((&skipped["delivery"], &skipped["filter"]), (&event["delivery"], &filter.into()));
        }
        assert_eq!(relay.post("/h/shop", event("video.asset.ready")).await.by(), (200, "app"));
        assert_eq!(app.request().await.text(), event("video.asset.ready"));
        let summary = cli.stop().await;
        assert_eq!((&summary["skipped"], &summary["forwarded"]), (&3.into(), &1.into()));
    });
}

#[test]
fn a_skip_is_no_answer_while_somebody_else_has_one() {
    run(|| async {
        let relay = Relay::start().await;
        let app = App::start(|_| async { respond(422, &[], "no") });
        let target = app.url();
        let _picky = shop(&relay, &["--forward-to", &target, "--events", "video.upload.*"]).await;
        let _other = shop(&relay, &["--forward-to", &target]).await;
        let answer = relay.post("/h/shop", event("video.asset.ready")).await;
        assert_eq!((answer.by(), answer.text()), ((422, "app"), "no"));
    });
}

#[test]
fn what_one_listener_refuses_another_may_take() {
    run(|| async {
        let relay = Relay::start().await;
        let (strict_app, app) = (App::saying("never asked"), App::saying("yes"));
        let strict = ["--require-signature", "--secret", "s3cret", "--forward-to"];
        let mut strict = shop(&relay, &[&strict[..], &[&*strict_app.url()]].concat()).await;
        let mut lax = shop(&relay, &["--forward-to", &app.url()]).await;
        assert_eq!(relay.post("/h/shop", event("video.asset.ready")).await.by(), (200, "app"));
        assert_eq!(strict.until("refused").await["signature"], "missing");
        lax.stop().await;
        let answer = relay.post("/h/shop", event("video.asset.ready")).await;
        assert_eq!(answer.error(), (401, "signature_refused".into()));
        let refused = strict.until("refused").await;
        assert!(answer.text().contains(refused["message"].as_str().unwrap()), "{}", answer.text());
        assert_eq!(strict.stop().await["refused"], 2);
        assert_eq!(strict_app.unseen(), 0);
    });
}

#[test]
fn a_route_sends_its_events_to_another_app() {
    run(|| async {
        let relay = Relay::start().await;
        let (mut app, mut live) = (App::saying("app"), App::saying("live"));
        let route = format!("video.live_stream.*={}/live", live.url());
        let mut cli = shop(&relay, &["--forward-to", &app.url(), "--route", &route]).await;
        let active = event("video.live_stream.active");
        assert_eq!(relay.post("/h/shop/s", &active).await.text(), "live");
        assert_eq!(relay.post("/h/shop/s", event("video.asset.ready")).await.text(), "app");
        assert_eq!((live.request().await.target(), app.request().await.target()), ("/live/s", "/s"));
        assert_eq!(cli.until("forwarded").await["target"], format!("{}/live", live.url()));
        cli.stop().await;
    });
}
