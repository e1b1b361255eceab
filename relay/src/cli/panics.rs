//! A panic is a defect of the program: it goes to the log as one line, and is counted. What panicked ends alone.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::Arc;

use crate::metrics::Metrics;

/// From now on panics of this process go to its log and to `metrics`.
pub(super) fn install(metrics: Arc<Metrics>) {
    std::panic::set_hook(Box::new(move |info| {
        metrics.panicked();
        tell(info);
    }));
}

fn text(info: &PanicHookInfo<'_>) -> Option<&'static str> {
    info.payload().downcast_ref::<&'static str>().copied()
}

/// A text that was put together while the program ran may quote what a sender sent, or a secret: where it stands says
/// enough. `RUST_BACKTRACE=1` has it say how it came there.
fn tell(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    let text = text(info);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let current = std::thread::current();
    tracing::error!(
        place,
        text,
        thread = current.name(),
        backtrace = backtrace.map(tracing::field::debug),
        "a defect of the program ended a task; the rest goes on"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{catch_unwind, set_hook, take_hook};
    use std::sync::Mutex;

    /// What the hook would say of panics.
    fn texts(panics: &[fn()]) -> Vec<Option<&'static str>> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let before = take_hook();
        let (main, sink) = (std::thread::current().id(), Arc::clone(&seen));
        set_hook(Box::new(move |info| {
            if std::thread::current().id() == main {
                tell(info);
                sink.lock().unwrap().push(text(info));
            }
        }));
        for panics in panics {
            catch_unwind(panics).unwrap_err();
        }
        set_hook(before);
        std::mem::take(&mut *seen.lock().unwrap())
    }

    #[test]
    fn a_text_that_may_quote_somebody_is_left_out() {
        let quoted = || {
            let secret = String::from("whsec_é");
            let at = secret.len() - 1;
            let _ = &secret[at..];
        };
        assert_eq!(texts(&[|| panic!("never so"), quoted]), [Some("never so"), None]);
    }
}
