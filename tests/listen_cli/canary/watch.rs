//! Who listens for canaries: random secrets that nothing may repeat, in any writing, and everything that was said.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use crate::home::Home;
use crate::running::{Ended, Running};

/// A user, her secrets, and all that was said where they are in use.
pub(super) struct Watch {
    pub(super) home: Home,
    /// What may be said nowhere: whose, and a piece of it.
    needles: RefCell<Vec<(String, String)>>,
    /// What was said: by whom, and the text.
    said: RefCell<Vec<(String, String)>>,
}

/// What a secret may look like where somebody did not mean to tell it; all in lower case.
fn writings(secret: &str) -> Vec<String> {
    let list = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let percent = secret.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02x}").unwrap();
        text
    });
    let debug = format!("{secret:?}");
    let hash = Sha256::digest(secret);
    let mut all = vec![
        secret.to_owned(),
        // A part is as bad. The ends of the canaries of this test are random, those of others' long.
        secret[secret.len() / 2..].to_owned(),
        debug[1..debug.len() - 1].to_owned(),
        HEXLOWER.encode(secret.as_bytes()),
        percent,
        list(secret.as_bytes()),
        BASE32_NOPAD.encode(secret.as_bytes()),
        HEXLOWER.encode(&hash),
        list(&hash),
        BASE64.encode(&hash),
    ];
    // Inside of something longer it begins at any of three places, and what is around it shows in its ends.
    for before in 0..3 {
        let around = ["x".repeat(before).as_bytes(), secret.as_bytes()].concat();
        let whole = BASE64.encode(&around);
        all.push(whole[4..whole.len() - 4].to_owned());
    }
    let url_safe = |text: &String| text.replace('+', "-").replace('/', "_");
    let all: Vec<_> = all.iter().flat_map(|text| [text.clone(), url_safe(text)]).collect();
    all.iter().map(|text| text.to_lowercase()).collect()
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { home: Home::new(), needles: RefCell::default(), said: RefCell::default() }
    }

    /// A new canary.
    pub(super) fn canary(&self, name: &str) -> String {
        let mut bits = [0; 20];
        getrandom::fill(&mut bits).unwrap();
        // What quoting and escaping would change is in front of what must be found all the same.
        let secret = format!("can\"a\\ry%2f+{}", BASE32_NOPAD.encode(&bits).to_lowercase());
        self.watch(name, &secret);
        secret
    }

    /// Watches over a secret that somebody else made.
    pub(super) fn watch(&self, name: &str, secret: &str) {
        assert!(secret.len() >= 16, "{name} is too short to be looked for");
        let mut needles = self.needles.borrow_mut();
        needles.extend(writings(secret).into_iter().map(|writing| (name.to_owned(), writing)));
    }

    /// Keeps what somebody said.
    pub(super) fn heard(&self, who: &str, text: &str) {
        self.said.borrow_mut().push((who.to_owned(), text.to_owned()));
    }

    /// The binary, about to run, with these variables and no canary among its arguments.
    pub(super) fn command(&self, args: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = self.home.muxhook(args);
        command.envs(variables.iter().copied());
        command
    }

    pub(super) fn start(&self, args: &[&str], variables: &[(&str, &str)]) -> Running {
        Running::start(self.command(args, variables))
    }

    /// Runs it to its end, and keeps what it says.
    pub(super) fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Ended {
        self.ended(args, self.start(args, variables).end())
    }

    /// The same, with a secret on standard input.
    pub(super) fn feed(&self, args: &[&str], input: &str, variables: &[(&str, &str)]) -> Ended {
        self.home.write_private("input", input);
        let mut command = self.command(args, variables);
        command.stdin(fs::File::open(self.home.path("input")).unwrap());
        let ended = self.ended(args, Running::start(command).end());
        fs::remove_file(self.home.path("input")).unwrap();
        ended
    }

    /// The same where stdout is there to tell a new secret: it is watched over from now on, and that one place is let
    /// off.
    pub(super) fn told(&self, name: &str, args: &[&str]) -> String {
        let ended = self.start(args, &[]).end().with(0, "");
        let secret = ended.out.trim().to_owned();
        self.watch(name, &secret);
        self.heard(&args.join(" "), &ended.err);
        secret
    }

    /// Ends what was started, and keeps what it said.
    pub(super) fn stop(&self, who: &str, running: Running) -> Ended {
        self.ended(&[who], running.stop())
    }

    pub(super) fn ended(&self, who: &[&str], ended: Ended) -> Ended {
        let who = who.join(" ");
        self.heard(&format!("{who} (stdout)"), &ended.out);
        self.heard(&format!("{who} (stderr)"), &ended.err);
        ended
    }

    /// Keeps what every user of this machine sees of what runs on it just now.
    #[cfg(target_os = "linux")]
    pub(super) fn list_processes(&self, expected: &str) {
        let lines = fs::read_dir("/proc").unwrap().filter_map(|process| {
            let line = fs::read(process.unwrap().path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&line).replace('\0', " "))
        });
        let lines: Vec<_> = lines.collect();
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected} does not run");
        self.heard("the list of processes", &lines.join("\n"));
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn list_processes(&self, _expected: &str) {}

    /// Searches everything that was said, and every file: a secret may stand in `kept` alone, in files that their owner
    /// alone may read. The relay's databases hold hashes of tokens on purpose: those count where something is said.
    #[track_caller]
    pub(super) fn nothing_was_told(&self, kept: &[&str]) {
        let needles = self.needles.borrow();
        let said = self.said.borrow();
        assert!(needles.len() > 20 && said.iter().map(|(_, text)| text.len()).sum::<usize>() > 500);
        let leaks: Vec<_> = said.iter().flat_map(|(who, text)| leaks(&needles, who, text)).collect();
        assert!(leaks.is_empty(), "{leaks:#?}");

        let mut holding = Vec::new();
        search(&self.home.path(""), &mut |path| {
            let bytes = fs::read(path).unwrap();
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            if needles.iter().any(|(_, needle)| text.contains(needle)) {
                let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
                let name = path.strip_prefix(self.home.path("")).unwrap().display().to_string();
                // What SQLite has not yet put into the file itself.
                let name = name.trim_end_matches("-wal").to_owned();
                assert!(kept.contains(&&*name), "{name} holds a secret");
                assert_eq!(mode, 0o600, "{name}");
                holding.push(name);
            }
        });
        let missing: Vec<_> = kept.iter().filter(|name| !holding.iter().any(|held| held == *name)).collect();
        assert!(missing.is_empty(), "the search is blind, or nothing is in {missing:?}");
    }
}

