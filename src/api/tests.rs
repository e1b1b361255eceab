use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::dial::DialOptions;

/// Answers one request with these bytes, and tells what was asked.
async fn relay(answer: impl Into<Vec<u8>>) -> (Client, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.into();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 8192];
        let length = stream.read(&mut request).await.unwrap();
        stream.write_all(&answer).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8(request[..length].to_vec()).unwrap()
    });
    (api(port), asked)
}

fn api(port: u16) -> Client {
    let url = RelayUrl::parse(&format!("http://127.0.0.1:{port}"), false).unwrap();
    Client::new(&Dialer::new(DialOptions::default()).unwrap(), &url, &Secret::new("t0ken"))
}

fn json(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

const ENDPOINT: &str = r#"{"endpoint":"alice","public_url":"https://h.example/h/alice","created_at":1,"listeners":1,"observers":0,"new":"field"}"#;

#[tokio::test]
async fn asks_with_the_token_and_reads_the_answer() {
    let body =
        r#"{"server":"muxhook-relay/1","account":"acme","public_url":"https://h.example","endpoints":3}"#;
    let (api, asked) = relay(json("200 OK", body)).await;
    assert_eq!(api.status().await.unwrap().account, "acme");
    let asked = asked.await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("get /_relay/v1/status http/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: bearer t0ken\r\n"));
    assert!(asked.contains(&format!("host: {}\r\n", api.relay().authority())));
}

#[tokio::test]
async fn lists_makes_and_deletes_endpoints() {
    let (api, _) = relay(json("200 OK", &format!(r#"{{"endpoints":[{ENDPOINT}]}}"#))).await;
    assert_eq!(api.endpoints().await.unwrap()[0].endpoint.as_str(), "alice");

    let alice: EndpointId = "alice".parse().unwrap();
    for status in ["201 Created", "200 OK"] {
        let (api, asked) = relay(json(status, ENDPOINT)).await;
        assert_eq!(api.create(Some(&alice)).await.unwrap().public_url, "https://h.example/h/alice");
        assert!(asked.await.unwrap().ends_with(r#"{"endpoint":"alice"}"#));
    }
    let (api, asked) = relay("HTTP/1.1 204 No Content\r\n\r\n").await;
    api.delete(&alice).await.unwrap();
    assert!(asked.await.unwrap().starts_with("DELETE /_relay/v1/endpoints/alice "));
}

#[tokio::test]
async fn tells_a_refusal_from_something_else_that_answers() {
    let problem = |code: &str| format!(r#"{{"error":"{code}","message":"no"}}"#);
    let large = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(MAX_ANSWER_AND_MORE));
    let cases = [
        (json("401 Unauthorized", &problem("unauthorized")), "token"),
        (json("409 Conflict", &problem("endpoint_taken")), "refused"),
        (json("500 Internal Server Error", &problem("internal")), "refused"),
        (json("401 Unauthorized", "<html>"), "not muxhook"),
        (json("200 OK", "<html>hello</html>"), "not muxhook"),
        (json("200 OK", r#"{"status":"ok"}"#), "not muxhook"),
        (json("404 Not Found", "nothing"), "not muxhook"),
        (json("301 Moved", ""), "not muxhook"),
        (json("200 OK", &problem("odd")), "not muxhook"),
        ("SSH-2.0-OpenSSH_9.9\r\n".to_owned(), "not muxhook"),
        (large, "not muxhook"),
        (json("502 Bad Gateway", "<html>"), "unreachable"),
        (String::new(), "unreachable"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{".to_owned(), "unreachable"),
    ];
    for (answer, expected) in cases {
        let (api, _) = relay(answer.clone()).await;
        let found = match api.status().await.unwrap_err() {
            ApiError::Token { .. } => "token",
            ApiError::Refused { .. } => "refused",
            ApiError::NotMuxhook { .. } => "not muxhook",
            ApiError::Unreachable { .. } => "unreachable",
        };
        assert_eq!(found, expected, "{answer:.60}");
    }
}

const MAX_ANSWER_AND_MORE: usize = 1024 * 1024 + 1;

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = crate::error::Error::from(api(port).status().await.unwrap_err());
    assert_eq!(error.kind().code(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_falls_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = api(listener.local_addr().unwrap().port());
    assert!(matches!(api.status().await, Err(ApiError::Unreachable { .. })));
}
