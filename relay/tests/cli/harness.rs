//! The built program, started and asked.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use assert_cmd::assert::{Assert, OutputAssertExt};
use muxhook_link::Now;
use muxhook_relay::accounts::Accounts;
use tempfile::TempDir;

/// The program with nothing of this process's environment.
pub(crate) fn relay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muxhook-relay"));
    command.env_clear();
    command
}

pub(crate) fn run(words: &[&str], dir: &Path) -> Assert {
    relay().args(words).env("MUXHOOK_RELAY_DATA_DIR", dir).assert()
}

pub(crate) fn stdout(assert: Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

pub(crate) fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// A relay that runs until it is dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) stdout: BufReader<Box<dyn Read>>,
    pub(crate) stderr: BufReader<ChildStderr>,
}

impl Serving {
    /// On a free port.
    pub(crate) fn start(dir: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_at(dir, &[&["--listen=127.0.0.1:0"], flags].concat(), environment)
    }

    /// On the port that the flags name.
    pub(crate) fn start_at(dir: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = relay();
        command.args(["serve", "--data-dir"]).arg(dir).args(flags).envs(environment.iter().copied());
        Self::by(command)
    }

    /// By a command of the test's own.
    pub(crate) fn by(mut command: Command) -> Self {
        command.stdout(Stdio::piped());
        Self::spawn(command)
    }

    /// Whose stdout nobody may have asked for.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stdout: Box<dyn Read> = match child.stdout.take() {
            Some(stdout) => Box::new(stdout),
            None => Box::new(std::io::empty()),
        };
        let stdout = BufReader::new(stdout);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// Reads the log up to the line that tells the public address.
    pub(crate) fn public_url(&mut self) -> String {
        for line in self.stderr.by_ref().lines() {
            let line = line.unwrap();
            if let Some((_, url)) = line.split_once("public_url=") {
                return url.split(' ').next().unwrap().to_owned();
            }
        }
        panic!("the relay ended before it told its address");
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end: its code, and what was left to read on stdout and stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut log) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.stderr.read_to_string(&mut log).unwrap();
        assert!(!log.contains("mxh_"), "a token in the log: {log}");
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
pub(crate) fn ask(url: &str, head: &str) -> BufReader<TcpStream> {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "{head}\r\nHost: {host}\r\n\r\n").unwrap();
    BufReader::new(stream)
}

/// The account that the secret acts for, as the relay at `url` sees it.
pub(crate) fn account(url: &str, secret: &str) -> String {
    let head =
        format!("GET /_relay/v1/status HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer {secret}");
    let mut answer = String::new();
    ask(url, &head).read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["public_url"], url);
    body["account"].as_str().unwrap().to_owned()
}

pub(crate) fn authenticates(dir: &Path, secret: &str) -> bool {
    Accounts::open(dir, Now::system()).unwrap().authenticate(secret).unwrap().is_some()
}

pub(crate) fn write(dir: &TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// One request without a body, on a connection of its own, and its whole answer.
pub(crate) fn answer(origin: &str, head: &str) -> String {
    let mut answer = String::new();
    ask(origin, &format!("{head} HTTP/1.1\r\nConnection: close")).read_to_string(&mut answer).unwrap();
    answer
}

/// A webhook to the endpoint `hooks`, and the whole answer.
pub(crate) fn post(url: &str, body: &str) -> String {
    let head = format!("POST /h/hooks HTTP/1.1\r\nConnection: close\r\nContent-Length: {}", body.len());
    let mut stream = ask(url, &head);
    stream.get_mut().write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A webhook that the relay must hold.
pub(crate) fn held(url: &str, body: &str) {
    let answer = post(url, body);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("muxhook-answer: held"), "{answer}");
}

/// Reads the log up to a line with `text`.
pub(crate) fn until(serving: &mut Serving, text: &str) -> String {
    let mut lines = serving.stderr.by_ref().lines().map(Result::unwrap);
    lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("the log never said {text:?}"))
}

/// A token of the account `default`, which has the endpoint `hooks` from now on.
pub(crate) fn with_endpoint(dir: &Path) -> String {
    let secret = stdout(run(&["token", "create"], dir).success());
    run(&["endpoint", "create", "hooks"], dir).success();
    secret.trim_end().to_owned()
}
