//! A machine to install on: a home, a PATH of chosen tools, releases of stand-in programs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::run::{How, Run};
use super::server::Server;

/// The version of the release that most tests install.
pub(crate) const VERSION: &str = "9.8.7";

/// What the script may count on being there.
const TOOLS: [&str; 17] = [
    "awk", "cat", "chmod", "cmp", "cp", "dirname", "grep", "gzip", "head", "mkdir", "mktemp", "mv", "rm",
    "sed", "tar", "touch", "uname",
];

/// The archive of `version` for the machine that the tests run on.
pub(crate) fn archive(version: &str) -> String {
    format!("muxhook-{version}-{}.tar.gz", host())
}

fn host() -> String {
    let said = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn find(tool: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(tool)).find(|path| path.is_file())
}

/// Written by a process of its own: were the file open here while another test's thread forks, that child would
/// hold it open too, and running it fail as busy (ETXTBSY).
pub(super) fn executable(path: &Path, text: &str) {
    let code = r#"rm -f "$0" && printf '#!/bin/sh\n%s\n' "$1" >"$0" && chmod 755 "$0""#;
    let run = Command::new("sh").args(["-c", code]).arg(path).arg(text).status().unwrap();
    assert!(run.success());
}

/// A machine of its own for one test.
pub(crate) struct Stage {
    home: TempDir,
}

impl Stage {
    /// A machine with nothing installed.
    pub(crate) fn new() -> Self {
        let stage = Self { home: tempfile::tempdir().unwrap() };
        fs::create_dir(stage.home.path().join("tmp")).unwrap();
        stage
    }

    /// curl and wget, those of them that are here; with neither there is nothing to test with.
    pub(crate) fn download_tools() -> Vec<String> {
        let tools: Vec<_> = ["curl", "wget"].into_iter().filter(|tool| find(tool).is_some()).collect();
        assert!(!tools.is_empty(), "install curl or wget: install.sh is tested with each that is here");
        tools.into_iter().map(Into::into).collect()
    }

    /// Whether archives are promised to be reproducible here.
    pub(crate) fn has_gnu_tar() -> bool {
        let said = Command::new("tar").arg("--version").output().unwrap().stdout;
        String::from_utf8_lossy(&said).contains("GNU tar")
    }

    /// The files that this stage has released so far, by name, after a release of `version`.
    pub(crate) fn release(&self, version: &str) -> BTreeMap<String, Vec<u8>> {
        self.release_of(version, "")
    }

    /// A release of programs that run `code` before they say their version.
    pub(crate) fn release_of(&self, version: &str, code: &str) -> BTreeMap<String, Vec<u8>> {
        let bin = self.programs(version, code);
        let out = self.home.path().join("dist");
        let run = Command::new("sh")
            .arg(root().join("scripts/release"))
            .args([Path::new("--out"), &out, Path::new("--bin-dir"), &bin])
            .env("SOURCE_DATE_EPOCH", "1")
            .output()
            .unwrap();
        assert!(run.status.success(), "{run:?}");
        let files = fs::read_dir(out).unwrap().map(|entry| entry.unwrap());
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
    }

    fn programs(&self, version: &str, code: &str) -> PathBuf {
        let bin = self.home.path().join("programs");
        fs::create_dir_all(&bin).unwrap();
        for name in ["muxhook", "muxhook-relay"] {
            executable(&bin.join(name), &format!("{code}echo {name} {version}"));
        }
        bin
    }

    /// The script under test.
    pub(crate) fn script_path(&self) -> PathBuf {
        root().join("install.sh")
    }

    /// A folder that looks like a checkout, with the script in it.
    pub(crate) fn checkout(&self) -> PathBuf {
        let checkout = self.home.path().join("check out");
        fs::create_dir_all(&checkout).unwrap();
        fs::copy(self.script_path(), checkout.join("install.sh")).unwrap();
        fs::copy(root().join("Cargo.toml"), checkout.join("Cargo.toml")).unwrap();
        checkout.join("install.sh")
    }

    /// Code for a cargo that notes its words and says what the real one says of a build.
    pub(crate) fn cargo_stub(&self) -> String {
        let bin = self.programs(VERSION, "");
        let message = |name| format!("{{\"executable\":\"{}/{name}\",\"fresh\":true}}", bin.display());
        format!(
            "echo \"$*\" >'{}'\ncat <<'EOF'\n{{\"executable\":null}}\n{}\n{}\nEOF",
            self.home.path().join("cargo-words").display(),
            message("muxhook"),
            message("muxhook-relay")
        )
    }

    /// The words that cargo was given.
    pub(crate) fn cargo_words(&self) -> String {
        fs::read_to_string(self.home.path().join("cargo-words")).unwrap()
    }

    /// Where the script is told to install.
    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("bin dir")
    }

    /// What an installed program says of itself; `None` when it is not there.
    pub(crate) fn installed(&self, name: &str) -> Option<String> {
        let said = Command::new(self.dir().join(name)).output().ok()?.stdout;
        Some(String::from_utf8(said).unwrap().trim_end().to_owned())
    }

    /// The installed file itself, by its number on the disk.
    pub(crate) fn inode(&self, name: &str) -> u64 {
        fs::metadata(self.dir().join(name)).unwrap().ino()
    }

    /// Files in the script's folders beside the two programs.
    pub(crate) fn left_over(&self) -> Vec<String> {
        let folders = [self.dir(), self.home.path().join("tmp")];
        let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "muxhook" && name != "muxhook-relay").collect()
    }

    /// Whether the stand-in for tar was called.
    pub(crate) fn unpacked(&self) -> bool {
        self.home.path().join("unpacked").exists()
    }

    /// Where a tool of this machine is.
    pub(crate) fn path_of(&self, tool: &str) -> String {
        find(tool).unwrap_or_else(|| panic!("{tool} is not here")).to_str().unwrap().to_owned()
    }

    /// A run of the script, piped into the shell, without an address to download from.
    pub(crate) fn shell(&self) -> Run<'_> {
        let path = tempfile::tempdir_in(self.home.path()).unwrap();
        for tool in TOOLS.iter().chain(&["curl", "wget", "ldd", "sha256sum", "shasum"]) {
            if let Some(real) = find(tool) {
                std::os::unix::fs::symlink(real, path.path().join(tool)).unwrap();
            }
        }
        let script = fs::read(self.script_path()).unwrap();
        Run {
            home: self.home.path(),
            dir: self.dir(),
            path,
            how: How::Piped(script),
            folder: PathBuf::from("/"),
            env: Vec::new(),
        }
    }

    /// A run of the script that downloads from `server`.
    pub(crate) fn install(&self, server: &Server) -> Run<'_> {
        self.shell().env("MUXHOOK_DOWNLOAD_URL", &server.url())
    }
}
