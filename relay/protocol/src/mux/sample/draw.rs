//! Ids drawn from a seed.

use uuid::Uuid;

const LETTERS_AND_DIGITS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// A source of ids: the same seed gives the same ones. Not for secrets.
#[derive(Clone, Debug)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A source of its own for one purpose, so that what is drawn for another leaves it as it is.
    pub(super) fn of(seed: u64, purpose: &str) -> Self {
        // FNV-1a (Fowler, Noll, Vo), begun with what the seed gives.
        let start = Self::new(seed).bits();
        Self(
            purpose.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    /// 64 bits more (SplitMix64, by Steele, Lea and Flood).
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len() as u64) as usize])).collect()
    }

    /// An id of an asset, upload, stream and so on: 44 letters and digits.
    pub(super) fn mux_id(&mut self) -> String {
        self.text(LETTERS_AND_DIGITS, 44)
    }

    /// An id of an environment: six digits and lower-case letters.
    pub(super) fn environment(&mut self) -> String {
        self.text(&LETTERS_AND_DIGITS[..36], 6)
    }

    /// A UUID of version 4 (RFC 9562 §5.4).
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        let bits = u128::from(high) << 64 | u128::from(low);
        let bits = bits & !(0xf000 << 64) & !(0b11 << 62) | 0x4000 << 64 | 0b10 << 62;
        Uuid::from_u128(bits).to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Draw;

    #[test]
    fn uuids_are_of_version_four() {
        let mut draw = Draw::new(7);
        for _ in 0..100 {
            let uuid = uuid::Uuid::parse_str(&draw.uuid()).unwrap();
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122));
        }
    }

    #[test]
    fn seeds_and_purposes_differ() {
        let ids: HashSet<_> = (0..50)
            .flat_map(|seed| ["asset", "upload", ""].map(|purpose| Draw::of(seed, purpose).mux_id()))
            .collect();
        assert_eq!(ids.len(), 150);
        assert_eq!(Draw::of(3, "asset").mux_id(), Draw::of(3, "asset").mux_id());
    }

    #[test]
    fn environments_have_six_plain_characters() {
        let id = Draw::new(1).environment();
        assert!(id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()));
    }
}
