//! What a failing disk does to those who wait, and to those who come later.

use rusqlite::{Error, ErrorCode, ffi};

use super::*;

fn full() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None)
}

/// No page more than there are now.
fn fill(bench: &Bench) {
    bench.on_writer(|db| {
        let pages: i64 = db.query_row("PRAGMA page_count", (), |row| row.get(0))?;
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
    });
}

fn free(bench: &Bench) {
    bench.on_writer(|db| db.pragma_update_and_check(None, "max_page_count", 1 << 30, |_| Ok(())));
}

async fn is_closed(journal: &Journal) {
    for seq in 100..103 {
        assert_eq!(journal.hold(entry("one", seq)).await, Err(HoldError::Closed));
    }
    assert_eq!(journal.owed(&address("one"), 0, 1).await, Err(Unreadable));
    assert_eq!(journal.backlog(&address("one")).await, Err(Unreadable));
    assert_eq!(journal.gaps(&address("one")).await, Err(Unreadable));
    assert_eq!(journal.discard(&address("one"), Which::All).await, Err(Unreadable));
    let dropped = journal.health().dropped;
    journal.record(entry("one", 99));
    journal.note(accepted(1));
    assert_eq!(without_syncs(journal), Health { closed: true, dropped: dropped + 1, ..Health::default() });
    journal.close();
}

/// Lets the writer wait until several jobs are behind one another, so that they share a batch.
fn hold_up(bench: &Bench) -> std::sync::mpsc::SyncSender<()> {
    let (go, gone) = std::sync::mpsc::sync_channel::<()>(1);
    bench.on_writer(move |_| {
        let _ = gone.recv();
        Ok(())
    });
    go
}

#[tokio::test]
async fn a_failure_that_does_not_pass_closes_the_journal_for_all_who_wait() {
    for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_CORRUPT, ffi::SQLITE_READONLY]
    {
        let bench = Bench::new(Limits::default());
        bench.journal.hold(entry("one", 1)).await.unwrap();
        let go = hold_up(&bench);
        bench.on_writer(move |_| Err(Error::SqliteFailure(ffi::Error::new(code), None)));
        let address = address("one");
        let waiting = async {
            tokio::join!(
                bench.journal.hold(entry("one", 2)),
                bench.journal.owed(&address, 0, 1),
                bench.journal.hold(entry("one", 3)),
                async { drop(go) },
            )
        };
        let (first, owed, second, ()) = waiting.await;
        assert_eq!((first, owed, second), (Err(HoldError::Closed), Err(Unreadable), Err(HoldError::Closed)));
        is_closed(&bench.journal).await;
        let bench = bench.reopen(Limits::default(), 0);
        assert_eq!(bench.ids(&address).await, [1]);
    }
}

#[tokio::test]
async fn a_panic_of_the_writer_closes_the_journal() {
    let bench = Bench::new(Limits::default());
    bench.on_writer(|_| panic!("as a defect would"));
    assert_eq!(bench.journal.hold(entry("one", 1)).await, Err(HoldError::Closed));
    is_closed(&bench.journal).await;
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_are_emptied_or_taken_away_close_the_journal() {
    use std::fs::{File, copy, remove_file, rename};
    use std::path::Path;
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 6] = [
        ("the log is emptied", |dir| drop(File::create(dir.join("journal.db-wal")).unwrap())),
        ("the database is emptied", |dir| drop(File::create(dir.join("journal.db")).unwrap())),
        ("the database is cut", |dir| {
            File::options().write(true).open(dir.join("journal.db")).unwrap().set_len(4096).unwrap();
        }),
        ("the log is removed", |dir| remove_file(dir.join("journal.db-wal")).unwrap()),
        ("the database is moved away", |dir| rename(dir.join("journal.db"), dir.join("old")).unwrap()),
        ("the database is replaced", |dir| {
            copy(dir.join("journal.db"), dir.join("copy")).unwrap();
            rename(dir.join("copy"), dir.join("journal.db")).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let bench = Bench::new(Limits::default());
        bench.journal.hold(entry("one", 1)).await.unwrap();
        // With its tables in the database itself.
        let bench = bench.reopen(Limits::default(), 0);
        bench.journal.hold(entry("one", 2)).await.unwrap();
        harm(bench.dir.path());
        assert_eq!(bench.journal.hold(entry("one", 3)).await, Err(HoldError::Closed), "{what}");
        is_closed(&bench.journal).await;
    }
}

#[tokio::test]
async fn a_log_that_somebody_else_brings_in_is_no_harm() {
    let bench = Bench::new(Limits::default());
    for seq in 1..=3 {
        bench.journal.hold(entry("one", seq)).await.unwrap();
        assert_eq!(bench.number("PRAGMA wal_checkpoint(TRUNCATE)"), 0);
        let log = std::fs::metadata(bench.dir.path().join("journal.db-wal")).unwrap();
        assert_eq!(log.len(), 0);
        bench.settle().await;
    }
    assert_eq!(bench.ids(&address("one")).await, [1, 2, 3]);
}

#[tokio::test]
async fn what_is_split_from_something_put_off_is_put_off_too() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry("one", 1)).await.unwrap();
    let go = hold_up(&bench);
    bench.journal.note(accepted(1));
    let mut tries = 0;
    bench.on_writer(move |_| {
        tries += 1;
        // Once for the whole batch, which is then split, and once for its first half.
        match tries {
            1 => Err(Error::QueryReturnedNoRows),
            2 => Err(full()),
            _ => Ok(()),
        }
    });
    let (held, ()) = tokio::join!(bench.journal.hold(entry("one", 2)), async {
        bench.on_writer(|_| Ok(()));
        drop(go);
    });
    assert_eq!(held, Err(HoldError::NoSpace));
    loop {
        match bench.journal.hold(entry("one", 3)).await {
            Ok(()) => break,
            Err(error) => assert_eq!(error, HoldError::NoSpace),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(bench.ids(&address("one")).await, [3]);
}

#[tokio::test]
async fn a_full_disk_refuses_holds_keeps_notes_and_heals() {
    let bench = Bench::new(Limits::default());
    for seq in 1..=3 {
        bench.journal.hold(entry("one", seq)).await.unwrap();
    }
    fill(&bench);
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    for seq in 10..13 {
        assert_eq!(bench.journal.hold(entry_of("one", seq, &large)).await, Err(HoldError::NoSpace));
        bench.journal.record(entry_of("one", seq + 10, &large));
    }
    // With it: all waits for room.
    bench.on_writer(|_| Err(full()));
    bench.journal.note(Note::Handed { id: id(1) });
    bench.journal.note(accepted(1));
    bench.journal.note(accepted(2));
    assert_eq!(bench.ids(&address("one")).await, [3], "as if the notes were written");
    assert_eq!(bench.journal.backlog(&address("one")).await.unwrap().count, 1);
    while bench.journal.health().dropped < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!bench.journal.health().closed);
    loop {
        free(&bench);
        match bench.journal.hold(entry_of("one", 13, &large)).await {
            Ok(()) => break,
            Err(error) => assert_eq!(error, HoldError::NoSpace),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let bench = bench.reopen(Limits::default(), 0);
    assert_eq!(bench.ids(&address("one")).await, [3, 13]);
    assert_eq!(bench.number("SELECT count(*) FROM attempts WHERE seq = 1"), 1);
    assert_eq!(bench.number("SELECT handed FROM deliveries WHERE seq = 1"), 1);
    // What was refused was not remembered either.
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 4);
}

#[tokio::test]
async fn history_that_finds_no_room_is_counted() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry("one", 1)).await.unwrap();
    fill(&bench);
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    for seq in [2, 3] {
        bench.journal.record(entry_of("one", seq, &large));
    }
    for _ in 0..2000 {
        if bench.journal.health().dropped == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(bench.journal.health().dropped, 2);
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 1);
}

