//! How many files and connections the system lets the relay have.
#![cfg(target_os = "linux")]

use std::io::{BufRead, Read};
use std::path::Path;
use std::process::Command;

use assert_cmd::assert::OutputAssertExt;

use crate::harness::{Serving, relay, stdout};

/// A relay that is started with these words of a shell before it.
fn after(words: &str, dir: &Path, flags: &[&str]) -> Serving {
    let mut command = Command::new("sh");
    command.env_clear().env("PATH", "/usr/bin:/bin").arg("-c").arg(format!("{words} && exec \"$0\" \"$@\""));
    command.arg(env!("CARGO_BIN_EXE_muxhook-relay")).args(["serve", "--listen=127.0.0.1:0", "--data-dir"]);
    command.arg(dir).args(flags);
    Serving::by(command)
}

/// The log up to the public address.
fn log(serving: &mut Serving) -> String {
    let mut log = String::new();
    for line in serving.stderr.by_ref().lines() {
        let line = line.unwrap();
        log += &(line.clone() + "\n");
        if line.contains("public_url=") {
            return log;
        }
    }
    panic!("it ended: {log}");
}

#[test]
fn it_takes_as_many_files_as_it_may_have() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = after("ulimit -Sn 64", dir.path(), &["--max-connections=10"]);
    let log = log(&mut serving);
    assert!(!log.contains("RLIMIT_NOFILE"), "{log}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.child.id())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let files: Vec<_> = files.split_whitespace().collect();
    assert_eq!(files[0], files[1], "soft and hard");
    assert_ne!(files[0], "64");
}

#[test]
fn it_never_takes_more_connections_than_it_may_have_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = after("ulimit -n 300", dir.path(), &["--max-connections=200"]);
    let log = log(&mut serving);
    let told = "fewer connections than --max-connections (RLIMIT_NOFILE)";
    let line = log.lines().find(|line| line.contains(told)).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("wanted=200 connections=150 files=300"), "{line}");
}

#[test]
fn check_tells_how_many_connections_there_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let told = |flags: &[&str], environment: &[(&str, &str)]| {
        let mut command = relay();
        command.args(["check", "--json", "--data-dir"]).arg(dir.path()).args(flags);
        let report = stdout(command.envs(environment.iter().copied()).assert());
        let config: serde_json::Value = serde_json::from_str(report.lines().next().unwrap()).unwrap();
        config["message"].as_str().unwrap().to_owned()
    };
    let usual = told(&[], &[]);
    assert!(usual.contains(", takes 32768 connections and 2048 of one source, data in "), "{usual}");
    let flags = told(&["--max-connections=9", "--max-connections-per-source=3", "--rate=5"], &[]);
    let environment = told(
        &[],
        &[
            ("MUXHOOK_RELAY_MAX_CONNECTIONS", "9"),
            ("MUXHOOK_RELAY_MAX_CONNECTIONS_PER_SOURCE", "3"),
            ("MUXHOOK_RELAY_RATE", "5"),
        ],
    );
    let expected = ", takes 9 connections and 3 of one source, 5 webhooks a second for an account, data in ";
    assert!(flags.contains(expected) && environment == flags, "{flags}, {environment}");
}
