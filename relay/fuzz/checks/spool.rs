//! Items of the history's spool.

use bytes::Bytes;

use super::{PREFIX, decode, encode, length};

/// No bytes panic, whatever their checksum; an item that was read is written and read again unchanged.
///
/// The input is the bytes of some items; and also, with a right prefix before it, what is known of one on a line and its
/// content behind that.
pub fn check(input: &[u8]) {
    let mut bytes = Bytes::copy_from_slice(input);
    while let Some(length) = length(&bytes).filter(|length| *length <= bytes.len()) {
        assert!(length >= PREFIX);
        if decode(bytes.split_to(length)).is_none() {
            break;
        }
    }
    let known = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let content = input.get(known + 1..).unwrap_or_default();
    let Some(item) = decode(framed(&input[..known], content)) else { return };
    let once = written(&item);
    assert_eq!(length(&once), Some(once.len()));
    let again = decode(once.clone()).map(|item| written(&item));
    assert_eq!(again, Some(once));
}

fn framed(known: &[u8], content: &[u8]) -> Bytes {
    let both = [known, content].concat();
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let prefix = [number(known.len()), number(content.len()), crc32fast::hash(&both).to_le_bytes()];
    [prefix.concat(), both].concat().into()
}

fn written(item: &super::Item) -> Bytes {
    let mut bytes = Vec::new();
    assert!(encode(item, &mut bytes).is_ok());
    bytes.into()
}
