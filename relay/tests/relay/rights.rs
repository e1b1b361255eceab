//! Rights that end: whoever changes them does it as another process would, beside the relay.

use std::time::Duration;

use muxhook_link::Now;
use muxhook_protocol::frame::{Hello, Owed, Refused, RefusedCode, Role, Since};
use muxhook_protocol::{EndpointId, Frame};
use muxhook_relay::accounts::{AccountName, Accounts, NewQuotas, NewToken, TokenWish};
use tokio_tungstenite::tungstenite::Error as WsError;

use crate::harness::{Cli, Neighbour, Relay, hello, replied, soon, upgrade};

/// What is another one in each answer, whatever it says.
const OF_EACH_ANSWER: [&str; 2] = ["date", "muxhook-request"];

fn account(name: &str) -> AccountName {
    name.parse().unwrap()
}

fn endpoint(name: &str) -> EndpointId {
    name.parse().unwrap()
}

/// The accounts in the relay's data folder, opened anew: another process's view.
fn beside(relay: &Relay) -> Accounts {
    Accounts::open_existing(&relay.dir.path().join("relay"), Now::system()).unwrap()
}

/// A token of the account `ada`.
fn token(relay: &Relay, scopes: &str, life: Option<Duration>) -> NewToken {
    let expires_at = life.map(|life| Now::system().unix_millis() + u64::try_from(life.as_millis()).unwrap());
    let wish = TokenWish { scopes: scopes.parse().unwrap(), expires_at, ..TokenWish::default() };
    relay.accounts.create_token(&account("ada"), wish).unwrap()
}

const ALL: &str = "listen,history,admin";

/// The relay's last word to a session that stands.
async fn last_word(cli: &mut Cli) -> Refused {
    loop {
        match cli.next().await.expect("a word before the end") {
            Frame::Refused(refused) => return refused,
            Frame::Welcome(_) | Frame::Gap(_) => {}
            other => panic!("not a last word: {other:?}"),
        }
    }
}

async fn ended_with(cli: &mut Cli, words: &str) {
    let last = last_word(cli).await;
    assert_eq!((last.code, last.fatal), (RefusedCode::Forbidden, true), "{}", last.message);
    assert!(last.message.contains(words), "{}", last.message);
    assert!(cli.next().await.is_err(), "the link ends behind it");
}

/// What the upgrade is refused with: its status, and the code.
async fn refused(relay: &Relay, token: &NewToken) -> (u16, String) {
    match *upgrade(relay.addr, &token.secret).await.expect_err("no session") {
        WsError::Http(response) => {
            let body: serde_json::Value = serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
            (response.status().as_u16(), body["error"].as_str().unwrap().to_owned())
        }
        ref other => panic!("{other}"),
    }
}

