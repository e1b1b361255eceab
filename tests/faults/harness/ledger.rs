//! What the senders were told: the outside checker's own list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::App;
use super::wire::Message;

/// Cheap to clone; all clones are one list.
#[derive(Clone)]
pub(crate) struct Ledger {
    inner: Arc<Mutex<Inner>>,
    /// How many answers came.
    answers: Arc<watch::Sender<usize>>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    acknowledged: BTreeSet<u64>,
    answered_by_app: BTreeSet<u64>,
    refused: BTreeMap<u16, usize>,
}

/// What an answer meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// 2xx by the relay itself: owed from now on.
    Held,
    /// 2xx by the app.
    App,
    /// No 2xx.
    Refused(u16),
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::default(), answers: Arc::new(watch::Sender::new(0)) }
    }

    /// One whose numbers begin behind `number`.
    pub(crate) fn after(number: u64) -> Self {
        let ledger = Self::new();
        ledger.lock().next = number;
        ledger
    }

    /// A number that no webhook had before.
    pub(crate) fn number(&self) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        inner.next
    }

    /// Takes in what the sender of `number` was told.
    pub(crate) fn answered(&self, number: u64, answer: &Message) -> Verdict {
        let status = answer.status();
        let mut inner = self.lock();
        let verdict = match (status, answer.get("muxhook-answer")) {
            (200..=299, Some("held")) => {
                inner.acknowledged.insert(number);
                Verdict::Held
            }
            (200..=299, Some("app")) => {
                inner.answered_by_app.insert(number);
                Verdict::App
            }
            (200..=299, _) => panic!("a 2xx that nobody stands for: {answer:?}"),
            _ => {
                *inner.refused.entry(status).or_default() += 1;
                Verdict::Refused(status)
            }
        };
        drop(inner);
        self.answers.send_modify(|count| *count += 1);
        verdict
    }

    /// Waits for as many answers as `count`, from now on.
    pub(crate) async fn more_answers(&self, count: usize) {
        let mut answers = self.answers.subscribe();
        let goal = *answers.borrow() + count;
        answers.wait_for(|count| *count >= goal).await.unwrap();
    }

    /// The webhooks that the relay acknowledged itself.
    pub(crate) fn acknowledged(&self) -> BTreeSet<u64> {
        self.lock().acknowledged.clone()
    }

    /// How many answers there were of each status that is no 2xx.
    pub(crate) fn refused(&self) -> BTreeMap<u16, usize> {
        self.lock().refused.clone()
    }

    /// Fails the test unless the app had everything that anybody was told it would get, and nothing else.
    pub(crate) fn check(&self, app: &App) {
        let lost = self.lost(app);
        let inner = self.lock();
        let (first, count) = (lost.first(), lost.len());
        assert_eq!(
            count,
            0,
            "of {} acknowledged {count} are lost, {first:?} first",
            inner.acknowledged.len()
        );
        let untrue: Vec<_> = inner.answered_by_app.iter().filter(|&&number| app.times(number) == 0).collect();
        assert!(untrue.is_empty(), "answered in the app's name, and it never saw them: {untrue:?}");
        assert_eq!(app.strange(), 0, "bodies arrived that nobody had sent");
    }

    /// What was acknowledged and did not reach the app.
    pub(crate) fn lost(&self, app: &App) -> Vec<u64> {
        let inner = self.lock();
        inner.acknowledged.iter().copied().filter(|&number| app.times(number) == 0).collect()
    }

    /// One line of figures.
    pub(crate) fn figures(&self, app: &App) -> String {
        let (acknowledged, refused) = (self.acknowledged().len(), self.refused());
        let (delivered, duplicates) = (app.distinct(), app.arrived() - app.distinct());
        format!(
            "{acknowledged} acknowledged, {delivered} delivered, {} lost, {duplicates} duplicates, refused {refused:?}",
            self.lost(app).len()
        )
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}
