//! `verify`: what it says of a signature, and the code it ends with.

use std::fs;

use serde_json::{Value, json};

use crate::home::Home;

/// A vector of Mux's own SDKs.
const SECRET: &str = "SuperSecret123";
const T: i64 = 1_565_125_718;
const BODY: &str = r#"{"test":"body"}"#;
const SIGNATURE: &str = "t=1565125718,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7";

/// A user with the body in `body.json` and the secret in `.env`.
fn home() -> Home {
    let home = Home::new();
    fs::write(home.path("body.json"), BODY).unwrap();
    fs::write(home.path(".env"), format!("A=1\nexport MUX_WEBHOOK_SECRET='{SECRET}'\n")).unwrap();
    home
}

fn at(seconds_later: i64) -> String {
    format!("--at={}", T + seconds_later)
}

/// The words that check `signature` with the secret of `.env`.
fn words<'a>(signature: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["verify", "--env-file", ".env", "--signature", signature], more].concat()
}

#[test]
fn a_body_from_a_file_or_a_pipe_is_valid() {
    let home = home();
    let told = home.run(&words(SIGNATURE, &["body.json", &at(42)])).with(0, "");
    assert_eq!((&*told.out, &*told.err), ("valid: signed 42 s ago\n", ""));
    for file in [&["-"][..], &[]] {
        let told = home.feed(&[words(SIGNATURE, &[&at(300)]), file.to_vec()].concat(), BODY).with(0, "");
        assert_eq!(told.out, "valid: signed 300 s (5 min) ago\n");
    }
    let told = home.run(&words(SIGNATURE, &["body.json", "--at", "2019-08-06T21:08:08Z"])).with(0, "");
    assert_eq!(told.out, "valid: signed 30 s ahead of the time it is checked at\n");
    let line = format!("Mux-Signature: {SIGNATURE}");
    home.run(&words(&line, &["body.json", &at(0)])).with(0, "");
}

#[test]
fn what_is_right_but_old_is_stale() {
    let home = home();
    let told = home.run(&words(SIGNATURE, &["body.json", &at(301)])).with(4, "");
    assert!(told.out.starts_with("stale: the signature is right, but 301 s (5 min) old"), "{}", told.out);
    assert!(home.run(&words(SIGNATURE, &["body.json"])).with(4, "").out.starts_with("stale: "));
}

#[test]
fn what_does_not_match_is_invalid_and_the_cause_is_said_when_it_is_known() {
    let home = home();
    let told = |body: &str| home.feed(&words(SIGNATURE, &[&at(1)]), body).with(4, "").out;
    for (body, cause) in [
        ("{\"test\":\"body\"}\n", "without the newline at its end it is valid"),
        ("{ \"test\": \"body\" }", "as compact JSON it is valid"),
        ("{\r\n  \"test\": \"body\"\r\n}\r\n", "as compact JSON it is valid"),
        ("\u{feff}{\"test\":\"body\"}", "without the byte order mark"),
        ("{\"test\":\"tampered\"}", "no signature matches: another secret signed it, or the body is not"),
        ("", "no signature matches"),
    ] {
        let told = told(body);
        assert!(told.starts_with("invalid: ") && told.contains(cause), "{body}: {told}");
        assert_eq!(told.lines().count(), 1);
    }
    let told = home.run(&words("", &["body.json"])).with(4, "");
    assert_eq!(told.out, "missing: there is no signature: --signature is empty\n");
}

