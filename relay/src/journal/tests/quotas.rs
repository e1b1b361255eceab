//! What goes, what stays, and that the books say what the tables have.

use proptest::prelude::*;

use super::*;

/// What the books say, against a count.
fn recount(bench: &Bench) {
    let wrong = "SELECT count(*) FROM endpoints LEFT JOIN (
            SELECT endpoint AS no, count(*) AS r, sum(bytes) AS b, sum(state = 1) AS o,
                sum(CASE state WHEN 1 THEN bytes ELSE 0 END) AS ob FROM deliveries GROUP BY endpoint
        ) USING (no)
        WHERE rows <> coalesce(r, 0) OR endpoints.bytes <> coalesce(b, 0) OR owed_rows <> coalesce(o, 0)
            OR owed_bytes <> coalesce(ob, 0)";
    assert_eq!(bench.number(wrong), 0, "the books are wrong");
    let lost = "SELECT (SELECT count(*) FROM deliveries WHERE endpoint NOT IN (SELECT no FROM endpoints))
        + (SELECT count(*) FROM contents WHERE seq NOT IN (SELECT seq FROM deliveries))
        + (SELECT count(*) FROM attempts WHERE seq NOT IN (SELECT seq FROM deliveries))
        + (SELECT count(*) FROM gaps WHERE endpoint NOT IN (SELECT no FROM endpoints))
        + (SELECT count(*) FROM deliveries) - (SELECT count(*) FROM contents)";
    assert_eq!(bench.number(lost), 0, "rows without their others");
}

async fn record(bench: &Bench, name: &str, seqs: std::ops::RangeInclusive<u64>) {
    let last = *seqs.end();
    for seq in seqs {
        bench.journal.record(entry(name, seq));
    }
    while bench.number("SELECT coalesce(max(seq), 0) FROM deliveries") < last as i64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn the_oldest_settled_go_when_an_endpoint_has_too_many() {
    let limits = Limits { endpoint_rows: 10, ..Limits::default() };
    let bench = Bench::new(limits);
    bench.journal.hold(entry("one", 1)).await.unwrap();
    record(&bench, "one", 2..=30).await;
    record(&bench, "two", 31..=35).await;
    bench.settle().await;
    recount(&bench);
    assert_eq!(bench.number("SELECT min(seq) FROM deliveries WHERE seq > 1"), 22);
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 15);
    let gap = "SELECT from_seq = 2 AND to_seq = 21 AND count = 20 FROM gaps WHERE kind = 'pruned'";
    assert_eq!(bench.number(gap), 1);
    assert_eq!(bench.journal.gaps(&address("one")).await.unwrap(), []);
    assert_eq!(bench.ids(&address("one")).await, [1]);
}

#[tokio::test]
async fn bytes_count_of_one_endpoint_and_in_all() {
    let one = entry("one", 10).frame.weight() as u64;
    let limits = Limits { endpoint_bytes: one * 10 + 50, bytes: one * 15 + 50, ..Limits::default() };
    let bench = Bench::new(limits);
    record(&bench, "one", 10..=29).await;
    record(&bench, "two", 30..=49).await;
    bench.settle().await;
    recount(&bench);
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 15);
    assert_eq!(bench.number("SELECT count(*) FROM deliveries WHERE seq >= 40"), 10);
}

#[tokio::test]
async fn what_is_owed_fills_the_room_and_never_goes_for_it() {
    for limits in [
        Limits { endpoint_rows: 5, ..Limits::default() },
        Limits { rows: 5, ..Limits::default() },
        Limits { bytes: entry("one", 1).frame.weight() as u64 * 5 + 10, ..Limits::default() },
        Limits { endpoint_bytes: entry("one", 1).frame.weight() as u64 * 5 + 10, ..Limits::default() },
    ] {
        let bench = Bench::new(limits);
        record(&bench, "one", 1..=4).await;
        for seq in 5..=9 {
            bench.journal.hold(entry("one", seq)).await.unwrap();
        }
        assert_eq!(bench.journal.hold(entry("one", 10)).await, Err(HoldError::Full));
        bench.settle().await;
        assert_eq!(bench.ids(&address("one")).await, [5, 6, 7, 8, 9]);
        assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 5);
        bench.journal.note(accepted(5));
        bench.journal.hold(entry("one", 11)).await.unwrap();
        bench.settle().await;
        assert_eq!(bench.ids(&address("one")).await, [6, 7, 8, 9, 11]);
        recount(&bench);
    }
}

