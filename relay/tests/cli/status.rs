//! `status`: how a relay is, told to whoever may read its data folder.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use muxhook_link::Now;
use muxhook_relay::accounts::{AccountName, Accounts};
use serde_json::Value;

use crate::harness::{Serving, held, relay, run, stderr, stdout, until, with_endpoint};

fn report(dir: &Path) -> Value {
    serde_json::from_str(&stdout(run(&["status", "--json"], dir).success())).unwrap()
}

/// What of a page does not depend on the moment.
fn settled(page: &str) -> String {
    let lines = page.lines().map(|line| match line.split_once("  up ") {
        Some((program, _)) => format!("{program}  up …"),
        None => line.split("requests/s").last().unwrap().to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_relay_that_runs_tells_how_it_is_without_an_admin_address() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    run(&["endpoint", "create", "idle"], dir.path()).success();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    let url = serving.public_url();
    let file = fs::metadata(dir.path().join("status.sock")).unwrap();
    assert!(file.file_type().is_socket() && file.permissions().mode() & 0o777 == 0o600);

    let before = report(dir.path());
    assert_eq!(before["endpoints"][0]["last_at"], Value::Null);
    held(&url, "{}");
    held(&url, "{}");
    let now = report(dir.path());
    let (told, first) = (&now["relay"], &now["endpoints"][0]);
    assert_eq!((&told["public_url"], &told["pid"]), (&url.into(), &serving.child.id().into()));
    assert_eq!((&told["owed"], &told["journal"], &told["holds"]), (&2.into(), &"open".into(), &true.into()));
    assert_eq!((&first["endpoint"], &first["account"]), (&"hooks".into(), &"default".into()));
    assert_eq!((&first["received"], &first["owed"], &first["listeners"]), (&2.into(), &2.into(), &0.into()));
    assert!(first["last_at"].as_u64() >= first["oldest_owed_at"].as_u64(), "{first}");
    assert_eq!((now["endpoints"].as_array().unwrap().len(), &now["more"]), (2, &0.into()));

    let page = stdout(run(&["status"], dir.path()).success());
    assert!(page.contains("2 owed (the oldest "), "{page}");
    assert!(!page.contains('\x1b'), "no terminal, no escape: {page:?}");
    let heads = page.lines().find(|line| line.starts_with("ENDPOINT")).unwrap();
    let heads: Vec<_> = heads.split_whitespace().collect();
    assert_eq!(heads.join(" "), "ENDPOINT ACCOUNT LISTEN OBSERVE RATE/S IN FLIGHT OWED OLDEST LAST");
    assert!(settled(&page).contains(" up …"), "{page}");

    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
    assert!(!dir.path().join("status.sock").exists(), "it goes with its relay");
}

#[test]
fn without_a_relay_the_databases_tell_and_a_script_sees_that() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    run(&["endpoint", "create", "idle"], dir.path()).success();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    held(&serving.public_url(), "{}");
    // Nothing is cleared up.
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    assert!(dir.path().join("status.sock").exists());

    let gone = run(&["status"], dir.path()).code(3);
    assert!(stderr(&gone).starts_with("no relay runs on "), "{}", stderr(&gone));
    let page = stdout(gone);
    let lines: Vec<_> =
        page.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>()).collect();
    assert_eq!(lines, [["ENDPOINT", "ACCOUNT", "OWED"], ["hooks", "default", "1"], ["idle", "default", "0"]]);
    let gone = run(&["status", "--json", "--once"], dir.path()).code(3);
    let told: Value = serde_json::from_str(&stdout(gone)).unwrap();
    assert_eq!((&told["relay"], &told["endpoints"][0]["owed"]), (&Value::Null, &1.into()));
    assert_eq!(told["endpoints"][0].get("listeners"), None);

    let mut next = Serving::start(dir.path(), &[], &[]);
    next.public_url();
    assert_eq!(report(dir.path())["relay"]["pid"], next.child.id(), "a dead relay's socket is replaced");
}

#[test]
fn what_can_not_be_told_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let refused = run(&["status"], dir.path()).code(1);
    assert!(stderr(&refused).contains("there is no relay's data in "), "{}", stderr(&refused));
    for words in [&["status", "--watch"][..], &["status", "--json", "--watch", "--once"]] {
        run(words, dir.path()).code(2);
    }
    let long = dir.path().join("x".repeat(100));
    with_endpoint(&long);
    let mut serving = Serving::start(&long, &[], &[]);
    let warned = until(&mut serving, "`status` will not reach this relay");
    assert!(warned.contains("too long for a Unix socket"), "{warned}");
    held(&serving.public_url(), "{}");
    let refused = run(&["status"], &long).code(3);
    assert!(stderr(&refused).contains("too long for a Unix socket"), "{}", stderr(&refused));
}

#[test]
fn many_endpoints_are_told_of_within_bounds() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let accounts = Accounts::open(dir.path(), Now::system()).unwrap();
    for number in 0..300 {
        let name = format!("a-{number:03}").parse().unwrap();
        accounts.claim_endpoint(&AccountName::default(), Some(&name)).unwrap();
    }
    let mut serving = Serving::start(dir.path(), &[], &[]);
    held(&serving.public_url(), "{}");
    let told = report(dir.path());
    assert_eq!((told["endpoints"].as_array().unwrap().len(), &told["more"]), (256, &45.into()));
    assert_eq!(told["endpoints"][0]["endpoint"], "hooks", "the busiest first");
    let page = stdout(run(&["status"], dir.path()).success());
    assert!(page.ends_with("and 45 more endpoints\n"), "{page}");
}

#[test]
fn who_watches_gets_an_object_a_line_until_the_relay_goes() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &[], &[]);
    serving.public_url();
    let mut command = relay();
    command.args(["status", "--json", "--watch", "--data-dir"]).arg(dir.path());
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map(Result::unwrap);
    let at = |line: String| serde_json::from_str::<Value>(&line).unwrap()["at"].as_u64().unwrap();
    let first = at(lines.next().unwrap());
    assert!(at(lines.next().unwrap()) > first);
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
    lines.for_each(drop);
    assert_eq!(watch.wait().unwrap().code(), Some(3));
}
