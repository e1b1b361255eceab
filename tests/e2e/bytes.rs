//! What is sent arrives to the byte, and so does what is answered.

mod exchange;

use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::harness::{App, Cli, Relay, User, Wire, respond, run};
use exchange::{Exchange, NUMBER, any_exchange};

/// Exchanges under way at once, each on a connection of its own.
const AT_ONCE: usize = 4;

/// A sender, the relay, `listen`, and an app that knows what to answer.
struct Path {
    relay: Relay,
    senders: Vec<Wire>,
    app: App,
    /// What the app answers to each exchange.
    answers: Arc<Mutex<Vec<Vec<u8>>>>,
    cli: Cli,
}

impl Path {
    async fn through(relay: Relay) -> Self {
        let answers = Arc::new(Mutex::new(Vec::<Vec<u8>>::new()));
        let known = Arc::clone(&answers);
        let app = App::start(move |request| {
            let number: usize = request.get(NUMBER).parse().unwrap();
            let answer = known.lock().unwrap()[number].clone();
            async { answer }
        });
        let target = format!("{}/hook?from=test", app.url());
        let cli = User::of(&relay).listen(&["--forward-to", &target]).await;
        Self { relay, senders: Vec::new(), app, answers, cli }
    }

    /// Sends every request at once, and compares what the app and the senders got with what was sent.
    async fn carries(&mut self, exchanges: &[Exchange]) {
        *self.answers.lock().unwrap() = exchanges.iter().map(Exchange::answer).collect();
        // After a failure proptest goes on with a smaller case: without what the last one left behind.
        self.app.forget();
        let mut senders = take(&mut self.senders);
        while senders.len() < exchanges.len() {
            senders.push(self.relay.connect().await);
        }
        let base = self.cli.path();
        let sent = senders.iter_mut().zip(exchanges).enumerate().map(async |(number, (wire, exchange))| {
            wire.send(exchange.request(base, number)).await;
            exchange.check_answer(&wire.receive().await.expect("an answer"));
        });
        join_all(sent).await;
        for _ in exchanges {
            let arrived = self.app.request().await;
            let number: usize = arrived.get(NUMBER).parse().unwrap();
            exchanges[number].check_request(&arrived, number, &self.relay.url(), &self.app.url());
            self.cli.until("forwarded").await;
        }
        assert_eq!(self.app.unseen(), 0, "sent twice");
        self.senders = senders;
    }
}

/// Sends webhooks as random as HTTP allows over one long-lived path.
fn random_webhooks_survive(relay: impl Future<Output = Relay>, cases: u32) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let path = Mutex::new(runtime.block_on(async { Path::through(relay.await).await }));
    let config = Config { cases, max_shrink_time: 20_000, failure_persistence: None, ..Config::default() };
    let carried = TestRunner::new(config).run(&vec(any_exchange(), AT_ONCE), |exchanges| {
        let mut path = path.lock().unwrap_or_else(PoisonError::into_inner);
        runtime.block_on(async {
            let carried = timeout(Duration::from_secs(30), path.carries(&exchanges));
            carried.await.expect("it hangs");
        });
        Ok(())
    });
    carried.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_thousand_random_webhooks_arrive_to_the_byte_and_so_do_their_answers() {
    random_webhooks_survive(Relay::start(), 250);
}

#[test]
fn random_webhooks_arrive_to_the_byte_over_tls_too() {
    random_webhooks_survive(Relay::secure(), 15);
}

/// Bytes without a pattern that a part or a buffer could hide behind.
fn noise(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

#[test]
fn the_largest_webhook_and_the_largest_answer_arrive_to_the_byte() {
    run(|| async {
        let relay = Relay::start().await;
        let mut app = App::start(|_| async { respond(200, &[], noise(1024 * 1024)) });
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        let largest = noise(5 * 1024 * 1024);
        let answer = relay.post(cli.path(), &largest).await;
        assert_eq!((answer.by(), answer.get("muxhook-truncated")), ((200, "app"), ""));
        assert!(answer.body == noise(1024 * 1024));
        assert!(app.request().await.body == largest);
        cli.stop().await;
    });
}

#[test]
fn a_webhook_above_the_limit_is_turned_away_and_the_listener_is_told() {
    run(|| async {
        let relay = Relay::start().await;
        let mut app = App::saying("thanks");
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        let mut neighbour = relay.connect().await;
        let answer = relay.post(cli.path(), noise(5 * 1024 * 1024 + 1)).await;
        assert_eq!(answer.error(), (413, "body_too_large".into()));
        let notice = cli.tells("notice").await;
        assert_eq!(notice["code"], "body_too_large");
        assert_eq!(neighbour.post(cli.path(), "small").await.by(), (200, "app"));
        assert_eq!(app.request().await.text(), "small");
        assert_eq!(cli.stop().await["events"], 1);
    });
}
