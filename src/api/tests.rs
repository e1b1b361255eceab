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

const ROW: &str = r#""delivery":"0190a0b0-0000-7000-8000-000000000001","seq":7,"received_at":5,"method":"POST","path":"/s",
    "query":null,"size":3,"event_id":null,"event_type":null,"object_type":null,"object_id":null,"environment":null,
    "fate":"from the future","answered_by":"app","status":200,"duplicate_of":null,"attempts":[],"new":1"#;

fn page(rows: usize, next: &str) -> String {
    let rows = vec![format!("{{{ROW}}}"); rows].join(",");
    let gap = r#"{"from_seq":1,"to_seq":2,"count":2,"why":"no longer kept"}"#;
    let owed = r#"{"count":4,"oldest_at":9}"#;
    json(
        "200 OK",
        &format!(r#"{{"events":[{rows}],"next":{next},"gaps":[{gap}],"owed":{owed},"dropped":3}}"#),
    )
}

fn alice() -> EndpointId {
    "alice".parse().unwrap()
}

/// Answers one connection after the other, and tells what was asked of each.
async fn pages(answers: Vec<String>) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8192];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let request = String::from_utf8(request[..length].to_vec()).unwrap();
            asked.push(request.lines().next().unwrap_or_default().to_owned());
        }
        asked
    });
    (api(port), asked)
}

#[tokio::test]
async fn asks_for_deliveries_with_every_bound() {
    let query = events::Query {
        since: Some(1),
        until: Some(2),
        after: Some(3),
        types: vec!["video.*".into(), "x&y".into()],
        exclude: vec!["\u{e9}".into()],
        matches: vec!["data.a=b c".into()],
        fates: vec![events::Fate::Owed, events::Fate::Late],
        contains: Some("100% +\r\n".into()),
        ascending: true,
        limit: 9999,
    };
    let (api, asked) = relay(page(1, "null")).await;
    let found = api.events(&alice(), &query, Some("c/1")).await.unwrap();
    let row = &found.events[0];
    assert_eq!((row.seq, row.fate, found.owed.count, found.dropped), (7, events::Fate::Unknown, 4, 3));
    let asked = asked.await.unwrap();
    assert_eq!(
        asked.lines().next().unwrap(),
        "GET /_relay/v1/endpoints/alice/events?since=1&until=2&after=3&type=video.%2A&type=x%26y&exclude=%C3%A9\
         &match=data.a%3Db%20c&fate=owed&fate=late&contains=100%25%20%2B%0D%0A&order=asc&limit=500&page=c%2F1 HTTP/1.1"
    );
    let (api, asked) = relay(page(0, "null")).await;
    api.events(&alice(), &events::Query::default(), None).await.unwrap();
    assert!(asked.await.unwrap().starts_with("GET /_relay/v1/endpoints/alice/events HTTP/1.1"));
}

#[tokio::test]
async fn walks_from_page_to_page() {
    let (api, asked) = pages(vec![page(2, "\"a\""), page(0, "\"b\""), page(2, "null")]).await;
    let mut walk = api.walk(&alice(), events::Query::default());
    let mut rows = 0;
    while walk.next().await.unwrap().is_some() {
        rows += 1;
    }
    let summary = walk.summary().unwrap();
    assert_eq!((rows, summary.gaps.len(), summary.owed.count, summary.dropped), (4, 1, 4, 3));
    let asked = asked.await.unwrap();
    let ends: Vec<_> = asked.iter().map(|line| line.rsplit_once("events?").unwrap().1).collect();
    assert_eq!(ends, ["limit=200 HTTP/1.1", "limit=200&page=a HTTP/1.1", "limit=200&page=b HTTP/1.1"]);
}

#[tokio::test]
async fn a_walk_ends_where_it_was_told_to() {
    let (api, asked) = pages(vec![page(2, "\"a\""), page(2, "\"b\"")]).await;
    let mut walk = api.walk(&alice(), events::Query { limit: 3, ..events::Query::default() });
    for _ in 0..3 {
        assert!(walk.next().await.unwrap().is_some());
    }
    assert_eq!(walk.next().await, Ok(None));
    assert!(asked.await.unwrap()[1].contains("limit=1&page=a"));
}

#[tokio::test]
async fn a_history_that_turns_in_a_circle_is_given_up() {
    let (api, _) = pages(vec![page(1, "\"a\""), page(0, "\"a\"")]).await;
    let mut walk = api.walk(&alice(), events::Query::default());
    assert!(walk.next().await.unwrap().is_some());
    assert!(matches!(walk.next().await, Err(ApiError::NotMuxhook { .. })));
}

