//! `relay serve` and those who log in to it.

use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::home::{Home, free_port};
use crate::http::{App, Sender, post};
use crate::running::{Ended, Running};

/// A relay on a port of its own, with its data in the home folder.
pub(crate) struct Relay {
    pub(crate) running: Running,
    pub(crate) url: String,
}

impl Relay {
    pub(crate) fn start(home: &Home, port: u16, args: &[&str], env: &[(&str, &str)]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let serve = ["relay", "serve", "--listen", &listen, "--data-dir", "relay"];
        let mut command = home.muxhook(&[&serve, args].concat());
        command.envs(env.iter().copied());
        let running = Running::start(command);
        running.err.wait_for("reached at");
        let scheme = if args.contains(&"--tls-cert") { "https" } else { "http" };
        Self { running, url: format!("{scheme}://127.0.0.1:{port}") }
    }

    /// One that makes its first token; the token.
    pub(crate) fn first(home: &Home, port: u16) -> (Self, String) {
        Self::first_with(home, port, &[])
    }

    /// The same, with further flags.
    pub(crate) fn first_with(home: &Home, port: u16, args: &[&str]) -> (Self, String) {
        let relay = Self::start(home, port, args, &[]);
        let token = relay.running.out.until("the token", |text| {
            let (_, token) = text.strip_suffix('\n')?.split_once("token: ")?;
            Some(token.to_owned())
        });
        (relay, token)
    }

    fn stop(self) -> Ended {
        self.running.stop().with(0, "")
    }
}

#[test]
fn from_the_first_start_to_the_logout() {
    let (home, app, port) = (Home::new(), App::counting(), free_port());
    let (relay, token) = Relay::first(&home, port);
    let url = relay.url.clone();
    assert_eq!(relay.running.out.text(), format!("muxhook login {url}\ntoken: {token}\n"));

    home.feed(&["login", &url], &token).with(0, "logged in to").hides(&token);
    let listener = home.start(&["listen", "-f", &app.url()]);
    let address = listener.address();
    assert!(address.starts_with(&format!("{url}/h/")), "{address}");
    post(&address, "{}").by_app(200, "took 2");
    let status = home.run(&["status"]).with(0, "").hides(&token);
    assert!(status.out.contains(&url) && status.out.contains(&address), "{}", status.out);
    let ended = listener.stop().with(0, "1 event · 1 forwarded").hides(&token);
    assert!(!ended.err.contains("Only this machine"), "{}", ended.err);

    assert_eq!(home.run(&["endpoints", "create", "bobby"]).with(0, "").out, format!("{url}/h/bobby\n"));
    let bobby = home.start(&["listen", "--endpoint", "bobby"]);
    assert_eq!(bobby.address(), format!("{url}/h/bobby"));
    bobby.stop().with(0, "");
    let list = home.run(&["endpoints", "list"]).with(0, "").hides(&token).out;
    assert!(list.contains(&address) && list.contains("/h/bobby"), "{list}");
    home.run(&["endpoints", "delete", "bobby"]).with(0, "deleted bobby");
    assert!(!home.run(&["endpoints", "list"]).out.contains("bobby"));
    assert_eq!(post(&format!("{url}/h/bobby"), "{}").status(), 404);

    let again = home.start(&["listen"]);
    assert_eq!(again.address(), address);
    drop(again);
    home.run(&["logout"]).with(0, "forgot the token").hides(&token);
    assert!(!relay.stop().err.contains(&token));
    let second = Relay::start(&home, port, &[], &[]).stop();
    assert_eq!(second.out, "", "the token is shown once");
}

#[test]
fn a_listener_outlives_the_relay_and_keeps_its_address() {
    let (home, app, port) = (Home::new(), App::counting(), free_port());
    let (relay, token) = Relay::first(&home, port);
    home.feed(&["login", &relay.url], &token).with(0, "");
    let listener = home.start(&["listen", "-f", &app.url()]);
    let address = listener.address();
    relay.stop();
    listener.err.wait_for("trying again");
    let relay = Relay::start(&home, port, &[], &[]);
    listener.err.wait_for("the link is back");
    post(&address, "{}").by_app(200, "took 2");
    drop(relay);
    listener.err.wait_for("the link to the relay is lost");
    let _relay = Relay::start(&home, port, &[], &[]);
    listener
        .err
        .until("two reconnects", |text| (text.matches("the link is back").count() == 2).then_some(()));
    post(&address, "{}").by_app(200, "took 2");
    listener.stop().with(0, "2 events · 2 forwarded");
}

