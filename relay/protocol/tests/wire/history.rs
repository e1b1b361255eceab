//! Files that fix the JSON of the history API to the byte: `tests/golden/history`, renewed like those of the frames.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use muxhook_protocol::frame::{Backlog, Gap};
use muxhook_protocol::history::{Attempt, Detail, Discard, Discarded, Fate, Page, Replay, Replayed, Row};
use muxhook_protocol::{DeliveryId, Headers};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples::id;

fn file(folder: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/history").join(folder);
    folder.join(format!("{name}.json"))
}

/// Holds a value to its file, and the file to the value.
fn is_golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) -> String {
    let written = serde_json::to_string(value).unwrap();
    let file = file("written", name);
    if std::env::var_os("MUXHOOK_WRITE_GOLDEN").is_some() {
        std::fs::write(&file, &written).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written, golden, "{name}");
    assert_eq!(serde_json::from_str::<T>(&golden).unwrap(), *value, "{name}");
    name.to_owned()
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(file("read", name)).unwrap()).unwrap()
}

fn attempt() -> Attempt {
    Attempt {
        at: 1_763_900_000_135,
        took_ms: 12,
        session: 3,
        result: "replied".to_owned(),
        status: Some(500),
        message: None,
        late: false,
        replayed: false,
    }
}

fn unreachable() -> Attempt {
    let message = Some("127.0.0.1:3000 refuses the \"connection\"".to_owned());
    Attempt { result: "refused".to_owned(), status: None, message, late: true, replayed: true, ..attempt() }
}

fn row() -> Row {
    Row {
        delivery: id(),
        seq: 7,
        received_at: 1_763_900_000_123,
        method: "POST".to_owned(),
        path: "/suffix".to_owned(),
        query: Some("a=1&b=%20".to_owned()),
        size: 33,
        event_id: Some("5f6a8e2c-0d1b-4a0e-9c3f-1a2b3c4d5e6f".to_owned()),
        event_type: Some("video.asset.ready".to_owned()),
        object_type: Some("asset".to_owned()),
        object_id: Some("ng02vOhRq7".to_owned()),
        environment: Some("Pröduction".to_owned()),
        fate: Fate::Rejected,
        answered_by: "app".to_owned(),
        status: 500,
        duplicate_of: Some(DeliveryId::new(1_763_800_000_000, &[1; 10])),
        attempts: vec![attempt(), unreachable()],
    }
}

fn bare() -> Row {
    Row {
        path: String::new(),
        query: None,
        event_id: None,
        event_type: None,
        object_type: None,
        object_id: None,
        environment: None,
        fate: Fate::Unknown,
        answered_by: "held".to_owned(),
        status: 200,
        duplicate_of: None,
        attempts: Vec::new(),
        ..row()
    }
}

fn page() -> Page {
    let gap = Gap { from_seq: 3, to_seq: 9, count: 5, why: "24 h have passed".to_owned() };
    let owed = Backlog { count: 2, oldest_at: Some(1_763_900_000_001) };
    Page { events: vec![row(), bare()], next: Some("6".to_owned()), gaps: vec![gap], owed, dropped: 1 }
}

fn detail() -> Detail {
    let headers =
        [("content-type", &b"application/json"[..]), ("x-bytes", b"\x00\x7f\xe9\xff"), ("x-bytes", b"")];
    Detail { row: row(), headers: headers.into_iter().map(|(name, value)| (name, value.to_vec())).collect() }
}

fn replayed() -> Replayed {
    Replayed { answered_by: "app".to_owned(), status: 204, message: None, took_ms: 12 }
}

