//! `serve`, from its first word to its last.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use assert_cmd::assert::OutputAssertExt;

use crate::harness::{Serving, account, ask, authenticates, relay, run, stderr, stdout, write};

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
    for (name, value, message) in [
        ("MUXHOOK_RELAY_HOLD", "perhaps", "invalid value 'perhaps' for '--hold <WHETHER>'"),
        ("MUXHOOK_RELAY_RETENTION", "9999h", "--retention must be between"),
        ("MUXHOOK_RELAY_MAX_JOURNAL", "1KiB", "--max-journal must be between"),
        ("MUXHOOK_RELAY_ADMIN", "0.0.0.0:1", "--admin 0.0.0.0:1 can be asked from beyond this machine"),
        ("MUXHOOK_RELAY_ADMIN_OPEN", "true", "--admin-open opens the address of --admin"),
    ] {
        let refused = refusal(&[("MUXHOOK_RELAY_MAX_LISTENERS", "5"), (name, value)], &[]);
        assert!(refused.contains(message), "{name}: {refused}");
    }
    let refused = refusal(&[("MUXHOOK_RELAY_PLAIN", "perhaps")], &[]);
    assert!(refused.contains("invalid value 'perhaps' for '--plain"), "{refused}");
}

#[test]
fn a_damaged_journal_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    run(&["token", "create"], dir.path()).success();
    let journal = dir.path().join("journal.db");
    fs::write(&journal, "x".repeat(5000)).unwrap();
    let refused = run(&["serve", "--listen=127.0.0.1:0"], dir.path()).code(1);
    let told = stderr(&refused);
    let last = told.lines().last().unwrap();
    let expected = format!(
        "error: {} is not a muxhook relay's database, or its beginning is damaged: give another data folder, restore a \
         backup, or move that file away",
        journal.display()
    );
    assert_eq!(last, expected);
    assert_eq!(fs::read(&journal).unwrap(), "x".repeat(5000).as_bytes(), "it is left as it is");
    let said = stdout(run(&["check"], dir.path()).code(1));
    assert!(said.contains("what to do: stop the relay, move journal.db, "), "{said}");
}

/// A full disk under the log file, or a reader of the log that has gone.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_can_not_be_written_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for log in ["text", "json"] {
        let mut command = relay();
        command
            .args(["serve", &format!("--listen=127.0.0.1:{port}"), "--log", log, "--data-dir"])
            .arg(dir.path());
        command.stdout(std::process::Stdio::null()).stderr(std::fs::File::create("/dev/full").unwrap());
        let mut child = command.spawn().unwrap();
        let asked = std::iter::repeat_with(|| {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}");
            std::net::TcpStream::connect(("127.0.0.1", port))
        });
        let mut stream = asked.take(3000).find_map(Result::ok).expect("it listens");
        // An answer that is logged, too.
        stream
            .write_all(
                b"POST /h/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            )
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_may_open_the_file_that_is_locked() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path(), &[], &[]);
    serving.public_url();
    let mode = std::fs::metadata(dir.path().join("serve.lock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