#[test]
fn a_program_reads_an_object() {
    let home = home();
    let read = |signature: &str, more: &[&str], code| -> Value {
        let told = home.run(&words(signature, &[&["body.json", "--json"], more].concat())).with(code, "");
        serde_json::from_str(&told.out).unwrap()
    };
    let valid = json!({ "valid": true, "verdict": "valid", "age_s": 42, "reason": null });
    assert_eq!(read(SIGNATURE, &[&at(42)], 0), valid);
    let ahead = json!({ "valid": true, "verdict": "valid", "age_s": -9, "reason": null });
    assert_eq!(read(SIGNATURE, &[&at(-9)], 0), ahead);
    for (signature, verdict, age) in [
        (SIGNATURE, "stale", json!(1000)),
        ("t=1565125718,v1=00", "invalid", Value::Null),
        ("", "missing", Value::Null),
    ] {
        let object = read(signature, &[&at(1000)], 4);
        assert_eq!((&object["valid"], &object["verdict"]), (&false.into(), &verdict.into()));
        assert_eq!(object["age_s"], age);
        assert!(object["reason"].is_string(), "{object}");
    }
}

#[test]
fn secrets_come_from_everywhere_and_are_never_repeated() {
    let home = home();
    fs::write(home.path("secret"), format!("{SECRET}\n")).unwrap();
    let check = |more: &[&str]| {
        let now = at(1);
        home.run(&[&["verify", "body.json", "--signature", SIGNATURE, &*now], more].concat()).hides(SECRET)
    };
    check(&["--secret-file", "secret"]).with(0, "");
    check(&["--secret", "wr0ng", "--secret-file", "secret"]).with(0, "");
    check(&["--secret", SECRET]).with(0, "warning: a signing secret on the command line");
    let several = check(&["--secret", "wr0ng", "--secret", "wr0ng2"]).with(4, "").hides("wr0ng");
    assert!(several.out.contains("none of these secrets signed it"), "{}", several.out);
    let environment = |secret: &str| {
        let mut command = home.muxhook(&["verify", "body.json", "--signature", SIGNATURE, &at(1)]);
        command.env("MUX_WEBHOOK_SECRET", secret).output().unwrap().status.code()
    };
    assert_eq!((environment(SECRET), environment("wr0ng")), (Some(0), Some(4)));
    check(&[]).with(2, "no signing secret to check with").with(2, "--env-file .env");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let home = home();
    home.run(&["verify", "body.json"]).with(2, "--signature");
    for (signature, part) in [
        ("v1=00", "--signature: the mux-signature header has no timestamp"),
        ("854ece4c22acef7c", "has no timestamp"),
        ("t=1", "--signature: the mux-signature header has no signature"),
        ("t=1, v1=00", "has no signature"),
    ] {
        home.run(&words(signature, &["body.json"])).with(2, part);
    }
    home.run(&words(SIGNATURE, &["none.json"])).with(2, "none.json cannot be read");
    home.run(&words(SIGNATURE, &["."])).with(2, ". cannot be read");
    home.run(&words(SIGNATURE, &["body.json", "--at", "yesterday"])).with(2, "`yesterday` is no time");
    home.run(&words(SIGNATURE, &["body.json", "--secret", ""]))
        .with(2, "--secret: the signing secret is empty");
    home.run(&words(SIGNATURE, &["body.json", "--secret-file", "none"])).with(2, "--secret-file none");
    home.run(&["verify", "--env-file", "none", "--signature", SIGNATURE]).with(2, "there is no such file");
}

#[test]
fn a_body_has_a_bound_and_need_not_be_text() {
    let home = home();
    fs::File::create(home.path("large")).unwrap().set_len(32 * 1024 * 1024 + 1).unwrap();
    home.run(&words(SIGNATURE, &["large"])).with(2, "large is above 32 MiB");
    fs::write(home.path("bytes"), [0, 0xff, 0xfe, b'\n']).unwrap();
    home.run(&words(SIGNATURE, &["bytes"])).with(4, "");
}

#[cfg(unix)]
#[test]
fn nobody_is_waited_for_at_a_terminal() {
    let home = home();
    let (_screen, keyboard) = pty_process::blocking::open().unwrap();
    let command = pty_process::blocking::Command::new(assert_cmd::cargo::cargo_bin!("muxhook"))
        .args(words(SIGNATURE, &[]))
        .env_clear()
        .current_dir(home.path(""))
        .stderr(std::process::Stdio::piped());
    let ended = command.spawn(keyboard).unwrap().wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("nothing is piped in"), "{told}");
}