#[tokio::test]
async fn what_is_settled_goes_by_age_and_what_is_owed_ends_with_a_gap_told_once() {
    let limits = Limits { retention: Duration::from_secs(2 * 3600), ..Limits::default() };
    let bench = Bench::new(limits);
    for seq in 1..=150 {
        bench.journal.hold(entry("one", seq)).await.unwrap();
    }
    record(&bench, "two", 151..=160).await;
    let bench = bench.reopen(limits, HOUR);
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 160);
    let bench = bench.reopen(limits, 3 * HOUR);
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries WHERE state = 1"), 150);
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 150);
    let bench = bench.reopen(Limits { retention: Duration::from_secs(30 * 3600), ..limits }, 25 * HOUR);
    bench.settle().await;
    assert!(bench.ids(&address("one")).await.is_empty());
    let expired = format!("SELECT count(*) FROM deliveries WHERE state = {}", State::Expired.column());
    assert_eq!(bench.number(&expired), 150);
    let told = bench.journal.gaps(&address("one")).await.unwrap();
    let gap = Gap { from_seq: 1, to_seq: 150, count: 150, why: "24 h have passed".to_owned() };
    assert_eq!(told, std::slice::from_ref(&gap));
    bench.journal.gaps_told(&address("one"), vec![Gap { count: 149, ..gap.clone() }]);
    assert_eq!(bench.journal.gaps(&address("one")).await.unwrap(), [gap], "it has grown since");
    bench.journal.gaps_told(&address("one"), told);
    assert_eq!(bench.journal.gaps(&address("one")).await.unwrap(), []);
    recount(&bench);
    // At last nothing is left.
    let bench = bench.reopen(limits, 28 * HOUR);
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 0);
    let bench = bench.reopen(limits, 28 * HOUR + 8 * 24 * HOUR);
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM endpoints"), 0);
    recount(&bench);
}

#[tokio::test]
async fn the_file_shrinks_when_much_has_gone() {
    let bench = Bench::new(Limits::default());
    let large = Bytes::from(vec![b'x'; 100_000]);
    for seq in 1..=300 {
        bench.journal.hold(entry_of("one", seq, &large)).await.unwrap();
    }
    let pages = bench.number("PRAGMA page_count");
    bench.forget("one").await;
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 0);
    let left = bench.number("PRAGMA page_count");
    assert!(left < 1300 && pages > 7000, "{left} of {pages}");
}

/// Changes the file while no journal has it open, where its tables would not let it.
fn damage(dir: &TempDir, sql: &str) {
    let file = dir.path().join("journal.db");
    for sql in [
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '/**/')",
        sql,
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '/**/', 'STRICT')",
    ] {
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    }
}

