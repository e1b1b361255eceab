use bytes::Bytes;
use muxhook_protocol::frame::DeliverHead;
use muxhook_protocol::parts::Outgoing;
use rusqlite::params;
use tempfile::TempDir;

use muxhook_protocol::frame::Backlog;
use muxhook_protocol::history::Fate;
use muxhook_protocol::mux::field::Match;
use muxhook_protocol::mux::glob::Glob;

use std::cell::RefCell;

use super::super::Limits;
use super::super::books::Books;
use super::*;
use crate::journal::{Answered, Attempt, By, Entry, Note, Tried};

/// A journal's file with a hand on it that writes.
struct Shelf {
    dir: TempDir,
    writes: Connection,
    books: RefCell<Books>,
    history: History,
    seq: u64,
}

const START: u64 = 1_700_000_000_000;

fn address(account: &str, endpoint: &str) -> Address {
    Address { account: account.parse().unwrap(), endpoint: endpoint.parse().unwrap() }
}

fn ada() -> Address {
    address("ada", "mine")
}

impl Shelf {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writes = tables::SHAPE.open(dir.path()).unwrap();
        let books = RefCell::new(Books::load(&writes, Limits::default()).unwrap());
        let history = History::open(dir.path()).unwrap();
        Self { dir, writes, books, history, seq: 0 }
    }

    /// Writes a delivery that came `seconds` after the start.
    fn add_at(&mut self, address: &Address, seconds: u64, body: &str, answered: Answered) -> DeliveryId {
        self.seq += 1;
        let received_at = START + seconds * 1000;
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&(0x1234_5600 + self.seq).to_be_bytes());
        let id = DeliveryId::new(received_at, &tail);
        let head = DeliverHead {
            id,
            seq: self.seq,
            received_at,
            attempt: 1,
            method: "POST",
            path: "/s",
            query: Some("q=1"),
            owed: false,
            replayed: false,
            size: 0,
        };
        let headers = [("content-type", &b"application/json"[..]), ("x", &b"\xff\x00'"[..])];
        let body = Bytes::copy_from_slice(body.as_bytes());
        let entry = Entry {
            address: address.clone(),
            id,
            seq: self.seq,
            received_at,
            frame: Outgoing::deliver(head, headers.into_iter(), &body),
            answered,
            handed: 1,
            attempts: Vec::new(),
        };
        rows::insert(&self.writes, self.books.get_mut(), &entry, received_at, answered.by == By::Held)
            .unwrap();
        id
    }

    fn add(&mut self, address: &Address, body: &str) -> DeliveryId {
        self.add_at(address, self.seq, body, OK)
    }

    fn tried(&self, id: DeliveryId, tried: Tried, settled: bool) {
        let attempt = Attempt { at: START, took_ms: 5, session: 7, tried, late: false, replayed: true };
        rows::note(&self.writes, &mut self.books.borrow_mut(), &Note::Attempted { id, attempt, settled })
            .unwrap();
    }

    /// All that a query finds, page by page, and how many pages that took.
    fn all(&self, query: &Query) -> (Vec<u64>, usize) {
        let (mut found, mut pages, mut query) = (Vec::new(), 0, query.clone());
        loop {
            let page = self.history.list(&ada(), &query).unwrap();
            assert!(page.rows.len() <= query.limit);
            found.extend(page.rows.iter().map(|row| row.seq));
            pages += 1;
            match page.next {
                Some(next) => query.from = Some(next),
                None => return (found, pages),
            }
        }
    }

    fn list(&self, query: &Query) -> Vec<u64> {
        self.all(query).0
    }
}

const OK: Answered = Answered { by: By::App, status: 200 };
const HELD: Answered = Answered { by: By::Held, status: 200 };

fn event(kind: &str, passthrough: &str) -> String {
    format!(
        r#"{{"type":"{kind}","id":"e-{kind}","object":{{"type":"asset","id":"a1"}},"environment":{{"name":"prod"}},"data":{{"passthrough":"{passthrough}"}}}}"#
    )
}

fn query() -> Query {
    Query { limit: 2, ..Query::default() }
}

fn up() -> Query {
    Query { ascending: true, ..query() }
}

