//! The thread that alone writes: batches, syncs, and what is done when the disk fails.

use std::time::Instant;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::queue::{Job, Queue, Work};
use super::{Entry, HoldError, Unreadable, rows};

/// Writes until the queue is closed and empty, or the disk fails.
pub(super) fn run(mut connection: Connection, queue: &Queue) {
    let mut wrote = None;
    loop {
        let done = match queue.next(wrote.take()) {
            Work::Jobs(jobs) => do_jobs(&mut connection, jobs),
            Work::Records(records) => {
                let began = Instant::now();
                let done = record(&mut connection, &records);
                wrote = Some(began.elapsed());
                done
            }
            Work::Over => return,
        };
        if let Err(error) = done {
            if is_passing(&error) {
                tracing::warn!(%error, "the journal can't be written now");
            } else {
                tracing::error!(%error, "the journal failed: nothing is held until the relay is started anew");
                queue.fail();
                return;
            }
        }
    }
}

/// Whether a failure may end by itself: a full disk, or a file that somebody else has locked.
fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// What is told once a batch is safe.
type Reply = Box<dyn FnOnce(Result<(), HoldError>)>;

/// Does all jobs in one transaction, then tells whoever waits.
fn do_jobs(connection: &mut Connection, jobs: Vec<Job>) -> rusqlite::Result<()> {
    let is_held = jobs.iter().any(|job| matches!(job, Job::Hold { .. }));
    // A sync where somebody is told that it is safe; notes may be lost, and are then made again.
    connection.pragma_update(None, "synchronous", if is_held { "FULL" } else { "NORMAL" })?;
    let mut replies: Vec<Reply> = Vec::new();
    let done = connection.transaction().and_then(|change| {
        for job in jobs {
            do_job(&change, job, &mut replies)?;
        }
        change.commit()
    });
    let told = match &done {
        Ok(()) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Err(HoldError::NoSpace),
        Err(error) if is_passing(error) => Err(HoldError::Busy),
        Err(_) => Err(HoldError::Closed),
    };
    replies.into_iter().for_each(|reply| reply(told));
    done
}

fn do_job(change: &rusqlite::Transaction<'_>, job: Job, replies: &mut Vec<Reply>) -> rusqlite::Result<()> {
    match job {
        Job::Hold { entry, at, done } => {
            // Told even when the writing fails, as every one behind it.
            replies.push(Box::new(|held| tell(done, held)));
            rows::insert(change, &entry, at, true)
        }
        Job::Note(note) => rows::note(change, &note),
        Job::Owed { address, after, most, done } => {
            let found = rows::owed(change, &address, after, most)?;
            replies.push(Box::new(|read| tell(done, read.map(|()| found).map_err(|_| Unreadable))));
            Ok(())
        }
        Job::Backlog { address, done } => {
            let found = match address {
                Some(address) => rows::backlog(change, &address)?,
                None => rows::owed_in_all(change)?,
            };
            replies.push(Box::new(move |read| tell(done, read.map(|()| found).map_err(|_| Unreadable))));
            Ok(())
        }
    }
}

/// Whoever asked may be gone.
fn tell<T>(done: oneshot::Sender<T>, value: T) {
    let _ = done.send(value);
}

fn record(connection: &mut Connection, records: &[(Entry, u64)]) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let change = connection.transaction()?;
    for (entry, at) in records {
        rows::insert(&change, entry, *at, false)?;
    }
    change.commit()
}
