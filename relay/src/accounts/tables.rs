//! The shape of the accounts' file.

use crate::database::Shape;

/// `relay.db`: accounts, tokens, endpoints. `deleted`: endpoints that are no more, until the journal has forgotten what
/// it has of them, or their account has taken them again.
pub(crate) const SHAPE: Shape = Shape {
    file: "relay.db",
    application_id: i32::from_be_bytes(*b"mxhr"),
    before: "",
    migrations: &[
        "
    CREATE TABLE accounts (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY,
        account TEXT NOT NULL REFERENCES accounts (name),
        label TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        last_used_at INTEGER,
        revoked_at INTEGER
    ) STRICT;
    CREATE INDEX tokens_by_hash ON tokens (substr(hash, 1, 4));
    CREATE TABLE endpoints (
        id TEXT PRIMARY KEY,
        account TEXT NOT NULL REFERENCES accounts (name),
        created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX endpoints_by_account ON endpoints (account);
",
        "
    CREATE TABLE deleted (
        no INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        UNIQUE (account, endpoint)
    ) STRICT;
",
    ],
};