/// A question to the API: the status, and the code of a refusal.
async fn ask(relay: &Relay, token: &NewToken, line: &str) -> (u16, String) {
    let secret = token.secret.reveal();
    let (line, body) = line.split_once("  ").unwrap_or((line, ""));
    let request = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = relay.ask(request).await;
    let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
    (response.status, body["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    type Change = fn(&Accounts, &NewToken);
    let revoke: Change = |accounts, token| drop(accounts.revoke_token(&token.id).unwrap());
    let rotate: Change = |accounts, token| drop(accounts.rotate_token(&token.id).unwrap());
    for (change, name) in [(revoke, "one"), (rotate, "two")] {
        let (doomed, good) = (token(&relay, ALL, None), token(&relay, ALL, None));
        let mut ends = Cli::dial(relay.addr, &doomed.secret, hello(name)).await.unwrap();
        let mut stays = Cli::dial(relay.addr, &good.secret, hello(name)).await.unwrap();
        change(&beside(&relay), &doomed);
        ended_with(&mut ends, "revoked or replaced").await;
        assert_eq!(refused(&relay, &doomed).await, (401, "unauthorized".into()));
        // Another token of the same account, on the same endpoint, is as good as before.
        let (response, _) = tokio::join!(relay.post(name, ""), stays.handle(replied(200, &[], "")));
        assert_eq!(response.by(), (200, "app"));
    }
    neighbour.is_well().await;
}

#[tokio::test]
async fn a_session_ends_when_its_token_expires() {
    let relay = Relay::start().await;
    let short = token(&relay, ALL, Some(Duration::from_secs(2)));
    let mut cli = Cli::dial(relay.addr, &short.secret, hello("shop")).await.unwrap();
    ended_with(&mut cli, "has expired").await;
    // Now it looks like one that never was.
    let unknown = muxhook_relay::accounts::Token::random().unwrap();
    let never = NewToken { secret: unknown, ..short.clone() };
    assert_eq!(refused(&relay, &short).await, (401, "unauthorized".into()));
    assert_eq!(body_of(&relay, &short).await, body_of(&relay, &never).await);
}

/// What the relay says is owed on `shop`.
async fn owed(relay: &Relay, token: &NewToken) -> serde_json::Value {
    let secret = token.secret.reveal();
    let request = format!(
        "GET /_relay/v1/endpoints/shop/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n\r\n"
    );
    let body: serde_json::Value = serde_json::from_slice(&relay.ask(request).await.body).unwrap();
    assert!(!body["owed"].is_null(), "{body}");
    body["owed"].clone()
}

async fn body_of(relay: &Relay, token: &NewToken) -> String {
    let secret = token.secret.reveal();
    let request =
        format!("GET /_relay/v1/status HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n\r\n");
    relay.ask(request).await.text().to_owned()
}

#[tokio::test]
async fn a_session_ends_with_its_endpoint() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    let ada = token(&relay, ALL, None);
    let mut cli = Cli::dial(relay.addr, &ada.secret, hello("shop")).await.unwrap();
    assert!(beside(&relay).delete_endpoint(&account("ada"), &endpoint("shop")).unwrap());
    ended_with(&mut cli, "shop was deleted").await;
    assert_eq!(relay.post("shop", "").await.error(), (404, "unknown_endpoint".into()));

    let mut cli = Cli::dial(relay.addr, &ada.secret, hello("shop")).await.unwrap();
    assert!(beside(&relay).switch_endpoint(&endpoint("shop"), false).unwrap());
    ended_with(&mut cli, "shop is disabled").await;
    let again = Cli::dial(relay.addr, &ada.secret, hello("shop")).await.err().expect("refused");
    assert_eq!((again.code, again.fatal), (RefusedCode::Forbidden, true));
    // To a sender it looks like none, to the byte; and its owner can't take its name anew.
    let (off, none) = (relay.post("shop", "x").await, relay.post("nobodys", "x").await);
    assert_eq!((off.status, off.text()), (404, none.text()));
    assert_eq!(
        ask(&relay, &ada, "DELETE /_relay/v1/endpoints/shop").await,
        (403, "endpoint_disabled".into())
    );

    assert!(beside(&relay).switch_endpoint(&endpoint("shop"), true).unwrap());
    let mut cli = Cli::dial(relay.addr, &ada.secret, hello("shop")).await.unwrap();
    let (response, _) = tokio::join!(relay.post("shop", ""), cli.handle(replied(200, &[], "")));
    assert_eq!(response.by(), (200, "app"));
    neighbour.is_well().await;
}

#[tokio::test]
async fn a_session_ends_with_its_account_and_what_is_owed_stays() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    let ada = token(&relay, ALL, None);
    relay.accounts.claim_endpoint(&account("ada"), Some(&endpoint("idle"))).unwrap();
    assert_eq!(relay.post("idle", "owed").await.by(), (200, "held"));
    let mut cli = Cli::dial(relay.addr, &ada.secret, hello("shop")).await.unwrap();
    assert!(beside(&relay).switch_account(&account("ada"), false).unwrap());
    ended_with(&mut cli, "account ada is disabled").await;
    assert_eq!(refused(&relay, &ada).await, (403, "account_disabled".into()));
    assert_eq!(ask(&relay, &ada, "GET /_relay/v1/status").await, (403, "account_disabled".into()));
    for name in ["idle", "shop"] {
        assert_eq!(relay.post(name, "").await.error(), (404, "unknown_endpoint".into()));
    }
    assert!(beside(&relay).switch_account(&account("ada"), true).unwrap());
    let mut cli = Cli::dial(relay.addr, &ada.secret, hello("idle")).await.unwrap();
    assert_eq!(cli.welcome.owed.count, 1);
    assert_eq!(&*cli.handle(replied(200, &[], "")).await.body, b"owed");
    neighbour.is_well().await;
}

