//! The built `muxhook-relay`, as an operator meets it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::Arc;

use assert_cmd::assert::{Assert, OutputAssertExt};
use muxhook_link::Now;
use muxhook_relay::accounts::Accounts;
use tempfile::TempDir;

/// The program with nothing of this process's environment.
fn relay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muxhook-relay"));
    command.env_clear();
    command
}

fn run(words: &[&str], dir: &Path) -> Assert {
    relay().args(words).env("MUXHOOK_RELAY_DATA_DIR", dir).assert()
}

fn stdout(assert: Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// A relay that runs until it is dropped.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Serving {
    fn start(dir: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = relay();
        command.args(["serve", "--listen=127.0.0.1:0", "--data-dir"]).arg(dir).args(flags);
        command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// Reads the log up to the line that tells the public address.
    fn public_url(&mut self) -> String {
        for line in self.stderr.by_ref().lines() {
            let line = line.unwrap();
            if let Some((_, url)) = line.split_once("public_url=") {
                return url.split(' ').next().unwrap().to_owned();
            }
        }
        panic!("the relay ended before it told its address");
    }

    #[cfg(unix)]
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end: its code, and what was left to read on stdout and stderr.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut log) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), out, log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends the head of a request to the relay at `url`.
fn ask(url: &str, head: &str) -> BufReader<TcpStream> {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{head}\r\nHost: {host}\r\n\r\n").unwrap();
    BufReader::new(stream)
}

/// The account that the secret acts for, as the relay at `url` sees it.
fn account(url: &str, secret: &str) -> String {
    let head =
        format!("GET /_relay/v1/status HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer {secret}");
    let mut answer = String::new();
    ask(url, &head).read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["public_url"], url);
    body["account"].as_str().unwrap().to_owned()
}

fn authenticates(dir: &Path, secret: &str) -> bool {
    Accounts::open(dir, Now::system()).unwrap().authenticate(secret).unwrap().is_some()
}

#[cfg(unix)]
#[test]
fn the_first_start_tells_how_to_log_in_and_later_ones_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Serving::start(dir.path(), &[], &[]);
    let login = first.line();
    let token = first.line();
    let url = login.strip_prefix("muxhook login ").unwrap().trim_end();
    let secret = token.strip_prefix("token: ").unwrap().trim_end();
    assert_eq!(account(url, secret), "default");
    first.signal("TERM");
    let (code, out, log) = first.end();
    assert_eq!((code, out.as_str()), (Some(0), ""));
    assert!(log.contains("token created") && !log.contains(secret), "{log}");

    let mut second = Serving::start(dir.path(), &[], &[]);
    assert_eq!(account(&second.public_url(), secret), "default");
    second.signal("INT");
    let (code, out, _) = second.end();
    assert_eq!((code, out.as_str()), (Some(0), ""), "the address and nothing else was told before");
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_at_once_what_the_first_lets_finish() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    let head = "POST /_relay/v1/endpoints HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue";
    let mut under_way = ask(&serving.public_url(), head);
    let mut status = String::new();
    under_way.read_line(&mut status).unwrap();
    assert_eq!(status, "HTTP/1.1 100 Continue\r\n", "the relay waits for the body");

    serving.signal("TERM");
    let mut log = serving.stderr.by_ref().lines().map(Result::unwrap);
    assert!(log.any(|line| line.contains("ending")));
    serving.signal("TERM");
    let (code, _, log) = serving.end();
    assert_eq!(code, Some(130));
    assert!(log.contains("ended at once"), "{log}");
}

#[test]
fn tls_is_spoken_with_the_given_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = write(&dir, "cert.pem", &made.cert.pem());
    let key = write(&dir, "key.pem", &made.signing_key.serialize_pem());
    let mut serving = Serving::start(dir.path(), &["--tls-cert", &cert, "--tls-key", &key], &[]);
    let url = serving.public_url();

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
    let client = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let socket = TcpStream::connect(url.strip_prefix("https://").unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(client, socket);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK\r\n");
}

