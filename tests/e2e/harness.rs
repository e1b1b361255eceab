//! The players of the whole path, each on a free port of loopback. All end when dropped.

mod app;
mod cable;
mod carrier;
mod certificates;
mod cli;
pub(crate) mod http;
mod relay;
mod relay_process;

use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

pub(crate) use app::{App, Port, respond};
pub(crate) use cable::Cable;
pub(crate) use carrier::{Carrier, Told};
pub(crate) use certificates::{Authority, self_signed};
pub(crate) use cli::{Cli, User};
pub(crate) use http::{Message, Wire};
pub(crate) use relay::Relay;
pub(crate) use relay_process::RelayProcess;

/// Real time for one test. Nothing passes by this running out.
const LIMIT: Duration = Duration::from_secs(90);

/// Runs a test to its end on a runtime of its own, or fails it when it hangs. The limit is real time, since a test
/// may pause tokio's.
pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let (give_up, given_up) = oneshot::channel();
    let (ended, end) = sync_channel::<()>(0);
    let thread = thread::spawn(move || {
        let _ended = ended;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let test = pin!(test());
            tokio::select! {
                biased;
                () = test => {}
                _ = given_up => panic!("it hangs: not done after {LIMIT:?}"),
            }
        });
    });
    if end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
        let _ = give_up.send(());
    }
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}
