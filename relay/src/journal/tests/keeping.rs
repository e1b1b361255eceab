//! What is held, noted and recorded is there, also after a restart.

use super::*;

#[tokio::test]
async fn what_is_held_is_owed_over_restarts_until_an_app_accepts_it() {
    let bench = Bench::new(Limits::default());
    for seq in 1..=3 {
        bench.journal.hold(entry("one", seq)).await.unwrap();
    }
    bench.journal.note(Note::Handed { id: id(2) });
    bench.journal.note(accepted(2));
    let bench = bench.reopen(Limits::default(), 0);
    let owed = bench.journal.owed(&address("one"), 0, 10).await.unwrap();
    assert_eq!(owed.iter().map(|delivery| delivery.seq).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(owed[0].body, body(1));
    assert_eq!(bench.journal.backlog(&address("one")).await.unwrap().count, 2);
    assert_eq!(bench.number("SELECT state FROM deliveries WHERE seq = 2"), State::Accepted.column());
    assert_eq!(bench.number("SELECT handed FROM deliveries WHERE seq = 2"), 1);
    assert_eq!(bench.journal.last_seq(), 3);
}

#[tokio::test]
async fn a_journal_that_nobody_closed_has_what_it_held() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry("one", 1)).await.unwrap();
    // As the process leaves it when it is killed: the files as they are now.
    let copy = tempfile::tempdir().unwrap();
    for file in ["journal.db", "journal.db-wal"] {
        std::fs::copy(bench.dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let journal = open(&copy, Limits::default()).unwrap();
    assert_eq!(journal.owed(&address("one"), 0, 10).await.unwrap().len(), 1);
    assert_eq!(journal.backlog(&address("one")).await.unwrap().count, 1);
}

#[tokio::test]
async fn closing_writes_what_was_recorded_and_noted() {
    let bench = Bench::new(Limits::default());
    for seq in 1..=1000 {
        bench.journal.record(entry("one", seq));
    }
    // Each is in the queue before its delivery is in the file.
    bench.journal.note(Note::Attempted {
        id: id(999),
        attempt: attempt(Tried::Replied(500)),
        settled: false,
    });
    bench.journal.close();
    assert_eq!(bench.number("SELECT count(*) FROM deliveries WHERE state = 0"), 1000);
    assert_eq!(bench.number("SELECT count(*) FROM attempts WHERE seq = 999 AND status = 500"), 1);
    assert_eq!(without_syncs(&bench.journal), Health::default());
    assert_eq!(bench.journal.hold(entry("one", 1001)).await, Err(HoldError::Closed));
    bench.journal.record(entry("one", 1002));
    assert_eq!(bench.journal.health().dropped, 1);
}

#[tokio::test]
async fn more_history_than_may_wait_is_dropped_and_counted() {
    let bench = Bench::new(Limits::default());
    let (go, gone) = std::sync::mpsc::sync_channel::<()>(1);
    bench.on_writer(move |_| {
        let _ = gone.recv();
        Ok(())
    });
    for seq in 1..=20_000 {
        bench.journal.record(entry("one", seq));
    }
    let dropped = bench.journal.health().dropped;
    assert!((20_000 - 16_384 - 256..=20_000 - 16_384).contains(&dropped), "{dropped}");
    drop(go);
    bench.journal.close();
    assert_eq!(bench.number("SELECT count(*) FROM deliveries") as u64, 20_000 - dropped);
}

#[tokio::test]
async fn a_delivery_is_held_once_whoever_asks_again() {
    let bench = Bench::new(Limits::default());
    bench.journal.record(entry("one", 1));
    while bench.number("SELECT count(*) FROM deliveries") == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..2 {
        bench.journal.hold(entry("one", 1)).await.unwrap();
        assert_eq!(bench.ids(&address("one")).await, [1]);
        assert_eq!(bench.journal.backlog(&address("one")).await.unwrap().count, 1);
    }
    bench.journal.note(accepted(1));
    bench.journal.hold(entry("one", 1)).await.unwrap();
    assert!(bench.ids(&address("one")).await.is_empty());
}

#[tokio::test]
async fn an_event_that_comes_again_is_marked_over_restarts() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry_of("one", 1, &body(7))).await.unwrap();
    bench.journal.hold(entry_of("one", 2, &body(7))).await.unwrap();
    bench.journal.hold(entry_of("two", 3, &body(7))).await.unwrap();
    let bench = bench.reopen(Limits::default(), 0);
    bench.journal.hold(entry_of("one", 4, &body(7))).await.unwrap();
    bench.journal.hold(entry_of("one", 5, &Bytes::from_static(b"no JSON"))).await.unwrap();
    let marked = "SELECT group_concat(seq) = '2,4' FROM deliveries
        WHERE duplicate_of = (SELECT id FROM deliveries WHERE seq = 1)";
    assert_eq!(bench.number(marked), 1);
    assert_eq!(bench.number("SELECT count(*) FROM deliveries WHERE duplicate_of IS NULL"), 3);
}

