//! What the service manager is told, by systemd's protocol (`sd_notify(3)`), when there is one.

use std::ffi::OsStr;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// What a phase may take beyond the time that is known of it, before the manager takes the relay for stuck.
const MARGIN: Duration = Duration::from_secs(30);

/// Whoever started the relay and wants to know how it is.
#[derive(Debug)]
pub(super) struct Manager {
    socket: Option<Socket>,
    /// How often it wants a sign of life.
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that the process's environment names. What can't be reached is said in the log and told nothing.
    pub(super) fn of_process() -> Self {
        let socket = super::environment("NOTIFY_SOCKET").and_then(|address| {
            let failed = |error: &_| tracing::warn!(%error, "the service manager can't be told of anything");
            connect(&address).inspect_err(failed).ok()
        });
        let text = |name| super::environment(name).and_then(|value| value.into_string().ok());
        let is_ours = text("WATCHDOG_PID").is_none_or(|pid| pid.parse() == Ok(std::process::id()));
        let micros = text("WATCHDOG_USEC").filter(|_| is_ours).and_then(|micros| micros.parse().ok());
        let watchdog = micros.filter(|micros| *micros > 0).map(Duration::from_micros);
        Self { watchdog: watchdog.filter(|_| socket.is_some()), socket }
    }

    /// It begins, and may have to wait for its predecessor.
    pub(super) fn starting(&self, takeover: Duration) {
        self.tell(&format!("STATUS=starting, once no other relay has the data folder\n{}", extend(takeover)));
    }

    /// It answers.
    pub(super) fn ready(&self, public_url: &str) {
        self.tell(&format!("READY=1\nSTATUS=reached at {public_url}"));
    }

    /// It takes up other settings; [`Manager::ready`] says that it is done.
    pub(super) fn reloading(&self) {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
    }

    /// It goes down.
    pub(super) fn stopping(&self, grace: Duration) {
        self.tell(&format!("STOPPING=1\nSTATUS=ending: what is under way may finish\n{}", extend(grace)));
    }

    /// Gives signs of life as often as they are wanted, and for as long as the runtime runs what is due.
    pub(super) async fn keep_alive(&self) {
        let Some(watchdog) = self.watchdog else { return std::future::pending().await };
        // Twice as often as it must be (`sd_watchdog_enabled(3)`).
        let mut due = interval((watchdog / 2).max(Duration::from_millis(1)));
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    /// Never waits: a manager that does not listen holds up nobody.
    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::warn!(%error, "the service manager could not be told");
        }
    }
}

fn extend(known: Duration) -> String {
    format!("EXTEND_TIMEOUT_USEC={}", (known + MARGIN).as_micros())
}

/// By the clock that the manager goes by (`clock_gettime(2)`).
#[cfg(unix)]
fn monotonic_micros() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

#[cfg(not(unix))]
fn monotonic_micros() -> i64 {
    0
}

#[cfg(unix)]
type Socket = std::os::unix::net::UnixDatagram;

/// A path, or with `@` in front a name in Linux's abstract namespace (`unix(7)`).
#[cfg(unix)]
fn connect(address: &OsStr) -> std::io::Result<Socket> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::SocketAddr;

    let socket = Socket::unbound()?;
    socket.set_nonblocking(true)?;
    match address.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?;
        }
        _ => socket.connect_addr(&SocketAddr::from_pathname(address)?)?,
    }
    Ok(socket)
}

#[cfg(not(unix))]
#[derive(Debug)]
enum Socket {}

#[cfg(not(unix))]
impl Socket {
    fn send(&self, _: &[u8]) -> std::io::Result<usize> {
        match *self {}
    }
}

#[cfg(not(unix))]
fn connect(_: &OsStr) -> std::io::Result<Socket> {
    Err(std::io::ErrorKind::Unsupported.into())
}
