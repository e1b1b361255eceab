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

#[test]
fn the_help_of_what_looks_after_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let help = stdout(run(&["backup", "--help"], dir.path()).code(0));
    insta::assert_snapshot!(help, @r#"
    Copy the relay's data into one tar file, while it runs too

    It holds what is owed, the history, accounts, the hashes of tokens, and endpoints: keep it as you
    keep those. To restore it: tar xf FILE -C DIR into an empty folder, and `serve --data-dir DIR`.

    Usage: muxhook-relay backup [OPTIONS] <FILE>

    Arguments:
      <FILE>
              File to make; `-` writes to stdout

    Options:
          --force
              Replace the file if it is there

          --config <FILE>
              TOML file with the same keys as the flags of `serve`

          --data-dir <DIR>
              Folder for what must survive a restart [default: $XDG_DATA_HOME/muxhook-relay, else
              ~/.local/share/muxhook-relay]

      -h, --help
              Print help (see a summary with '-h')
    "#);
    let help = stdout(run(&["check", "--help"], dir.path()).code(0));
    let (said, _) = help.split_once("Options:").unwrap();
    insta::assert_snapshot!(said, @r#"
    Look whether a relay could start here, and whether its data is what it wrote

    Takes the flags of `serve`. Reads alone: it may run beside the relay, and changes nothing. Every
    webhook that is kept is read and compared with its checksum, which takes a while where there are
    many. Exit code 1: something is wrong, and it says what to do.

    Usage: muxhook-relay check [OPTIONS]
    "#);
    let help = stdout(run(&["serve", "-h"], dir.path()).code(0));
    let keeping: Vec<_> = help
        .split("\n      --")
        .filter(|flag| {
            ["hold", "retention", "max-journal", "admin", "grace"].iter().any(|name| flag.starts_with(name))
        })
        .collect();
    insta::assert_snapshot!(keeping.join("\n"), @r#"
    hold <WHETHER>                  Whether to keep what no listener can take just now for when
                                            one comes, and answer 200 for it [default: on] [possible
                                            values: on, off]
    retention <DURATION>            How long webhooks stay in the history once they are settled;
                                            0s: no history [default: 24h]
    max-journal <SIZE>              Most bytes of webhooks on the disk, history and what is held
                                            together [default: 4GiB]
    admin <ADDR>                    Address for /healthz, /readyz and /metrics, plain HTTP that
                                            asks nobody who they are [default: none]
    admin-open[=<BOOL>]             Let the address of --admin be reached from beyond this
                                            machine [possible values: true, false]
    grace <DURATION>                How long a relay told to end waits for what is under way,
                                            and its successor for it to end [default: 20s]
    "#);
}
