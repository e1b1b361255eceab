//! A journal of a million deliveries, measured by hand:
//! `cargo test -p muxhook-relay --release --lib -- --ignored --nocapture a_million`.

#![expect(clippy::print_stdout, reason = "its figures are to be read")]

use muxhook_protocol::history::Fate;
use muxhook_protocol::mux::glob::Glob;

use super::history::Query;
use super::*;

const ROWS: u64 = 1_000_000;

/// Two endpoints share them by turns; the older half of all came two hours before the younger.
fn fill(dir: &TempDir) {
    open(dir, Limits::default()).unwrap().close();
    let one = entry_of("one", 1, &Bytes::from("x".repeat(1000)));
    let db = Connection::open(dir.path().join("journal.db")).unwrap();
    let bytes = one.head().len() + one.body().len();
    let sql = "INSERT INTO endpoints (no, account, endpoint, rows, bytes)
        VALUES (1, 'mine', 'one', ?1, ?2), (2, 'mine', 'two', ?1, ?2)";
    db.execute(sql, (ROWS / 2, ROWS / 2 * bytes as u64)).unwrap();
    let sql = "INSERT INTO deliveries (seq, id, endpoint, received_at, kept_at, state, handed, answered_by,
            answered_status, event_type, event_id, bytes, checksum)
        WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
        SELECT n, unhex(format('%012x7000%016x', 1700000000000 + n, n)), n % 2 + 1, 1700000000000 + n,
            1700000000000 + iif(n <= ?1 / 2, 0, 7200000), 0, 1, 'app', 200, 'video.asset.ready',
            format('e-%d', n), ?2, 0 FROM n";
    db.execute(sql, (ROWS, bytes)).unwrap();
    let sql = "INSERT INTO contents (seq, head, body) SELECT seq, ?1, ?2 FROM deliveries ORDER BY seq";
    db.execute(sql, (&one.head()[..], &one.body()[..])).unwrap();
    let sql =
        "INSERT INTO attempts SELECT seq, 1, received_at, 5, 7, 'replied', 200, NULL, 0, 0 FROM deliveries";
    db.execute(sql, ()).unwrap();
}

/// The longest of a few, after one that has warmed up what a running relay has warm.
fn time(what: &str, wanted: Duration, mut ask: impl FnMut()) {
    ask();
    let each = (0..20).map(|_| {
        let began = Instant::now();
        ask();
        began.elapsed()
    });
    println!("{what}: {:?} at most, wanted {wanted:?}", each.max().unwrap_or_default());
}

fn lists(bench: &Bench) {
    let fifty = Query { limit: 50, ..Query::default() };
    let of_type = |glob: &str| Query { types: vec![Glob::parse(glob).unwrap()], ..fifty.clone() };
    let of_fate = |fate| Query { fates: vec![fate], ..fifty.clone() };
    for (what, query) in [
        ("list, the first page", fifty.clone()),
        ("list, accepted", of_fate(Fate::Accepted)),
        ("list, owed (none)", of_fate(Fate::Owed)),
        ("list, failed (none)", of_fate(Fate::Failed)),
        ("list, video.asset.*", of_type("video.asset.*")),
        ("list, video.upload.* (none)", of_type("video.upload.*")),
    ] {
        let history = bench.journal.history();
        time(what, Duration::from_millis(50), || drop(history.list(&address("one"), &query).unwrap()));
    }
}

/// Holds one after another, for as long as `more` says; how long each took, the longest last.
async fn holds(bench: &Bench, seq: &mut u64, more: impl Fn(usize) -> bool) -> Vec<Duration> {
    let mut took = Vec::new();
    while more(took.len()) {
        *seq += 1;
        let began = Instant::now();
        bench.journal.hold(entry("held", *seq)).await.unwrap();
        took.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    took.sort_unstable();
    took
}

fn tell(what: &str, took: &[Duration]) {
    let at = |part: usize| took[(took.len() - 1) * part / 1000];
    println!(
        "{what}: {} holds, median {:?}, 99.9 % {:?}, longest {:?}",
        took.len(),
        at(500),
        at(999),
        at(1000)
    );
}

#[tokio::test]
#[ignore = "takes minutes, and 2 GB of disk"]
async fn a_million_rows() {
    let dir = tempfile::tempdir().unwrap();
    fill(&dir);
    NOW.set(1_700_000_000_000 + 2 * HOUR);
    for _ in 0..3 {
        let began = Instant::now();
        let journal = open(&dir, Limits::default()).unwrap();
        println!("start: {:?}, wanted 1s", began.elapsed());
        journal.close();
    }

    let limits = Limits { retention: Duration::from_secs(3600), ..Limits::default() };
    let bench = Bench { journal: open(&dir, limits).unwrap(), dir };
    lists(&bench);
    let mut seq = ROWS;
    tell("without clearing up", &holds(&bench, &mut seq, |count| count < 500).await);
    bench.journal.maintain();
    let began = Instant::now();
    let took = holds(&bench, &mut seq, |_| !bench.journal.queue.is_at_rest()).await;
    tell("while half of it goes (longest wanted: 50ms)", &took);
    println!("it went in {:?}", began.elapsed());
    assert_eq!(bench.number("SELECT count(*) FROM deliveries WHERE state = 0"), ROWS as i64 / 2);
}
