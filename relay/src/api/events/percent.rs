//! Percent-encoding (RFC 3986 §2.1).

/// The bytes that `text` stands for; `None` when a `%` begins no escape.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' { digit(bytes.next()?)? << 4 | digit(bytes.next()?)? } else { byte });
    }
    Some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn every_byte_can_be_written() {
        for byte in 0..=u8::MAX {
            assert_eq!(decode(&format!("%{byte:02X}x%{byte:02x}")), Some(vec![byte, b'x', byte]));
        }
        assert_eq!(decode("a+b=é"), Some("a+b=é".into()));
        for text in ["%", "a%f", "%zz", "%+1", "%%41", "%é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
