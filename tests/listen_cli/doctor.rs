//! `muxhook doctor`: each link of the chain, whole and broken.

use std::net::TcpListener;

use serde_json::Value;

use crate::home::{Home, free_port};
use crate::mux::Mux;
use crate::register::Stage;
use crate::running::Ended;

/// The findings: link, verdict, message.
#[track_caller]
fn examine(home: &Home, args: &[&str], code: i32) -> Vec<(String, String, String)> {
    read(&home.run(&[&["doctor", "--json"], args].concat()), code)
}

#[track_caller]
fn read(ended: &Ended, code: i32) -> Vec<(String, String, String)> {
    assert_eq!(ended.code, code, "{}\n{}", ended.out, ended.err);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(told["ok"], code == 0);
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let of = |check: &Value| (text(check, "check"), text(check, "verdict"), text(check, "message"));
    told["checks"].as_array().unwrap().iter().map(of).collect()
}

/// `link=verdict` of each.
fn verdicts(findings: &[(String, String, String)]) -> String {
    findings.iter().map(|(link, verdict, _)| format!("{link}={verdict}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_chain_that_holds_is_seen_link_by_link() {
    let home = Home::new();
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("localhost:{}/hook", app.local_addr().unwrap().port());
    let listening = home.start(&["listen", "-f", &target]);
    let address = listening.address();
    let found = examine(&home, &["-f", &target, "--secret", "abc"], 0);
    assert_eq!(
        verdicts(&found),
        "config=fine relay=fine token=fine endpoint=doubt mux=untried clock=fine app=fine secret=fine"
    );
    assert!(found[3].2.contains(&address) && found[3].2.contains("1 listener is on it"), "{found:?}");
    assert!(found[6].2.contains("on 127.0.0.1:") && found[6].2.contains("not on [::1]:"), "{found:?}");
    let told = home.run(&["doctor", "-f", &target]);
    assert!(told.out.starts_with("✓ config") && told.err.is_empty(), "{}{}", told.out, told.err);
    assert!(!told.out.contains('\x1b'), "no colour in a pipe: {}", told.out);
}

#[test]
fn each_broken_link_is_named() {
    let home = Home::new();
    let nowhere = free_port();
    let shut = format!("localhost:{nowhere}");
    let found = examine(&home, &["-f", &shut], 1);
    assert_eq!(
        verdicts(&found),
        "config=fine relay=doubt endpoint=untried mux=untried app=fault secret=doubt"
    );
    assert!(found[4].2.contains(&format!("[::1]:{nowhere} and 127.0.0.1:{nowhere}")), "{found:?}");

    let relay = format!("http://127.0.0.1:{nowhere}");
    let found = examine(&home, &["--relay", &relay, "--token", "not-a-token"], 1);
    assert_eq!(
        verdicts(&found),
        "config=doubt relay=fault endpoint=untried mux=untried app=untried secret=doubt"
    );

    home.write("muxhook.toml", "forward-too = \"3000\"\n");
    let found = examine(&home, &[], 1);
    assert_eq!(verdicts(&found), "config=fault secret=fault");
    assert!(found[0].2.contains("forward-too"), "{found:?}");
}

#[test]
fn a_token_of_another_relay_is_told_from_a_relay_that_is_gone() {
    let home = Home::new();
    let listening = home.start(&["listen"]);
    listening.address();
    let relay = format!("http://127.0.0.1:{}", home.port);
    let found = examine(&home, &["--relay", &relay, "--token", "of-another-relay"], 1);
    assert_eq!(
        verdicts(&found),
        "config=doubt relay=fine token=fault endpoint=untried mux=untried app=untried secret=doubt"
    );
    assert!(!format!("{found:?}").contains("of-another-relay"), "the token stays unsaid");
}

/// What is said of one link of the address `my-app`: `verdict: message (hint)`.
fn doctor(stage: &Stage, args: &[&str], link: &str) -> String {
    // The relay's public address leads nowhere, so to nobody's proxy.
    let proxy = ("HTTPS_PROXY", format!("http://127.0.0.1:{}", free_port()));
    let args = [&["doctor", "--json", "--endpoint", "my-app"], args].concat();
    let ended = stage.run_with(&args, [proxy]).hides(&Mux::secret("w1")).hides("0ther-secret");
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    let check = told["checks"].as_array().unwrap().iter().find(|check| check["check"] == link).unwrap();
    let text = |key: &str| check[key].as_str().unwrap_or_default();
    format!("{}: {} ({})", text("verdict"), text("message"), text("hint"))
}

#[test]
fn the_webhook_at_mux_is_looked_at_when_there_is_a_token_to_ask_with() {
    let stage = Stage::new();
    let says = |(verdict, part): (&str, &str)| {
        let told = doctor(&stage, &[], "mux");
        assert!(told.starts_with(&format!("{verdict}: ")) && told.contains(part), "{told}");
    };
    says(("untried", "there is no address"));
    stage.run(&["endpoints", "create", "my-app"]).with(0, "");
    says(("doubt", "no webhook in Dev\u{1b}[2J of Acme sends to https://hooks.example.com/h/my-app"));
    stage.run(&["register", "--endpoint", "my-app", "--yes"]).with(0, "");
    says(("fine", "webhook w1 in Dev\u{1b}[2J of Acme sends to https://hooks.example.com/h/my-app"));
    stage.run(&["unregister", "--endpoint", "my-app", "--yes"]).with(0, "");
    says(("fault", "webhook w1 in Dev\u{1b}[2J of Acme is disabled"));
    stage.mux.answers("GET", "503 Service Unavailable", "");
    says(("doubt", "the fault is on its side"));
    stage.mux.answers("GET", "401 Unauthorized", "");
    says(("fault", "Mux doesn't take this access token"));
}

#[test]
fn the_secret_that_register_kept_counts_and_one_of_the_app_that_differs_is_told() {
    let stage = Stage::new();
    let home = &stage.home;
    let look = |args: &[&str]| doctor(&stage, args, "secret");
    home.write(".env", "MUX_WEBHOOK_SECRET=0ther-secret\n");
    let none = look(&[]);
    assert!(none.contains("no signing secret is at hand") && none.contains("/.env"), "{none}");

    stage.run(&["register", "--endpoint", "my-app", "--yes"]).with(0, "");
    let differs = look(&[]);
    assert!(differs.starts_with("doubt") && differs.contains("/.env is not the secret kept"), "{differs}");
    assert!(differs.contains("muxhook register --write-env"), "{differs}");
    stage.run(&["register", "--endpoint", "my-app", "--write-env", ".env"]).with(0, "");
    let fine = look(&[]);
    assert!(fine.starts_with("fine") && fine.contains("kept here by `register`"), "{fine}");

    home.write(".env.local", "MUX_WEBHOOK_SECRET=0ther-secret\n");
    let differs = look(&["--env-file", ".env"]);
    assert!(differs.contains("/.env.local is not the secret at hand"), "{differs}");
    let fine = look(&["--env-file", ".env", "--secret", "0ther-secret"]);
    assert!(fine.contains("2 signing secrets are at hand"), "{fine}");
}
