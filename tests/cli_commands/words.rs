//! Help, mistakes, completions, the manual.

use std::process::Stdio;

use crate::home::Home;

#[test]
fn help_is_what_it_was_agreed_to_be() {
    let home = Home::new();
    insta::assert_snapshot!("help", home.run(&["--help"]).with(0, "").out);
    insta::assert_snapshot!("help_listen", home.run(&["listen", "-h"]).with(0, "").out);
    for command in ["demo", "endpoints", "login", "logout", "status", "completions", "man"] {
        let help = home.run(&[command, "--help"]).with(0, "").out;
        assert!(help.contains(&format!("Usage: muxhook {command}")), "{help}");
    }
    home.run(&[]).with(2, "Usage: muxhook");
    assert_eq!(home.run(&["--version"]).out, format!("muxhook {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_slip_is_met_with_what_was_meant() {
    let home = Home::new();
    for (args, meant) in [
        (&["lisen"][..], "'listen'"),
        (&["endpoints", "lst"], "'list'"),
        (&["listen", "--forwrd-to", "3000"], "'--forward-to'"),
        (&["listen", "--event", "x"], "'--events'"),
        (&["status", "--jsn"], "'--json'"),
        (&["completions", "bsh"], "'bash'"),
    ] {
        let told = home.run(args).with(2, meant);
        assert_eq!(told.out, "");
    }
}

#[test]
fn wrong_values_are_refused() {
    let home = Home::new();
    for (args, part) in [
        (&["listen", "--count", "0"][..], "--count"),
        (&["listen", "--max-in-flight", "many"], "--max-in-flight"),
        (&["listen", "--format", "xml"], "json, pretty"),
        (&["listen", "--print", "everything"], "summary, body, headers, all"),
        (&["listen", "--color", "red", "-q"], "auto, always, never"),
        (&["listen", "--once", "--count", "2"], "cannot be used with"),
        (&["listen", "--json", "--print", "body"], "cannot be used with"),
        (&["listen", "--json", "--format", "pretty"], "cannot be used with"),
        (&["listen", "-f"], "a value is required"),
        (&["listen", "--ack", "nobody", "-f", "1"], "app, relay"),
        (&["listen", "--owed", "never", "-f", "1"], "deliver, later, discard"),
        (&["listen", "--since", "yesterday", "-f", "1"], "--since: `yesterday` is neither"),
        (&["listen", "--since", "10m"], "--since makes no sense without an app"),
        (&["listen", "--owed", "discard"], "--owed makes no sense without an app"),
        (&["listen", "--ack", "relay"], "give the app with --forward-to"),
        (&["events", "replay"], "<ID>... | --last <N> | [--since <WHEN>] [--failed]"),
        (&["events", "replay", "--failed", "--last", "2"], "<ID>... | --last <N> | [--since"),
        (&["events", "discard"], "<ID>... | --all"),
        (&["login"], "<URL>"),
        (&["endpoints", "delete"], "<NAME>"),
        (&["completions"], "<SHELL>"),
    ] {
        home.run(args).with(2, part);
    }
}

#[test]
fn every_shell_has_completions_for_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = home.run(&["completions", shell]).with(0, "").out;
        for word in ["listen", "forward-to", "login", "serve", "token"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[cfg(unix)]
#[test]
fn bash_understands_its_script() {
    let home = Home::new();
    std::fs::write(home.path("script"), home.run(&["completions", "bash"]).out).unwrap();
    let Ok(checked) = std::process::Command::new("bash").arg("-n").arg(home.path("script")).status() else {
        return; // no bash here
    };
    assert!(checked.success());
}

#[test]
fn each_command_has_a_page_of_the_manual() {
    let home = Home::new();
    assert!(home.run(&["man"]).with(0, "").out.contains(".TH muxhook 1"));
    assert!(home.run(&["man", "listen"]).with(0, "").out.contains("\\-\\-forward\\-to"));
    assert!(home.run(&["man", "relay", "serve"]).with(0, "").out.contains(".TH muxhook-relay-serve 1"));
    home.run(&["man", "lisen"]).with(2, "there is no command `muxhook lisen`");
}

#[test]
fn the_relays_words_are_the_relays() {
    let home = Home::new();
    assert!(home.run(&["relay", "--help"]).with(0, "").out.contains("Usage: muxhook relay"));
    home.run(&["relay", "serv"]).with(2, "serve");
    home.run(&["relay", "serve", "--no-such-flag"]).with(2, "--no-such-flag");
}

#[test]
fn a_reader_that_has_gone_is_a_clean_end() {
    let home = Home::new();
    let mut command = home.muxhook(&["completions", "zsh"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
}

#[test]
fn colours_are_there_when_asked_for_and_not_otherwise() {
    let home = Home::new();
    let failing = |args: &[&str], env: &[(&str, &str)]| {
        let output = home.muxhook(args).envs(env.iter().copied()).output().unwrap();
        String::from_utf8(output.stderr).unwrap().contains('\x1b')
    };
    assert!(!failing(&["endpoints", "list"], &[]));
    assert!(failing(&["endpoints", "list", "--color", "always"], &[]));
    assert!(failing(&["endpoints", "list"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!failing(&["endpoints", "list"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!failing(&["endpoints", "list", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
#[cfg(target_os = "linux")]
fn help_that_cannot_be_written_is_a_failure() {
    let home = Home::new();
    for args in [&["--help"][..], &["listen", "-h"], &["--version"], &["relay", "serve", "--help"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let told = home.muxhook(args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(told.stderr).unwrap();
        assert_eq!(told.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.starts_with("error: the output cannot be written"), "{args:?}: {said}");
    }
}