#[tokio::test]
async fn one_bad_job_spoils_no_other_of_its_batch() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry("one", 1)).await.unwrap();
    let go = hold_up(&bench);
    // Of the same number, which no two deliveries have.
    let bad = Entry { id: id(77), ..entry("one", 1) };
    let (before, bad, after, ()) = tokio::join!(
        bench.journal.hold(entry("one", 2)),
        bench.journal.hold(bad),
        bench.journal.hold(entry("new", 3)),
        async {
            bench.journal.note(accepted(1));
            drop(go);
        },
    );
    assert_eq!((before, bad, after), (Ok(()), Err(HoldError::Busy), Ok(())));
    assert_eq!((bench.ids(&address("one")).await, bench.ids(&address("new")).await), (vec![2], vec![3]));
    assert_eq!(without_syncs(&bench.journal), Health::default());
    let bench = bench.reopen(Limits::default(), 0);
    assert_eq!(bench.journal.backlog(&address("new")).await.unwrap().count, 1);
}

#[tokio::test]
async fn one_bad_row_of_history_spoils_neither_the_others_nor_their_notes() {
    let bench = Bench::new(Limits::default());
    bench.journal.hold(entry("one", 1)).await.unwrap();
    let go = hold_up(&bench);
    // Of the same number, which no two deliveries have.
    bench.journal.record(Entry { id: id(77), ..entry("one", 1) });
    (2..=4).for_each(|seq| bench.journal.record(entry("one", seq)));
    // It comes to the writer before its delivery does.
    bench.journal.note(accepted(4));
    drop(go);
    bench.settle().await;
    assert_eq!(bench.number("SELECT count(*) FROM deliveries"), 4);
    assert_eq!(bench.number("SELECT count(*) FROM attempts WHERE seq = 4"), 1);
    assert_eq!(without_syncs(&bench.journal), Health { dropped: 1, ..Health::default() });
}

#[test]
fn what_a_failure_means() {
    let fault = |code| fault::Fault::of(&Error::SqliteFailure(ffi::Error::new(code), None));
    for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
        assert_eq!(fault(code), fault::Fault::NoSpace);
    }
    for code in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT, ffi::SQLITE_LOCKED] {
        assert_eq!(fault(code), fault::Fault::Busy);
    }
    for code in [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_TOOBIG] {
        assert_eq!(fault(code), fault::Fault::Own);
    }
    for code in [
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_DIR_FSYNC,
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_CORRUPT,
        ffi::SQLITE_CORRUPT_INDEX,
        ffi::SQLITE_NOTADB,
        ffi::SQLITE_CANTOPEN,
        ffi::SQLITE_NOMEM,
    ] {
        assert_eq!(fault(code), fault::Fault::Fatal);
    }
    assert_eq!(full().sqlite_error_code(), Some(ErrorCode::DiskFull));
}