impl Bench {
    fn reopen_damaged(self, limits: Limits, later: u64, sql: &str) -> Self {
        self.journal.close();
        let Self { dir, journal } = self;
        drop(journal);
        damage(&dir, sql);
        NOW.set(1_700_000_000_000 + later);
        Self { journal: open(&dir, limits).unwrap(), dir }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_counted_wrongly_stands_in_nobodys_way() {
    let limits = Limits { endpoint_rows: 10, ..Limits::default() };
    let bench = Bench::new(limits);
    bench.journal.hold(entry("one", 1)).await.unwrap();
    for (at, name) in (0..).zip(["one", "two", "three", "four", "five", "six"]) {
        record(&bench, name, 2 + at * 10..=at * 10 + 11).await;
    }
    let sql = "UPDATE endpoints SET rows = 1000, bytes = 5000000 WHERE no <= 3";
    let bench = bench.reopen_damaged(limits, 0, sql);
    for (at, name) in (0..).zip(["four", "five", "six"]) {
        record(&bench, name, 100 + at * 10..=at * 10 + 109).await;
    }
    bench.settle().await;
    let most = "SELECT max(count) FROM (SELECT count(*) AS count FROM deliveries GROUP BY endpoint)";
    assert_eq!(bench.number(most), 10);
    assert_eq!(bench.ids(&address("one")).await, [1]);
    recount(&bench);
}

#[tokio::test]
async fn a_whole_that_is_counted_wrongly_is_counted_anew() {
    let limits = Limits { rows: 100, endpoint_rows: 500, ..Limits::default() };
    let bench = Bench::new(limits);
    bench.journal.hold(entry("one", 1)).await.unwrap();
    record(&bench, "two", 2..=3).await;
    let bench = bench.reopen_damaged(limits, 0, "UPDATE endpoints SET rows = 300");
    bench.settle().await;
    record(&bench, "three", 4..=53).await;
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries WHERE seq > 3"), 50);
    assert_eq!(bench.ids(&address("one")).await, [1]);
    recount(&bench);
}

#[tokio::test]
async fn an_endpoint_that_is_counted_as_empty_keeps_what_it_has() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry("one", 1)).await.unwrap();
    let sql = "UPDATE endpoints SET rows = 0, bytes = 0, owed_rows = 0, owed_bytes = 0";
    let bench = bench.reopen_damaged(Limits::default(), 0, sql);
    bench.settle().await;
    assert_eq!(bench.ids(&address("one")).await, [1]);
}

#[tokio::test]
async fn rows_that_can_not_be_read_stay_and_stop_nobody() {
    const COLUMNS: [&str; 4] = ["state", "kept_at", "received_at", "bytes"];
    let limits = Limits { endpoint_rows: 5000, ..Limits::default() };
    for column in COLUMNS {
        NOW.set(1_700_000_000_000);
        let bench = Bench::new(limits);
        // More of them than any step looks at.
        record(&bench, "one", 1..=600).await;
        for seq in 601..=750 {
            bench.journal.hold(entry("two", seq)).await.unwrap();
        }
        record(&bench, "one", 751..=760).await;
        bench.journal.hold(entry("two", 761)).await.unwrap();
        bench.journal.close();
        let sql = format!("UPDATE deliveries SET {column} = 'x' WHERE seq <= 600 OR seq BETWEEN 602 AND 750");
        let bench = bench.reopen_damaged(limits, 25 * HOUR, &sql);
        bench.settle().await;
        assert_eq!(bench.number("SELECT count(*) FROM deliveries WHERE seq > 750"), 0, "{column}");
        bench.forget("one").await;
        bench.settle().await;
        assert_eq!(bench.number("SELECT count(*) FROM deliveries WHERE seq <= 600"), 600, "{column}");
        assert_eq!(bench.number("SELECT count(*) FROM endpoints"), 1, "{column}");
        assert!(!bench.journal.health().closed, "{column}");
    }
}

#[tokio::test]
async fn what_is_forgotten_is_found_by_nobody_and_goes() {
    let bench = Bench::new(Limits::default());
    for seq in 1..=200 {
        bench.journal.hold(entry("one", seq)).await.unwrap();
    }
    bench.journal.hold(entry("two", 201)).await.unwrap();
    bench.forget("one").await;
    assert!(bench.ids(&address("one")).await.is_empty());
    bench.journal.hold(entry("one", 202)).await.unwrap();
    let bench = bench.reopen(Limits::default(), 0);
    bench.settle().await;
    assert_eq!(bench.ids(&address("one")).await, [202]);
    assert_eq!(bench.ids(&address("two")).await, [201]);
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 2);
    recount(&bench);
}

#[tokio::test]
async fn what_is_taken_back_in_time_is_not_forgotten() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry("one", 1)).await.unwrap();
    assert_eq!(bench.journal.forget_if(&address("one"), || false).await, Ok(false));
    assert_eq!(bench.ids(&address("one")).await, [1]);
    assert_eq!(bench.journal.forget_if(&address("one"), || true).await, Ok(true));
    assert!(bench.ids(&address("one")).await.is_empty());
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 0);
}

