use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::dial::DialOptions;
use crate::error::Error;

/// Answers a request after the other with these, and tells what was asked.
async fn mux(answers: Vec<String>) -> (Client, JoinHandle<Vec<String>>) {
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
            asked.push(String::from_utf8(request[..length].to_vec()).unwrap());
        }
        asked
    });
    (client(port), asked)
}

fn client(port: u16) -> Client {
    let access = Access::from_env(|name| {
        Some(match name {
            "MUX_TOKEN_ID" => "Aladdin".to_owned(),
            "MUX_TOKEN_SECRET" => "opensesame".to_owned(),
            _ => format!("http://127.0.0.1:{port}"),
        })
    });
    Client::new(&Dialer::new(DialOptions::default()).unwrap(), access.unwrap())
}

fn json(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn webhook(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","address":"https://h.example/h/{id}","enabled":true,"created_at":"2026-07-15"}}"#
    )
}

fn list(ids: &[&str]) -> String {
    let webhooks: Vec<_> = ids.iter().map(|id| webhook(id)).collect();
    json("200 OK", &format!(r#"{{"data":[{}]}}"#, webhooks.join(",")))
}

fn id(text: &str) -> WebhookId {
    WebhookId::new(text).unwrap()
}

#[tokio::test]
async fn asks_with_the_token_and_reads_who_it_is() {
    let body = r#"{"data":{"environment_id":"e1","environment_name":"Dev","organization_id":"o1","permissions":["x"]}}"#;
    let (mux, asked) = mux(vec![json("200 OK", body)]).await;
    let who = mux.whoami().await.unwrap();
    assert_eq!((who.environment(), &*who.environment_id, who.organization()), ("Dev", "e1", Some("o1")));
    let asked = asked.await.unwrap()[0].to_ascii_lowercase();
    assert!(asked.starts_with("get /system/v1/whoami http/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: basic qwxhzgrpbjpvcgvuc2vzyw1l\r\n"), "{asked}");
}

#[tokio::test]
async fn makes_switches_and_deletes_webhooks() {
    let made =
        r#"{"data":{"id":"w1","address":"https://h.example","enabled":true,"signing_secret":"s3cret"}}"#;
    let (api, asked) = mux(vec![json("201 Created", made)]).await;
    let webhook = api.create("https://h.example").await.unwrap();
    assert_eq!(webhook.signing_secret.as_ref().unwrap().expose(), "s3cret");
    assert!(!format!("{webhook:?}").contains("s3cret"));
    let asked = asked.await.unwrap().remove(0);
    assert!(asked.starts_with("POST /system/v1/webhooks "), "{asked}");
    assert!(asked.ends_with(r#"{"address":"https://h.example"}"#), "{asked}");

    let off = r#"{"data":{"id":"w1","address":"https://h.example","enabled":false}}"#;
    let (api, asked) = mux(vec![json("200 OK", off)]).await;
    assert!(!api.set_enabled(&id("w1"), false).await.unwrap().enabled);
    let asked = asked.await.unwrap().remove(0);
    assert!(asked.starts_with("PATCH /system/v1/webhooks/w1 "), "{asked}");
    assert!(asked.ends_with(r#"{"enabled":false}"#), "{asked}");

    let (api, asked) = mux(vec!["HTTP/1.1 204 No Content\r\n\r\n".to_owned()]).await;
    api.delete(&id("w1")).await.unwrap();
    assert!(asked.await.unwrap()[0].starts_with("DELETE /system/v1/webhooks/w1 "));
}

#[tokio::test]
async fn reads_page_after_page_until_one_has_nothing_new() {
    for last in [list(&[]), list(&["c"])] {
        let (api, asked) = mux(vec![list(&["a", "b"]), list(&["c"]), last]).await;
        let ids: Vec<_> = api.webhooks().await.unwrap().into_iter().map(|webhook| webhook.id).collect();
        assert_eq!(ids, [id("a"), id("b"), id("c")]);
        let asked = asked.await.unwrap();
        assert!(asked[2].starts_with("GET /system/v1/webhooks?limit=100&page=3 "), "{}", asked[2]);
    }
    let endless = (0..MOST_PAGES).map(|page| list(&[&format!("w{page}")])).collect();
    let (api, _) = mux(endless).await;
    assert_eq!(api.webhooks().await.unwrap().len(), MOST_PAGES);
}

#[tokio::test]
async fn each_refusal_has_its_words_and_its_code() {
    let problem = |words: &str| format!(r#"{{"error":{{"type":"t","messages":["{words}"]}}}}"#);
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n".to_owned();
    for (answer, words, hint, code) in [
        (json("401 Unauthorized", &problem("No.")), "access token (it says: No.)", "MUX_TOKEN_SECRET", 5),
        (json("401 Unauthorized", "<html>"), "doesn't take this access token", "dashboard.mux.com", 5),
        (
            json("403 Forbidden", &problem("No.")),
            "it lacks the permission system:write",
            "System read and write",
            5,
        ),
        (json("404 Not Found", &problem("gone")), "no such webhook", "", 5),
        (json("409 Conflict", "{}"), "has this address already", "run it again", 5),
        (
            json("400 Bad Request", &problem("address has already been taken")),
            "has this address already",
            "",
            5,
        ),
        (
            json("422 No", &problem("address must be https")),
            "refused (422 Unprocessable Entity) (it says: add",
            "",
            5,
        ),
        (busy, "too many requests", "in 7 s", 1),
        (json("429 Too Many Requests", ""), "too many requests", "in a minute", 1),
        (json("503 Service Unavailable", "<html>"), "503 Service Unavailable", "status.mux.com", 1),
        (json("404 Not Found", "<html>"), "is not Mux's API", "MUX_BASE_URL", 5),
        (json("301 Moved", ""), "it redirects elsewhere", "MUX_BASE_URL", 5),
        (json("201 Created", "<html>"), "not the JSON", "", 5),
        (json("200 OK", r#"{"data":[]}"#), "not the JSON", "", 5),
        ("SSH-2.0-OpenSSH_9.9\r\n".to_owned(), "HTTP/1.1", "", 5),
        (format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1024 * 1024 + 1)), "above 1024 KiB", "", 5),
        ("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{".to_owned(), "gives no answer", "", 3),
        (String::new(), "gives no answer", "", 3),
    ] {
        let (api, _) = mux(vec![answer.clone()]).await;
        let error = Error::from(api.create("https://h.example").await.unwrap_err());
        assert!(error.to_string().contains(words), "{answer:.70}: {error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{answer:.70}: {error:?}");
        assert_eq!(error.kind().code(), code, "{answer:.70}: {error}");
        assert!(!format!("{error:?}").contains("opensesame"));
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_not_believed_and_not_repeated() {
    for body in [
        r#"{"data":{"id":"../x","address":"https://h.example","enabled":true}}"#,
        r#"{"data":{"id":"","address":"https://h.example","enabled":true}}"#,
        r#"{"data":{"id":"w1","address":7,"enabled":true}}"#,
        r#"{"data":{"id":"w1","address":"https://h.example","enabled":"hunter2"}}"#,
        r#"{"data":{"id":"w1","address":"https://h.example","enabled":true,"signing_secret":"hun ter2"}}"#,
        r#"{"data":{"id":"w1","address":"https://h.example","enabled":true,"signing_secret":""}}"#,
    ] {
        let (api, _) = mux(vec![json("201 Created", body)]).await;
        let error = api.create("https://h.example").await.unwrap_err();
        assert!(matches!(error, MuxError::NotMux { .. }), "{body}: {error}");
        assert!(!format!("{error} {error:?}").contains("ter2"));
    }
    let long = format!(r#"{{"error":{{"messages":["{}"]}}}}"#, "é".repeat(2000));
    let (api, _) = mux(vec![json("401 Unauthorized", &long)]).await;
    assert!(api.whoami().await.unwrap_err().to_string().chars().count() < 400);
}

#[tokio::test]
async fn one_that_falls_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut api = client(listener.local_addr().unwrap().port());
    api.limits.time = std::time::Duration::from_millis(20);
    let error = api.whoami().await.unwrap_err();
    assert!(error.to_string().contains("it did not answer within"), "{error}");
    drop(listener);
    let error = api.whoami().await.unwrap_err();
    assert!(error.to_string().contains("Mux's API at 127.0.0.1:"), "{error}");
}
