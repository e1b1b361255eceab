use std::time::Duration;

use muxhook_link::Now;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::accounts::Token;
use crate::config::{self, Limits};
use crate::dispatch::Keeping;

fn respond(api: &Api, request: Request<Bytes>) -> Response<Bytes> {
    match super::respond(api, &request) {
        Reply::Now(response) => response,
        Reply::After(wish) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(wish.grant(api))
        }
    }
}

/// A relay with two accounts, and how they ask.
struct Desk {
    dir: TempDir,
    api: Api,
    ada: Token,
    bob: Token,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Arc::new(Accounts::open(dir.path(), Now::from_fn(|| 1_700_000_000_000)).unwrap());
        let [ada, bob] =
            ["ada", "bob"].map(|name| accounts.create_token(&name.parse().unwrap(), "").unwrap().secret);
        let live: Live = Box::new(|endpoint| if endpoint.as_str() == "busy" { (2, 1) } else { (0, 0) });
        let public_url = "https://hooks.example.com".parse().unwrap();
        let now = Now::from_fn(|| 1_700_000_000_000);
        let journal = Arc::new(Journal::open(dir.path(), Default::default(), now).unwrap());
        let keeping = Keeping { journal: Some(Arc::clone(&journal)), holds: true };
        let dispatch = Arc::new(Dispatch::new(Arc::default(), keeping, 1, [0; 8], now));
        let limits = Limits { reply_deadline: Duration::from_secs(1), ..Limits::default() };
        let settings = Arc::new(Settings::new(config::Live { limits, trusted_proxies: Default::default() }));
        let journal = Some(journal);
        let api =
            Api { accounts, public_url, live, journal, dispatch, holds: true, history: false, settings };
        Self { dir, api, ada, bob }
    }

    fn ask(&self, who: &Token, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", who.reveal()))
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        let response = respond(&self.api, request);
        let body = response.body();
        let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() };
        (response.status().as_u16(), value)
    }

    fn create(&self, who: &Token, body: &str) -> (u16, Value) {
        self.ask(who, "POST", "/_relay/v1/endpoints", body)
    }

    fn refusal(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let (status, body) = self.ask(&self.ada, method, path, body);
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        (status, body["error"].as_str().unwrap().to_owned())
    }
}

fn with_authorization(desk: &Desk, value: Option<&str>) -> Response<Bytes> {
    let mut request = Request::builder().uri("/_relay/v1/status");
    if let Some(value) = value {
        request = request.header("authorization", value);
    }
    respond(&desk.api, request.body(Bytes::new()).unwrap())
}

