//! Messages of the WebSocket.

use bytes::Bytes;
use muxhook_protocol::Frame;

/// The fast decoder says what the definition says; a frame that was read is written and read again unchanged.
///
/// The input is a message.
pub(crate) fn check(input: &[u8]) {
    let message = Bytes::copy_from_slice(input);
    let decoded = Frame::decode(message.clone());
    assert_eq!(decoded, Frame::decode_by_definition(message));
    if let Ok(frame) = decoded {
        let written = frame.encode();
        assert_eq!(written, frame.encode_by_definition());
        assert_eq!(Frame::decode(written), Ok(frame));
    }
}