/// Who told what, and where in the text.
fn leaks(needles: &[(String, String)], who: &str, text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let found = needles.iter().filter_map(|(name, needle)| {
        let at = text.find(needle)?;
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        Some(format!("{who} tells {name}: {}", text[line..].lines().next().unwrap_or_default()))
    });
    found.collect()
}

fn search(folder: &Path, look: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { search(&path, look) } else { look(&path) }
    }
}

#[test]
fn every_writing_is_seen() {
    let watch = Watch::new();
    let secret = watch.canary("it");
    let needles = watch.needles.borrow();
    let basic = BASE64.encode(format!("user:{secret}").as_bytes());
    let shouted = secret.to_uppercase();
    let hash = Sha256::digest(&secret);
    for text in [
        &secret,
        &format!("{secret:?}"),
        &serde_json::json!({ "inside": [secret] }).to_string(),
        &format!("{:?}", secret.as_bytes()),
        &format!("authorization: Basic {basic}"),
        &data_encoding::BASE64URL_NOPAD.encode(format!("{{\"a\":\"{secret}\"}}").as_bytes()),
        &HEXLOWER.encode(secret.as_bytes()),
        &data_encoding::HEXUPPER.encode(secret.as_bytes()),
        &format!("{:?}", hash.as_slice()),
        &shouted,
        &secret[secret.len() - 22..].to_owned(),
    ] {
        assert!(!leaks(&needles, "x", &format!("a\nb {text} c\n")).is_empty(), "{text}");
    }
    assert!(leaks(&needles, "x", "a quiet line, can\"a\\ry%2f+").is_empty());
}
