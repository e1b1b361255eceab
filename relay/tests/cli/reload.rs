//! SIGHUP: what is read anew, what is in effect then, and what needs another start.

use std::fs;
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use crate::harness::{Serving, post, relay, until, with_endpoint, write};

/// A relay that no terminal belongs to, by the settings in `file`.
fn start(dir: &Path, file: &str, environment: &[(&str, &str)]) -> Serving {
    let mut command = relay();
    command.args(["serve", "--listen=127.0.0.1:0", "--config", file, "--data-dir"]).arg(dir);
    command.envs(environment.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
    Serving::spawn(command)
}

fn status(url: &str, length: usize) -> String {
    post(url, &"x".repeat(length)).split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn what_may_change_changes_and_what_may_not_is_named() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let file = write(&dir, "relay.toml", "max-body = '2KiB'\nretention = '24h'");
    let mut serving = start(dir.path(), &file, &[("MUXHOOK_RELAY_REPLY_DEADLINE", "3s")]);
    let url = serving.public_url();
    assert_eq!([status(&url, 2048), status(&url, 2049)], ["200", "413"]);

    write(&dir, "relay.toml", "max-body = '1KiB'\nreply-deadline = '1s'\nretention = '1h'\nhold = 'off'");
    serving.signal("HUP");
    let told = until(&mut serving, "settings read anew");
    assert!(
        told.contains("changed=--max-body") && !told.contains("deadline"),
        "the environment goes before: {told}"
    );
    let told = until(&mut serving, "these take effect at the next start alone");
    assert!(told.contains("changed=--hold, --retention"), "{told}");
    assert_eq!([status(&url, 1024), status(&url, 1025)], ["200", "413"], "and it holds as before");

    serving.signal("HUP");
    assert!(until(&mut serving, "settings read anew").contains("changed=nothing"));
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn a_file_that_can_not_be_used_changes_nothing_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let file = write(&dir, "relay.toml", "max-body = '2KiB'");
    let mut serving = start(dir.path(), &file, &[]);
    let url = serving.public_url();
    for (text, cause) in [
        ("max-body = '1KiB'\nmax-bdoy = '1KiB'", "unknown key \"max-bdoy\""),
        ("max-body = '1KiB'\ngrace = '1d'", "can't be understood"),
        ("max-body = '1KiB'\nmax-listeners = 0", "--max-listeners must be between"),
        ("max-body = '1KiB'\nacme-email = 'ops@example.com'", "--acme-email is for certificates"),
    ] {
        write(&dir, "relay.toml", text);
        serving.signal("HUP");
        let told = until(&mut serving, "settings not read anew: all stays as it was");
        assert!(told.contains("ERROR") && told.contains(cause), "{told}");
        assert_eq!(status(&url, 2048), "200", "{cause}");
    }
    fs::remove_file(&file).unwrap();
    serving.signal("HUP");
    assert!(until(&mut serving, "settings not read anew").contains("relay.toml can't be read"));
    assert_eq!(status(&url, 2048), "200");
}

#[test]
fn proxies_may_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(&dir, "relay.toml", "trusted-proxy = '127.0.0.1'");
    let mut serving = start(dir.path(), &file, &[]);
    serving.public_url();
    write(&dir, "relay.toml", "");
    serving.signal("HUP");
    assert!(until(&mut serving, "settings read anew").contains("changed=--trusted-proxy"));
}

/// Whether the relay at `url` shows this certificate: a client that trusts nothing else is content.
fn is_shown(url: &str, certificate: &[u8]) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth());
    let mut client = rustls::ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let mut socket = TcpStream::connect(url.strip_prefix("https://").unwrap()).unwrap();
    while client.is_handshaking() {
        if client.complete_io(&mut socket).is_err() {
            return false;
        }
    }
    true
}

#[test]
fn certificates_are_read_anew_and_one_that_can_not_be_used_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let make = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let cert = write(&dir, "cert.pem", &made.cert.pem());
        let key = write(&dir, "key.pem", &made.signing_key.serialize_pem());
        (cert, key, made.cert.der().to_vec())
    };
    let (cert, key, first) = make();
    let settings =
        |max_body: &str| format!("tls-cert = '{cert}'\ntls-key = '{key}'\nmax-body = '{max_body}'");
    let file = write(&dir, "relay.toml", &settings("2KiB"));
    let mut serving = start(dir.path(), &file, &[]);
    let url = serving.public_url();
    assert!(is_shown(&url, &first));
    let (_, _, second) = make();
    serving.signal("HUP");
    until(&mut serving, "certificate read anew");
    until(&mut serving, "settings read anew");
    assert!(is_shown(&url, &second) && !is_shown(&url, &first));

    write(&dir, "key.pem", "no key");
    write(&dir, "relay.toml", &settings("1KiB"));
    serving.signal("HUP");
    let told = until(&mut serving, "settings not read anew: all stays as it was");
    assert!(told.contains("key.pem holds no private key"), "{told}");
    let (_, _, third) = make();
    serving.signal("HUP");
    let told = until(&mut serving, "settings read anew");
    assert!(told.contains("changed=--max-body"), "the size had not been taken up before: {told}");
    assert!(is_shown(&url, &third));
}

#[test]
fn the_manager_hears_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(&dir, "relay.toml", "");
    let name = dir.path().join("notify").display().to_string();
    let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let next = || {
        let mut message = [0; 4096];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let serving = start(dir.path(), &file, &[("NOTIFY_SOCKET", &format!("@{name}"))]);
    while !next().starts_with("READY=1") {}
    let before = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec;
    serving.signal("HUP");
    let told = next();
    let micros: i64 = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
    let after = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec;
    assert!((before..=after).contains(&(micros / 1_000_000)), "{before} {micros} {after}");
    assert!(next().starts_with("READY=1\n"));
}
