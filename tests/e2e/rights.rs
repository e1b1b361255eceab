//! The operator takes a right away beside a running relay: who uses it is told so, and ends at once.

use serde_json::Value;

use crate::harness::{RelayProcess, User, run};

#[test]
fn a_listener_whose_right_ends_says_why_and_does_not_come_back() {
    run(says_why_and_does_not_come_back);
}

async fn says_why_and_does_not_come_back() {
    let relay = RelayProcess::start(&[]).await;
    let user = User::at(relay.url());
    let tokens = relay.operator(&["token", "list", "--json"]);
    let token: Value = serde_json::from_str(tokens.lines().next().unwrap()).unwrap();
    let id = token["id"].as_str().unwrap();
    for (off, on, words) in [
        (
            vec!["endpoint", "disable", "shop"],
            vec!["endpoint", "enable", "shop"],
            "the endpoint shop is disabled",
        ),
        (
            vec!["account", "disable", "default"],
            vec!["account", "enable", "default"],
            "account default is disabled",
        ),
        (
            vec!["endpoint", "delete", "shop"],
            vec!["endpoint", "create", "shop"],
            "the endpoint shop was deleted",
        ),
        (vec!["token", "revoke", id], vec!["token", "list"], "the token was revoked"),
    ] {
        let mut cli = user.listen(&["--endpoint", "shop", "-f", "localhost:9"]).await;
        relay.operator(&off);
        let (code, said) = cli.ended().await;
        assert_eq!(code, Some(5), "{off:?}: {said}");
        assert!(said.contains(words), "{off:?}: {said}");
        relay.operator(&on);
    }
}
