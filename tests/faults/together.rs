//! Two relays on one data folder.

use std::time::Duration;

use crate::harness::{App, ENDPOINT, Ledger, Load, Relay, Setting, hand_over, run, say};

#[test]
fn a_second_relay_on_the_folder_waits_refuses_and_disturbs_nobody() {
    run(1, Duration::from_secs(30), async {
        let data = tempfile::tempdir().unwrap();
        let (ledger, app) = (Ledger::new(), App::start().await);
        let first = Relay::start(data.path()).await;
        let load = Load::start(first.addr, ENDPOINT, &ledger, 16);
        ledger.more_answers(50).await;
        let second = Relay::try_start(data.path(), &Setting::default().arg("--grace").arg("1s")).await;
        let refusal = second.err().expect("a refusal: the folder is another relay's");
        let folder = data.path().display().to_string();
        assert!(refusal.code.is_some_and(|code| code != 0) && refusal.log.contains(&folder), "{refusal:?}");
        ledger.more_answers(50).await;
        load.finish().await;
        assert!(ledger.refused().is_empty(), "{:?}\n{}", ledger.refused(), first.log());
        hand_over(&first, &app, &ledger).await;
        say(&format!("two relays: {}", ledger.figures(&app)));
        ledger.check(&app);

        // Whoever waits gets the folder as soon as it is free.
        let setting = Setting::default().arg("--grace").arg("30s");
        let (third, _) = tokio::join!(Relay::try_start(data.path(), &setting), first.stop());
        third.expect("the folder is free").stop().await;
    });
}
