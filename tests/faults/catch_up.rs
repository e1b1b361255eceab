//! Listeners that are killed or stopped in the midst of a catch-up.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{App, ENDPOINT, Ledger, Line, Listener, Load, Relay, count, run, say};

/// Deliveries that one listener has in hand at most, in a catch-up: they go one at a time.
const IN_HAND: usize = 1;

/// What happens to a listener.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Killed,
    /// Stopped for a moment, then killed.
    Paused,
    /// Stopped, and never heard of again: another takes over.
    Frozen,
}

#[test]
fn a_catch_up_survives_its_listeners() {
    let owed = count("MUXHOOK_FAULT_OWED", 2000);
    run(owed, Duration::from_millis(100), async {
        let data = tempfile::tempdir().unwrap();
        let (ledger, app) = (Ledger::new(), App::start().await);
        let relay = Relay::start(data.path()).await;
        let load = Load::start(relay.addr, ENDPOINT, &ledger, 64);
        ledger.more_answers(owed).await;
        load.finish().await;
        let owed = ledger.acknowledged().len();

        let (mut told, mut frozen) = (Vec::new(), Vec::new());
        let mut fates =
            [Fate::Killed, Fate::Paused, Fate::Frozen, Fate::Killed].into_iter().chain(plan(owed));
        while app.distinct() < owed {
            let listener = Listener::start(&relay, &app, &[]).await;
            let goal = app.distinct() + fastrand::usize(1..=owed / 6);
            app.until_distinct(goal.min(owed)).await;
            let fate = fates.next().unwrap_or(Fate::Killed);
            if let Fate::Paused | Fate::Frozen = fate {
                listener.freeze();
            }
            if let Fate::Paused = fate {
                sleep(Duration::from_millis(fastrand::u64(1..300))).await;
                listener.thaw();
                app.until_distinct((app.distinct() + 1).min(owed)).await;
            }
            match fate {
                Fate::Frozen => frozen.push(listener),
                Fate::Killed | Fate::Paused => told.push(listener.kill().await),
            }
        }
        let interruptions = told.len() + frozen.len();
        say(&format!(
            "catch-up of {owed}, {interruptions} listeners killed or stopped ({} for good): {}",
            frozen.len(),
            ledger.figures(&app)
        ));
        ledger.check(&app);
        let order = app.order();
        let turned = order.windows(2).find(|two| two[0].delivery >= two[1].delivery);
        assert!(turned.is_none(), "not in order of arrival: {turned:?}");
        let again = app.arrived() - app.distinct();
        assert!(again <= interruptions * IN_HAND, "{again} came again, of {interruptions} interruptions");
        check_marks(&told);
    });
}

/// Mostly kills; of stops for good only a few, since each takes until the link counts as dead.
fn plan(owed: usize) -> impl Iterator<Item = Fate> {
    let seldom = owed.div_ceil(5000);
    (0..).map(move |turn| match turn % 4 {
        1 => Fate::Paused,
        3 if turn / 4 < seldom => Fate::Frozen,
        _ => Fate::Killed,
    })
}

/// What a later listener is handed again says so.
fn check_marks(told: &[Vec<Line>]) {
    let mut known = HashSet::new();
    for lines in told {
        let events: Vec<&Line> = lines.iter().filter(|line| line.kind == "event").collect();
        for event in &events {
            assert!(event.owed, "{event:?}");
            assert!(
                event.attempt > 1 || !known.contains(&event.delivery),
                "again, and not marked: {event:?}"
            );
        }
        known.extend(events.into_iter().map(|event| event.delivery.clone()));
    }
}
