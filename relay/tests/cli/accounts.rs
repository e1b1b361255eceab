//! `token` and `endpoint`.

use std::path::Path;
use std::time::Duration;

use muxhook_link::Now;
use muxhook_relay::accounts::Accounts;

use crate::harness::{Serving, authenticates, held, run, stderr, stdout, with_endpoint};

#[test]
fn tokens_are_managed_beside_a_running_relay() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    serving.line();
    let secret = stdout(run(&["token", "create", "--account=team", "--label=ci"], dir.path()).success());
    let secret = secret.trim_end();
    assert!(authenticates(dir.path(), secret));

    let list = stdout(run(&["token", "list", "--json"], dir.path()).success());
    let tokens: Vec<serde_json::Value> =
        list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(tokens.len(), 2);
    assert_eq!((&tokens[1]["account"], &tokens[1]["label"]), (&"team".into(), &"ci".into()));
    assert!(!list.contains(secret) && !list.contains("hash"));
    let id = tokens[1]["id"].as_str().unwrap();

    let rotated = stdout(run(&["token", "rotate", id, "--json"], dir.path()).success());
    let rotated: serde_json::Value = serde_json::from_str(&rotated).unwrap();
    let renewed = rotated["token"].as_str().unwrap();
    assert!(!authenticates(dir.path(), secret) && authenticates(dir.path(), renewed));

    let revoked = run(&["token", "revoke", id], dir.path()).success();
    assert_eq!(
        stderr(&revoked),
        format!(
            "Token {id} of the account team is revoked: it opens nothing, and what it opened ends within a second.\n"
        )
    );
    assert!(!authenticates(dir.path(), renewed));
}

#[test]
fn lists_for_people_are_tables() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(dir.path(), Now::from_fn(|| 1)).unwrap();
    let token = accounts.create_token(&"team".parse().unwrap(), "laptop").unwrap();
    run(&["endpoint", "create", "video-hooks", "--account=team"], dir.path()).success();
    let tokens = stdout(run(&["token", "list"], dir.path()).success());
    let lines: Vec<&str> = tokens.lines().collect();
    assert_eq!(lines[0], "ID        ACCOUNT  LABEL   SCOPES  MADE            LAST USED  ENDS");
    assert!(lines[1].starts_with(&format!("{}  team     laptop  all     ", token.id)), "{tokens}");
    assert!(lines[1].ends_with(" days ago  never      never"), "{tokens}");
    let endpoints = stdout(run(&["endpoint", "list"], dir.path()).success());
    assert_eq!(endpoints, "ENDPOINT     ACCOUNT  MADE      OWED  NOTES\nvideo-hooks  team     just now\n");
}

#[test]
fn endpoints_are_created_once_and_deleted_once() {
    let dir = tempfile::tempdir().unwrap();
    let create = |account: &str| run(&["endpoint", "create", "hooks", "--account", account], dir.path());
    run(&["token", "create"], dir.path()).success();
    let unknown = create("tema").code(1);
    assert_eq!(stderr(&unknown), "error: there is no account tema: `token create --account tema` makes it\n");
    assert_eq!(
        stderr(&create("default").success()),
        "The endpoint hooks now belongs to the account default.\n"
    );
    assert_eq!(
        stderr(&create("default").success()),
        "The endpoint hooks belonged already to the account default.\n"
    );
    run(&["endpoint", "delete", "hooks"], dir.path()).success();
    let gone = run(&["endpoint", "delete", "hooks"], dir.path()).code(1);
    assert_eq!(stderr(&gone), "error: there is no endpoint hooks: `endpoint list` shows them all\n");
}

#[test]
fn a_data_folder_without_a_relay_is_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = dir.path().join("wrong");
    let refused = run(&["token", "list"], &wrong).code(1);
    let message = format!(
        "error: there is no relay's data in {}: give the running relay's data folder\n",
        wrong.display()
    );
    assert_eq!(stderr(&refused), message);
    assert!(!wrong.exists());
}

/// Waits until the relay has forgotten what was deleted.
#[expect(clippy::disallowed_methods, reason = "no runtime is here, and the relay is another process")]
fn forgotten(dir: &Path) {
    let count = |file: &str, sql: &str| -> i64 {
        let database = rusqlite::Connection::open(dir.join(file)).unwrap();
        database.query_row(sql, (), |row| row.get(0)).unwrap()
    };
    let left = || {
        count("relay.db", "SELECT count(*) FROM deleted")
            + count("journal.db", "SELECT count(*) FROM deliveries")
            + count("journal.db", "SELECT count(*) FROM endpoints")
    };
    while left() > 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_an_endpoint_owes_is_listed_and_forgotten_with_it() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &[], &[]);
    let url = serving.public_url();
    held(&url, "{}");
    held(&url, "{}");
    let list = || stdout(run(&["endpoint", "list"], dir.path()).success());
    assert_eq!(list(), "ENDPOINT  ACCOUNT  MADE      OWED  NOTES\nhooks     default  just now  2\n");
    let line = stdout(run(&["endpoint", "list", "--json"], dir.path()).success());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["owed"], 2);

    let deleted = stderr(&run(&["endpoint", "delete", "hooks"], dir.path()).success());
    let told = "2 webhooks that are owed and its history are forgotten: within seconds where the relay runs, else when \
                it starts.\n";
    assert!(deleted.ends_with(told), "{deleted}");

    // Another account's endpoint of that name owes nothing, at once; nor does the old owner's, once it is forgotten.
    run(&["token", "create", "--account=other"], dir.path()).success();
    run(&["endpoint", "create", "hooks", "--account=other"], dir.path()).success();
    assert_eq!(list(), "ENDPOINT  ACCOUNT  MADE      OWED  NOTES\nhooks     other    just now  0\n");
    forgotten(dir.path());
    run(&["endpoint", "delete", "hooks"], dir.path()).success();
    run(&["endpoint", "create", "hooks"], dir.path()).success();
    assert_eq!(list(), "ENDPOINT  ACCOUNT  MADE      OWED  NOTES\nhooks     default  just now  0\n");
}

#[test]
fn what_is_deleted_while_no_relay_runs_is_forgotten_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &[], &[]);
    held(&serving.public_url(), "{}");
    drop(serving);
    run(&["endpoint", "delete", "hooks"], dir.path()).success();
    // Its owner may take it back until then, and is owed what it was.
    run(&["endpoint", "create", "hooks"], dir.path()).success();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    serving.public_url();
    let list = stdout(run(&["endpoint", "list"], dir.path()).success());
    assert_eq!(list, "ENDPOINT  ACCOUNT  MADE      OWED  NOTES\nhooks     default  just now  1\n");
    drop(serving);
    run(&["endpoint", "delete", "hooks"], dir.path()).success();
    let _serving = Serving::start(dir.path(), &[], &[]);
    forgotten(dir.path());
}
