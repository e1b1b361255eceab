//! What strangers may cost: failing requests are bounded for each source, and nothing else is.

use muxhook_relay::config::TrustedProxies;
use tokio::join;

use crate::harness::{Relay, Response, replied};

/// A POST of a stranger's, with further lines in its head.
async fn post(relay: &Relay, path: &str, fields: &str) -> Response {
    relay.ask(format!("POST {path} HTTP/1.1\r\nhost: x\r\n{fields}content-length: 1\r\n\r\nx")).await
}

/// Fails until the relay has enough of it; how often it was told why.
async fn until_limited(relay: &Relay, path: &str, fields: &str, status: u16) -> (usize, Response) {
    for count in 0..200 {
        let response = post(relay, path, fields).await;
        if response.status == 429 {
            return (count, response);
        }
        assert_eq!(response.status, status);
    }
    panic!("never limited");
}

#[tokio::test]
async fn a_source_that_fails_again_and_again_is_limited_and_what_is_right_passes() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let (count, response) = until_limited(&relay, "/h/nobody", "", 404).await;
    assert!(count >= 60, "{count}");
    assert!(response.body.starts_with(br#"{"error":"too_many_failures""#));
    assert_eq!(response.get("connection"), "close");
    assert!(response.get("retry-after").parse::<u64>().unwrap() >= 1);
    // A second gives one more, and this machine may be slow.
    for (path, status) in [("/_relay/v1/status", 401), ("/elsewhere", 404), ("/h/shop/%00", 400)] {
        assert!(until_limited(&relay, path, "", status).await.0 < 30, "{path}");
    }
    // The endpoint that is there takes webhooks from that same source, and an app may answer what it likes.
    for _ in 0..3 {
        let (answer, _) = join!(relay.post("shop", "x"), cli.handle(replied(404, &[], "")));
        assert_eq!(answer.by(), (404, "app"));
    }
    // So does whoever has a token.
    relay.live("shop").await;
}

#[tokio::test]
async fn what_an_app_answers_is_no_failure_of_its_sender() {
    let relay = Relay::start().await;
    let cli = relay.listen("shop").await;
    let serving = cli.serve(|_| replied(404, &[], ""));
    for _ in 0..80 {
        assert_eq!(relay.post("shop", "x").await.by(), (404, "app"));
    }
    assert_eq!(post(&relay, "/h/nobody", "").await.status, 404);
    serving.abort();
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_of_its_clients_is_a_source() {
    let relay = Relay::with(|config| {
        config.trusted_proxies = TrustedProxies::new(vec!["127.0.0.1".parse().unwrap()]);
    })
    .await;
    // What stands before the proxy's own word is anybody's.
    let one = "x-forwarded-for: 203.0.113.9, 192.0.2.1\r\n";
    until_limited(&relay, "/h/nobody", one, 404).await;
    for same in [
        "x-forwarded-for: 192.0.2.1\r\n",
        "x-forwarded-for: 192.0.2.1, 127.0.0.1\r\n",
        "x-forwarded-for: 192.0.2.1\r\nx-forwarded-for: 127.0.0.1\r\n",
    ] {
        assert!(until_limited(&relay, "/h/nobody", same, 404).await.0 < 30, "{same}");
    }
    for other in [
        "x-forwarded-for: 203.0.113.9\r\n",
        "x-forwarded-for: 192.0.2.1, 192.0.2.2\r\n",
        "x-forwarded-for: 192.0.2.1, what\r\n",
        "",
    ] {
        assert_eq!(post(&relay, "/h/nobody", other).await.status, 404, "{other}");
    }
}
