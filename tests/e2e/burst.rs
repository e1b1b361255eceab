//! Many webhooks at once: each is answered, and each is told once.

use std::collections::HashSet;

use futures_util::future::join_all;

use crate::harness::{App, Relay, User, run};

const CONNECTIONS: usize = 64;
const WEBHOOKS: usize = 2000;

#[test]
fn two_thousand_webhooks_are_answered_and_told_once_each() {
    run(|| async {
        let relay = Relay::start().await;
        let mut app = App::saying("thanks");
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        let (relay, path) = (&relay, cli.path().to_owned());
        join_all((0..CONNECTIONS).map(async |first| {
            let mut wire = relay.connect().await;
            for number in (first..WEBHOOKS).step_by(CONNECTIONS) {
                let body = format!(r#"{{"type":"video.asset.ready","id":"e{number}"}}"#);
                assert_eq!(wire.post(&path, body).await.by(), (200, "app"));
            }
        }))
        .await;

        let (mut arrived, mut forwarded) = (HashSet::new(), HashSet::new());
        while forwarded.len() < WEBHOOKS {
            let line = cli.line().await.expect("a further line");
            let id = line["event_id"].as_str().unwrap().to_owned();
            match line["kind"].as_str().unwrap() {
                "event" => assert!(arrived.insert(id), "told twice: {line}"),
                "forwarded" => assert!(arrived.contains(&id) && forwarded.insert(id), "out of turn: {line}"),
                _ => panic!("{line}"),
            }
        }
        let summary = cli.stop().await;
        for (key, count) in
            [("events", WEBHOOKS), ("forwarded", WEBHOOKS), ("failed", 0), ("skipped", 0), ("duplicates", 0)]
        {
            assert_eq!(summary[key], count, "{key}");
        }
        assert_eq!((cli.told("event"), cli.told("forwarded")), (WEBHOOKS, WEBHOOKS));
        let mut handed_over = HashSet::new();
        while app.unseen() > 0 {
            assert!(handed_over.insert(app.request().await.body.clone()), "handed over twice");
        }
        assert_eq!(handed_over.len(), WEBHOOKS);
    });
}
