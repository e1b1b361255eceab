//! `token` and `endpoint`.

use std::path::Path;
use std::time::Duration;

use muxhook_link::Now;
use muxhook_relay::accounts::Accounts;

use crate::harness::{Serving, authenticates, held, post, relay, run, stderr, stdout, with_endpoint};

#[test]
fn tokens_are_managed_beside_a_running_relay() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    serving.line();
    let made = run(&["token", "create", "--account=team", "--label=ci"], dir.path()).success();
    let told = stderr(&made);
    assert!(!told.contains("No relay has kept data"), "{told}");
    let secret = stdout(made);
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

#[test]
fn a_token_has_scopes_and_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let create = |words: &[&str]| run(&[&["token", "create"], words].concat(), dir.path());
    create(&["--label=all"]).success();
    create(&["--label=few", "--scope=history,listen", "--expires=90d"]).success();
    let over = stdout(create(&["--label=over", "--expires=1s"]).success());
    let tokens = || -> Vec<serde_json::Value> {
        let list = stdout(run(&["token", "list", "--json"], dir.path()).success());
        list.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let [all, few, _] = &tokens()[..] else { panic!("three tokens") };
    assert_eq!(
        (&all["scopes"], &all["expires_at"]),
        (&serde_json::json!(["listen", "history", "admin"]), &().into())
    );
    assert_eq!(few["scopes"], serde_json::json!(["listen", "history"]));
    let life = few["expires_at"].as_u64().unwrap() - few["created_at"].as_u64().unwrap();
    assert!(life <= 90 * 86_400_000 && life > 90 * 86_400_000 - 60_000, "{life}");

    // Rotated, it is good for no more than before, and for no longer.
    let id = few["id"].as_str().unwrap();
    run(&["token", "rotate", id], dir.path()).success();
    let rotated = tokens().into_iter().find(|token| token["id"] == id).unwrap();
    assert_eq!((&rotated["scopes"], &rotated["expires_at"]), (&few["scopes"], &few["expires_at"]));

    while authenticates(dir.path(), over.trim_end()) {}
    let list = stdout(run(&["token", "list"], dir.path()).success());
    // Behind the id and the account: the label, the scopes, and at the end when it ends.
    let has = |label: &str, scopes: &str, end: &str| {
        list.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words[2..4] == [label, scopes] && line.ends_with(end)
        })
    };
    assert!(has("all", "all", "  never"), "{list}");
    assert!(has("few", "listen,history", "  in 89 days"), "{list}");
    assert!(has("over", "all", "  expired just now"), "{list}");

    for (words, told) in [
        (&["--scope=all"][..], "one or more of listen, history and admin"),
        (&["--scope="], "one or more of listen, history and admin"),
        (&["--expires=90"], "s, m, h or d behind it"),
        (&["--expires=0d"], "s, m, h or d behind it"),
    ] {
        let refused = stderr(&create(words).code(2));
        assert!(refused.contains(told), "{refused}");
    }
}

#[test]
fn endpoints_and_accounts_are_switched_off_and_on() {
    let dir = tempfile::tempdir().unwrap();
    let secret = with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &[], &[]);
    let url = serving.public_url();
    held(&url, "{}");
    let told = |words: &[&str]| stderr(&run(words, dir.path()).success());
    // What is not live is looked up each time: it is off at once.
    for (what, name) in [("endpoint", "hooks"), ("account", "default")] {
        let off = told(&[what, "disable", name]);
        assert!(off.starts_with(&format!("The {what} {name} is disabled; ")), "{off}");
        assert_eq!(told(&[what, "disable", name]), format!("The {what} {name} was disabled already.\n"));
        let answer = post(&url, "{}");
        assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("unknown_endpoint"), "{answer}");
        let list = stdout(run(&[what, "list"], dir.path()).success());
        assert!(list.contains("  disabled just now\n"), "{list}");
        assert_eq!(told(&[what, "enable", name]), format!("The {what} {name} is enabled.\n"));
        assert_eq!(told(&[what, "enable", name]), format!("The {what} {name} was enabled already.\n"));
    }
    assert!(authenticates(dir.path(), &secret));
    let list = stdout(run(&["endpoint", "list"], dir.path()).success());
    assert!(list.ends_with("  1\n"), "what was owed is owed still: {list}");
    let unknown = stderr(&run(&["endpoint", "disable", "nobodys"], dir.path()).code(1));
    assert_eq!(unknown, "error: there is no endpoint nobodys: `endpoint list` shows them all\n");
    let unknown = stderr(&run(&["account", "disable", "nobody"], dir.path()).code(1));
    assert_eq!(unknown, "error: there is no account nobody: `token create --account nobody` makes it\n");
}

