//! The fast path and the definition say the same, whatever arrives.

use bytes::Bytes;
use muxhook_protocol::Frame;
use muxhook_protocol::frame::{DecodeError, MAX_HEAD};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::arbitrary::frame;
use crate::samples;

fn decode(message: &[u8]) -> Result<Frame, DecodeError> {
    let message = Bytes::copy_from_slice(message);
    let decoded = Frame::decode(message.clone());
    assert_eq!(decoded, Frame::decode_by_definition(message), "the two decoders differ");
    decoded
}

/// Pieces that, put in anywhere, break a head, or change what it says, or do neither.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: [&[u8]; 30] = [
        b"",
        b"\"",
        b"\\",
        b"\\u0041",
        b"\\ud800",
        b"{",
        b"}",
        b"[",
        b"]",
        b"[]",
        b",",
        b":",
        b"\n",
        b" ",
        b"0",
        b"00",
        b"-1",
        b"1e3",
        b"1.0",
        b"18446744073709551615",
        b"18446744073709551616",
        b"65536",
        b"null",
        b"true",
        b"\xff",
        b"\xc3\xa9",
        b"\0",
        b"\x7f",
        b"\"x\":1,",
        b"\"seq\":1,",
    ];
    prop_oneof![
        3 => prop::sample::select(known.to_vec()).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_fast_encoder_writes_the_definition(frame in frame()) {
        prop_assert_eq!(frame.encode(), frame.encode_by_definition());
    }

    #[test]
    fn what_is_written_can_be_read(frame in frame()) {
        prop_assert_eq!(decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn broken_messages_read_alike(
        frame in frame(),
        breaks in prop::collection::vec((any::<Index>(), 0_usize..4, piece()), 1..4),
    ) {
        let mut message = frame.encode().to_vec();
        for (index, cut, piece) in breaks {
            let at = index.index(message.len() + 1);
            let end = message.len().min(at + cut);
            message.splice(at..end, piece);
        }
        let _ = decode(&message);
    }

    #[test]
    fn cut_messages_read_alike(frame in frame(), at in any::<Index>()) {
        let message = frame.encode();
        let _ = decode(&message[..at.index(message.len())]);
    }

    #[test]
    fn any_bytes_read_alike(message in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = decode(&message);
        let _ = decode(&[br#"{"frame":""#, &message[..]].concat());
    }
}

#[test]
fn every_cut_of_a_head_is_an_error() {
    for (name, frame) in samples::all() {
        let message = frame.encode();
        let head = message.iter().position(|byte| *byte == b'\n').unwrap();
        for end in 0..=head {
            assert_eq!(decode(&message[..end]), Err(DecodeError::NoHead), "{name} cut at {end}");
        }
        for end in 0..head {
            let cut = [&message[..end], b"\n"].concat();
            assert!(matches!(decode(&cut), Err(DecodeError::Head(_))), "{name} cut at {end}");
        }
    }
}

#[test]
fn a_head_is_bounded() {
    let largest = |size: usize| {
        let (mut delivery, size_of) = samples::delivery();
        let other = Frame::Deliver { delivery: delivery.clone().into(), size: size_of }.encode();
        let fixed = other.iter().position(|byte| *byte == b'\n').unwrap() - delivery.path.len();
        delivery.path = "/".repeat(size - fixed).into();
        Frame::Deliver { delivery: delivery.into(), size: size_of }
    };
    let fits = largest(MAX_HEAD);
    assert_eq!(decode(&fits.encode()), Ok(fits));
    assert_eq!(decode(&largest(MAX_HEAD + 1).encode()), Err(DecodeError::HeadTooLarge));
    assert_eq!(decode(&vec![b' '; MAX_HEAD + 1]), Err(DecodeError::HeadTooLarge));
    assert_eq!(decode(&vec![b' '; MAX_HEAD]), Err(DecodeError::NoHead));
}

#[test]
fn more_body_than_announced_is_refused() {
    for (name, frame) in samples::all() {
        let longer = [&frame.encode()[..], b"!"].concat();
        let open = matches!(frame, Frame::Part { .. } | Frame::Unknown) || name.contains("first-part");
        let expected = if open { None } else { Some(DecodeError::Excess) };
        assert_eq!(decode(&longer).err(), expected, "{name}");
    }
}

#[test]
fn numbers_keep_to_their_type() {
    let message = samples::deliver_with("\"attempt\":1,", "\"attempt\":4294967296,");
    assert!(matches!(decode(&message), Err(DecodeError::Head(_))));
    let message = samples::deliver_with("\"seq\":7,", "\"seq\":18446744073709551616,");
    assert!(matches!(decode(&message), Err(DecodeError::Head(_))));
    let message = samples::deliver_with("\"seq\":7,", "\"seq\":18446744073709551615,");
    assert!(matches!(decode(&message), Ok(Frame::Deliver { delivery, .. }) if delivery.seq == u64::MAX));
    let message = samples::deliver_with("\"seq\":7,", "\"seq\":-7,");
    assert!(matches!(decode(&message), Err(DecodeError::Head(_))));
}

#[test]
fn a_repeated_key_is_refused() {
    let message = samples::deliver_with("\"seq\":7,", "\"seq\":7,\"seq\":7,");
    assert!(matches!(decode(&message), Err(DecodeError::Head(_))));
}

#[test]
fn a_header_value_is_bytes_and_not_more() {
    let message = samples::deliver_with("\"application/json\"", "\"\u{100}\"");
    assert!(matches!(decode(&message), Err(DecodeError::Head(_))));
}

#[test]
fn an_id_has_one_spelling() {
    let id = samples::id().to_string();
    for other in [id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}"), format!(" {id}")] {
        let message = samples::deliver_with(&id, &other);
        assert!(matches!(decode(&message), Err(DecodeError::Head(_))), "{other}");
    }
}

#[test]
fn a_deeply_nested_head_is_an_error_and_no_overflow() {
    let deep = "[".repeat(MAX_HEAD / 2);
    for head in [deep.clone(), format!(r#"{{"frame":"deliver","x":{deep}"#), format!(r#"{{"x":{deep}"#)] {
        assert!(matches!(decode(format!("{head}\n").as_bytes()), Err(DecodeError::Head(_))));
    }
}
