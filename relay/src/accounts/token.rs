//! The secrets that let a CLI act for an account, and what the relay keeps of them.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret. The relay makes 256 random bits, written as `mxh_` and 52 letters and digits of lower-case base32
/// (RFC 4648 §6, without padding); an operator may give one of another form. Its text is shown by
/// [`Token::reveal`] alone.
#[derive(Clone)]
pub struct Token(Box<str>);

/// The text can't serve as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitToken {
    /// Too easy to guess.
    #[error("a token has at least {min} characters, and this one has {0}: `openssl rand -hex 32` makes a good one", min = Token::MIN_LEN)]
    Short(usize),
    /// Longer than a header field should be.
    #[error("a token has at most {max} characters, and this one has {0}", max = Token::MAX_LEN)]
    Long(usize),
    /// It could not be sent in a header field.
    #[error("a token has letters, digits and signs of ASCII alone, and no white space")]
    Characters,
}

impl Token {
    /// Fewest characters of a token that the relay did not make itself.
    pub const MIN_LEN: usize = 32;
    /// Most characters of a token.
    pub const MAX_LEN: usize = 512;

    /// A new one, of 256 random bits.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits)?;
        Ok(Self(format!("mxh_{}", lower_base32(&bits)).into()))
    }

    /// One that the operator gives.
    ///
    /// # Errors
    /// It is too short, too long, or can't be sent in a header field.
    pub fn given(text: &str) -> Result<Self, UnfitToken> {
        match text.len() {
            0..Self::MIN_LEN => Err(UnfitToken::Short(text.len())),
            Self::MIN_LEN..=Self::MAX_LEN if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self(text.into()))
            }
            Self::MIN_LEN..=Self::MAX_LEN => Err(UnfitToken::Characters),
            _ => Err(UnfitToken::Long(text.len())),
        }
    }

    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What the relay keeps of a token: its SHA-256. The secret has 256 bits, so no slow hash is called for.
#[derive(Clone, Copy)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    /// Leading bytes by which rows are found; the rest is compared in constant time.
    pub(super) const PREFIX: usize = 4;

    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    pub(super) fn stored(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn prefix(&self) -> &[u8] {
        &self.0[..Self::PREFIX]
    }

    pub(super) fn matches(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

pub(super) fn lower_base32(bits: &[u8]) -> String {
    BASE32_NOPAD.encode(bits).to_ascii_lowercase()
}
