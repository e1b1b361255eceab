//! What a CLI may ask about the past, over real HTTP.

use std::sync::Arc;

use muxhook_protocol::history::{Detail, Discarded, Fate, Page, Replayed};
use muxhook_protocol::{Frame, Headers};
use muxhook_relay::accounts::Token;
use serde::de::DeserializeOwned;
use tokio::join;

use crate::harness::{Relay, Response, echo, replied, short_deadline, soon, unreachable_app};

const EVENTS: &str = "/_relay/v1/endpoints/shop/events";

/// One question.
async fn ask(relay: &Relay, token: &Token, method: &str, path: &str, body: &str) -> Response {
    let (token, length) = (token.reveal(), body.len());
    relay
        .ask(format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await
}

fn read<T: DeserializeOwned>(answer: &Response) -> T {
    assert_eq!((answer.status, answer.get("cache-control")), (200, "no-store"), "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

async fn page(relay: &Relay, query: &str) -> Page {
    read(&ask(relay, &relay.token, "GET", &format!("{EVENTS}{query}"), "").await)
}

async fn post<T: DeserializeOwned>(relay: &Relay, below: &str, body: &str) -> T {
    read(&ask(relay, &relay.token, "POST", &format!("{EVENTS}/{below}"), body).await)
}

/// A refusal's status and code.
async fn refusal(relay: &Relay, method: &str, path: &str, body: &str) -> (u16, String) {
    let answer = ask(relay, &relay.token, method, path, body).await;
    let problem: muxhook_relay::api::ErrorBody = serde_json::from_slice(&answer.body).unwrap();
    assert!(!problem.message.is_empty());
    (answer.status, problem.error)
}

/// The history once it has so many deliveries: it is written a little later than its deliveries are answered.
async fn history(relay: &Relay, count: usize) -> Page {
    until(relay, |page| page.events.len() == count).await
}

async fn until(relay: &Relay, is_there: impl Fn(&Page) -> bool) -> Page {
    soon(async {
        loop {
            let page = page(relay, "").await;
            if is_there(&page) {
                return page;
            }
        }
    })
    .await
}

fn event(kind: &str) -> String {
    format!(r#"{{"type":"{kind}","id":"event-{kind}","data":{{"id":"a1"}}}}"#)
}

#[tokio::test]
async fn what_came_is_told_with_what_became_of_it() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let ready = event("video.asset.ready");
    let (_, first) = join!(relay.post("shop/deep?q=%20", &ready), cli.handle(replied(201, &[], "")));
    let errored = event("video.asset.errored");
    join!(relay.post("shop", &errored), cli.handle(replied(500, &[], "")));
    join!(relay.post("shop", "?"), cli.handle(unreachable_app()));
    drop(cli);
    relay.gone("shop").await;
    assert_eq!(relay.post("shop", "held").await.by(), (200, "held"));

    let all = history(&relay, 4).await;
    let fates: Vec<_> = all.events.iter().map(|row| row.fate).collect();
    assert_eq!(fates, [Fate::Owed, Fate::Failed, Fate::Rejected, Fate::Accepted]);
    assert_eq!((all.owed.count, all.dropped, all.next), (1, 0, None));
    let row = &all.events[3];
    assert_eq!((row.delivery, row.seq, row.received_at), (first.id, first.seq, first.received_at));
    assert_eq!((&*row.path, row.query.as_deref(), row.size), ("/deep", Some("q=%20"), ready.len() as u64));
    assert_eq!((&*row.answered_by, row.status, row.attempts[0].status), ("app", 201, Some(201)));

    let some = page(&relay, "?type=video.%2A&fate=rejected&fate=owed&order=asc&limit=1").await;
    assert_eq!(
        (some.events.len(), some.events[0].event_id.as_deref()),
        (1, Some("event-video.asset.errored"))
    );
    let first_page = page(&relay, "?limit=3").await;
    let last = page(&relay, &format!("?limit=3&page={}", first_page.next.unwrap())).await;
    assert_eq!((last.events, last.next), (vec![row.clone()], None));

    let detail: Detail = read(&ask(&relay, &relay.token, "GET", &format!("{EVENTS}/{}", first.id), "").await);
    assert_eq!((&detail.row, &detail.headers), (row, &first.headers));
}

#[tokio::test]
async fn a_body_comes_back_byte_for_byte() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let body: Vec<u8> = (0..300_000_u32).map(|at| (at % 256) as u8).collect();
    let head = format!("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    let (_, delivery) =
        join!(relay.ask([head.as_bytes(), &body].concat()), cli.handle(replied(200, &[], "")));
    history(&relay, 1).await;
    for id in [delivery.id.to_string(), delivery.id.to_string()[28..].to_owned()] {
        let answer = ask(&relay, &relay.token, "GET", &format!("{EVENTS}/{id}/body"), "").await;
        assert_eq!((answer.status, answer.get("content-type")), (200, "application/octet-stream"));
        assert_eq!((answer.get("x-content-type-options"), answer.body == body), ("nosniff", true));
    }
    let contents = rusqlite::Connection::open(relay.dir.path().join("relay/journal.db")).unwrap();
    contents.execute("UPDATE contents SET body = zeroblob(length(body))", ()).unwrap();
    let path = format!("{EVENTS}/{}/body", delivery.id);
    assert_eq!(refusal(&relay, "GET", &path, "").await, (500, "damaged_event".into()));
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let (_, delivery) = join!(relay.post("shop", "x"), cli.handle(replied(200, &[], "")));
    history(&relay, 1).await;
    let stranger = relay.stranger();
    let id = delivery.id;
    for (method, below, body) in [
        ("GET", String::new(), ""),
        ("GET", format!("/{id}"), ""),
        ("GET", format!("/{id}/body"), ""),
        ("POST", format!("/{id}/replay"), r#"{"headers":[]}"#),
        ("POST", "/discard".to_owned(), r#"{"all":true}"#),
    ] {
        let foreign = ask(&relay, &stranger, method, &format!("{EVENTS}{below}"), body).await;
        let none = format!("/_relay/v1/endpoints/nothing/events{below}");
        let unknown = ask(&relay, &stranger, method, &none, body).await;
        assert_eq!((foreign.status, foreign.text()), (404, unknown.text()), "{method} {below}");
        assert!(foreign.text().contains("unknown_endpoint"));
        let nobody = relay.ask(format!("{method} {EVENTS}{below} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        assert_eq!(nobody.status, 401, "{method} {below}");
    }
    // An endpoint of its own shows nobody else's deliveries.
    ask(&relay, &stranger, "POST", "/_relay/v1/endpoints", r#"{"endpoint":"own"}"#).await;
    for part in [id.to_string(), id.to_string()[..8].to_owned(), id.to_string()[28..].to_owned()] {
        let path = format!("/_relay/v1/endpoints/own/events/{part}");
        let answer = ask(&relay, &stranger, "GET", &path, "").await;
        assert!(answer.status == 404 && answer.text().contains("unknown_event"), "{}", answer.text());
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    for _ in 0..2 {
        join!(relay.post("shop", "x"), cli.handle(replied(200, &[], "")));
    }
    let id = history(&relay, 2).await.events[0].delivery.to_string();
    for (query, name) in
        [("limit=501", "`limit`"), ("page=%27", "`page`"), ("type=%", "`type`"), ("x=1", "`x`")]
    {
        let answer = ask(&relay, &relay.token, "GET", &format!("{EVENTS}?{query}"), "").await;
        assert!(answer.status == 400 && answer.text().contains("bad_query"), "{}", answer.text());
        assert!(answer.text().contains(name), "{}", answer.text());
    }
    for below in ["/", "/nope", "/%", "/%27%20OR%201=1", "/%ff", &format!("/{}", "a".repeat(300))] {
        let path = format!("{EVENTS}{below}");
        assert_eq!(refusal(&relay, "GET", &path, "").await, (404, "unknown_event".into()), "{below}");
    }
    let path = format!("{EVENTS}/%00");
    assert_eq!(refusal(&relay, "GET", &path, "").await, (400, "bad_target".into()));
    let several = ask(&relay, &relay.token, "GET", &format!("{EVENTS}/{}", &id[..8]), "").await;
    assert!(several.status == 409 && several.text().contains("ambiguous_event"), "{}", several.text());
    assert!(several.text().contains(&id), "the candidates are named");
    for (method, below, allowed) in [
        ("POST", String::new(), "GET"),
        ("DELETE", format!("/{id}"), "GET"),
        ("POST", format!("/{id}/body"), "GET"),
        ("GET", format!("/{id}/replay"), "POST"),
        ("GET", "/discard".into(), "POST"),
    ] {
        let answer = ask(&relay, &relay.token, method, &format!("{EVENTS}{below}"), "").await;
        assert_eq!((answer.status, answer.get("allow")), (405, allowed), "{method} {below}");
    }
    let replay = format!("{id}/replay");
    for (below, body) in [
        (&*replay, ""),
        (&replay, r#"{"headers":[["a b","x"]]}"#),
        (&replay, r#"{"headers":[["Upper","x"]]}"#),
        (&replay, r#"{"headers":[["x","a\r\nb: c"]]}"#),
        (&replay, r#"{"headers":[["x","€"]]}"#),
        ("discard", "{}"),
        ("discard", r#"{"all":false}"#),
        ("discard", r#"{"ids":["x"]}"#),
        ("discard", r#"{"ids":[],"all":true}"#),
    ] {
        let found = refusal(&relay, "POST", &format!("{EVENTS}/{below}"), body).await;
        assert_eq!(found, (400, "bad_request".into()), "{below} {body}");
    }
}

#[tokio::test]
async fn a_delivery_goes_to_the_app_again() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let head = "POST /h/shop/s?q=1 HTTP/1.1\r\nhost: x\r\nx-a: 1\r\nmux-signature: t=1,v1=a\r\ncontent-length: 4\r\n\r\nbody";
    let (answer, first) = join!(relay.ask(head), cli.handle(replied(500, &[], "")));
    assert_eq!(answer.status, 500);
    history(&relay, 1).await;

    let wish = r#"{"headers":[["mux-signature","t=2,v1=b"],["muxhook-original-signature","t=1,v1=a"]]}"#;
    let below = format!("{}/replay", first.id);
    let (replayed, again): (Replayed, _) =
        join!(post(&relay, &below, wish), cli.handle(replied(202, &[], "")));
    assert_eq!((&*replayed.answered_by, replayed.status, replayed.message), ("app", 202, None));
    assert_eq!((again.id, again.seq, again.attempt), (first.id, first.seq, first.attempt + 1));
    assert_eq!((again.replayed, again.owed, &again.body), (true, false, &first.body));
    assert_eq!((&again.path, &again.query), (&first.path, &first.query));
    let expected: Headers = first
        .headers
        .iter()
        .filter(|(name, _)| *name != "mux-signature")
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .chain([("mux-signature".into(), b"t=2,v1=b".to_vec())])
        .chain([("muxhook-original-signature".into(), b"t=1,v1=a".to_vec())])
        .collect();
    assert_eq!(again.headers, expected);
    let row = until(&relay, |page| page.events[0].attempts.len() == 2).await.events.remove(0);
    assert_eq!((row.fate, row.status, row.attempts[1].replayed), (Fate::Accepted, 500, true));

    let (_, third): (Replayed, _) =
        join!(post(&relay, &below, r#"{"headers":[]}"#), cli.handle(unreachable_app()));
    assert_eq!((third.attempt, third.headers), (3, first.headers), "what is stored stays as it came");
}

#[tokio::test]
async fn a_replay_has_the_answer_that_a_sender_would_have() {
    let relay = Relay::with(short_deadline).await;
    let mut cli = relay.listen("shop").await;
    let (_, first) = join!(relay.post("shop", "x"), cli.handle(replied(200, &[], "")));
    history(&relay, 1).await;
    let (below, wish) = (format!("{}/replay", first.id), r#"{"headers":[]}"#);
    let (failed, _): (Replayed, _) = join!(post(&relay, &below, wish), cli.handle(unreachable_app()));
    assert_eq!((&*failed.answered_by, failed.status, failed.message.is_some()), ("relay", 502, true));
    // Nobody answers, and meanwhile it is not sent once more.
    let path = format!("{EVENTS}/{below}");
    let late = async {
        let delivery = cli.delivery().await;
        assert_eq!(refusal(&relay, "POST", &path, wish).await, (409, "in_flight".into()));
        delivery
    };
    let (late, delivery): (Replayed, _) = join!(post(&relay, &below, wish), late);
    assert_eq!((&*late.answered_by, late.status), ("relay", 504));
    assert!(matches!(cli.next().await.unwrap(), Frame::Answered { id } if id == delivery.id));
    // The app has it still, and what it says in the end is told as what came of the replay.
    assert_eq!(refusal(&relay, "POST", &path, wish).await, (409, "in_flight".into()));
    cli.settle(delivery.id, replied(200, &[], ""));
    let page = until(&relay, |page| page.events[0].attempts.len() == 3).await;
    let last = &page.events[0].attempts[2];
    assert_eq!((last.status, last.late, last.replayed), (Some(200), true, true));
    drop(cli);
    relay.gone("shop").await;
    assert_eq!(refusal(&relay, "POST", &path, wish).await, (409, "no_listener".into()));
    drop(relay.observe("shop").await);
    assert_eq!(history(&relay, 1).await.owed.count, 0, "a replay is never owed");
}

#[tokio::test]
async fn what_is_owed_is_settled_by_a_replay() {
    use muxhook_protocol::frame::{Hello, Owed};
    let relay = Relay::start().await;
    drop(relay.listen("shop").await);
    relay.gone("shop").await;
    assert_eq!(relay.post("shop", "owed").await.by(), (200, "held"));
    let id = history(&relay, 1).await.events[0].delivery;
    let later = Hello { owed: Owed::Later, ..crate::harness::hello("shop") };
    let mut cli = relay.dial(later).await;
    let below = format!("{id}/replay");
    let (_, again): (Replayed, _) =
        join!(post(&relay, &below, r#"{"headers":[]}"#), cli.handle(replied(200, &[], "")));
    assert_eq!((again.owed, again.replayed, again.attempt), (false, true, 1));
    let page = until(&relay, |page| page.owed.count == 0).await;
    assert_eq!(page.events[0].fate, Fate::Accepted);
}

#[tokio::test]
async fn what_is_given_up_goes_to_nobody() {
    let relay = Relay::start().await;
    drop(relay.listen("shop").await);
    relay.gone("shop").await;
    for body in ["one", "two", "three"] {
        assert_eq!(relay.post("shop", body).await.by(), (200, "held"));
    }
    let ids: Vec<_> = history(&relay, 3).await.events.iter().map(|row| row.delivery).collect();
    let some = serde_json::json!({ "ids": [ids[2], "00000000-0000-7000-8000-000000000000"] }).to_string();
    assert_eq!(post::<Discarded>(&relay, "discard", &some).await.discarded, 1);
    assert_eq!(post::<Discarded>(&relay, "discard", &some).await.discarded, 0, "once");
    assert_eq!(page(&relay, "?fate=owed").await.events.len(), 2);
    let mut cli = relay.listen("shop").await;
    assert_eq!(cli.welcome.owed.count, 2);
    assert_eq!(cli.handle(replied(200, &[], "")).await.body, "two");
    cli.confirmed().await;
    drop(cli);
    relay.gone("shop").await;
    let all = r#"{"all":true}"#;
    until(&relay, |page| page.owed.count == 1).await;
    assert_eq!(post::<Discarded>(&relay, "discard", all).await.discarded, 1);
    let fates: Vec<_> = history(&relay, 3).await.events.iter().map(|row| row.fate).collect();
    assert_eq!(fates, [Fate::Discarded, Fate::Accepted, Fate::Discarded]);
}

#[tokio::test]
async fn an_endpoint_that_is_deleted_takes_its_history_along() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    join!(relay.post("shop", "x"), cli.handle(replied(200, &[], "")));
    history(&relay, 1).await;
    drop(cli);
    relay.gone("shop").await;
    let endpoint = "/_relay/v1/endpoints/shop";
    assert_eq!(ask(&relay, &relay.token, "DELETE", endpoint, "").await.status, 204);
    assert_eq!(refusal(&relay, "GET", EVENTS, "").await, (404, "unknown_endpoint".into()));
    ask(&relay, &relay.token, "POST", "/_relay/v1/endpoints", r#"{"endpoint":"shop"}"#).await;
    until(&relay, |page| page.events.is_empty()).await;
}

#[tokio::test]
async fn the_past_outlives_a_restart() {
    let relay = Relay::start().await;
    let cli = relay.listen("shop").await.serve(echo);
    relay.post("shop", "x").await;
    let before = history(&relay, 1).await.events;
    cli.abort();
    let (dir, token) = (Arc::clone(&relay.dir), relay.token.clone());
    relay.shutdown.cancel();
    let mut relay = relay;
    soon(&mut relay.run).await.unwrap();
    let relay = Relay::on(dir, token, |_| ()).await;
    assert_eq!(page(&relay, "").await.events, before);
}

#[tokio::test]
async fn a_relay_says_whether_it_holds_and_remembers() {
    use std::time::Duration;
    for (hold, hours) in [(false, 0), (true, 0), (false, 24), (true, 24)] {
        let relay = Relay::with(|config| {
            (config.hold, config.journal.retention) = (hold, Duration::from_secs(hours * 3600));
        })
        .await;
        let cli = relay.listen("shop").await;
        assert_eq!((cli.welcome.holds, cli.welcome.history), (Some(hold), Some(hours > 0)));
    }
}

#[tokio::test]
async fn a_relay_without_a_journal_has_no_history() {
    let relay = Relay::with(|config| {
        (config.hold, config.journal.retention) = (false, std::time::Duration::ZERO);
    })
    .await;
    let cli = relay.listen("shop").await.serve(echo);
    assert_eq!(relay.post("shop", "x").await.status, 200);
    let below = |rest: &str| format!("{EVENTS}{rest}");
    for path in ["", "?fate=owed", "/00a1", "/00a1/body"] {
        assert_eq!(refusal(&relay, "GET", &below(path), "").await, (404, "no_history".into()), "{path}");
    }
    let wish = r#"{"headers":[]}"#;
    assert_eq!(refusal(&relay, "POST", &below("/00a1/replay"), wish).await, (404, "no_history".into()));
    cli.abort();
}

#[tokio::test]
async fn what_is_kept_no_longer_is_a_gap() {
    let relay = Relay::start().await;
    let cli = relay.listen("shop").await.serve(echo);
    for body in ["one", "two"] {
        relay.post("shop", body).await;
    }
    let seqs: Vec<_> = history(&relay, 2).await.events.iter().map(|row| row.seq).collect();
    cli.abort();
    let (dir, token) = (Arc::clone(&relay.dir), relay.token.clone());
    relay.shutdown.cancel();
    let mut relay = relay;
    soon(&mut relay.run).await.unwrap();
    let brief = std::time::Duration::from_millis(1);
    let relay = Relay::on(dir, token, |config| config.journal.retention = brief).await;
    let page = until(&relay, |page| page.events.is_empty() && !page.gaps.is_empty()).await;
    assert_eq!(page.gaps.iter().map(|gap| gap.count).sum::<u64>(), 2, "{:?}", page.gaps);
    let within = |gap: &muxhook_protocol::frame::Gap| (gap.from_seq..=gap.to_seq).contains(&seqs[0]);
    assert!(page.gaps.iter().any(within) && page.gaps.iter().all(|gap| !gap.why.is_empty()));
}