#[tokio::test]
async fn a_listener_that_reads_nothing_is_gone_all_the_same() {
    let relay = Relay::start().await;
    let ada = token(&relay, ALL, None);
    let socket = upgrade(relay.addr, &ada.secret).await.unwrap();
    // Nothing moves on this link from here on: the relay fills it, and what it says last is never read.
    let (link, _) = crate::harness::greet(socket, hello("shop")).await.unwrap();
    let mut observer =
        Cli::dial(relay.addr, &ada.secret, Hello { role: Role::Observer, ..hello("shop") }).await.unwrap();
    let posts: Vec<_> = (0..12)
        .map(|_| {
            let addr = relay.addr;
            tokio::spawn(async move {
                let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
                let mut client = crate::harness::Client::new(stream);
                client.post("shop", &"x".repeat(2 << 20)).await.status
            })
        })
        .collect();
    for _ in 0..12 {
        observer.delivery().await;
    }
    relay.accounts.delete_endpoint(&account("ada"), &endpoint("shop")).unwrap();
    soon(async { while relay.post("shop", "").await.status != 404 {} }).await;
    for post in posts {
        post.abort();
    }
    drop(link);
}

#[tokio::test]
async fn a_token_is_good_for_its_scopes_alone() {
    let relay = Relay::start().await;
    let owner = token(&relay, ALL, None);
    relay.accounts.claim_endpoint(&account("ada"), Some(&endpoint("shop"))).unwrap();
    let list = "GET /_relay/v1/endpoints/shop/events";
    let discard = r#"POST /_relay/v1/endpoints/shop/events/discard  {"all":true}"#;
    let claim = r#"POST /_relay/v1/endpoints  {"endpoint":"shop"}"#;
    let replay = "POST /_relay/v1/endpoints/shop/events/x/replay  {}";
    let delete = "DELETE /_relay/v1/endpoints/shop";
    for (scopes, allowed) in
        [("listen", vec![claim]), ("history", vec![list, replay]), ("admin", vec![discard])]
    {
        let token = token(&relay, scopes, None);
        for line in [list, discard, claim, replay] {
            let (status, code) = ask(&relay, &token, line).await;
            assert_eq!(
                (status, &*code) != (403, "scope"),
                allowed.contains(&line),
                "{scopes}: {line}: {code}"
            );
        }
        assert_eq!(ask(&relay, &token, "GET /_relay/v1/status").await.0, 200);
        if scopes != "listen" {
            assert_eq!(refused(&relay, &token).await, (403, "scope".into()));
        }
        if scopes != "admin" {
            assert_eq!(ask(&relay, &token, delete).await, (403, "scope".into()));
            // Whether there is such an endpoint makes no difference.
            let none = "DELETE /_relay/v1/endpoints/nobodys";
            assert_eq!(ask(&relay, &token, none).await, (403, "scope".into()));
        }
    }
    // A greeting gets no more than its token is good for.
    let listens = token(&relay, "listen", None);
    let since = Hello { since: Some(Since::default()), ..hello("shop") };
    let discards = Hello { owed: Owed::Discard, ..hello("shop") };
    for (greeting, scope) in [(since, "history"), (discards, "admin")] {
        let refused = Cli::dial(relay.addr, &listens.secret, greeting).await.err().expect("refused");
        assert_eq!((refused.code, refused.fatal), (RefusedCode::Forbidden, true));
        assert!(refused.message.contains(&format!("not the scope {scope}")), "{}", refused.message);
    }
    let rotated = relay.accounts.rotate_token(&listens.id).unwrap();
    assert_eq!(ask(&relay, &rotated, list).await, (403, "scope".into()), "rotating keeps the scopes");
    assert_eq!(ask(&relay, &owner, delete).await.0, 204);
}

