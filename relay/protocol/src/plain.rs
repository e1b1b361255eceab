//! Bytes that a JSON string holds as they are: no quotation mark, no reverse solidus, no control character.
//! Eight of them are looked at together.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHEST: u64 = ONES * 0x80;

/// How many bytes at the beginning of `text` are plain.
#[inline]
pub(crate) fn run(text: &[u8]) -> usize {
    before_first(text, marks)
}

/// How many bytes at the beginning of `text` are plain and ASCII.
#[inline]
pub(crate) fn ascii_run(text: &[u8]) -> usize {
    before_first(text, |word| marks(word) | (word & HIGHEST))
}

/// How many bytes stand before the first one that `marks` marks.
#[inline]
fn before_first(text: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let (words, tail) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let marked = marks(u64::from_le_bytes(*word));
        if marked != 0 {
            return index * 8 + (marked.trailing_zeros() / 8) as usize;
        }
    }
    // The zeros behind the tail are marked.
    let mut word = [0; 8];
    word[..tail.len()].copy_from_slice(tail);
    words.len() * 8 + (marks(u64::from_le_bytes(word)).trailing_zeros() / 8) as usize
}

/// Marks bytes that are not plain by their highest bit. Above the lowest mark there may be false ones
/// (subtraction borrows), below it there are none.
fn marks(word: u64) -> u64 {
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGHEST
}

#[cfg(test)]
mod tests {
    use super::{ascii_run, run};

    #[test]
    fn the_first_byte_that_is_not_plain_ends_the_run() {
        for length in 0..20 {
            for at in 0..=length {
                for byte in 0..=255 {
                    let mut text = vec![b'a'; length];
                    text[at..].fill(byte);
                    let plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                    assert_eq!(run(&text), if plain { length } else { at }, "{text:?}");
                    let plain = plain && byte.is_ascii();
                    assert_eq!(ascii_run(&text), if plain { length } else { at }, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn what_stands_behind_the_end_of_a_run_does_not_matter() {
        for end in 0..=255 {
            for behind in 0..=255 {
                let text = [b'a', b' ', end, behind, b'!', b'#', b'[', b']', b'~'];
                let first = |plain: fn(&u8) -> bool| text.iter().take_while(|byte| plain(byte)).count();
                let plain = |byte: &u8| *byte >= 0x20 && !b"\"\\".contains(byte);
                assert_eq!(run(&text), first(plain));
                let plain = |byte: &u8| *byte >= 0x20 && !b"\"\\".contains(byte) && byte.is_ascii();
                assert_eq!(ascii_run(&text), first(plain));
            }
        }
    }
}
