//! `muxhook doctor`: each link of the chain, whole and broken.

use std::net::TcpListener;

use serde_json::Value;

use crate::home::{Home, free_port};

/// The findings: link, verdict, message.
#[track_caller]
fn examine(home: &Home, args: &[&str], code: i32) -> Vec<(String, String, String)> {
    let ended = home.run(&[&["doctor", "--json"], args].concat());
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
        "config=fine relay=fine token=fine endpoint=doubt clock=fine app=fine secret=fine"
    );
    assert!(found[3].2.contains(&address) && found[3].2.contains("1 listener is on it"), "{found:?}");
    assert!(found[5].2.contains("on 127.0.0.1:") && found[5].2.contains("not on [::1]:"), "{found:?}");
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
    assert_eq!(verdicts(&found), "config=fine relay=doubt endpoint=untried app=fault secret=doubt");
    assert!(found[3].2.contains(&format!("[::1]:{nowhere} and 127.0.0.1:{nowhere}")), "{found:?}");

    let relay = format!("http://127.0.0.1:{nowhere}");
    let found = examine(&home, &["--relay", &relay, "--token", "not-a-token"], 1);
    assert_eq!(verdicts(&found), "config=doubt relay=fault endpoint=untried app=untried secret=doubt");

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
        "config=doubt relay=fine token=fault endpoint=untried app=untried secret=doubt"
    );
    assert!(!format!("{found:?}").contains("of-another-relay"), "the token stays unsaid");
}
