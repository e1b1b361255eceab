//! Bytes that a JSON string holds as they are.

/// How many bytes at the beginning of `text` a JSON string holds as they are: no quotation mark, no reverse
/// solidus, no control character. Looks at eight bytes at a time.
pub(crate) fn run(text: &[u8]) -> usize {
    let (words, tail) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let ends = ends_of_plain(u64::from_le_bytes(*word));
        if ends != 0 {
            return index * 8 + (ends.trailing_zeros() / 8) as usize;
        }
    }
    let plain = tail.iter().take_while(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\').count();
    words.len() * 8 + plain
}

/// Marks bytes that are not plain by their highest bit. Above the lowest marked byte there may be false marks
/// (subtraction borrows), below it there are none.
fn ends_of_plain(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & (ONES * 0x80)
}