#[test]
fn an_account_may_have_so_much_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let list = || stdout(run(&["account", "list"], dir.path()).success());
    assert_eq!(
        list(),
        "ACCOUNT  TOKENS  ENDPOINTS    MAX LISTENERS  MAX HELD  RATE  NOTES\ndefault  1       1 of 100000  any            any\n"
    );
    let set = run(
        &[
            "account",
            "set",
            "default",
            "--max-endpoints=1",
            "--max-listeners=5",
            "--max-held=500MiB",
            "--rate=20",
        ],
        dir.path(),
    );
    assert_eq!(
        stderr(&set.success()),
        "The account default may have 1 endpoints, 5 sessions at once, 20 webhooks a second, and 500 MiB held.\n"
    );
    let full = stderr(&run(&["endpoint", "create", "another"], dir.path()).code(1));
    assert_eq!(full, "error: the account default has 1 endpoints, as many as it may have: delete some\n");
    run(&["account", "set", "default", "--max-endpoints=default"], dir.path()).success();
    assert!(
        list().contains("1 of 100000  5              500 MiB   20/s\n"),
        "the other one stays: {}",
        list()
    );
    run(&["endpoint", "create", "another"], dir.path()).success();
    run(&["account", "set", "default"], dir.path()).code(2);
    run(&["account", "set", "default", "--max-listeners=-1"], dir.path()).code(2);
    run(&["account", "set", "default", "--max-held=much"], dir.path()).code(2);
    run(&["account", "set", "default", "--rate=0"], dir.path()).code(2);
    run(&["account", "set", "default", "--rate=default"], dir.path()).success();
    assert!(list().contains("500 MiB\n"), "{}", list());
    let line = stdout(run(&["account", "list", "--json"], dir.path()).success());
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["endpoints"], &line["max_listeners"], &line["max_endpoints"]),
        (&2.into(), &5.into(), &().into())
    );
}

#[test]
fn the_secret_that_signatures_are_checked_by_is_given_on_stdin_and_shown_nowhere() {
    const SECRET: &str = "whsec-canary-8d1f";
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let give = |secret: &str| {
        let words = ["endpoint", "set", "hooks", "--verify-secret-stdin"];
        let mut command = assert_cmd::Command::from_std(relay());
        command.args(words).env("MUXHOOK_RELAY_DATA_DIR", dir.path()).write_stdin(secret.to_owned()).assert()
    };
    for wrong in ["", "\n", "two words\n"] {
        let told = stderr(&give(wrong).code(2));
        assert!(told.contains("the signing secret ") && !told.contains("words\n"), "{told}");
    }
    let set = give(&format!("{SECRET}\n")).success();
    let mut serving = Serving::start(dir.path(), &[], &[("RUST_LOG", "trace")]);
    let url = serving.public_url();
    // From the first webhook on.
    let refused = post(&url, "{}");
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("signature_refused"), "{refused}");
    let lists = ["endpoint", "account", "token"].map(|what| {
        let list = |json: &[&str]| stdout(run(&[&[what, "list"], json].concat(), dir.path()).success());
        list(&[]) + &list(&["--json"])
    });
    assert!(
        lists[0].contains("  0     verifies\n") && lists[0].contains(r#""verifies":true"#),
        "{}",
        lists[0]
    );
    run(&["endpoint", "set", "hooks", "--no-verify", "--verify-secret-stdin"], dir.path()).code(2);
    run(&["endpoint", "set", "hooks"], dir.path()).code(2);
    run(&["endpoint", "set", "hooks", "--no-verify"], dir.path()).success();
    while !post(&url, "{}").starts_with("HTTP/1.1 200 ") {}
    serving.child.kill().unwrap();
    let (_, out, log) = serving.end();
    for text in [stderr(&set), stdout(set), lists.concat(), refused, out, log] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn a_token_in_a_folder_that_is_new_is_told_as_one_of_no_relay_that_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new");
    let told = stderr(&run(&["token", "create"], &folder).success());
    let expected = format!("No relay has kept data in {}: it is made anew there.", folder.display());
    assert!(told.contains(&expected), "{told}");
    let told = stderr(&run(&["token", "create"], &folder).success());
    assert!(!told.contains("No relay has kept data"), "{told}");
}
