//! Ids drawn from a seed.

use uuid::Uuid;

/// A source of ids: the same seed gives the same ones. Not for secrets.
#[derive(Clone, Debug)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
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

    /// An id of an asset, upload, stream and so on: 44 letters and digits.
    pub(super) fn mux_id(&mut self) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..44).map(|_| char::from(ALPHABET[self.below(62) as usize])).collect()
    }

    /// A UUID of version 4 (RFC 9562 §5.4).
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        let bits = u128::from(high) << 64 | u128::from(low);
        let bits = bits & !(0xf000 << 64) & !(0b11 << 62) | 0x4000 << 64 | 0b10 << 62;
        Uuid::from_u128(bits).to_string()
    }
}
