//! Sockets that are handed over by systemd's protocol. The test plays systemd: it has them before the relay and after it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;

use crate::harness::{Serving, answer, relay, run, stderr, until};

const TOKEN: &str = "a-bootstrap-token-of-fair-length-0123456789";

/// `serve` with one socket or two, which reach it by the shell's stdin and stdout, and `LISTEN_PID` of its own.
fn handed(dir: &Path, names: &str, sockets: Vec<OwnedFd>, flags: &[&str]) -> Command {
    handed_to("serve", dir, names, sockets, flags)
}

fn handed_to(verb: &str, dir: &Path, names: &str, sockets: Vec<OwnedFd>, flags: &[&str]) -> Command {
    const SCRIPT: [&str; 2] = [
        r#"exec 3<&0 </dev/null; LISTEN_PID=$$ exec "$@""#,
        r#"exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_PID=$$ exec "$@""#,
    ];
    let program = relay().get_program().to_owned();
    let mut command = Command::new("sh");
    command.env_clear().env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names);
    command.env("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", TOKEN);
    command.args(["-c", SCRIPT[sockets.len() - 1], "sh"]).arg(program);
    command.args([verb, "--data-dir"]).arg(dir).args(flags);
    let mut sockets = sockets.into_iter();
    command.stdin(sockets.next().unwrap());
    match sockets.next() {
        Some(second) => command.stdout(second),
        None => command.stdout(Stdio::null()),
    };
    command
}

fn socket(address: &str) -> (TcpListener, OwnedFd, String) {
    let socket = TcpListener::bind(address).unwrap();
    let (handed, address) = (socket.try_clone().unwrap().into(), socket.local_addr().unwrap().to_string());
    (socket, handed, address)
}

#[test]
fn a_socket_stands_in_place_of_listen_and_keeps_who_comes_for_the_next_relay() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, _, address) = socket("127.0.0.1:0");
    let start = || {
        let fd = socket.try_clone().unwrap().into();
        // Nobody may bind what the flag says.
        let mut serving = Serving::spawn(handed(dir.path(), "web", vec![fd], &["--listen=127.0.0.1:1"]));
        assert_eq!(serving.public_url(), format!("http://{address}"), "the public URL follows");
        serving
    };
    let first = start();
    assert!(answer(&format!("http://{address}"), "GET /healthz").starts_with("HTTP/1.1 200 "));
    first.signal("TERM");
    assert_eq!(first.end().0, Some(0));

    let mut early = TcpStream::connect(&address).unwrap();
    early.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let _second = start();
    let mut answered = String::new();
    early.read_to_string(&mut answered).unwrap();
    assert!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
}

#[test]
fn a_relay_that_goes_down_leaves_to_its_successor_whom_it_has_not_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, fd, address) = socket("127.0.0.1:0");
    let url = format!("http://{address}");
    let mut first = Serving::spawn(handed(dir.path(), "", vec![fd], &["--grace=10m"]));
    first.public_url();
    // What is under way keeps the relay from ending.
    let mut under_way = TcpStream::connect(&address).unwrap();
    let head =
        "POST /_relay/v1/endpoints HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    under_way.write_all(head.as_bytes()).unwrap();
    let mut under_way = BufReader::new(under_way);
    let mut status = String::new();
    under_way.read_line(&mut status).unwrap();
    assert_eq!(status, "HTTP/1.1 100 Continue\r\n");
    first.signal("TERM");
    until(&mut first, "going down");

    let late = std::thread::spawn(move || answer(&url, "GET /healthz"));
    let fd = socket.try_clone().unwrap().into();
    let mut second = Serving::spawn(handed(dir.path(), "", vec![fd], &["--grace=10m"]));
    until(&mut second, "waiting for it to end");
    assert!(!late.is_finished(), "nobody can have answered");
    under_way.get_mut().write_all(b"{}").unwrap();
    let mut answered = String::new();
    under_way.read_to_string(&mut answered).unwrap();
    assert!(answered.contains("connection: close"), "its last answer: {answered}");
    assert_eq!(first.end().0, Some(0));
    assert!(late.join().unwrap().starts_with("HTTP/1.1 200 "), "{}", second.public_url());
}