#[tokio::test]
async fn what_settles_an_owed_delivery_stands_in_its_state() {
    let bench = Bench::new(Limits::default());
    let all = [
        (Tried::Replied(204), State::Accepted),
        (Tried::Skipped("x".into()), State::Skipped),
        (Tried::Refused("old".into()), State::Refused),
        (Tried::Replied(500), State::Answered),
    ];
    for (seq, (tried, _)) in (1..).zip(&all) {
        bench.journal.hold(entry("one", seq)).await.unwrap();
        bench.journal.note(Note::Attempted { id: id(seq), attempt: attempt(tried.clone()), settled: true });
    }
    assert!(bench.ids(&address("one")).await.is_empty());
    for (seq, (_, state)) in (1..).zip(&all) {
        let sql = format!("SELECT state FROM deliveries WHERE seq = {seq}");
        assert_eq!(State::from_column(bench.number(&sql)), Some(*state));
    }
}

#[tokio::test]
async fn attempts_at_one_delivery_are_bounded() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry("one", 1)).await.unwrap();
    for _ in 0..130 {
        let attempt = attempt(Tried::Failed("refused".into(), "nobody".into()));
        bench.journal.note(Note::Attempted { id: id(1), attempt, settled: false });
    }
    assert_eq!(bench.ids(&address("one")).await, [1]);
    assert_eq!(bench.number("SELECT count(*) FROM attempts"), 100);
    assert_eq!(bench.number("SELECT max(number) FROM attempts"), 130);
}

#[tokio::test]
async fn the_log_does_not_grow_without_bound() {
    let bench = Bench::new(Limits::default());
    let large = Bytes::from(vec![b'x'; 60_000]);
    for seq in 0..2000 {
        bench.journal.hold(entry_of("one", seq + 1, &large)).await.unwrap();
    }
    let log = std::fs::metadata(bench.dir.path().join("journal.db-wal")).unwrap().len();
    assert!(log < 40 << 20, "{log} bytes of 120 MB");
}

/// Records so many at once that they are spooled.
fn spool(bench: &Bench, name: &str, seqs: std::ops::RangeInclusive<u64>) {
    seqs.for_each(|seq| bench.journal.record(entry(name, seq)));
}

async fn up_to_date(bench: Bench) -> Bench {
    tokio::task::spawn_blocking(move || {
        bench.journal.up_to_date();
        bench
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn what_is_spooled_is_in_history_when_somebody_asks() {
    let bench = Bench::new(Limits::default());
    spool(&bench, "one", 1..=600);
    // What becomes of a delivery may be known before it is in the tables.
    bench.journal.note(accepted(600));
    let bench = up_to_date(bench).await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 600);
    bench.settle().await;
    assert_eq!(bench.number("SELECT seq FROM attempts"), 600);
    // A little goes straight in.
    spool(&bench, "one", 601..=603);
    let bench = up_to_date(bench).await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 603);
    assert_eq!(without_syncs(&bench.journal), Health::default());
}

#[tokio::test]
async fn what_is_spooled_is_sorted_in_when_little_is_live() {
    let bench = Bench::new(Limits::default());
    spool(&bench, "one", 1..=600);
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 600);
}

#[tokio::test]
async fn what_is_spooled_of_a_forgotten_endpoint_does_not_come_back() {
    let bench = Bench::new(Limits::default());
    spool(&bench, "one", 1..=300);
    bench.forget("one").await;
    spool(&bench, "two", 301..=600);
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 300);
    assert_eq!(bench.number("SELECT count(*) FROM endpoints WHERE endpoint = 'one'"), 0);
}

#[tokio::test]
async fn closing_sorts_in_what_is_spooled() {
    let bench = Bench::new(Limits::default());
    spool(&bench, "one", 1..=600);
    bench.journal.note(accepted(3));
    bench.journal.close();
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 600);
    assert_eq!(bench.number("SELECT count(*) FROM attempts"), 1);
}