#[test]
fn a_row_says_what_is_known() {
    let mut shelf = Shelf::new();
    let body = event("video.asset.ready", "x");
    let id = shelf.add_at(&ada(), 3, &body, HELD);
    shelf.tried(id, Tried::Failed("refused".into(), "nobody there".into()), false);
    shelf.tried(id, Tried::Replied(204), true);
    let (row, headers) = shelf.history.detail(&ada(), id).unwrap().unwrap();
    let expected = serde_json::json!({
        "delivery": id, "seq": 1, "received_at": START + 3000, "method": "POST", "path": "/s", "query": "q=1",
        "size": body.len(), "event_id": "e-video.asset.ready", "event_type": "video.asset.ready",
        "object_type": "asset", "object_id": "a1", "environment": "prod", "fate": "accepted",
        "answered_by": "held", "status": 200, "duplicate_of": null,
        "attempts": [
            {"at": START, "took_ms": 5, "session": 7, "result": "refused", "status": null,
             "message": "nobody there", "late": false, "replayed": true},
            {"at": START, "took_ms": 5, "session": 7, "result": "replied", "status": 204,
             "message": null, "late": false, "replayed": true},
        ],
    });
    assert_eq!(serde_json::to_value(&row).unwrap(), expected);
    assert_eq!(headers.get("x"), Some(&b"\xff\x00'"[..]));
    let page = shelf.history.list(&ada(), &query()).unwrap();
    assert_eq!((page.rows, page.owed.count), (vec![row], 0));
    let (delivery, handed) = shelf.history.content(&ada(), id).unwrap().unwrap();
    assert_eq!((&delivery.body[..], delivery.headers, handed), (body.as_bytes(), headers, 1));
}

#[test]
fn pages_follow_one_another_either_way() {
    let mut shelf = Shelf::new();
    for _ in 0..5 {
        shelf.add(&ada(), "");
        shelf.add(&address("ada", "other"), "");
    }
    assert_eq!(shelf.all(&query()), (vec![9, 7, 5, 3, 1], 3));
    assert_eq!(shelf.all(&up()), (vec![1, 3, 5, 7, 9], 3));
    let four = Query { limit: 5, ..query() };
    assert_eq!(shelf.all(&four).1, 1, "a page that is just full is the last");
    assert_eq!(shelf.list(&Query { after: Some(5), ..query() }), [9, 7]);
    assert_eq!(shelf.list(&Query { after: Some(5), ..up() }), [7, 9]);
    assert_eq!(shelf.list(&Query { after: Some(u64::MAX), from: Some(u64::MAX), ..up() }), [0; 0]);
    // One that is written meanwhile moves no page.
    let first = shelf.history.list(&ada(), &query()).unwrap();
    shelf.add(&ada(), "");
    let second = Query { from: first.next, ..query() };
    assert_eq!(shelf.history.list(&ada(), &second).unwrap().rows[0].seq, 5);
}

#[test]
fn each_bound_leaves_out_what_it_should() {
    let mut shelf = Shelf::new();
    let ready = shelf.add(&ada(), &event("video.asset.ready", "alice 1"));
    shelf.add(&ada(), &event("video.asset.errored", "bob"));
    shelf.add(&ada(), "no event \u{e9}");
    let held = shelf.add_at(&ada(), 3, &event("video.upload.created", "alice 2"), HELD);
    shelf.tried(ready, Tried::Replied(200), false);
    let glob = |text: &str| vec![Glob::parse(text).unwrap()];
    let time = |since, until| Query { since, until, ..up() };
    let cases = [
        (up(), vec![1, 2, 3, 4]),
        (time(Some(START + 1000), None), vec![2, 3, 4]),
        (time(Some(START + 1001), None), vec![3, 4]),
        (time(None, Some(START + 1000)), vec![1]),
        (time(Some(START + 1000), Some(START + 2001)), vec![2, 3]),
        (time(Some(START + 9000), None), vec![]),
        (time(Some(u64::MAX), Some(u64::MAX)), vec![]),
        (time(Some(0), Some(0)), vec![]),
        (Query { types: glob("video.asset.*"), ..up() }, vec![1, 2]),
        (Query { types: glob("*"), ..up() }, vec![1, 2, 4]),
        (Query { exclude: glob("*.errored"), ..up() }, vec![1, 3, 4]),
        (Query { types: glob("video.*"), exclude: glob("*.ready"), ..up() }, vec![2, 4]),
        (Query { fates: vec![Fate::Owed], ..up() }, vec![4]),
        (Query { fates: vec![Fate::Owed, Fate::Accepted], ..up() }, vec![1, 2, 3, 4]),
        (Query { fates: vec![Fate::Lost], ..up() }, vec![]),
        (Query { matches: vec![Match::parse("data.passthrough=alice*").unwrap()], ..up() }, vec![1, 4]),
        (Query { contains: "event \u{e9}".into(), ..up() }, vec![3]),
        (Query { contains: b"\xc3".to_vec(), ..up() }, vec![3]),
        (Query { contains: b"nowhere".to_vec(), ..up() }, vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(shelf.list(&query), expected, "{query:?}");
        let down = Query { ascending: false, ..query };
        assert_eq!(shelf.list(&down), expected.into_iter().rev().collect::<Vec<_>>(), "{down:?}");
    }
    assert_eq!(shelf.history.list(&ada(), &query()).unwrap().owed.count, 1);
    shelf.tried(held, Tried::Replied(200), true);
    assert_eq!(shelf.history.list(&ada(), &query()).unwrap().owed, Backlog { count: 0, oldest_at: None });
}

#[test]
fn one_call_looks_at_so_many_rows_and_no_more() {
    let mut shelf = Shelf::new();
    let first = shelf.add(&ada(), &event("video.asset.ready", "x"));
    let sql = "INSERT INTO deliveries (seq, id, endpoint, received_at, kept_at, state, handed, answered_by,
            answered_status, bytes, checksum)
        WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 45001)
        SELECT n, unhex(format('%032x', n)), 1, 0, 0, 0, 0, 'app', 200, 0, 0 FROM n";
    shelf.writes.execute(sql, params![]).unwrap();
    let wanted = Query { types: vec![Glob::parse("video.*").unwrap()], ..query() };
    let page = shelf.history.list(&ada(), &wanted).unwrap();
    assert_eq!((page.rows.len(), page.next), (0, Some(25_002)));
    assert_eq!(shelf.all(&wanted), (vec![1], 3));
    assert_eq!(shelf.history.find(&ada(), "e-video.asset.ready").unwrap(), Found::One(first));
}