#[tokio::test]
async fn what_is_foreign_looks_like_what_is_not_there() {
    let relay = Relay::start().await;
    let ada = token(&relay, ALL, None);
    relay.stranger();
    for name in ["theirs", "off"] {
        relay.accounts.claim_endpoint(&account("stranger"), Some(&endpoint(name))).unwrap();
    }
    relay.accounts.switch_endpoint(&endpoint("off"), false).unwrap();
    let secret = ada.secret.reveal();
    for (method, rest) in [
        ("GET", "/events"),
        ("GET", "/events/x"),
        ("GET", "/events/x/body"),
        ("POST", "/events/x/replay"),
        ("POST", "/events/discard"),
        ("DELETE", ""),
    ] {
        let answer = async |name: &str| {
            let request = format!(
                "{method} /_relay/v1/endpoints/{name}{rest} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n\
                 content-length: 0\r\n\r\n"
            );
            let response = relay.ask(request).await;
            let headers = response
                .headers
                .iter()
                .filter(|(name, _)| !OF_EACH_ANSWER.contains(&name.as_str()))
                .cloned()
                .collect::<Vec<_>>();
            (response.status, headers, response.body)
        };
        let none = answer("nobodys").await;
        assert_eq!(none.0, 404, "{method} {rest}");
        assert_eq!(answer("theirs").await, none, "{method} {rest}");
        assert_eq!(answer("off").await, none, "{method} {rest}");
    }
}

/// All that a stranger can see of an answer.
async fn seen(relay: &Relay, request: String) -> (u16, Vec<(String, Vec<u8>)>, Vec<u8>) {
    let response = relay.ask(request).await;
    let headers = response.headers.into_iter().filter(|(name, _)| !OF_EACH_ANSWER.contains(&name.as_str()));
    (response.status, headers.collect(), response.body)
}

#[tokio::test]
async fn a_token_that_is_no_good_looks_like_one_that_never_was() {
    let relay = Relay::start().await;
    let good = token(&relay, ALL, None);
    let [revoked, expired, replaced] =
        [None, Some(Duration::ZERO), None].map(|life| token(&relay, ALL, life));
    relay.accounts.revoke_token(&revoked.id).unwrap();
    relay.accounts.rotate_token(&replaced.id).unwrap();
    let never = muxhook_relay::accounts::Token::random().unwrap();
    let good = good.secret.reveal();
    let bearer = |text: &str| format!("authorization: Bearer {text}\r\n");
    for line in [
        "GET /_relay/v1/status",
        "GET /_relay/v1/connect",
        "DELETE /_relay/v1/endpoints/x",
        "PUT /_relay/v1/x",
    ] {
        let answer =
            async |field: &str| seen(&relay, format!("{line} HTTP/1.1\r\nhost: x\r\n{field}\r\n")).await;
        let never = answer(&bearer(never.reveal())).await;
        assert_eq!(never.0, 401, "{line}");
        for (which, field) in [
            ("revoked", bearer(revoked.secret.reveal())),
            ("expired", bearer(expired.secret.reveal())),
            ("replaced", bearer(replaced.secret.reveal())),
            ("cut", bearer(&good[..good.len() - 1])),
            ("another at its end", bearer(&format!("{}!", &good[..good.len() - 1]))),
            ("longer", bearer(&format!("{good}a"))),
            ("far too long", bearer(&"x".repeat(2000))),
        ] {
            assert_eq!(answer(&field).await, never, "{line}: {which}");
        }
        // Who says nothing that could be one is told what is missing, whether that would be good elsewhere or not.
        let missing = answer("").await;
        assert_eq!(missing.0, 401, "{line}");
        assert_eq!(answer(&format!("authorization: Basic {good}\r\n")).await, missing, "{line}");
    }
}

#[tokio::test]
async fn a_sender_learns_of_no_endpoint_that_takes_nothing() {
    let relay = Relay::start().await;
    token(&relay, ALL, None);
    for (name, owner) in [("off", "default"), ("theirs", "ada")] {
        relay.accounts.claim_endpoint(&account(owner), Some(&endpoint(name))).unwrap();
    }
    relay.accounts.switch_endpoint(&endpoint("off"), false).unwrap();
    relay.accounts.switch_account(&account("ada"), false).unwrap();
    let post = |name: &str| format!("POST /h/{name}/x?y HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nz");
    let none = seen(&relay, post("nobodys")).await;
    assert_eq!(none.0, 404);
    for name in ["off", "theirs", "No-Name"] {
        assert_eq!(seen(&relay, post(name)).await, none, "{name}");
    }
}

