//! The shape of the journal's file.

use crate::database::Shape;

/// `journal.db`. Times are milliseconds; `kept_at` is steady time, `received_at`, `from_at`, `to_at` and `at` are since
/// the Unix epoch.
///
/// - `endpoints`: an address, and what there is of it: deliveries and bytes, and how much of that is owed. One of
///   account `''` was forgotten, and its rows are on their way out.
/// - `deliveries`: one row each, small, so that lists go through few pages. `state` is a [`super::State`];
///   `duplicate_of` the id of the delivery that first carried the same event, which may be gone.
/// - `contents`: its head as it stands on the wire, and its body. `checksum` in `deliveries` is the CRC-32 of both.
/// - `attempts`: what came of each handing-over.
/// - `gaps`: what was there and is no more, or is owed no more: one row for each endpoint and kind, see `gaps.rs`.
pub(super) const SHAPE: Shape = Shape {
    file: "journal.db",
    application_id: i32::from_be_bytes(*b"mxhj"),
    before: "PRAGMA auto_vacuum = INCREMENTAL",
    migrations: &["
    CREATE TABLE endpoints (
        no INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        rows INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        owed_rows INTEGER NOT NULL DEFAULT 0,
        owed_bytes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (account, endpoint)
    ) STRICT;
    CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        endpoint INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        kept_at INTEGER NOT NULL,
        state INTEGER NOT NULL,
        handed INTEGER NOT NULL,
        answered_by TEXT NOT NULL,
        answered_status INTEGER NOT NULL,
        event_type TEXT,
        event_id TEXT,
        object_type TEXT,
        object_id TEXT,
        environment TEXT,
        duplicate_of BLOB,
        bytes INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX deliveries_by_id ON deliveries (id);
    CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, seq);
    CREATE INDEX deliveries_owed ON deliveries (endpoint, seq) WHERE state = 1;
    CREATE TABLE contents (seq INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE attempts (
        seq INTEGER NOT NULL,
        number INTEGER NOT NULL,
        at INTEGER NOT NULL,
        took_ms INTEGER NOT NULL,
        session INTEGER NOT NULL,
        result TEXT NOT NULL,
        status INTEGER,
        message TEXT,
        late INTEGER NOT NULL,
        replayed INTEGER NOT NULL,
        PRIMARY KEY (seq, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE gaps (
        endpoint INTEGER NOT NULL,
        kind TEXT NOT NULL,
        from_seq INTEGER NOT NULL,
        to_seq INTEGER NOT NULL,
        from_at INTEGER NOT NULL,
        to_at INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (endpoint, kind)
    ) STRICT, WITHOUT ROWID;
"],
};
