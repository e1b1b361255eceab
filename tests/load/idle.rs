//! What a listener costs the relay that does nothing but be there.

use std::time::Duration;

use crate::harness::{Figures, Listeners, Relay, Transport, count, endpoint, run, say};

const MINUTE: Duration = Duration::from_secs(60);

/// Listeners that come first: what a relay takes once, for whoever comes first, is no cost of each.
const BASE: usize = 100;

/// Bytes of the webhook that each listener takes and gives back.
const LARGE: usize = 64 * 1024;

/// Most resident memory of a relay with 9,500 idle listeners, in MiB.
fn most(transport: Transport) -> f64 {
    if transport == Transport::Tls { 200.0 } else { 100.0 }
}

fn tell(when: &str, crowd: &Listeners, now: Figures, base: Figures) {
    let each = now.resident.saturating_sub(base.resident) as f64 / crowd.count as f64;
    say(&format!(
        "{when}: {:.1} MiB resident, {each:.2} KiB for each further listener, {} descriptors, {} threads, {:.1} s of processor time",
        now.mib(),
        now.descriptors,
        now.threads,
        now.processor.as_secs_f64(),
    ));
}

async fn idle(transport: Transport) {
    let listeners = count("MUXHOOK_LOAD_LISTENERS", 9_500);
    let relay = Relay::start(transport, &[]).await;
    say(&format!("{transport:?}, alone: {:.1} MiB resident", relay.figures().mib()));
    let _base = Listeners::gather(&relay, 0, BASE).await;
    let base = relay.figures();
    let mut crowd = Listeners::gather(&relay, BASE, listeners - BASE).await;
    let at_once = relay.figures();
    tell(&format!("{listeners} listeners, at once"), &crowd, at_once, base);
    assert_eq!(crowd.idle(MINUTE).await, 0, "links were lost while idle");
    let later = relay.figures();
    tell("after a minute", &crowd, later, base);
    for number in 0..listeners {
        carry(&relay, number).await;
    }
    assert_eq!(crowd.idle(MINUTE * 3 / 4).await, 0, "links were lost by a webhook");
    tell("each had a webhook of 64 KiB", &crowd, relay.figures(), base);
    let most = most(transport);
    assert!(at_once.mib().max(later.mib()) <= most, "above {most} MiB");
}

/// A webhook to one of them, which gives it back.
async fn carry(relay: &Relay, number: usize) {
    let (status, by) = relay.post(&endpoint(number), &vec![b'x'; LARGE]).await;
    assert_eq!((status, &*by), (200, "app"), "{}", endpoint(number));
}

#[test]
#[ignore = "by scripts/load"]
fn idle_plain() {
    run(10 * MINUTE, idle(Transport::Plain));
}

#[test]
#[ignore = "by scripts/load"]
fn idle_tls() {
    run(10 * MINUTE, idle(Transport::Tls));
}
