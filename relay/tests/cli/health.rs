//! `health` against relays that run, and what is none.

use std::net::TcpListener;

use crate::harness::{Serving, run, stderr, stdout, until, write};

#[test]
fn a_relay_is_asked_where_it_listens() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    let address = serving.public_url().strip_prefix("http://").unwrap().to_owned();
    let listen = format!("--listen={address}");
    let said = stdout(run(&["health", &listen], dir.path()).success());
    assert_eq!(said, format!("{address}/healthz says ok\n"));
    drop(serving);
    let told = stderr(&run(&["health", &listen], dir.path()).code(1));
    assert!(told.starts_with(&format!("error: {address}/healthz: ")), "{told}");
}

#[test]
fn a_relay_with_tls_is_asked_whatever_its_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["hooks.example.com".to_owned()]).unwrap();
    let cert = format!("--tls-cert={}", write(&dir, "cert.pem", &made.cert.pem()));
    let key = format!("--tls-key={}", write(&dir, "key.pem", &made.signing_key.serialize_pem()));
    let mut serving = Serving::start(dir.path(), &[&cert, &key], &[]);
    let address = serving.public_url().strip_prefix("https://").unwrap().to_owned();
    run(&["health", &format!("--listen={address}"), &cert, &key], dir.path()).success();
    let told = stderr(&run(&["health", &format!("--listen={address}")], dir.path()).code(1));
    assert!(told.contains("/healthz: "), "plain HTTP is not what it speaks: {told}");
}

#[test]
fn the_admin_address_knows_whether_it_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(
        dir.path(),
        &["--admin=127.0.0.1:0", "--acme-domain=hooks.example.com", "--acme-directory=https://127.0.0.1:1/"],
        &[],
    );
    let line = until(&mut serving, "telling readiness");
    let address = line.split_once("address=").unwrap().1.trim();
    let admin = format!("--admin={address}");
    let told = stderr(&run(&["health", &admin], dir.path()).code(1));
    assert_eq!(told, format!("error: {address}/readyz says 503: no_certificate\n"));
    let said = stdout(run(&["health", "--alive", &admin], dir.path()).success());
    assert_eq!(said, format!("{address}/healthz says ok\n"));
}

#[test]
fn what_is_no_relay_is_not_well() {
    let dir = tempfile::tempdir().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let asked = std::thread::spawn(move || drop(other.accept().unwrap()));
    run(&["health", &format!("--listen={address}")], dir.path()).code(1);
    asked.join().unwrap();
    let told = stderr(&run(&["health", "--listen=127.0.0.1:0"], dir.path()).code(2));
    assert!(told.contains("port 0 is any port"), "{told}");
}