#[test]
fn rows_whose_attempts_are_looked_at_count_for_more() {
    let mut shelf = Shelf::new();
    shelf.add_at(&ada(), 1, "", Answered { by: By::App, status: 500 });
    let sql = "INSERT INTO deliveries (seq, id, endpoint, received_at, kept_at, state, handed, answered_by,
            answered_status, bytes, checksum)
        WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 3001)
        SELECT n, unhex(format('%032x', n)), 1, 0, 0, 0, 0, 'app', ?1, 0, 0 FROM n";
    let of = |fate| Query { fates: vec![fate], ..query() };
    shelf.writes.execute(sql, [500]).unwrap();
    let page = shelf.history.list(&ada(), &of(Fate::Accepted)).unwrap();
    assert_eq!((page.rows.len(), page.next), (0, Some(502)), "an attempt may have been accepted");
    shelf.writes.execute("UPDATE deliveries SET answered_status = 200 WHERE seq > 1", ()).unwrap();
    let page = shelf.history.list(&ada(), &of(Fate::Rejected)).unwrap();
    assert_eq!((page.rows.len(), page.next), (1, None), "no attempt makes those anything else");
}

#[test]
fn one_call_reads_so_many_bytes_and_no_more() {
    let mut shelf = Shelf::new();
    let large = "x".repeat(20 << 20);
    for _ in 0..5 {
        shelf.add(&ada(), &large);
    }
    let wanted = Query { contains: b"y".to_vec(), limit: 50, ..up() };
    let page = shelf.history.list(&ada(), &wanted).unwrap();
    assert_eq!((page.rows.len(), page.next), (0, Some(4)));
    assert_eq!(shelf.all(&Query { limit: 50, ..up() }), (vec![1, 2, 3, 4, 5], 1), "bodies nobody asks about");
}

#[test]
fn an_account_sees_its_own_alone() {
    let mut shelf = Shelf::new();
    let bobs = address("bob", "mine");
    let mine = shelf.add(&ada(), &event("video.asset.ready", "ada"));
    let his = shelf.add(&bobs, &event("video.asset.ready", "bob"));
    assert_eq!(shelf.list(&query()), [1]);
    let end = |id: DeliveryId| id.to_string()[24..].to_owned();
    for id in [his.to_string(), end(his), his.to_string()[..13].to_owned() + "-7"] {
        assert_ne!(shelf.history.find(&ada(), &id).unwrap(), Found::One(his), "{id}");
    }
    assert_eq!(shelf.history.find(&ada(), "e-video.asset.ready").unwrap(), Found::One(mine));
    assert_eq!(shelf.history.detail(&ada(), his).unwrap(), None);
    assert!(shelf.history.content(&ada(), his).unwrap().is_none());
    let nobody = address("eve", "mine");
    assert!(shelf.history.list(&nobody, &query()).unwrap().rows.is_empty());
    assert_eq!(shelf.history.find(&nobody, &mine.to_string()).unwrap(), Found::Unknown);
    assert_eq!(shelf.history.detail(&nobody, mine).unwrap(), None);
    let sql = "SELECT count(*) FROM endpoints";
    let count: i64 = shelf.writes.query_row(sql, (), |row| row.get(0)).unwrap();
    assert_eq!(count, 2, "to ask leaves no trace");
}

