//! Words that are refused, and help.

use crate::harness::{run, stderr, stdout};

#[test]
fn misuse_ends_with_2_and_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    for (words, message) in [
        (&["serve", "--max-bod=1MiB"][..], "a similar argument exists: '--max-body'"),
        (&["serve", "--listen=0.0.0.0:0"], "or --plain when that is what you want"),
        (&["serve", "--tls-cert=cert.pem"], "--tls-key is missing"),
        (&["serve", "--config=/nowhere.toml"], "the config file /nowhere.toml can't be read"),
        (
            &["serve", "--public-url=https://a.example/path"],
            "a public URL has no user, path, query or fragment",
        ),
        (&["serve", "--bootstrap-token=x"], "unexpected argument '--bootstrap-token'"),
        (&["tokens"], "a similar subcommand exists: 'token'"),
        (&["token", "create", "--account=A"], "an account's name has 1 to 63 characters"),
        (&["endpoint", "create", "ab"], "an endpoint's name has 3 to 63 characters"),
        (&[], "Usage: muxhook-relay <COMMAND>"),
    ] {
        let refused = run(words, dir.path()).code(2);
        assert!(stderr(&refused).contains(message), "{words:?}: {}", stderr(&refused));
        assert_eq!(stdout(refused), "", "{words:?}");
    }
}

#[test]
fn help_and_version_are_results() {
    let dir = tempfile::tempdir().unwrap();
    for words in [&["--help"][..], &["serve", "--help"], &["token", "create", "-h"], &["help", "endpoint"]] {
        let help = stdout(run(words, dir.path()).code(0));
        assert!(help.contains("Usage: muxhook-relay"), "{help}");
    }
    let version = format!("muxhook-relay {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(stdout(run(&["--version"], dir.path()).code(0)), version);
}
