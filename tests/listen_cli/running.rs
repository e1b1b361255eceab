//! A process, what it has printed so far, and its end. Whatever takes too long fails; dropping it kills it.

use std::io::Read;
use std::process::{Child, ChildStdout, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::Instant;

/// The longest that a test waits for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    child: Child,
    pub(crate) out: Printed,
    pub(crate) err: Printed,
}

/// How a process ended.
pub(crate) struct Ended {
    /// The exit code; that of a shell, 128 and the number, when a signal ended it.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// One stream of a process, read by a thread.
#[derive(Clone, Default)]
pub(crate) struct Printed(Arc<(Mutex<Text>, Condvar)>);

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    ended: bool,
}

impl Printed {
    pub(crate) fn by(mut stream: impl Read + Send + 'static) -> Self {
        let printed = Self::default();
        let own = printed.clone();
        thread::spawn(move || {
            let mut chunk = [0; 16 * 1024];
            // A terminal whose other side has gone gives an error in place of an end.
            while let Ok(length @ 1..) = stream.read(&mut chunk) {
                own.change(|text| text.bytes.extend_from_slice(&chunk[..length]));
            }
            own.change(|text| text.ended = true);
        });
        printed
    }

    /// A stream that printed nothing.
    pub(crate) fn empty() -> Self {
        Self::by(std::io::empty())
    }

    fn change(&self, change: impl FnOnce(&mut Text)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().bytes.clone()).unwrap()
    }

    /// Waits until `found` finds something in what was printed.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let until = Instant::now() + LIMIT;
        let mut text = self.0.0.lock().unwrap();
        loop {
            let printed = String::from_utf8_lossy(&text.bytes);
            if let Some(found) = found(&printed) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            if text.ended || left.is_zero() {
                let printed = printed.into_owned();
                drop(text);
                panic!("{what} does not come after:\n{printed}");
            }
            text = self.0.1.wait_timeout(text, left).unwrap().0;
        }
    }

    /// Waits until `part` was printed.
    #[track_caller]
    pub(crate) fn wait_for(&self, part: &str) {
        self.until(part, |text| text.contains(part).then_some(()));
    }

    /// Waits for the end of the stream, and gives back everything.
    #[track_caller]
    fn whole(&self) -> String {
        let until = Instant::now() + LIMIT;
        let mut text = self.0.0.lock().unwrap();
        while !text.ended {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no end of:\n{}", String::from_utf8_lossy(&text.bytes));
            text = self.0.1.wait_timeout(text, left).unwrap().0;
        }
        String::from_utf8(text.bytes.clone()).unwrap()
    }
}

impl Running {
    #[track_caller]
    pub(crate) fn start(command: Command) -> Self {
        let (mut running, out) = Self::start_unread(command);
        running.out = Printed::by(out);
        running
    }

    /// Starts a process whose stdout nobody reads.
    #[track_caller]
    pub(crate) fn start_unread(mut command: Command) -> (Self, ChildStdout) {
        let mut child = command.spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        (Self::of(child, Printed::empty(), Printed::by(err)), out)
    }

    pub(crate) fn of(child: Child, out: Printed, err: Printed) -> Self {
        Self { child, out, err }
    }

    /// The public address, once it is printed.
    #[track_caller]
    pub(crate) fn address(&self) -> String {
        self.err.until("the address", |text| {
            let (_, below) = text.split_once("Listening on")?;
            let address = &below[below.find("http")?..];
            Some(address[..address.find(['\r', '\n', '\x1b'])?].to_owned())
        })
    }

    /// The line of this kind in the NDJSON on stdout, once it is printed.
    #[track_caller]
    pub(crate) fn line(&self, kind: &str) -> Value {
        let mark = format!(r#"{{"v":1,"kind":"{kind}","#);
        let line = self.out.until(kind, |text| {
            text.split_inclusive('\n')
                .find(|line| line.starts_with(&mark) && line.ends_with('\n'))
                .map(str::to_owned)
        });
        serde_json::from_str(&line).unwrap()
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Asks it to end, and waits for that.
    #[track_caller]
    pub(crate) fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.end()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        use std::os::unix::process::ExitStatusExt;
        let until = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}\n{}", self.out.text(), self.err.text());
            thread::park_timeout(Duration::from_millis(5));
        };
        let code = status.code().or_else(|| status.signal().map(|number| 128 + number)).unwrap();
        let ended = Ended { code, out: self.out.whole(), err: self.err.whole() };
        assert!(!shows_token(&ended.err), "a token on stderr: {}", ended.err);
        ended
    }
}

/// Whether a token that a relay made is told, which no stderr of any test may do. (`canary` looks for all else.)
fn shows_token(text: &str) -> bool {
    let is_secret = |byte: u8| matches!(byte, b'a'..=b'z' | b'2'..=b'7');
    text.split("mxh_").skip(1).any(|rest| rest.len() >= 52 && rest.bytes().take(52).all(is_secret))
}

#[test]
fn a_token_is_known_when_it_is_seen() {
    let token = muxhook_relay::accounts::Token::random().unwrap();
    assert!(shows_token(&format!("one=mxh_ two={}.", token.reveal())));
    assert!(!shows_token(&token.reveal()[..40]));
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks the exit code, and that stderr holds `part`.
    #[track_caller]
    pub(crate) fn with(self, code: i32, part: &str) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        self
    }

    /// Checks that neither stream holds `secret`.
    #[track_caller]
    pub(crate) fn hides(self, secret: &str) -> Self {
        assert!(!self.out.contains(secret) && !self.err.contains(secret), "{}\n{}", self.out, self.err);
        self
    }

    /// stdout, line by line as JSON.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(parse).collect()
    }
}
