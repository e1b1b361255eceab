//! A header field that the user adds to what goes to the app, or puts in a sender's place.

use std::fmt;

use muxhook_protocol::DELIVERY_HEADER;
use muxhook_protocol::headers::is_hop_by_hop;

/// One `-H 'Name: value'`. Its value may be a secret, so `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderOverride {
    pub(super) name: String,
    pub(super) value: Vec<u8>,
}

/// Why a text is no [`HeaderOverride`]. No message repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// No colon.
    #[error("a header is written 'Name: value'")]
    NoColon,
    /// The name is no token (RFC 9110 §5.6.2).
    #[error("{0:?} is no header name: it has letters, digits and any of !#$%&'*+-.^_`|~")]
    Name(String),
    /// A control character in the value.
    #[error("the value of {0} has a line break or another control character")]
    Value(String),
    /// The signature is Mux's.
    #[error("mux-signature goes to the app as Mux sent it; another one would only be wrong")]
    Signature,
    /// muxhook or the connection sets it.
    #[error("{0} is set by muxhook itself and can't be given")]
    Reserved(String),
}

impl HeaderOverride {
    /// Reads `Name: value`; white space around the value is not part of it (RFC 9110 §5.5).
    ///
    /// # Errors
    /// When it is no such field, or one that can't be given: see [`InvalidHeader`].
    pub fn parse(text: &str) -> Result<Self, InvalidHeader> {
        let (name, value) = text.split_once(':').ok_or(InvalidHeader::NoColon)?;
        let value = value.trim_matches([' ', '\t']);
        if !is_token(name) {
            return Err(InvalidHeader::Name(name.to_owned()));
        }
        let name = name.to_ascii_lowercase();
        if name == "mux-signature" {
            return Err(InvalidHeader::Signature);
        }
        if is_hop_by_hop(&name) || matches!(&*name, "content-length" | "expect" | DELIVERY_HEADER) {
            return Err(InvalidHeader::Reserved(name));
        }
        if !is_value(value.as_bytes()) {
            return Err(InvalidHeader::Value(name));
        }
        Ok(Self { name, value: value.into() })
    }
}

impl std::str::FromStr for HeaderOverride {
    type Err = InvalidHeader;

    fn from_str(text: &str) -> Result<Self, InvalidHeader> {
        Self::parse(text)
    }
}

impl fmt::Debug for HeaderOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderOverride({}: …)", self.name)
    }
}

/// Whether a text is a token (RFC 9110 §5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// Whether bytes can be a field's value: no control character but the tab (RFC 9110 §5.5).
pub(super) fn is_value(value: &[u8]) -> bool {
    // Without an early end the loop becomes vector code.
    !value.iter().fold(false, |odd, byte| odd | ((*byte < b' ') & (*byte != b'\t')) | (*byte == 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read() {
        for (text, name, value) in [
            ("Authorization: Bearer x:y", "authorization", "Bearer x:y"),
            ("X-A:\t 1 ", "x-a", "1"),
            ("x-empty:", "x-empty", ""),
            ("Host: app.test", "host", "app.test"),
            ("x-utf8: é", "x-utf8", "é"),
        ] {
            let field = HeaderOverride::parse(text).unwrap();
            assert_eq!((&*field.name, &*field.value), (name, value.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_given_is_refused() {
        let refused = |text: &str| HeaderOverride::parse(text).unwrap_err();
        assert_eq!(refused("Mux-Signature: t=1,v1=0"), InvalidHeader::Signature);
        assert_eq!(refused("x-a"), InvalidHeader::NoColon);
        assert_eq!(refused("x a: 1"), InvalidHeader::Name("x a".into()));
        assert_eq!(refused(": 1"), InvalidHeader::Name(String::new()));
        assert_eq!(refused("x-a: 1\r\nx-b: 2"), InvalidHeader::Value("x-a".into()));
        assert_eq!(refused("x-a: 1\0"), InvalidHeader::Value("x-a".into()));
        for name in ["Connection", "transfer-encoding", "TE", "Content-Length", "Expect", "Muxhook-Delivery"]
        {
            let reserved = InvalidHeader::Reserved(name.to_ascii_lowercase());
            assert_eq!(refused(&format!("{name}: x")), reserved);
        }
    }

    #[test]
    fn no_text_repeats_a_value() {
        let field = HeaderOverride::parse("authorization: hunter2").unwrap();
        assert!(!format!("{field:?}").contains("hunter2"));
        assert!(
            !HeaderOverride::parse("authorization: hunter2\n").unwrap_err().to_string().contains("hunter2")
        );
    }
}
