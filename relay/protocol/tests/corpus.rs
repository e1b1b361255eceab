//! What fuzzing has to begin with, and what it once found: every file of `fuzz/corpus/<target>` goes through that
//! target's check, without a fuzzer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/checks/assembler.rs"]
mod assembler;
#[path = "../fuzz/checks/envelope.rs"]
mod envelope;
#[path = "../fuzz/checks/filter.rs"]
mod filter;
#[path = "../fuzz/checks/frame_decode.rs"]
mod frame_decode;
#[path = "../fuzz/checks/header.rs"]
mod header;
#[path = "../fuzz/checks/json_compact.rs"]
mod json_compact;
#[path = "../fuzz/checks/phrase.rs"]
mod phrase;

/// What holds for any input, or else panics.
type Check = fn(&[u8]);

/// Every target and its check.
const TARGETS: [(&str, Check); 7] = [
    ("assembler", assembler::check),
    ("envelope", envelope::check),
    ("filter", filter::check),
    ("frame_decode", frame_decode::check),
    ("header", header::check),
    ("json_compact", json_compact::check),
    ("phrase", phrase::check),
];

/// The names in a folder of `fuzz`, in order.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn replay(folder: &str, check: Check) {
    let files = names(folder);
    assert!(!files.is_empty(), "{folder} is empty");
    for file in files {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), folder, &file].iter().collect();
        let input = fs::read(&path).unwrap();
        if std::panic::catch_unwind(|| check(&input)).is_err() {
            panic!("{} fails, see above", path.display());
        }
    }
}

#[test]
fn every_input_passes() {
    for (target, check) in TARGETS {
        replay(&format!("fuzz/corpus/{target}"), check);
    }
    replay("tests/golden/written", frame_decode::check);
    replay("tests/golden/read", frame_decode::check);
}

#[test]
fn every_target_has_its_check_and_its_corpus() {
    let targets: Vec<_> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    let folders: Vec<_> = names("fuzz/corpus").into_iter().filter(|name| name != ".gitattributes").collect();
    assert_eq!(folders, targets);
    for (folder, ending) in [("fuzz/checks", ".rs"), ("fuzz/fuzz_targets", ".rs")] {
        let files: Vec<_> =
            names(folder).iter().map(|name| name.trim_end_matches(ending).to_owned()).collect();
        assert_eq!(files, targets, "{folder}");
    }
}