#[tokio::test]
async fn one_delivery_and_its_body() {
    let (api, asked) = relay(json("200 OK", &format!(r#"{{{ROW},"headers":[["a","\u00ff"]]}}"#))).await;
    let detail = api.event(&alice(), "é/%'..").await.unwrap();
    assert_eq!((detail.row.seq, detail.headers.get("a")), (7, Some(&b"\xff"[..])));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /_relay/v1/endpoints/alice/events/%C3%A9%2F%25%27.. HTTP/1.1"), "{asked}");

    let body: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 256) as u8).collect();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (api, asked) = relay([head.as_bytes(), &body].concat()).await;
    assert!(api.body(&alice(), "00a1").await.unwrap() == body);
    assert!(asked.await.unwrap().starts_with("GET /_relay/v1/endpoints/alice/events/00a1/body "));
    let (api, _) = relay(json("200 OK", "{}")).await;
    assert!(matches!(api.body(&alice(), "00a1").await, Err(ApiError::NotMuxhook { .. })));
}

#[tokio::test]
async fn sends_again_and_gives_up() {
    let answer = r#"{"answered_by":"app","status":204,"message":null,"took_ms":12}"#;
    let (api, asked) = relay(json("200 OK", answer)).await;
    let headers = [("mux-signature", "t=1")].into_iter().collect();
    let replayed = api.replay(&alice(), "00a1", &headers).await.unwrap();
    assert_eq!((&*replayed.answered_by, replayed.status, replayed.took_ms), ("app", 204, 12));
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("POST /_relay/v1/endpoints/alice/events/00a1/replay "), "{asked}");
    assert!(asked.ends_with(r#"{"headers":[["mux-signature","t=1"]]}"#), "{asked}");

    let (api, asked) = relay(json("200 OK", r#"{"discarded":2}"#)).await;
    assert_eq!(api.discard_all(&alice()).await, Ok(2));
    assert!(asked.await.unwrap().ends_with(r#"{"all":true}"#));
    let ids = vec![muxhook_protocol::DeliveryId::new(1, &[0; 10]); 1001];
    let answers = [json("200 OK", r#"{"discarded":2}"#), json("200 OK", r#"{"discarded":1}"#)];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = super::tests::api(listener.local_addr().unwrap().port());
    let served = tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"]}") {
                assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
            }
            assert!(asked.len() < 64 * 1024);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    assert_eq!(api.discard(&alice(), &ids).await, Ok(3));
    served.await.unwrap();
}

#[tokio::test]
async fn refusals_of_history_say_what_to_do() {
    for (status, code, exit) in [
        ("404 Not Found", "unknown_event", 2),
        ("409 Conflict", "ambiguous_event", 2),
        ("409 Conflict", "no_listener", 1),
        ("409 Conflict", "in_flight", 1),
        ("404 Not Found", "unknown_endpoint", 5),
        ("500 Internal Server Error", "damaged_event", 1),
    ] {
        let (api, _) = relay(json(status, &format!(r#"{{"error":"{code}","message":"no"}}"#))).await;
        let error = crate::error::Error::from(api.event(&alice(), "00a1").await.unwrap_err());
        assert_eq!((error.kind().code(), error.hint().is_some()), (exit, true), "{code}");
        assert_eq!(error.to_string() == "not found: no", code == "unknown_event", "{error}");
    }
}

/// Answers each connection so many times with a body, and counts the connections.
async fn bodies(each: usize) -> (Client, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::spawn(async move {
                for _ in 0..each {
                    let mut asked = Vec::new();
                    while !asked.ends_with(b"\r\n\r\n") {
                        if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(head.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (api(port), connections)
}

#[tokio::test]
async fn questions_share_a_connection_as_long_as_it_lasts() {
    use std::sync::atomic::Ordering::Relaxed;
    for (each, connections) in [(100, 1), (1, 12), (4, 3)] {
        let (api, counted) = bodies(each).await;
        for _ in 0..12 {
            assert_eq!(api.body(&alice(), "00a1").await.unwrap(), "ok");
        }
        assert_eq!(counted.load(Relaxed), connections, "{each} answers a connection");
    }
    // Several at once have a connection each, and no more than that later.
    let (api, counted) = bodies(100).await;
    for _ in 0..3 {
        let all = (0..4).map(|_| async { api.body(&alice(), "00a1").await.unwrap() });
        assert_eq!(futures_util::future::join_all(all).await, ["ok"; 4]);
    }
    assert_eq!(counted.load(Relaxed), 4);
}
