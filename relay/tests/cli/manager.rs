//! What the service manager is told. The test plays it: `NOTIFY_SOCKET` is its own.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Stdio;
use std::time::Duration;

use crate::harness::{Serving, answer, relay, until};

/// What hangs has failed. Nothing passes by this running out.
const PATIENCE: Duration = Duration::from_secs(60);

struct Manager {
    socket: UnixDatagram,
    /// What `NOTIFY_SOCKET` says.
    name: String,
    _dir: tempfile::TempDir,
}

impl Manager {
    /// On a path, or in the abstract namespace.
    fn new(is_abstract: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify").display().to_string();
        let (socket, name) = if is_abstract {
            let address = SocketAddr::from_abstract_name(&path).unwrap();
            (UnixDatagram::bind_addr(&address).unwrap(), format!("@{path}"))
        } else {
            (UnixDatagram::bind(&path).unwrap(), path)
        };
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, name, _dir: dir }
    }

    fn next(&self) -> String {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("it was told of something");
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// The next message that has this line.
    fn until(&self, line: &str) -> String {
        std::iter::repeat_with(|| self.next())
            .find(|message| message.lines().any(|other| other == line))
            .unwrap()
    }

    fn start(&self, dir: &std::path::Path, flags: &[&str], environment: &[(&str, &str)]) -> Serving {
        let mut command = relay();
        command.args(["serve", "--listen=127.0.0.1:0", "--data-dir"]).arg(dir).args(flags);
        command.env("NOTIFY_SOCKET", &self.name).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Serving::spawn(command)
    }
}

#[test]
fn the_manager_hears_how_a_relay_begins_and_ends() {
    for is_abstract in [false, true] {
        let (manager, dir) = (Manager::new(is_abstract), tempfile::tempdir().unwrap());
        let mut serving = manager.start(dir.path(), &["--grace=5m"], &[]);
        let starting = manager.next();
        assert_eq!(
            starting,
            "STATUS=starting, once no other relay has the data folder\nEXTEND_TIMEOUT_USEC=330000000"
        );
        let ready = manager.next();
        let url = serving.public_url();
        assert_eq!(ready, format!("READY=1\nSTATUS=reached at {url}"));
        assert!(answer(&url, "GET /healthz").starts_with("HTTP/1.1 200 "));
        serving.signal("TERM");
        let stopping = manager.next();
        assert!(stopping.starts_with("STOPPING=1\nSTATUS=ending"), "{stopping}");
        assert!(stopping.ends_with("EXTEND_TIMEOUT_USEC=330000000"), "{stopping}");
        assert_eq!(serving.end().0, Some(0));
    }
}

#[test]
fn a_relay_is_not_ready_while_it_waits_for_another() {
    let (manager, dir) = (Manager::new(false), tempfile::tempdir().unwrap());
    let mut first = Serving::start(dir.path(), &[], &[]);
    first.public_url();
    let mut second = manager.start(dir.path(), &["--grace=10m"], &[]);
    until(&mut second, "waiting for it to end");
    assert!(manager.next().starts_with("STATUS=starting"));
    manager.socket.set_nonblocking(true).unwrap();
    assert!(manager.socket.recv(&mut [0]).is_err(), "it is told of nothing more");
    manager.socket.set_nonblocking(false).unwrap();
    first.signal("TERM");
    assert!(manager.next().starts_with("READY=1\n"));
    assert_eq!(first.end().0, Some(0));
}

#[test]
fn the_watchdog_gets_signs_of_life() {
    let (manager, dir) = (Manager::new(false), tempfile::tempdir().unwrap());
    let _serving = manager.start(dir.path(), &[], &[("WATCHDOG_USEC", "20000")]);
    for _ in 0..3 {
        manager.until("WATCHDOG=1");
    }
}

#[test]
fn a_watchdog_of_another_process_gets_none() {
    let (manager, dir) = (Manager::new(false), tempfile::tempdir().unwrap());
    let environment = [("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")];
    let serving = manager.start(dir.path(), &[], &environment);
    manager.until("READY=1");
    serving.signal("TERM");
    assert!(manager.next().starts_with("STOPPING=1\n"), "there was nothing in between");
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn a_manager_that_is_not_there_keeps_no_relay_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &[], &[("NOTIFY_SOCKET", "/nowhere/notify")]);
    until(&mut serving, "the service manager can't be told of anything");
    assert!(answer(&serving.public_url(), "GET /healthz").starts_with("HTTP/1.1 200 "));
}
