//! The shape of the accounts' file.

use crate::database::Shape;

/// `relay.db`: accounts, tokens, endpoints. `deleted`: endpoints that are no more, until the journal has forgotten what
/// it has of them, or their account has taken them again. `revision`: one number, higher by each change that may end a
/// session or concern a webhook; triggers see to it, so that no change can forget it.
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
        "
    ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT 'listen,history,admin';
    ALTER TABLE tokens ADD COLUMN expires_at INTEGER;
    ALTER TABLE accounts ADD COLUMN disabled_at INTEGER;
    ALTER TABLE accounts ADD COLUMN max_endpoints INTEGER;
    ALTER TABLE accounts ADD COLUMN max_listeners INTEGER;
    ALTER TABLE accounts ADD COLUMN max_held INTEGER;
    ALTER TABLE endpoints ADD COLUMN disabled_at INTEGER;
    ALTER TABLE endpoints ADD COLUMN verify_secret TEXT;
    CREATE TABLE revision (no INTEGER NOT NULL) STRICT;
    INSERT INTO revision VALUES (0);
    CREATE TRIGGER token_changed AFTER UPDATE OF hash, scopes, expires_at, revoked_at ON tokens
        BEGIN UPDATE revision SET no = no + 1; END;
    CREATE TRIGGER token_deleted AFTER DELETE ON tokens BEGIN UPDATE revision SET no = no + 1; END;
    CREATE TRIGGER account_changed AFTER UPDATE OF disabled_at, max_held ON accounts
        BEGIN UPDATE revision SET no = no + 1; END;
    CREATE TRIGGER endpoint_changed AFTER UPDATE OF account, disabled_at, verify_secret ON endpoints
        BEGIN UPDATE revision SET no = no + 1; END;
    CREATE TRIGGER endpoint_deleted AFTER DELETE ON endpoints BEGIN UPDATE revision SET no = no + 1; END;
",
        "
    ALTER TABLE accounts ADD COLUMN rate INTEGER;
    DROP TRIGGER account_changed;
    CREATE TRIGGER account_changed AFTER UPDATE OF disabled_at, max_held, rate ON accounts
        BEGIN UPDATE revision SET no = no + 1; END;
",
    ],
};
