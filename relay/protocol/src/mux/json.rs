//! JSON on one line, every token as its sender wrote it.

/// Most containers that may stand inside one another.
const MAX_DEPTH: u32 = 128;

/// Appends `body` to `out` without the white space between its tokens, and says whether that could be done:
/// `body` must be UTF-8 and one JSON value (RFC 8259; white space around it is allowed, a byte order mark is
/// not), nested at most 128 deep, without an escape of half a surrogate pair. If it is not, `out` stays as it was.
///
/// Numbers, escapes and repeated keys come out exactly as they stand in `body`. A line break can only be white
/// space or an escape in JSON, so the text is one line.
#[must_use]
pub fn compact(body: &[u8], out: &mut Vec<u8>) -> bool {
    let before = out.len();
    let valid = std::str::from_utf8(body).is_ok() && {
        out.reserve(body.len());
        Scanner { text: body, at: 0, copied: 0, out }.document().is_some()
    };
    if !valid {
        out.truncate(before);
    }
    valid
}

/// A cursor over valid UTF-8. What lies between `copied` and `at` has been read and is not in `out` yet, so that
/// a text without white space is copied at one go.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    copied: usize,
    out: &'a mut Vec<u8>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Option<()> {
        let mut open = Open::default();
        loop {
            self.skip_space();
            match self.next()? {
                b'"' => self.string()?,
                b'{' => {
                    open.push(true)?;
                    self.skip_space();
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    open.push(false)?;
                    self.skip_space();
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                b't' => self.literal(b"rue")?,
                b'f' => self.literal(b"alse")?,
                b'n' => self.literal(b"ull")?,
                first => self.number(first)?,
            }
            if self.after_value(&mut open)? {
                return Some(());
            }
        }
    }

    /// Reads what may stand behind a value, up to the next value. Whether the document ends here.
    fn after_value(&mut self, open: &mut Open) -> Option<bool> {
        loop {
            self.skip_space();
            if open.depth == 0 {
                self.flush();
                return (self.at == self.text.len()).then_some(true);
            }
            match (self.next()?, open.in_object()) {
                (b',', true) => {
                    self.skip_space();
                    self.key()?;
                    return Some(false);
                }
                (b',', false) => return Some(false),
                (b'}', true) | (b']', false) => open.pop(),
                _ => return None,
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.literal(b"\"")?;
        self.string()?;
        self.skip_space();
        self.literal(b":")
    }

    /// The rest of a string whose quotation mark has been read.
    fn string(&mut self) -> Option<()> {
        loop {
            self.at += plain_run(&self.text[self.at..]);
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => match self.hex()? {
                0xd800..=0xdbff => {
                    self.literal(b"\\u")?;
                    matches!(self.hex()?, 0xdc00..=0xdfff).then_some(())
                }
                0xdc00..=0xdfff => None,
                _ => Some(()),
            },
            _ => None,
        }
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
    }

    /// The rest of a number whose first byte has been read.
    fn number(&mut self, first: u8) -> Option<()> {
        match if first == b'-' { self.next()? } else { first } {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        self.next()?.is_ascii_digit().then(|| self.skip_digits())
    }

    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn literal(&mut self, expected: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(expected).then(|| self.at += expected.len())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn skip_space(&mut self) {
        if self.peek().is_some_and(is_space) {
            self.flush();
            let space = self.text[self.at..].iter().take_while(|byte| is_space(**byte)).count();
            self.at += space;
            self.copied = self.at;
        }
    }

    fn flush(&mut self) {
        self.out.extend_from_slice(&self.text[self.copied..self.at]);
        self.copied = self.at;
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The containers around the cursor: one bit each, set for an object, the innermost in the lowest place.
#[derive(Default)]
struct Open {
    kinds: u128,
    depth: u32,
}

impl Open {
    fn push(&mut self, object: bool) -> Option<()> {
        self.kinds = self.kinds << 1 | u128::from(object);
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
    }

    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

/// How many bytes at the beginning of `text` a JSON string holds as they are: no quotation mark, no reverse
/// solidus, no control character. Looks at eight bytes at a time.
fn plain_run(text: &[u8]) -> usize {
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

#[cfg(test)]
mod tests;
