//! Files that fix every frame to the byte.
//!
//! `tests/golden/written` holds what this version writes. After a change of the wire that is meant:
//! `MUXHOOK_WRITE_GOLDEN=1 cargo test -p muxhook-protocol --test wire golden` writes the files anew, and the diff
//! is the change. `tests/golden/read` holds what other versions may write; those files are written by hand.

use std::path::{Path, PathBuf};

use muxhook_protocol::{Frame, Outcome};

use crate::samples;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn read(name: &str) -> Frame {
    let file = folder("read").join(format!("{name}.frame"));
    let message = bytes::Bytes::from(std::fs::read(&file).unwrap());
    let frame = Frame::decode(message.clone()).unwrap();
    assert_eq!(Frame::decode_by_definition(message).as_ref(), Ok(&frame));
    frame
}

#[test]
fn every_frame_is_written_as_its_golden_file() {
    let renew = std::env::var_os("MUXHOOK_WRITE_GOLDEN").is_some();
    for (name, frame) in samples::all() {
        let file = folder("written").join(format!("{name}.frame"));
        if renew {
            std::fs::write(&file, frame.encode_by_definition()).unwrap();
        }
        let golden = bytes::Bytes::from(std::fs::read(&file).unwrap());
        assert_eq!(frame.encode(), golden, "{name}");
        assert_eq!(frame.encode_by_definition(), golden, "{name}");
        assert_eq!(Frame::decode(golden).as_ref(), Ok(&frame), "{name}");
    }
    assert_eq!(
        std::fs::read_dir(folder("written")).unwrap().count(),
        samples::all().len(),
        "a golden file without its sample"
    );
}

#[test]
fn unknown_frames_are_known_as_such() {
    assert_eq!(read("unknown-frame"), Frame::Unknown);
    assert_eq!(read("unknown-frame-with-body"), Frame::Unknown);
}

#[test]
fn unknown_keys_are_skipped() {
    let (delivery, size) = samples::delivery();
    let deliver = Frame::Deliver { delivery: delivery.into(), size };
    assert_eq!(read("deliver-unknown-keys"), deliver);
    let samples = samples::all();
    for name in [
        "hello",
        "welcome",
        "outcome-replied",
        "outcome-skipped",
        "outcome-refused",
        "part",
        "answered",
        "notice",
    ] {
        let (_, known) = samples.iter().find(|(other, _)| *other == name).unwrap();
        assert_eq!(read(&format!("{name}-unknown-keys")), *known, "{name}");
    }
}

#[test]
fn order_space_and_escapes_are_free() {
    let (delivery, size) = samples::delivery();
    assert_eq!(read("deliver-another-layout"), Frame::Deliver { delivery: delivery.into(), size });
}

#[test]
fn what_an_older_peer_leaves_out_has_a_default() {
    let (delivery, size) = samples::delivery();
    assert_eq!(read("deliver-without-marks"), Frame::Deliver { delivery: delivery.into(), size });
    let Frame::Hello(hello) = read("hello-without-lists") else { panic!("no hello") };
    assert!(hello.endpoint.is_none() && hello.prefer.is_empty() && hello.resume.is_empty());
}

#[test]
fn unknown_codes_are_taken_as_protocol_errors() {
    use muxhook_protocol::FailReason;
    use muxhook_protocol::frame::RefusedCode;
    let Frame::Outcome { outcome: Outcome::Failed(failure), .. } = read("outcome-failed-unknown-reason")
    else {
        panic!("no failure")
    };
    assert_eq!((failure.reason, &*failure.message), (FailReason::Protocol, "the app is on strike"));
    let Frame::Refused(refused) = read("refused-unknown-code") else { panic!("no refusal") };
    assert_eq!((refused.code, &*refused.message), (RefusedCode::Protocol, "come back on Monday"));
}