#[test]
fn every_body_is_written_as_its_golden_file() {
    let nothing =
        Page { events: Vec::new(), next: None, gaps: Vec::new(), owed: Backlog::default(), dropped: 0 };
    let by_relay = Replayed {
        answered_by: "relay".to_owned(),
        status: 502,
        message: Some("no listener".to_owned()),
        ..replayed()
    };
    let mut names = vec![
        is_golden("page", &page()),
        is_golden("page-empty", &nothing),
        is_golden("row", &row()),
        is_golden("row-bare", &bare()),
        is_golden("attempt", &attempt()),
        is_golden("attempt-failed", &unreachable()),
        is_golden("detail", &detail()),
        is_golden("fates", &Fate::ALL.to_vec()),
        is_golden("replay", &Replay { headers: Headers::from_iter([("mux-signature", "t=1,v1=00")]) }),
        is_golden("replayed", &replayed()),
        is_golden("replayed-by-relay", &by_relay),
        is_golden("discard-ids", &Discard::Ids(vec![id()])),
        is_golden("discard-none", &Discard::Ids(Vec::new())),
        is_golden("discard-all", &Discard::All),
        is_golden("discarded", &Discarded { discarded: 3 }),
    ];
    let folder = file("written", "x");
    let files = std::fs::read_dir(folder.parent().unwrap()).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.iter_mut().for_each(|name| name.push_str(".json"));
    names.sort();
    files.sort();
    assert_eq!(names, files, "a golden file without its sample");
}

#[test]
fn keys_and_fates_of_a_newer_relay_are_skipped() {
    assert_eq!(read::<Page>("page-unknown-keys"), Page { events: vec![bare()], ..page() });
    assert_eq!(read::<Detail>("detail-unknown-keys"), Detail { row: bare(), ..detail() });
    assert_eq!(read::<Replayed>("replayed-unknown-keys"), replayed());
    assert_eq!(read::<Discarded>("discarded-unknown-keys"), Discarded { discarded: 3 });
    assert_eq!(read::<Discard>("discard-unknown-keys"), Discard::All);
}

#[test]
fn what_may_be_null_may_be_left_out() {
    assert_eq!(read::<Row>("row-without-nulls"), bare());
}

#[test]
fn a_wish_to_give_up_says_which() {
    for text in [
        "{}",
        "[]",
        r#"{"all":false}"#,
        r#"{"ids":[],"all":true}"#,
        r#"{"ids":null}"#,
        r#"{"ids":["x"]}"#,
        r#"{"ids":"019ab0a2-0700-7102-8304-05060708090a"}"#,
    ] {
        assert!(serde_json::from_str::<Discard>(text).is_err(), "{text}");
    }
}

fn attempts() -> impl Strategy<Value = Attempt> {
    let what = ("\\PC{0,9}", of(any::<u16>()), of("\\PC{0,20}"));
    (any::<[u64; 3]>(), what, any::<[bool; 2]>()).prop_map(
        |([at, took_ms, session], (result, status, message), [late, replayed])| Attempt {
            at,
            took_ms,
            session,
            result,
            status,
            message,
            late,
            replayed,
        },
    )
}

fn details() -> impl Strategy<Value = Detail> {
    let texts = vec(of("\\PC{0,9}"), 6);
    let fate = (0..Fate::ALL.len()).prop_map(|at| Fate::ALL[at]);
    let ids = (any::<[u8; 16]>(), of(any::<[u8; 16]>()));
    let fields = vec(("[a-z-]{1,9}", vec(any::<u8>(), 0..9)), 0..3);
    (any::<[u64; 3]>(), texts, fate, any::<u16>(), ids, vec(attempts(), 0..3), fields).prop_map(
        |([seq, received_at, size], texts, fate, status, (delivery, first), attempts, fields)| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().flatten();
            let row = Row {
                delivery: DeliveryId::from_bytes(delivery),
                seq,
                received_at,
                size,
                query: text(),
                event_id: text(),
                event_type: text(),
                object_type: text(),
                object_id: text(),
                environment: text(),
                fate,
                status,
                duplicate_of: first.map(DeliveryId::from_bytes),
                attempts,
                ..row()
            };
            Detail { row, headers: fields.into_iter().collect() }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(detail in details()) {
        let written = serde_json::to_string(&detail).unwrap();
        prop_assert_eq!(serde_json::from_str::<Detail>(&written).unwrap(), detail);
    }
}
