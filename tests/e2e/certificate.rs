//! The relay's certificate is renewed while it runs.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{App, Relay, User, run};

#[test]
fn new_connections_see_the_new_certificate_and_old_ones_go_on() {
    run(|| async {
        let relay = Relay::secure().await;
        let app = App::saying("thanks");
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        assert!(cli.address.starts_with("https://"), "{}", cli.address);
        let mut sender = relay.connect().await;
        assert_eq!(sender.post(cli.path(), "before").await.by(), (200, "app"));
        let old = relay.certificate().await;

        let new = relay.replace_certificate();
        assert_ne!(old, new);
        while relay.certificate().await != new {
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(sender.post(cli.path(), "over an old connection").await.by(), (200, "app"));
        assert_eq!(relay.post(cli.path(), "over a new one").await.by(), (200, "app"));
        let summary = cli.stop().await;
        assert_eq!((&summary["forwarded"], cli.told("disconnected")), (&3.into(), 0));
    });
}
