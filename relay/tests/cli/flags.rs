//! Every flag of `serve` may stand in the environment and in the file as well, and is documented.

use std::process::Command;

use assert_cmd::assert::OutputAssertExt;

use crate::harness::{relay, run, stderr, stdout, write};

const DOCS: &str = include_str!("../../../docs/self-hosting.md");

/// Every flag of `serve` by its long name, and the name of its twin in the environment.
fn flags() -> Vec<(String, Option<String>)> {
    let command = muxhook_relay::cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let flags = serve.get_arguments().filter_map(|flag| Some((flag.get_long()?, flag)));
    let named = flags.filter(|(long, _)| !["help", "version"].contains(long));
    named
        .map(|(long, flag)| (long.to_owned(), flag.get_env().map(|name| name.to_str().unwrap().to_owned())))
        .collect()
}

fn check(config: &str) -> Command {
    let mut command = relay();
    command.args(["check", "--config", config]);
    command
}

#[test]
fn every_flag_has_its_twins_and_stands_in_the_docs() {
    let dir = tempfile::tempdir().unwrap();
    let flags = flags();
    assert!(flags.len() > 20, "{flags:?}");
    for (long, env) in &flags {
        let twin = format!("MUXHOOK_RELAY_{}", long.to_uppercase().replace('-', "_"));
        assert_eq!(env.as_deref(), Some(&*twin), "--{long}");
        assert!(DOCS.contains(&format!("| `--{long}")), "--{long} is in no table of docs/self-hosting.md");
        if long == "config" {
            continue;
        }
        // No flag takes a table: a key that is read is refused with one, and a key that is not read is not.
        let file = write(&dir, "relay.toml", &format!("{long} = {{ no = \"such thing\" }}"));
        let told = stdout(check(&file).env("HOME", dir.path()).assert().code(1));
        assert!(told.contains("config      wrong") && !told.contains("unknown key"), "{long}: {told}");
    }
}

#[test]
fn check_tells_what_is_wrong_in_each_of_the_three_sources() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_str().unwrap().to_owned();
    let flag = run(&["check", "--max-listeners=0"], dir.path()).code(1);
    assert!(stdout(flag).contains("--max-listeners must be between"));
    let variable =
        |name: &str, value: &str| relay().args(["check", "--data-dir", &place]).env(name, value).assert();
    let range = variable("MUXHOOK_RELAY_MAX_LISTENERS", "0").code(1);
    assert!(stdout(range).contains("--max-listeners must be between"));
    let form = variable("MUXHOOK_RELAY_HOLD", "perhaps").code(2);
    let told = stderr(&form);
    assert!(told.contains("invalid value 'perhaps' for '--hold <WHETHER>'"), "{told}");
    assert!(told.contains("the environment's MUXHOOK_RELAY_HOLD"), "{told}");
    let given = relay().args(["check", "--hold=perhaps"]).env("MUXHOOK_RELAY_HOLD", "on").assert().code(2);
    assert!(!stderr(&given).contains("environment"), "{}", stderr(&given));
    let slip = stdout(variable("MUXHOOK_RELAY_MAX_BODYS", "1MiB").code(1));
    assert!(
        slip.contains("MUXHOOK_RELAY_MAX_BODYS means nothing: did you mean MUXHOOK_RELAY_MAX_BODY?"),
        "{slip}"
    );
    assert!(!stdout(variable("MUXHOOK_RELAY_CA", "/ca.pem")).contains("means nothing"), "it is the CLI's");

    let file = write(&dir, "relay.toml", "max-bodys = '1MiB'");
    let told = stdout(check(&file).assert().code(1));
    assert!(told.contains("unknown key \"max-bodys\": did you mean max-body?"), "{told}");
}