#[test]
fn the_status_is_the_accounts_own() {
    let desk = Desk::new();
    desk.create(&desk.ada, r#"{"endpoint":null}"#);
    let server = format!("muxhook-relay/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        desk.ask(&desk.ada, "GET", "/_relay/v1/status?x=1", ""),
        (
            200,
            json!({"server": server, "account": "ada", "public_url": "https://hooks.example.com", "endpoints": 1, "holds": true, "history": false})
        )
    );
    assert_eq!(desk.ask(&desk.bob, "GET", "/_relay/v1/status", "").1["endpoints"], 0);
}

#[test]
fn without_a_good_token_nothing_is_told() {
    let desk = Desk::new();
    let good = desk.ada.reveal();
    let wrong = [
        None,
        Some(String::new()),
        Some("Bearer".into()),
        Some("Bearer ".into()),
        Some(format!("Basic {good}")),
        Some(good.to_owned()),
        Some(format!("Bearer {good}x")),
    ];
    for value in wrong {
        let response = with_authorization(&desk, value.as_deref());
        assert_eq!(response.status(), 401, "{value:?}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(response.headers()["content-type"], "application/json");
        let body: ErrorBody = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body.error, "unauthorized");
        assert!(!body.message.contains(good));
    }
    assert_eq!(with_authorization(&desk, Some(&format!("bearer {good}"))).status(), 200);
}

#[test]
fn a_revoked_token_is_refused_at_once() {
    let desk = Desk::new();
    let id = desk.api.accounts.list_tokens().unwrap().remove(0).id;
    desk.api.accounts.revoke_token(&id).unwrap();
    assert_eq!(desk.ask(&desk.ada, "GET", "/_relay/v1/status", "").0, 401);
    assert_eq!(desk.ask(&desk.bob, "GET", "/_relay/v1/status", "").0, 200);
}

#[test]
fn an_endpoint_is_created_once_and_found_again() {
    let desk = Desk::new();
    let made = json!({
        "endpoint": "busy", "public_url": "https://hooks.example.com/h/busy", "created_at": 1_700_000_000_000_u64,
        "listeners": 2, "observers": 1, "owed": {"count": 0, "oldest_at": null},
    });
    assert_eq!(desk.create(&desk.ada, r#"{"endpoint":"busy"}"#), (201, made.clone()));
    assert_eq!(desk.create(&desk.ada, r#"{"endpoint":"busy","later":true}"#), (200, made.clone()));
    assert_eq!(desk.ask(&desk.ada, "GET", "/_relay/v1/endpoints", ""), (200, json!({"endpoints": [made]})));
    assert_eq!(desk.ask(&desk.bob, "GET", "/_relay/v1/endpoints", ""), (200, json!({"endpoints": []})));

    let (status, body) = desk.create(&desk.bob, r#"{"endpoint":"busy"}"#);
    assert_eq!((status, &body["error"]), (409, &json!("endpoint_taken")));
    assert!(!body.to_string().contains("ada"), "whose it is stays untold: {body}");
}

#[test]
fn without_a_name_the_relay_makes_an_id() {
    let desk = Desk::new();
    for body in [r#"{"endpoint":null}"#, "{}"] {
        let (status, body) = desk.create(&desk.ada, body);
        assert_eq!((status, body["endpoint"].as_str().unwrap().len()), (201, 26));
    }
}

#[test]
fn only_its_own_account_deletes_an_endpoint() {
    let desk = Desk::new();
    desk.create(&desk.ada, r#"{"endpoint":"mine"}"#);
    let path = "/_relay/v1/endpoints/mine";
    let foreign = desk.ask(&desk.bob, "DELETE", path, "");
    assert_eq!(
        foreign,
        desk.ask(&desk.bob, "DELETE", "/_relay/v1/endpoints/none", ""),
        "foreign looks like none"
    );
    assert_eq!((foreign.0, &foreign.1["error"]), (404, &json!("unknown_endpoint")));
    assert_eq!(desk.ask(&desk.ada, "DELETE", path, ""), (204, Value::Null));
    assert_eq!(desk.ask(&desk.ada, "DELETE", path, "").0, 404);
}

#[test]
fn an_endpoint_that_somebody_listens_on_is_not_deleted() {
    let desk = Desk::new();
    desk.create(&desk.ada, r#"{"endpoint":"busy"}"#);
    let (status, body) = desk.ask(&desk.ada, "DELETE", "/_relay/v1/endpoints/busy", "");
    assert_eq!((status, &body["error"]), (409, &json!("endpoint_in_use")));
    assert_eq!(
        desk.ask(&desk.bob, "DELETE", "/_relay/v1/endpoints/busy", "").0,
        404,
        "foreign looks like none"
    );
}

#[test]
fn malformed_wishes_are_refused() {
    let desk = Desk::new();
    let post = |body: &str| desk.refusal("POST", "/_relay/v1/endpoints", body);
    for body in ["", "[]", "{", r#"{"endpoint":5}"#, "null", "\u{0}"] {
        assert_eq!(post(body), (400, "bad_request".into()), "{body}");
    }
    let long = format!(r#"{{"endpoint":"{}"}}"#, "x".repeat(64));
    for body in [
        r#"{"endpoint":""}"#,
        r#"{"endpoint":"ab"}"#,
        r#"{"endpoint":"A b"}"#,
        r#"{"endpoint":"../x"}"#,
        &long,
    ] {
        assert_eq!(post(body), (400, "invalid_endpoint".into()), "{body}");
    }
    assert!(desk.api.accounts.list_endpoints(None).unwrap().is_empty());
}

#[test]
fn deep_json_is_refused_without_a_crash() {
    let desk = Desk::new();
    let deep = "[".repeat(MAX_BODY);
    assert_eq!(desk.refusal("POST", "/_relay/v1/endpoints", &deep), (400, "bad_request".into()));
    let deep = format!(r#"{{"x":{deep}"#);
    assert_eq!(desk.refusal("POST", "/_relay/v1/endpoints", &deep), (400, "bad_request".into()));
}

#[test]
fn paths_and_methods_that_are_not_there() {
    let desk = Desk::new();
    for path in
        ["/", "/_relay/v1", "/_relay/v1/", "/_relay/v1/status/", "/_relay/v2/status", "/_relay/v1/STATUS"]
    {
        assert_eq!(desk.refusal("GET", path, ""), (404, "not_found".into()), "{path}");
    }
    for (method, path) in
        [("POST", "/_relay/v1/status"), ("PUT", "/_relay/v1/endpoints"), ("GET", "/_relay/v1/endpoints/mine")]
    {
        assert_eq!(desk.refusal(method, path, ""), (405, "method_not_allowed".into()), "{method} {path}");
    }
    for id in ["", "mine/", "..%2fstatus", "a/b"] {
        let path = format!("/_relay/v1/endpoints/{id}");
        assert_eq!(desk.refusal("DELETE", &path, ""), (404, "unknown_endpoint".into()), "{path}");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let desk = Desk::new();
    let request = Request::builder().method("PUT").uri("/_relay/v1/endpoints");
    let request = request.header("authorization", format!("Bearer {}", desk.ada.reveal()));
    let response = respond(&desk.api, request.body(Bytes::new()).unwrap());
    assert_eq!(response.headers()["allow"], "GET, POST");
}

#[test]
fn a_failing_database_is_not_the_callers_fault() {
    let desk = Desk::new();
    let broken = rusqlite::Connection::open(desk.dir.path().join("relay.db")).unwrap();
    broken.execute_batch("DROP TABLE tokens").unwrap();
    let (status, body) = desk.ask(&desk.ada, "GET", "/_relay/v1/status", "");
    assert_eq!((status, &body["error"]), (503, &json!("unavailable")));
    assert!(!body.to_string().contains("tokens"), "what the database says stays in the log: {body}");
}