#[tokio::test]
async fn an_account_has_no_more_than_its_quotas() {
    let relay = Relay::start().await;
    let ada = token(&relay, ALL, None);
    let quotas =
        NewQuotas { max_endpoints: Some(Some(2)), max_listeners: Some(Some(1)), ..NewQuotas::default() };
    beside(&relay).set_quotas(&account("ada"), quotas).unwrap();
    let one = Cli::dial(relay.addr, &ada.secret, hello("one")).await.unwrap();
    let full = Cli::dial(relay.addr, &ada.secret, hello("two")).await.err().expect("refused");
    assert_eq!((full.code, full.fatal), (RefusedCode::TooManySessions, false));
    assert!(full.message.contains("account ada has 1 sessions"), "{}", full.message);
    let third = r#"POST /_relay/v1/endpoints  {"endpoint":"three"}"#;
    assert_eq!(ask(&relay, &ada, third).await, (409, "too_many_endpoints".into()));
    // Another account is not concerned.
    let _other = Cli::dial(relay.addr, &relay.stranger(), hello("other")).await.unwrap();
    drop(one);
    let two = async {
        loop {
            if let Ok(two) = Cli::dial(relay.addr, &ada.secret, hello("two")).await {
                return two;
            }
        }
    };
    let two = soon(two).await;
    drop(two);
    let more = Cli::dial(relay.addr, &ada.secret, hello("three")).await.err().expect("refused");
    assert_eq!((more.code, more.fatal), (RefusedCode::Forbidden, true));
    assert!(more.message.contains("has 2 endpoints"), "{}", more.message);
}

#[tokio::test]
async fn what_mux_did_not_sign_is_neither_forwarded_nor_held() {
    use muxhook_protocol::mux::signature::{Key, sign};
    let relay = Relay::start().await;
    let ada = token(&relay, ALL, None);
    relay.accounts.claim_endpoint(&account("ada"), Some(&endpoint("shop"))).unwrap();
    let key = Key::new("whsec-canary-17").unwrap();
    beside(&relay).set_verification(&endpoint("shop"), Some(&key)).unwrap();
    // In effect within a second, by itself.
    let forged = || relay.post("shop", "forged");
    soon(async { while forged().await.status != 401 {} }).await;
    let before = owed(&relay, &ada).await;
    let response = forged().await;
    assert_eq!(response.error(), (401, "signature_refused".into()));
    assert!(!response.text().contains("canary"));
    assert_eq!(owed(&relay, &ada).await, before, "nothing more is held");

    let now = i64::try_from(Now::system().unix_millis() / 1000).unwrap();
    let signed = |at, body: &str| {
        let signature = sign(&key, at, body.as_bytes());
        format!(
            "POST /h/shop HTTP/1.1\r\nhost: x\r\nmux-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(relay.ask(signed(now, "held")).await.by(), (200, "held"));
    assert_eq!(relay.ask(signed(now - 400, "stale")).await.error(), (401, "signature_refused".into()));
    let mut cli = Cli::dial(relay.addr, &ada.secret, hello("shop")).await.unwrap();
    while &*cli.handle(replied(200, &[], "")).await.body != b"held" {}
    // A live listener is spared it too, and told.
    assert_eq!(forged().await.status, 401);
    match cli.next().await.unwrap() {
        Frame::Notice(notice) => assert_eq!(notice.code, "signature_refused"),
        other => panic!("{other:?}"),
    }
    let (response, _) = tokio::join!(relay.ask(signed(now, "live")), cli.handle(replied(200, &[], "")));
    assert_eq!(response.by(), (200, "app"));

    beside(&relay).set_verification(&endpoint("shop"), None).unwrap();
    let serving = cli.serve(|_| replied(200, &[], ""));
    soon(async { while forged().await.by() != (200, "app") {} }).await;
    serving.abort();
}
