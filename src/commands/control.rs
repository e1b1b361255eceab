//! What a user, the system or the clock asks of a command that goes on, brought together in one place, so that the
//! way of a webhook polls one thing for all of it.

use std::future::pending;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::printer::keys::{Key, Keys};

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// End, after what is in hand; asked again, at once.
    Stop,
    /// The time is up.
    TimeUp,
    /// Whoever read the output has gone.
    Closed,
    /// A key was pressed.
    Key(Key),
}

/// The sources beside the system's signals.
#[derive(Debug)]
pub(super) struct Sources {
    /// End by itself after this.
    pub(super) after: Option<Duration>,
    /// The keyboard.
    pub(super) keys: Keys,
}

/// Starts to watch the sources; whatever they say arrives at the receiver. `closed` ends when the output has no
/// reader any more.
pub(super) fn watch(
    sources: Sources,
    closed: impl Future<Output = ()> + Send + 'static,
) -> mpsc::Receiver<Control> {
    let (sender, receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        tokio::select! {
            () = sender.closed() => {}
            () = stop_signals(&sender) => {}
            () = time_up(sources.after, &sender) => {}
            () = output_closed(closed, &sender) => {}
            () = key_presses(sources.keys, &sender) => {}
        }
    });
    receiver
}

/// Whoever listens may have ended already: then there is nothing to say any more.
async fn say(sender: &mpsc::Sender<Control>, control: Control) {
    let _ = sender.send(control).await;
}

async fn stop_signals(sender: &mpsc::Sender<Control>) {
    loop {
        signal().await;
        say(sender, Control::Stop).await;
    }
}

/// Ends when the user or the system wants the process to end.
#[cfg(unix)]
pub(super) async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => ctrl_c().await,
    }
}

/// Ends when the user wants the process to end.
#[cfg(not(unix))]
pub(super) async fn signal() {
    ctrl_c().await;
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        pending().await
    }
}

async fn time_up(after: Option<Duration>, sender: &mpsc::Sender<Control>) {
    match after {
        Some(after) => {
            sleep(after).await;
            say(sender, Control::TimeUp).await;
            pending().await
        }
        None => pending().await,
    }
}

async fn output_closed(closed: impl Future<Output = ()>, sender: &mpsc::Sender<Control>) {
    closed.await;
    say(sender, Control::Closed).await;
    pending().await
}

async fn key_presses(mut keys: Keys, sender: &mpsc::Sender<Control>) {
    loop {
        let key = keys.next().await;
        say(sender, Control::Key(key)).await;
    }
}

/// Goes through with `ending`, unless the user can't wait: `false`.
pub(super) async fn unless_asked_again(
    control: &mut mpsc::Receiver<Control>,
    ending: impl Future<Output = ()>,
) -> bool {
    let asked_again = async { while control.recv().await != Some(Control::Stop) {} };
    tokio::select! {
        biased;
        () = ending => true,
        () = asked_again => false,
    }
}