#[test]
fn a_bootstrap_token_is_taken_and_never_shown() {
    let home = Home::new();
    let token = "a-bootstrap-token-of-more-than-32-characters";
    let variable = [("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", token)];
    let relay = Relay::start(&home, free_port(), &[], &variable);
    home.feed(&["login", &relay.url], token).with(0, "logged in to").hides(token);
    let listener = home.start(&["listen"]);
    listener.address();
    listener.stop().with(0, "").hides(token);
    assert_eq!(relay.stop().hides(token).out, "");
}

#[test]
fn what_is_not_ones_own_is_refused() {
    let home = Home::new();
    let (relay, token) = Relay::first(&home, free_port());
    let listen = |token: &str, args: &[&str]| {
        let mut command = home.muxhook(&[&["listen", "--relay", &relay.url], args].concat());
        Running::start({
            command.env("MUXHOOK_TOKEN", token);
            command
        })
    };
    listen("wr0ng-t0ken", &[])
        .end()
        .with(5, "does not take this token")
        .with(5, "muxhook login")
        .hides("wr0ng");

    let bobs = listen(&token, &["--endpoint", "bobs-own"]);
    bobs.address();
    let made = home.run(&["relay", "token", "create", "--account", "eve", "--data-dir", "relay"]).with(0, "");
    let eve =
        made.out.lines().find_map(|line| line.strip_prefix("token: ")).unwrap_or(made.out.trim()).to_owned();
    listen(&eve, &["--endpoint", "bobs-own"]).end().with(5, "bobs-own").hides(&eve);
    post(&bobs.address(), "{}");
    bobs.out.wait_for("received");
}

#[test]
fn what_a_relay_needs_and_does_not_get_is_named() {
    let home = Home::new();
    home.write("file", "");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (listen, data, args, code, parts) in [
        (&*taken, "relay", &[][..], 1, [&*taken, "give another address with --listen"]),
        (
            "127.0.0.1:0",
            "file",
            &[],
            1,
            ["the data folder file can't be used", "give one that this user may write"],
        ),
        ("127.0.0.1:0", "file/below", &[], 1, ["the data folder file/below can't be used", ""]),
        ("0.0.0.0:0", "relay", &[], 2, ["plain HTTP on 0.0.0.0:0", "--tls-cert"]),
        (
            "127.0.0.1:0",
            "relay",
            &["--tls-cert", "no.pem", "--tls-key", "no.key"],
            1,
            ["no.pem", "can't be read"],
        ),
        ("127.0.0.1:0", "relay", &["--tls-cert", "file", "--tls-key", "file"], 1, ["file", "certificate"]),
    ] {
        let serve = ["relay", "serve", "--listen", listen, "--data-dir", data];
        let ended = home.run(&[&serve, args].concat()).with(code, parts[0]).with(code, parts[1]);
        assert_eq!(ended.out, "");
    }
}

#[test]
fn over_tls_with_a_root_of_ones_own() {
    let (home, app, port) = (Home::new(), App::counting(), free_port());
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &root).unwrap();
    home.write("root.pem", &root.pem());
    home.write("relay.pem", &certificate.pem());
    home.write_private("relay.key", &key.serialize_pem());
    let token = "a-bootstrap-token-of-more-than-32-characters";
    let variable = [("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", token)];
    let relay = Relay::start(&home, port, &["--tls-cert", "relay.pem", "--tls-key", "relay.key"], &variable);

    let refused = home.feed(&["login", &relay.url], token).hides(token);
    assert!(refused.code == 3 && refused.err.contains("--relay-ca"), "{} {}", refused.code, refused.err);
    home.feed(&["login", &relay.url, "--relay-ca", "root.pem"], token).with(0, "logged in to").hides(token);
    let listener = home.start(&["listen", "-f", &app.url()]);
    let address = listener.address();
    assert!(address.starts_with("https://127.0.0.1:"), "{address}");

    let mut roots = RootCertStore::empty();
    roots.add(rustls_pki_types::CertificateDer::from_pem_slice(root.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let tls = ClientConnection::new(config, "127.0.0.1".try_into().unwrap()).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(crate::running::LIMIT)).unwrap();
    let mut sender = Sender::over(StreamOwned::new(tls, tcp));
    sender.post(&address, "", b"{}").unwrap().by_app(200, "took 2");
    assert_eq!(app.seen()[0].header("x-forwarded-proto"), Some("https"));
}
