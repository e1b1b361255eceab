//! What the app says is what the sender gets and the user is told; and so is what it fails to say.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{App, Port, Relay, User, respond, run, self_signed};

#[test]
fn the_apps_answer_reaches_the_sender_and_the_user_is_told() {
    run(|| async {
        let relay = Relay::start().await;
        let mut app = App::saying("thanks");
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        let answer = relay.post(cli.path(), r#"{"type":"video.asset.ready","id":"e1"}"#).await;
        assert_eq!((answer.by(), answer.text()), ((200, "app"), "thanks"));
        assert_eq!(app.request().await.text(), r#"{"type":"video.asset.ready","id":"e1"}"#);
        let event = cli.tells("event").await;
        assert_eq!((&event["event_type"], &event["event_id"]), (&"video.asset.ready".into(), &"e1".into()));
        let forwarded = cli.tells("forwarded").await;
        assert_eq!(forwarded["delivery"], event["delivery"]);
        assert_eq!((&forwarded["status"], &forwarded["late"]), (&200.into(), &false.into()));
        let summary = cli.stop().await;
        assert_eq!((&summary["events"], &summary["forwarded"]), (&1.into(), &1.into()));
    });
}

#[test]
fn an_app_that_is_down_is_a_502_that_says_so_and_comes_back_by_itself() {
    run(|| async {
        let relay = Relay::start().await;
        let port = Port::reserve();
        let mut cli = User::of(&relay).listen(&["--forward-to", &port.url()]).await;
        let answer = relay.post(cli.path(), r#"{"type":"video.asset.ready","id":"e1"}"#).await;
        assert_eq!(answer.error(), (502, "app_unreachable".into()));
        let event = cli.tells("event").await;
        let failed = cli.tells("failed").await;
        assert_eq!((&failed["delivery"], &failed["reason"]), (&event["delivery"], &"refused".into()));
        assert_eq!((&failed["event_type"], &failed["event_id"]), (&"video.asset.ready".into(), &"e1".into()));
        assert!(failed["message"].as_str().unwrap().starts_with("nothing listens on 127.0.0.1:"), "{failed}");
        assert!(failed["hint"].as_str().unwrap().starts_with("start the app"), "{failed}");

        let _app = port.open(|_| async { respond(200, &[], "here again") });
        assert_eq!(relay.post(cli.path(), "x").await.text(), "here again");
        let summary = cli.stop().await;
        assert_eq!((&summary["failed"], &summary["forwarded"]), (&1.into(), &1.into()));
    });
}

#[test]
fn an_app_that_hangs_or_crashes_is_a_502_with_its_reason() {
    run(|| async {
        let relay = Relay::start().await;
        let app = App::start(|request| async move {
            if request.body == b"hang" {
                sleep(Duration::from_secs(3600)).await;
            }
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\ncut".to_vec()
        });
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url(), "--timeout", "300ms"]).await;
        for (body, reason) in [("hang", "timeout"), ("crash", "reset")] {
            let answer = relay.post(cli.path(), body).await;
            assert_eq!(answer.error(), (502, "app_unreachable".into()));
            assert!(answer.text().contains(&format!("({reason})")), "{}", answer.text());
            let failed = cli.until("failed").await;
            assert!(failed["reason"] == reason && failed["hint"].is_string(), "{failed}");
        }
        cli.stop().await;
    });
}

#[test]
fn a_self_signed_certificate_of_this_machine_is_taken_with_a_notice() {
    run(|| async {
        let relay = Relay::start().await;
        let app = App::secure(self_signed(), |request| async move { respond(200, &[], &request.body) });
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        for body in ["one", "two"] {
            let answer = relay.post(cli.path(), body).await;
            assert_eq!((answer.by(), answer.text()), ((200, "app"), body));
        }
        cli.stop().await;
        assert_eq!((cli.told("forwarded"), cli.told("notice")), (2, 1));
    });
}

#[test]
fn a_redirect_is_an_answer() {
    run(|| async {
        let relay = Relay::start().await;
        let elsewhere = App::saying("never asked");
        let to = elsewhere.url();
        let mut app = App::start(move |_| {
            let to = to.clone();
            async move { respond(307, &[("location", &to)], "") }
        });
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        let answer = relay.post(cli.path(), "x").await;
        assert_eq!((answer.by(), answer.get("location")), ((307, "app"), &*elsewhere.url()));
        assert_eq!(cli.until("forwarded").await["status"], 307);
        cli.stop().await;
        app.request().await;
        assert_eq!((app.unseen(), elsewhere.unseen()), (0, 0));
    });
}

#[test]
fn an_answer_above_a_mebibyte_is_cut_to_nothing_and_says_so() {
    run(|| async {
        let relay = Relay::start().await;
        let app = App::start(|_| async { respond(202, &[("x-app", "big")], vec![b'x'; 2 * 1024 * 1024]) });
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        let answer = relay.post(cli.path(), "x").await;
        assert_eq!((answer.by(), answer.get("x-app"), answer.body.len()), ((202, "app"), "big", 0));
        assert_eq!(answer.get("muxhook-truncated"), "1");
        assert_eq!(cli.until("forwarded").await["status"], 202);
        cli.stop().await;
    });
}

#[test]
fn an_answer_cannot_act_as_the_relays_own_page() {
    run(|| async {
        let relay = Relay::start().await;
        let headers = [("content-type", "text/html"), ("set-cookie", "a=b"), ("muxhook-answer", "relay")];
        let app = App::start(move |_| async move { respond(200, &headers, "<script>alert(1)</script>") });
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        let answer = relay.post(cli.path(), "x").await;
        assert_eq!((answer.by(), answer.text()), ((200, "app"), "<script>alert(1)</script>"));
        assert_eq!(answer.get("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.get("x-content-type-options"), "nosniff");
        assert!(answer.get("content-security-policy").contains("sandbox"));
        assert!(answer.all("set-cookie").is_empty());
        cli.stop().await;
    });
}
