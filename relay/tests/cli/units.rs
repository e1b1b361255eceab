//! The systemd units as they are given away: checked by systemd where it is, and their words said to the program.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Serving, answer, write};

/// Most exposure, in tenths, by `systemd-analyze security`.
const MOST: &str = "--threshold=20";

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

/// Whether systemd's own checker is here; where it is not, that is said, and its part of the test is left out.
fn has_systemd() -> bool {
    let is_here =
        Command::new("systemd-analyze").arg("--version").output().is_ok_and(|out| out.status.success());
    if !is_here {
        // Past the test harness's capture.
        let _ = writeln!(std::io::stderr(), "systemd-analyze is not here: the units are not checked by it");
    }
    is_here
}

fn analyze(words: &[&str], units: &[&Path]) -> (bool, String) {
    let output = Command::new("systemd-analyze").args(words).args(units).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&told).into_owned())
}

#[test]
fn systemd_takes_the_units_and_finds_the_service_little_exposed() {
    if !has_systemd() {
        return;
    }
    // The program is not where the unit has it.
    let dir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_muxhook-relay");
    let service = fs::read_to_string(unit("muxhook-relay.service")).unwrap();
    let service = service.replace("/usr/local/bin/muxhook-relay", program);
    let service = write(&dir, "muxhook-relay.service", &service);
    fs::copy(unit("muxhook-relay.socket"), dir.path().join("muxhook-relay.socket")).unwrap();
    let socket = dir.path().join("muxhook-relay.socket");
    let (ok, told) = analyze(&["verify"], &[Path::new(&service), &socket]);
    assert!(ok && !told.contains("muxhook"), "{told}");

    let security = ["security", "--offline=true", "--no-pager", MOST];
    let (ok, told) = analyze(&security, &[Path::new(&service)]);
    assert!(ok, "{told}");
    let open = write(&dir, "open.service", "[Service]\nExecStart=/bin/true\n");
    assert!(!analyze(&security, &[Path::new(&open)]).0, "the threshold is one");
}

/// What the unit starts, with folders of the test's in place of the machine's, and a socket in place of port 443.
#[test]
fn the_words_of_the_unit_start_a_relay() {
    let service = fs::read_to_string(unit("muxhook-relay.service")).unwrap();
    let line = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    write(&dir, "bootstrap-token", "a-bootstrap-token-of-fair-length-0123456789\n");
    write(&dir, "relay.toml", "log = 'text'");
    let here = dir.path().display().to_string();
    let line = line.replace("/usr/local/bin/muxhook-relay", env!("CARGO_BIN_EXE_muxhook-relay"));
    let line = line.replace("/etc/muxhook", &here).replace("/var/lib/muxhook-relay", &format!("{here}/data"));
    let line = line.replace("${CREDENTIALS_DIRECTORY}", &here);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec 3<&0 </dev/null; LISTEN_PID=$$ exec "$@""#, "sh"]).args(line.split(' '));
    command.env_clear().env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "muxhook-relay.socket");
    command.stdin(OwnedFd::from(socket.try_clone().unwrap())).stdout(Stdio::piped());
    let mut serving = Serving::spawn(command);
    let url = serving.public_url();
    assert_eq!(url, format!("http://{}", socket.local_addr().unwrap()));
    assert!(answer(&url, "GET /healthz").starts_with("HTTP/1.1 200 "));
    serving.signal("TERM");
    let (code, out, _) = serving.end();
    assert_eq!((code, out.as_str()), (Some(0), ""), "no token goes to the journal");
}
