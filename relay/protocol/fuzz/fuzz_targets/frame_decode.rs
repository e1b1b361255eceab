#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use muxhook_protocol::Frame;

fuzz_target!(|message: &[u8]| {
    let message = Bytes::copy_from_slice(message);
    let decoded = Frame::decode(message.clone());
    assert_eq!(decoded, Frame::decode_by_definition(message));
    if let Ok(frame) = decoded {
        let written = frame.encode();
        assert_eq!(written, frame.encode_by_definition());
        assert_eq!(Frame::decode(written), Ok(frame));
    }
});