#[test]
fn a_socket_named_admin_tells_readiness() {
    let dir = tempfile::tempdir().unwrap();
    let ((_web, web, public), (_admin, admin, readiness)) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    // In either order.
    let mut serving =
        Serving::spawn(handed(dir.path(), "admin:web", vec![admin, web], &["--admin=127.0.0.1:1"]));
    assert_eq!(serving.public_url(), format!("http://{public}"));
    let ready = answer(&format!("http://{readiness}"), "GET /readyz");
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.contains(r#""ready":true"#), "{ready}");
}

#[test]
fn a_socket_named_acme_http_answers_challenges_whatever_its_port() {
    let dir = tempfile::tempdir().unwrap();
    let ((_web, web, public), (_http, http, challenges)) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let flags = ["--acme-domain=hooks.example.com", "--acme-directory=https://127.0.0.1:1/"];
    let mut serving = Serving::spawn(handed(dir.path(), "web:acme-http", vec![web, http], &flags));
    let port = public.rsplit_once(':').unwrap().1;
    assert_eq!(serving.public_url(), format!("https://hooks.example.com:{port}"));
    let head = "GET /.well-known/acme-challenge/none";
    let answered = answer(&format!("http://{challenges}"), head);
    assert!(answered.starts_with("HTTP/1.1 404 "), "{answered}");
}

#[test]
fn what_holds_of_an_address_holds_of_a_socket() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = |names: &str, sockets: Vec<OwnedFd>, code| {
        stderr(&handed(dir.path(), names, sockets, &["--listen=127.0.0.1:0"]).assert().code(code))
    };
    let open = || socket("0.0.0.0:0").1;
    let told = refusal("web", vec![open()], 2);
    assert!(told.contains("plain HTTP on 0.0.0.0:") && told.contains("--trusted-proxy"), "{told}");
    let told = refusal("admin", vec![open()], 2);
    assert!(told.contains("--admin 0.0.0.0:") && told.contains("--admin-open"), "{told}");
    let told = refusal("acme-http", vec![open()], 2);
    assert!(told.contains("a socket named acme-http is for certificates had by ACME"), "{told}");
    let told = refusal("admin:admin", vec![socket("127.0.0.1:0").1, socket("127.0.0.1:0").1], 1);
    assert!(told.contains(r#"two sockets of LISTEN_FDS are named "admin""#), "{told}");
}

#[test]
fn what_is_no_tcp_socket_that_listens_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (listener, _, address) = socket("127.0.0.1:0");
    let connected = TcpStream::connect(&address).unwrap();
    let others: [(&str, OwnedFd); 4] = [
        ("connected", connected.into()),
        ("udp", UdpSocket::bind("127.0.0.1:0").unwrap().into()),
        ("unix", UnixListener::bind(dir.path().join("socket")).unwrap().into()),
        ("file", tempfile::tempfile().unwrap().into()),
    ];
    for (name, fd) in others {
        let told = stderr(&handed(dir.path(), name, vec![fd], &[]).assert().code(1));
        let expected =
            format!("error: socket 1 of LISTEN_FDS, named {name:?}, is no TCP socket that listens: ");
        assert!(told.starts_with(&expected), "{told}");
    }
    drop(listener);
}

#[test]
fn sockets_of_another_process_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (_socket, fd, address) = socket("127.0.0.1:0");
    let mut command = relay();
    command.env("LISTEN_PID", "1").env("LISTEN_FDS", "1").env("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", TOKEN);
    command.args(["serve", "--listen=127.0.0.1:0", "--data-dir"]).arg(dir.path()).stdin(fd);
    let mut serving = Serving::spawn(command);
    assert_ne!(serving.public_url(), format!("http://{address}"));
}

#[test]
fn only_serve_takes_sockets() {
    let dir = tempfile::tempdir().unwrap();
    run(&["token", "create"], dir.path()).success();
    let file = || vec![tempfile::tempfile().unwrap().into()];
    handed_to("serve", dir.path(), "web", file(), &[]).assert().code(1);
    handed_to("check", dir.path(), "web", file(), &[]).assert().success();
}