#[tokio::test]
async fn what_is_discarded_is_owed_no_more() {
    let bench = Bench::new(Limits::default());
    for seq in 1..=1300 {
        let name = if seq == 7 { "two" } else { "one" };
        bench.journal.hold(entry(name, seq)).await.unwrap();
    }
    bench.journal.note(accepted(2));
    let some = Which::Ids(vec![id(1), id(2), id(3), id(3), id(7), id(5000)]);
    assert_eq!(bench.journal.discard(&address("one"), some).await, Ok(2));
    assert_eq!(bench.journal.discard(&address("one"), Which::All).await, Ok(1296));
    assert_eq!(bench.journal.discard(&address("one"), Which::All).await, Ok(0));
    assert_eq!(bench.ids(&address("two")).await, [7]);
    let discarded = format!("SELECT count(*) FROM deliveries WHERE state = {}", State::Discarded.column());
    assert_eq!(bench.number(&discarded), 1298);
    recount(&bench);
}

#[derive(Clone, Debug)]
enum Step {
    Hold(usize),
    Record(usize),
    Accept(u64),
    Discard(usize),
    Forget(usize),
    Reopen,
    Maintain,
    Bad,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3usize).prop_map(Step::Hold),
        8 => (0..3usize).prop_map(Step::Record),
        6 => (1..60u64).prop_map(Step::Accept),
        1 => (0..3usize).prop_map(Step::Discard),
        1 => (0..3usize).prop_map(Step::Forget),
        1 => Just(Step::Reopen),
        2 => Just(Step::Maintain),
        1 => Just(Step::Bad),
    ];
    prop::collection::vec(step, 1..60)
}

async fn run(steps: Vec<Step>) {
    let limits = Limits { rows: 14, endpoint_rows: 6, ..Limits::default() };
    let names = ["one", "two", "three"];
    let (mut bench, mut seq, mut owed) = (Bench::new(limits), 0, 0);
    for step in steps {
        seq += 1;
        match step {
            Step::Hold(at) => match bench.journal.hold(entry(names[at], seq)).await {
                Ok(()) => owed += 1,
                Err(error) => assert_eq!(error, HoldError::Full),
            },
            Step::Record(at) => bench.journal.record(entry(names[at], seq)),
            Step::Accept(seq) => bench.journal.note(accepted(seq)),
            Step::Discard(at) => drop(bench.journal.discard(&address(names[at]), Which::All).await.unwrap()),
            Step::Forget(at) => bench.forget(names[at]).await,
            Step::Reopen => bench = bench.reopen(limits, 0),
            Step::Maintain => bench.settle().await,
            Step::Bad => bench.on_writer(|_| Err(rusqlite::Error::QueryReturnedNoRows)),
        }
    }
    bench.settle().await;
    recount(&bench);
    let bench = bench.reopen(limits, 0);
    bench.settle().await;
    recount(&bench);
    assert!(bench.number("SELECT count(*) FROM deliveries") <= 14);
    assert!(bench.number("SELECT count(*) FROM deliveries WHERE state = 1") <= owed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_books_say_what_the_tables_have(steps in steps()) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(steps));
    }
}

#[tokio::test]
async fn an_account_is_owed_no_more_than_its_bound_over_all_its_endpoints() {
    let bench = Bench::new(Limits::default());
    let one = entry("one", 10).frame.weight() as u64;
    let account = address("one").account;
    bench.journal.set_held_limits([(account.clone(), one * 3 + 50)].into());
    for (seq, name) in [(10, "one"), (11, "two"), (12, "one")] {
        bench.journal.hold(entry(name, seq)).await.unwrap();
    }
    assert_eq!(bench.journal.hold(entry("two", 13)).await, Err(HoldError::Full));
    assert_eq!(
        bench.journal.hold(entry("three", 14)).await,
        Err(HoldError::Full),
        "a new endpoint has no more"
    );
    // What is given up makes room, and so does a higher bound; another account's bound is its own.
    assert_eq!(bench.journal.discard(&address("two"), Which::All).await, Ok(1));
    bench.journal.hold(entry("three", 15)).await.unwrap();
    assert_eq!(bench.journal.hold(entry("two", 16)).await, Err(HoldError::Full));
    bench.journal.set_held_limits([("another".parse().unwrap(), 0)].into());
    bench.journal.hold(entry("two", 17)).await.unwrap();
    recount(&bench);
}
