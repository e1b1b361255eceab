//! What holds for any input of each target of `fuzz/`. The checks stand there, and are compiled into the rooms that they
//! look into; in a relay that serves they are not.

pub use crate::config::fuzz::check as config;
pub use crate::ingress::fuzz_forwarded::check as forwarded;
pub use crate::ingress::fuzz_head::check as head;
pub use crate::journal::fuzz_content::check as content;
pub use crate::journal::fuzz_spool::check as spool;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    type Check = fn(&[u8]);

    /// Every target and its check.
    const TARGETS: [(&str, Check); 5] = [
        ("config", super::config),
        ("content", super::content),
        ("forwarded", super::forwarded),
        ("head", super::head),
        ("spool", super::spool),
    ];

    /// The names in a folder of the crate, in order.
    fn names(folder: &str) -> Vec<String> {
        let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".gitattributes");
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
        replay("protocol/tests/golden/written", super::content);
    }

    #[test]
    fn every_target_has_its_check_and_its_corpus() {
        let targets: Vec<_> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
        for (folder, ending) in [("fuzz/corpus", ""), ("fuzz/checks", ".rs"), ("fuzz/fuzz_targets", ".rs")] {
            let files: Vec<_> =
                names(folder).iter().map(|name| name.trim_end_matches(ending).to_owned()).collect();
            assert_eq!(files, targets, "{folder}");
        }
    }
}
