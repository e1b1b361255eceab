//! A file that is not as it was written: nothing panics, and nothing is given out that never came.

use std::fs;

use super::*;

const PAGE: usize = 4096;

/// The files of a small journal, its log not yet brought in if `with_log`.
async fn small(with_log: bool) -> TempDir {
    let bench = Bench::new(Limits::default());
    for seq in 1..=12 {
        bench.journal.hold(entry_of("one", seq, &body(seq % 9))).await.unwrap();
        bench.journal.note(Note::Attempted {
            id: id(seq),
            attempt: attempt(Tried::Replied(500)),
            settled: seq % 4 == 0,
        });
    }
    bench.journal.backlog(&address("one")).await.unwrap();
    if !with_log {
        bench.journal.close();
    }
    let copy = tempfile::tempdir().unwrap();
    for file in ["journal.db", "journal.db-wal"] {
        if let Ok(bytes) = fs::read(bench.dir.path().join(file)) {
            fs::write(copy.path().join(file), bytes).unwrap();
        }
    }
    copy
}

/// Opens what is there, reads all of it and writes to it.
async fn go_through(dir: &std::path::Path, what: &str) -> bool {
    let now = Now::from_fn(|| NOW.get());
    let journal = match Journal::open(dir, Limits::default(), now) {
        Ok(journal) => journal,
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("journal.db"), "{what}: {text}");
            return false;
        }
    };
    let mut after = 0;
    while let Ok(owed) = journal.owed(&address("one"), after, 5).await
        && let Some(last) = owed.last()
    {
        assert!(last.seq > after, "{what}");
        after = last.seq;
        for delivery in owed {
            assert_eq!(delivery.body, body(delivery.seq % 9), "{what}");
            assert_eq!(delivery.id, id(delivery.seq), "{what}");
        }
    }
    let _ = journal.backlog(&address("one")).await;
    let _ = journal.gaps(&address("one")).await;
    journal.maintain();
    for seq in 50..53 {
        journal.record(entry("two", seq));
        journal.note(accepted(seq - 49));
        let held = journal.hold(entry("one", seq + 50)).await;
        assert_ne!(held, Err(HoldError::NoSpace), "{what}");
    }
    let _ = journal.discard(&address("one"), Which::All).await;
    journal.close();
    true
}

async fn with(files: &TempDir, file: &str, change: impl Fn(&mut Vec<u8>), what: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(files.path()).unwrap() {
        let entry = entry.unwrap();
        let mut bytes = fs::read(entry.path()).unwrap();
        if entry.file_name() == file {
            change(&mut bytes);
            fs::write(dir.path().join(entry.file_name()), bytes).unwrap();
            continue;
        }
        fs::write(dir.path().join(entry.file_name()), bytes).unwrap();
    }
    go_through(dir.path(), what).await
}

#[tokio::test]
async fn a_file_that_is_cut_anywhere_is_refused_or_used() {
    for (with_log, file) in [(false, "journal.db"), (true, "journal.db-wal")] {
        let files = small(with_log).await;
        let length = fs::read(files.path().join(file)).unwrap().len();
        let mut opened = 0;
        for cut in (0..=length).step_by(PAGE) {
            let what = format!("{file} cut at {cut} of {length}");
            opened += u32::from(with(&files, file, |bytes| bytes.truncate(cut), &what).await);
        }
        assert!(opened > 0);
    }
}

#[tokio::test]
async fn a_file_with_flipped_bits_gives_out_nothing_that_never_came() {
    for (with_log, file) in [(false, "journal.db"), (true, "journal.db-wal")] {
        let files = small(with_log).await;
        let length = fs::read(files.path().join(file)).unwrap().len();
        // A fixed walk through the file, so that a failure can be seen again.
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        for page in 0..length.div_ceil(PAGE) {
            for round in 0..4 {
                let mut places = Vec::new();
                for _ in 0..=round * 5 {
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let within = if round % 2 == 0 { 128 } else { PAGE };
                    places.push((page * PAGE + (seed >> 33) as usize % within, 1 << (seed >> 61)));
                }
                let flip = |bytes: &mut Vec<u8>| {
                    for (at, bit) in &places {
                        if let Some(byte) = bytes.get_mut(*at) {
                            *byte ^= *bit;
                        }
                    }
                };
                with(&files, file, flip, &format!("{file} with flips at {places:?}")).await;
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_body_is_lost_alone_and_told_once() {
    let bench = Bench::new(Limits::default());
    for seq in 1..=3 {
        bench.journal.hold(entry("one", seq)).await.unwrap();
    }
    let files = Connection::open(bench.dir.path().join("journal.db")).unwrap();
    files
        .execute("UPDATE contents SET body = CAST(replace(body, 'x', 'y') AS BLOB) WHERE seq = 2", ())
        .unwrap();
    files.execute("DELETE FROM contents WHERE seq = 3", ()).unwrap();
    assert_eq!(bench.ids(&address("one")).await, [1]);
    assert_eq!(bench.journal.backlog(&address("one")).await.unwrap().count, 1);
    let told = bench.journal.gaps(&address("one")).await.unwrap();
    let why = "damaged on the relay's disk".to_owned();
    assert_eq!(told, [Gap { from_seq: 2, to_seq: 3, count: 2, why }]);
    bench.journal.gaps_told(&address("one"), told);
    assert_eq!(bench.journal.gaps(&address("one")).await.unwrap(), []);
    assert!(!bench.journal.health().closed);
}