#[cfg(unix)]
#[test]
fn a_bootstrap_token_is_good_and_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let secret = "a-bootstrap-token-of-fair-length-0123456789";
    let mut serving =
        Serving::start(dir.path(), &["--log=text"], &[("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", secret)]);
    serving.public_url();
    serving.signal("TERM");
    let (code, out, log) = serving.end();
    assert_eq!((code, out.as_str()), (Some(0), ""));
    assert!(!log.contains(secret));
    assert!(authenticates(dir.path(), secret));
}

#[cfg(unix)]
#[test]
fn a_json_log_is_one_object_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &["--log=json"], &[]);
    serving.line();
    serving.signal("TERM");
    let (_, _, log) = serving.end();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
    }
    assert!(log.lines().count() >= 3, "{log}");
}

#[test]
fn tokens_are_managed_beside_a_running_relay() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    serving.line();
    let secret = stdout(run(&["token", "create", "--account=team", "--label=ci"], dir.path()).success());
    let secret = secret.trim_end();
    assert!(authenticates(dir.path(), secret));

    let list = stdout(run(&["token", "list", "--json"], dir.path()).success());
    let tokens: Vec<serde_json::Value> =
        list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(tokens.len(), 2);
    assert_eq!((&tokens[1]["account"], &tokens[1]["label"]), (&"team".into(), &"ci".into()));
    assert!(!list.contains(secret) && !list.contains("hash"));
    let id = tokens[1]["id"].as_str().unwrap();

    let rotated = stdout(run(&["token", "rotate", id, "--json"], dir.path()).success());
    let rotated: serde_json::Value = serde_json::from_str(&rotated).unwrap();
    let renewed = rotated["token"].as_str().unwrap();
    assert!(!authenticates(dir.path(), secret) && authenticates(dir.path(), renewed));

    let revoked = run(&["token", "revoke", id], dir.path()).success();
    assert_eq!(
        stderr(&revoked),
        format!("Token {id} of the account team is revoked: it opens no new session.\n")
    );
    assert!(!authenticates(dir.path(), renewed));
}

#[test]
fn lists_for_people_are_tables() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(dir.path(), Now::from_fn(|| 1)).unwrap();
    let token = accounts.create_token(&"team".parse().unwrap(), "laptop").unwrap();
    run(&["endpoint", "create", "video-hooks", "--account=team"], dir.path()).success();
    let tokens = stdout(run(&["token", "list"], dir.path()).success());
    let lines: Vec<&str> = tokens.lines().collect();
    assert_eq!(lines[0], "ID        ACCOUNT  LABEL   MADE            LAST USED  REVOKED");
    assert!(lines[1].starts_with(&format!("{}  team     laptop  ", token.id)), "{tokens}");
    assert!(lines[1].ends_with(" days ago  never"), "{tokens}");
    let endpoints = stdout(run(&["endpoint", "list"], dir.path()).success());
    assert_eq!(endpoints, "ENDPOINT     ACCOUNT  MADE\nvideo-hooks  team     just now\n");
}

#[test]
fn endpoints_are_created_once_and_deleted_once() {
    let dir = tempfile::tempdir().unwrap();
    let create = |account: &str| run(&["endpoint", "create", "hooks", "--account", account], dir.path());
    run(&["token", "create"], dir.path()).success();
    let unknown = create("tema").code(1);
    assert_eq!(stderr(&unknown), "error: there is no account tema: `token create --account tema` makes it\n");
    assert_eq!(
        stderr(&create("default").success()),
        "The endpoint hooks now belongs to the account default.\n"
    );
    assert_eq!(
        stderr(&create("default").success()),
        "The endpoint hooks belonged already to the account default.\n"
    );
    run(&["endpoint", "delete", "hooks"], dir.path()).success();
    let gone = run(&["endpoint", "delete", "hooks"], dir.path()).code(1);
    assert_eq!(stderr(&gone), "error: there is no endpoint hooks: `endpoint list` shows them all\n");
}

