//! One scenario to the byte. After a change that is meant, `MUXHOOK_WRITE_GOLDEN=1 cargo test -p muxhook-protocol
//! --test scenarios golden` writes the file anew, and the diff is the change.

use std::path::Path;

use crate::{AT, scenario};

#[test]
fn upload_to_ready_is_as_its_golden_file() {
    let lines: String = scenario("upload-to-ready")
        .play(7, AT)
        .iter()
        .map(|step| String::from_utf8(step.event.to_body()).unwrap() + "\n")
        .collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/upload-to-ready.ndjson");
    if std::env::var_os("MUXHOOK_WRITE_GOLDEN").is_some() {
        std::fs::write(&file, &lines).unwrap();
    }
    assert_eq!(lines, std::fs::read_to_string(&file).unwrap());
}
