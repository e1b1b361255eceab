//! The repository's own sources and manifests.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::source::Source;

/// Folders with sources that go into a program.
const SOURCES: [&str; 4] = ["src", "relay/src", "relay/protocol/src", "relay/link/src"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source outside test code.
pub(crate) fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    SOURCES.iter().for_each(|folder| collect(&root().join(folder), &mut files));
    let sources: Vec<_> = files.iter().map(|(file, text)| Source::read(file, text)).collect();
    let tests: HashSet<_> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    let is_test = |file: &str| {
        Path::new(file.trim_end_matches(".rs")).ancestors().any(|part| tests.contains(part.to_str().unwrap()))
    };
    sources.into_iter().filter(|source| !is_test(&source.file)).collect()
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            collect(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let name = entry.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            files.push((name, fs::read_to_string(&entry).unwrap()));
        }
    }
}

/// Every source there is, tests too: its name, and its text.
pub(crate) fn all() -> Vec<(String, String)> {
    let mut files = Vec::new();
    ["src", "relay", "tests"].iter().for_each(|folder| collect(&root().join(folder), &mut files));
    files
}

/// The text of the file at `file`.
pub(crate) fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// Dependencies of a manifest, of every kind, that begin as one of `never` does; `=x` is `x` alone.
pub(crate) fn forbidden_dependencies(manifest: &str, never: &[&str]) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let tables = targets.filter_map(|(_, target)| target.as_table()).chain([&manifest]);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let names = tables.flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()));
    let names = names.flat_map(|dependencies| dependencies.keys().cloned());
    let bad = |name: &String| {
        never.iter().any(|never| match never.strip_prefix('=') {
            Some(whole) => name == whole,
            None => name.starts_with(never),
        })
    };
    names.filter(bad).collect()
}