#[test]
fn a_delivery_is_found_by_any_part_that_is_clear() {
    let mut shelf = Shelf::new();
    let one = shelf.add_at(&ada(), 0, &event("video.asset.ready", ""), OK);
    let two = shelf.add_at(&ada(), 1, "", OK);
    let three = shelf.add_at(&ada(), 1, &event("video.asset.ready", ""), OK);
    let find = |text: &str| shelf.history.find(&ada(), text).unwrap();
    let text = one.to_string();
    for part in
        [&text[..], &text[..13], &text.replace('-', "")[..12], &text[24..], &text[32..], &text.to_uppercase()]
    {
        assert_eq!(find(part), Found::One(one), "{part}");
    }
    assert_eq!(find(&two.to_string()[..13]), Found::Several(vec![three, two]));
    assert_eq!(find(&text[..8]), Found::Several(vec![three, two, one]));
    assert_eq!(find("e-video.asset.ready"), Found::One(three), "the latest delivery of an event");
    assert_eq!(find(&three.to_string()[32..]), Found::One(three));
    for text in ["", "abc", "%", "'", "' OR 1=1 --", "12345g", "----", "-", "\u{0}", "\u{e9}\u{e9}", "5604"] {
        assert_eq!(find(text), Found::Unknown, "{text:?}");
    }
    assert_eq!(find(&"f".repeat(33)), Found::Unknown);
    assert_eq!(find("ffffffff-ffff-7fff-bfff-ffffffffffff"), Found::Unknown);
}

#[test]
fn many_candidates_are_named_in_part() {
    let mut shelf = Shelf::new();
    for _ in 0..20 {
        shelf.add_at(&ada(), 0, "", OK);
    }
    let id = shelf.history.list(&ada(), &query()).unwrap().rows[0].delivery.to_string();
    let Found::Several(ids) = shelf.history.find(&ada(), &id[..8]).unwrap() else { panic!("one of twenty") };
    assert_eq!(ids.len(), 5);
}

#[test]
fn damage_is_told_from_absence() {
    let mut shelf = Shelf::new();
    let [body, head] = ["a", "b"].map(|body| shelf.add(&ada(), body));
    shelf.writes.execute("UPDATE contents SET body = 'A' WHERE seq = 1", ()).unwrap_err();
    shelf.writes.execute("UPDATE contents SET body = x'41' WHERE seq = 1", ()).unwrap();
    shelf.writes.execute("UPDATE contents SET head = x'00' WHERE seq = 2", ()).unwrap();
    for id in [body, head] {
        assert!(matches!(shelf.history.content(&ada(), id), Err(ReadError::Damaged)));
    }
    assert!(shelf.history.detail(&ada(), body).unwrap().is_some(), "its head is well");
    assert!(matches!(shelf.history.detail(&ada(), head), Err(ReadError::Damaged)));
    assert_eq!(shelf.list(&up()), [1, 2], "a list goes on");
}

#[test]
fn a_long_past_is_told_in_part() {
    let mut shelf = Shelf::new();
    let id = shelf.add(&ada(), "");
    for status in 300..450 {
        shelf.tried(id, Tried::Replied(status), false);
    }
    shelf.tried(id, Tried::Failed("reset".into(), "\u{e9}".repeat(5000)), false);
    let row = shelf.history.list(&ada(), &query()).unwrap().rows.remove(0);
    assert_eq!(
        (row.attempts.len(), row.attempts[0].status, row.attempts[98].status),
        (100, Some(351), Some(449))
    );
    assert_eq!(row.attempts[99].message.as_ref().unwrap().chars().count(), 1000);
}

#[test]
fn reading_changes_nothing() {
    let shelf = Shelf::new();
    let reads = tables::SHAPE.open_to_read(shelf.dir.path()).unwrap();
    reads.execute("DELETE FROM deliveries", ()).unwrap_err();
}
