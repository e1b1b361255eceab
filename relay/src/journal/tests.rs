use std::cell::Cell;
use std::path::PathBuf;

use bytes::Bytes;
use muxhook_protocol::DeliveryId;
use muxhook_protocol::frame::DeliverHead;
use muxhook_protocol::parts::Outgoing;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

mod damage;
mod failures;
mod keeping;
mod measure;
mod quotas;

const HOUR: u64 = 60 * 60 * 1000;

thread_local! {
    /// The wall clock of a test: a journal takes its steady time from it when it is opened.
    static NOW: Cell<u64> = const { Cell::new(1_700_000_000_000) };
}

struct Bench {
    dir: TempDir,
    journal: Journal,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let journal = open(&dir, limits).unwrap();
        Self { dir, journal }
    }

    /// As after a restart, so much after the beginning.
    fn reopen(self, limits: Limits, later: u64) -> Self {
        let Self { dir, journal } = self;
        journal.close();
        drop(journal);
        NOW.set(1_700_000_000_000 + later);
        Self { journal: open(&dir, limits).unwrap(), dir }
    }

    /// Everything that waits is written, and the housekeeping done.
    async fn settle(&self) {
        self.journal.maintain();
        loop {
            let (done, is_done) = oneshot::channel();
            let mut done = Some(done);
            self.on_writer(move |_| {
                let _ = done.take().unwrap().send(());
                Ok(())
            });
            is_done.await.unwrap();
            if self.journal.queue.is_at_rest() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn forget(&self, name: &str) {
        assert_eq!(self.journal.forget_if(&address(name), || true).await, Ok(true));
    }

    fn on_writer(&self, work: impl FnMut(&Connection) -> rusqlite::Result<()> + Send + 'static) {
        let job = Job::Do(std::sync::Mutex::new(Box::new(work)));
        self.journal.queue.urge(job).unwrap();
    }

    fn number(&self, sql: &str) -> i64 {
        number(&self.dir.path().join("journal.db"), sql)
    }

    async fn ids(&self, address: &Address) -> Vec<u64> {
        let owed = self.journal.owed(address, 0, 10_000).await.unwrap();
        owed.iter().map(|delivery| delivery.seq).collect()
    }
}

fn open(dir: &TempDir, limits: Limits) -> Result<Journal, OpenError> {
    Journal::open(dir.path(), limits, Now::from_fn(|| NOW.get()))
}

fn number(file: &PathBuf, sql: &str) -> i64 {
    Connection::open(file).unwrap().query_row(sql, (), |row| row.get(0)).unwrap()
}

/// Its health, but for syncs, of which there are as many as the batches happen to be.
fn without_syncs(journal: &Journal) -> Health {
    Health { syncs: Syncs::default(), ..journal.health() }
}

pub(super) fn address(name: &str) -> Address {
    Address { account: "mine".parse().unwrap(), endpoint: name.parse().unwrap() }
}

fn id(seq: u64) -> DeliveryId {
    let mut tail = [0; 10];
    tail[2..].copy_from_slice(&seq.to_be_bytes());
    DeliveryId::new(1_700_000_000_000 + seq, &tail)
}

pub(super) fn entry_of(name: &str, seq: u64, body: &Bytes) -> Entry {
    let head = DeliverHead {
        id: id(seq),
        seq,
        received_at: 1_700_000_000_000 + seq,
        attempt: 1,
        method: "POST",
        path: "/x",
        query: None,
        owed: false,
        replayed: false,
        size: 0,
    };
    Entry {
        address: address(name),
        id: id(seq),
        seq,
        received_at: 1_700_000_000_000 + seq,
        frame: Outgoing::deliver(head, std::iter::empty(), body),
        answered: Answered { by: By::Held, status: 200 },
        handed: 0,
        attempts: Vec::new(),
    }
}

fn entry(name: &str, seq: u64) -> Entry {
    entry_of(name, seq, &body(seq))
}

fn body(seq: u64) -> Bytes {
    Bytes::from(format!(
        "{{\"type\":\"video.asset.ready\",\"id\":\"event-{seq}\",\"n\":\"{}\"}}",
        "x".repeat(400)
    ))
}

fn attempt(tried: Tried) -> Attempt {
    Attempt { at: 1, took_ms: 2, session: 3, tried, late: false, replayed: false }
}

pub(super) fn accepted(seq: u64) -> Note {
    Note::Attempted { id: id(seq), attempt: attempt(Tried::Replied(200)), settled: true }
}
