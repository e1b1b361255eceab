//! What is at an address besides webhooks.

use crate::harness::{Relay, Response};

/// All of a response but its date.
fn undated(mut response: Response) -> Response {
    response.headers.retain(|(name, _)| name != "date");
    response
}

#[tokio::test]
async fn a_browser_sees_one_page_whether_an_endpoint_exists_or_not() {
    let relay = Relay::start().await;
    let _cli = relay.listen("live").await;
    relay.accounts.claim_endpoint(&"default".parse().unwrap(), Some(&"idle".parse().unwrap())).unwrap();
    let page = undated(relay.ask("GET /h/live HTTP/1.1\r\nhost: x\r\n\r\n").await);
    let text = String::from_utf8(page.body.clone()).unwrap();
    assert!(page.status == 200 && text.starts_with("<!doctype html>") && text.contains("webhooks"), "{text}");
    for path in ["idle", "nobody", "", "Not-One", "live/a/b?c=d"] {
        let other = undated(relay.ask(format!("GET /h/{path} HTTP/1.1\r\nhost: x\r\n\r\n")).await);
        assert_eq!(other, page, "{path}");
    }
    for path in ["live", "idle", "nobody"] {
        let mut client = relay.connect().await;
        client.send(format!("HEAD /h/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        let head = client.head_response().await;
        assert_eq!((head.status, head.get("content-length")), (200, &*page.body.len().to_string()), "{path}");
        assert_eq!(client.rest().await, b"", "a HEAD has no body");
    }
}

#[tokio::test]
async fn the_page_can_run_nothing() {
    let relay = Relay::start().await;
    let page = relay.ask("GET /h/x HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(page.get("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!((page.get("x-content-type-options"), page.get("referrer-policy")), ("nosniff", "no-referrer"));
    assert!(!page.text().contains("<script"));
}

#[tokio::test]
async fn other_methods_are_told_what_is_allowed() {
    let relay = Relay::start().await;
    let _cli = relay.listen("live").await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        for path in ["live", "nobody"] {
            let request = format!("{method} /h/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
            let response = relay.ask(request).await;
            assert_eq!(response.error(), (405, "method_not_allowed".into()), "{method} {path}");
            assert_eq!(response.get("allow"), "GET, HEAD, POST");
        }
    }
}

#[tokio::test]
async fn health_is_told_and_nothing_else_is_there() {
    let relay = Relay::start().await;
    let health = relay.ask("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!((health.status, health.text()), (200, "ok\n"));
    let posted = relay.ask("POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!((posted.error(), posted.get("allow")), ((405, "method_not_allowed".into()), "GET, HEAD"));
    assert!(!posted.text().contains("POST"), "{}", posted.text());
    for target in ["/", "/h", "/hh/x", "/health", "/favicon.ico", "*", "//h/x", "http://x"] {
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        let response = relay.ask(format!("{method} {target} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        assert_eq!(response.error(), (404, "not_found".into()), "{target}");
    }
}
