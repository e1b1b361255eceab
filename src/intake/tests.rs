use muxhook_protocol::mux::catalogue::Place;
use muxhook_protocol::mux::signature::{Fault, HEADER, Header, sign};
use muxhook_protocol::{DeliveryId, Headers};
use proptest::prelude::*;

use super::*;

fn delivery(number: u8, body: &str) -> Delivery {
    Delivery {
        id: DeliveryId::new(1, &[number; 10]),
        seq: u64::from(number),
        received_at: 1,
        attempt: 1,
        method: "POST".into(),
        path: "".into(),
        query: None,
        headers: Headers::new(),
        owed: false,
        replayed: false,
        body: body.to_owned().into(),
    }
}

fn globs(list: &[&str]) -> Vec<Glob> {
    list.iter().map(|text| Glob::parse(text).unwrap()).collect()
}

fn decide(wishes: Wishes<&'static str>, event_type: &str) -> Decision<&'static str> {
    Intake::new(wishes, Checks::default()).take(delivery(1, &format!(r#"{{"type":"{event_type}"}}"#))).1
}

fn wishes() -> Wishes<&'static str> {
    Wishes { default: Some("app"), ..no_app() }
}

#[test]
fn the_first_route_that_matches_beats_the_default() {
    let routes = globs(&["video.live_stream.*", "video.*"]).into_iter().zip(["live", "video"]).collect();
    let wishes = Wishes { routes, ..wishes() };
    assert_eq!(decide(wishes.clone(), "video.live_stream.idle"), Decision::Forward("live"));
    assert_eq!(decide(wishes.clone(), "video.asset.ready"), Decision::Forward("video"));
    assert_eq!(decide(wishes.clone(), "robots.job.completed"), Decision::Forward("app"));
    let no_default = Wishes { default: None, ..wishes };
    assert_eq!(decide(no_default, "robots.job.completed"), skip("no --route is for it".into()));
}

#[test]
fn filters_name_themselves() {
    let wishes =
        Wishes { events: globs(&["video.asset.*", "x"]), exclude: globs(&["*.deleted"]), ..wishes() };
    assert_eq!(decide(wishes.clone(), "video.asset.ready"), Decision::Forward("app"));
    assert_eq!(decide(wishes.clone(), "video.asset.deleted"), skip("--exclude *.deleted".into()));
    assert_eq!(decide(wishes.clone(), "video.upload.created"), skip("--events video.asset.*,x".into()));
    let (_, decision) = Intake::new(wishes, Checks::default()).take(delivery(1, "no event"));
    assert_eq!(decision, skip("--events video.asset.*,x".into()), "a body without a type matches no filter");
}

#[test]
fn without_an_app_events_are_shown() {
    let (_, decision) = Intake::new(no_app::<u8>(), Checks::default()).take(delivery(1, r#"{"type":"x"}"#));
    assert_eq!(decision, Decision::Show);
}

fn no_app<T>() -> Wishes<T> {
    Wishes { default: None, routes: vec![], events: vec![], exclude: vec![], matches: vec![] }
}

#[test]
fn an_event_that_comes_again_is_a_duplicate_of_its_first_delivery() {
    let mut intake = Intake::new(no_app::<u8>(), Checks::default());
    let mut take = |number, body| intake.take(delivery(number, body)).0.duplicate_of;
    assert_eq!(take(1, r#"{"id":"e1"}"#), None);
    assert_eq!(take(2, r#"{"id":"e2"}"#), None);
    assert_eq!(take(3, r#"{"id":"e1","attempts":[{}]}"#), Some(DeliveryId::new(1, &[1; 10])));
    assert_eq!(take(3, "{}"), None);
}

fn matches(list: &[&str]) -> Vec<Match> {
    list.iter().map(|text| Match::parse(text).unwrap()).collect()
}

#[test]
fn every_field_must_be_as_wanted() {
    let wanted = matches(&["data.passthrough=alice*", "data.status=ready"]);
    let wishes = Wishes { matches: wanted, exclude: globs(&["*.deleted"]), ..wishes() };
    let mut intake = Intake::new(wishes, Checks::default());
    let mut decide = |kind: &str, passthrough: &str, status: &str| {
        let body =
            format!(r#"{{"type":"{kind}","data":{{"status":"{status}","passthrough":"{passthrough}"}}}}"#);
        intake.take(delivery(1, &body)).1
    };
    assert_eq!(decide("video.asset.ready", "alice-1", "ready"), Decision::Forward("app"));
    assert_eq!(decide("video.asset.ready", "bob", "ready"), skip("--match data.passthrough=alice*".into()));
    assert_eq!(decide("video.asset.ready", "alice", "errored"), skip("--match data.status=ready".into()));
    assert_eq!(decide("video.asset.deleted", "bob", "ready"), skip("--exclude *.deleted".into()));
    assert_eq!(intake.take(delivery(1, "no event")).1, skip("--match data.passthrough=alice*".into()));
}

#[test]
fn an_observer_is_shown_what_its_filters_want() {
    let wishes = Wishes { matches: matches(&["data.passthrough=alice"]), ..no_app::<u8>() };
    let mut intake = Intake::new(wishes, Checks::default());
    assert_eq!(intake.take(delivery(1, r#"{"data":{"passthrough":"alice"}}"#)).1, Decision::Show);
    assert_eq!(intake.take(delivery(1, "{}")).1, skip("--match data.passthrough=alice".into()));
}

/// The second at which every test's deliveries arrive.
const ARRIVED: i64 = 1_790_000_000;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// A delivery with this header, if any.
fn signed(header: Option<&str>, body: &str) -> Delivery {
    let mut delivery = delivery(1, body);
    delivery.received_at = u64::try_from(ARRIVED).unwrap() * 1000 + 999;
    header.into_iter().for_each(|value| delivery.headers.push(HEADER, value.to_owned()));
    delivery
}

/// Headers of every worth, and the verdict on each.
fn headers(body: &str) -> Vec<(Option<String>, Verdict)> {
    let by = |secret: &str, ago: i64| Some(sign(&key(secret), ARRIVED - ago, body.as_bytes()));
    let malformed = Header::parse(b"t=1").unwrap_err();
    vec![
        (by("one", 7), Verdict::Valid { age: 7, key: 0 }),
        (by("two", -60), Verdict::Valid { age: -60, key: 1 }),
        (by("one", 300), Verdict::Valid { age: 300, key: 0 }),
        (by("one", 301), Verdict::Stale { age: 301, key: 0 }),
        (by("three", 0), Verdict::Invalid(Fault::NoMatch)),
        (Some("t=1".into()), Verdict::Invalid(malformed.into())),
        (None, Verdict::Missing),
    ]
}

#[test]
fn signatures_are_judged_as_of_the_arrival_and_only_marked() {
    let body = r#"{"type":"video.asset.ready"}"#;
    let keys = vec![key("one"), key("two")];
    let mut intake = Intake::new(wishes(), Checks { keys, require: false });
    for (header, verdict) in headers(body) {
        let (arrival, decision) = intake.take(signed(header.as_deref(), body));
        assert_eq!((arrival.signature, decision), (Some(verdict), Decision::Forward("app")), "{header:?}");
        assert_eq!(arrival.delivery.headers.get(HEADER), header.as_deref().map(str::as_bytes), "as it came");
    }
}

#[test]
fn without_a_secret_nothing_is_checked_until_one_is_known() {
    let mut intake = Intake::new(wishes(), Checks::default());
    let header = sign(&key("one"), ARRIVED, b"{}");
    assert_eq!(intake.take(signed(Some(&header), "{}")).0.signature, None);
    intake.set_keys(vec![key("one")]);
    let (arrival, _) = intake.take(signed(Some(&header), "{}"));
    assert_eq!(arrival.signature, Some(Verdict::Valid { age: 0, key: 0 }));
}

#[test]
fn what_is_required_and_not_valid_is_refused_with_a_reason_and_a_cure() {
    let body = r#"{"type":"video.asset.ready"}"#;
    let keys = vec![key("one"), key("two")];
    let mut intake = Intake::new(wishes(), Checks { keys, require: true });
    let mut reasons = Vec::new();
    for (header, verdict) in headers(body) {
        match intake.take(signed(header.as_deref(), body)).1 {
            Decision::Forward(_) => assert!(matches!(verdict, Verdict::Valid { .. }), "{verdict:?}"),
            Decision::Refuse(doubt) => {
                assert_eq!(Some(&doubt), Doubt::of(Some(verdict)).as_ref());
                assert!(!matches!(verdict, Verdict::Valid { .. }), "{verdict:?}");
                reasons.push(format!("{}\n  {}", doubt.reason, doubt.cure));
            }
            other => panic!("{other:?}"),
        }
    }
    insta::assert_snapshot!(reasons.join("\n"), @r"
    the webhook was signed 301 s before it arrived, and 300 s are allowed
      somebody sent an old webhook again, or a clock is wrong: compare the relay's with `date -u`
    no signature in the header matches: another secret signed it, or the body was changed on its way
      each webhook at Mux has a secret of its own: is it that of the webhook with this very address?
    the mux-signature header has no signature (v1=<hex digits>)
      Mux writes t=<unix seconds>,v1=<hex digits>: somebody else sent it, or the header was changed on its way
    the webhook has no mux-signature header
      Mux signs every webhook: somebody else sent it, or something before the relay takes the header out
    ");
}

#[test]
fn a_secret_that_is_required_and_not_known_refuses_all() {
    let mut intake = Intake::new(wishes(), Checks { keys: vec![], require: true });
    let header = sign(&key("one"), ARRIVED, b"{}");
    let (arrival, decision) = intake.take(signed(Some(&header), "{}"));
    assert_eq!(arrival.signature, None);
    assert!(matches!(decision, Decision::Refuse(doubt) if doubt.reason.contains("no signing secret")));
}

#[test]
fn what_is_refused_is_refused_whatever_it_says_of_itself_and_not_remembered() {
    let checks = || Checks { keys: vec![key("one")], require: true };
    let body = r#"{"type":"video.asset.deleted","id":"e1"}"#;
    let mut intake = Intake::new(Wishes { exclude: globs(&["*"]), ..wishes() }, checks());
    assert!(matches!(intake.take(signed(None, body)).1, Decision::Refuse(_)));

    let mut intake = Intake::new(wishes(), checks());
    intake.take(signed(None, body));
    let header = sign(&key("one"), ARRIVED, body.as_bytes());
    let true_one = Delivery { id: DeliveryId::new(2, &[2; 10]), ..signed(Some(&header), body) };
    let (arrival, decision) = intake.take(true_one);
    assert_eq!((arrival.duplicate_of, decision), (None, Decision::Forward("app")));
}

#[test]
fn an_observer_refuses_nothing() {
    let mut intake = Intake::new(no_app::<u8>(), Checks { keys: vec![key("one")], require: true });
    let (arrival, decision) = intake.take(signed(None, "{}"));
    assert_eq!((arrival.signature, decision), (Some(Verdict::Missing), Decision::Show));
}

#[test]
fn types_are_known_or_new() {
    let mut intake = Intake::new(no_app::<u8>(), Checks::default());
    let mut known = |body| intake.take(delivery(1, body)).0.known_type;
    assert!(known(r#"{"type":"video.asset.ready"}"#));
    assert!(!known(r#"{"type":"video.hologram.ready"}"#));
    assert!(!known("no event"));
}

/// Events of one asset, as `(event id, step, created_at)`: which are marked out of order, and which as duplicates.
fn marks(events: &[(&str, u8, &str)]) -> Vec<(bool, bool)> {
    let mut intake = Intake::new(no_app::<u8>(), Checks::default());
    let mark = |(number, (event, step, made)): (usize, &(&str, u8, &str))| {
        let kind = EventType { name: "x", object: None, place: Some(Place { life: "asset", step: *step }) };
        let body = format!(
            r#"{{"type":"x","object":{{"type":"asset","id":"a"}},"id":"{event}","data":{{}},"created_at":"{made}"}}"#
        );
        let envelope = Envelope::peek(&body.clone().into());
        let delivery = delivery(u8::try_from(number).unwrap(), &body);
        let (signature, known_type, duplicate_of, out_of_order) = (None, true, None, false);
        let mut arrival = Arrival { delivery, envelope, signature, known_type, duplicate_of, out_of_order };
        intake.compare(&mut arrival, Some(&kind));
        (arrival.out_of_order, arrival.duplicate_of.is_some())
    };
    events.iter().enumerate().map(mark).collect()
}

#[test]
fn what_comes_behind_a_later_event_is_out_of_order_but_no_duplicate_is() {
    let (early, late) = ("2026-11-23T10:00:00.000000Z", "2026-11-23T11:00:00+00:30");
    let first = [("e2", 1, late), ("e1", 0, early), ("e1", 0, early), ("e2", 1, late)];
    assert_eq!(marks(&first), [(false, false), (true, false), (false, true), (false, true)]);
    let same_step = [("e1", 1, late), ("e2", 1, early), ("e3", 1, "yesterday"), ("e4", 1, late)];
    assert_eq!(marks(&same_step), [(false, false), (true, false), (false, false), (false, false)]);
}

proptest! {
    #[test]
    fn no_body_and_no_header_breaks_it(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            any::<String>().prop_map(|text| {
                let event = serde_json::json!({
                    "type": text, "id": text, "object": {"type": text, "id": text},
                    "data": {"passthrough": text}, "created_at": text,
                });
                event.to_string().into_bytes()
            }),
        ],
        header in prop_oneof![prop::collection::vec(any::<u8>(), 0..100), "t=[0-9-]{0,20},v1=[0-9a-f]{0,64}".prop_map(String::into_bytes)],
        received_at in any::<u64>(),
    ) {
        let wishes = Wishes { matches: matches(&["data.passthrough=?*"]), ..wishes() };
        let mut intake = Intake::new(wishes, Checks { keys: vec![key("one")], require: true });
        let mut delivery = Delivery { body: body.into(), received_at, ..signed(None, "") };
        delivery.headers.push(HEADER, header);
        prop_assert!(matches!(intake.take(delivery).1, Decision::Refuse(_)));
    }
}