#[test]
fn a_data_folder_without_a_relay_is_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = dir.path().join("wrong");
    let refused = run(&["token", "list"], &wrong).code(1);
    let message = format!(
        "error: there is no relay's data in {}: give the running relay's data folder\n",
        wrong.display()
    );
    assert_eq!(stderr(&refused), message);
    assert!(!wrong.exists());
}

#[test]
fn misuse_ends_with_2_and_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    for (words, message) in [
        (&["serve", "--max-bod=1MiB"][..], "a similar argument exists: '--max-body'"),
        (&["serve", "--listen=0.0.0.0:0"], "or --plain when that is what you want"),
        (&["serve", "--tls-cert=cert.pem"], "--tls-key is missing"),
        (&["serve", "--config=/nowhere.toml"], "the config file /nowhere.toml can't be read"),
        (
            &["serve", "--public-url=https://a.example/path"],
            "a public URL has no user, path, query or fragment",
        ),
        (&["serve", "--bootstrap-token=x"], "unexpected argument '--bootstrap-token'"),
        (&["tokens"], "a similar subcommand exists: 'token'"),
        (&["token", "create", "--account=A"], "an account's name has 1 to 63 characters"),
        (&["endpoint", "create", "ab"], "an endpoint's name has 3 to 63 characters"),
        (&[], "Usage: muxhook-relay <COMMAND>"),
    ] {
        let refused = run(words, dir.path()).code(2);
        assert!(stderr(&refused).contains(message), "{words:?}: {}", stderr(&refused));
        assert_eq!(stdout(refused), "", "{words:?}");
    }
}

#[test]
fn what_the_machine_refuses_ends_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let unusable = run(&["serve", "--listen=127.0.0.1:0"], &file.join("data")).code(1);
    assert!(stderr(&unusable).contains("file/data can't be used: "), "{}", stderr(&unusable));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = run(&["serve", "--listen", &address], dir.path()).code(1);
    assert!(stderr(&refused).contains(&address), "{}", stderr(&refused));
    assert_eq!(stdout(refused), "", "no token is told by a relay that can't start");

    let cert = dir.path().join("missing.pem").display().to_string();
    let flags = ["serve", "--listen=127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &cert];
    let refused = run(&flags, dir.path()).code(1);
    assert!(stderr(&refused).contains("missing.pem can't be read: "), "{}", stderr(&refused));
}

#[test]
fn the_environment_stands_between_flags_and_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(&dir, "relay.toml", "listen = '127.0.0.1:0'\nmax-listeners = 0");
    let refusal = |environment: &[(&str, &str)], flags: &[&str]| {
        let mut command = relay();
        command.args(["serve", "--config", &file]).args(flags).current_dir(dir.path());
        stderr(&command.env("HOME", dir.path()).envs(environment.iter().copied()).assert().code(2))
    };
    assert!(refusal(&[], &[]).contains("--max-listeners must be between"));
    let by_environment =
        [("MUXHOOK_RELAY_MAX_LISTENERS", "5"), ("MUXHOOK_RELAY_LISTEN", "0.0.0.0:7,127.0.0.1:0")];
    assert!(refusal(&by_environment, &[]).contains("plain HTTP on 0.0.0.0:7"));
    assert!(refusal(&by_environment, &["--listen=0.0.0.0:8"]).contains("plain HTTP on 0.0.0.0:8"));
    let refused = refusal(&[("MUXHOOK_RELAY_PLAIN", "perhaps")], &[]);
    assert!(refused.contains("invalid value 'perhaps' for '--plain"), "{refused}");
}

fn write(dir: &TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn help_and_version_are_results() {
    let dir = tempfile::tempdir().unwrap();
    for words in [&["--help"][..], &["serve", "--help"], &["token", "create", "-h"], &["help", "endpoint"]] {
        let help = stdout(run(words, dir.path()).code(0));
        assert!(help.contains("Usage: muxhook-relay"), "{help}");
    }
    let version = format!("muxhook-relay {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(stdout(run(&["--version"], dir.path()).code(0)), version);
}
