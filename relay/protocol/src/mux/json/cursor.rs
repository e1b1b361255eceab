//! A strict reader of JSON text (RFC 8259) that builds nothing.

use std::borrow::Cow;
use std::ops::Range;

use crate::plain;

/// Most containers that may stand inside one another.
const MAX_DEPTH: u32 = 128;

/// A place in a JSON text whose containers are nested at most [`MAX_DEPTH`] deep. Every method reads on from there, and gives `None` at the first fault; the cursor is of
/// no more use then. What it has read is valid JSON as long as it is valid UTF-8, which the cursor leaves to its
/// owner. `on_space` hears of every run of white space between tokens.
pub(crate) struct Cursor<'a, S: FnMut(Range<usize>)> {
    text: &'a [u8],
    at: usize,
    /// Containers that were entered one by one.
    depth: u32,
    on_space: S,
}

impl<'a, S: FnMut(Range<usize>)> Cursor<'a, S> {
    pub(crate) fn new(text: &'a [u8], on_space: S) -> Self {
        Self { text, at: 0, depth: 0, on_space }
    }

    /// What has been read.
    pub(crate) fn passed(&self) -> &'a [u8] {
        &self.text[..self.at]
    }

    /// One value and nothing but white space around it.
    pub(crate) fn document(&mut self) -> Option<()> {
        self.value()?;
        self.end()
    }

    /// Nothing but white space up to the end.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    /// One value, with the white space before it.
    pub(crate) fn value(&mut self) -> Option<()> {
        let mut open = Open { kinds: 0, depth: 0, most: MAX_DEPTH - self.depth };
        loop {
            self.skip_space();
            match self.next()? {
                b'"' => drop(self.rest_of_string()?),
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
                first => self.rest_of_number(first)?,
            }
            if self.after_value(&mut open)? {
                return Some(());
            }
        }
    }

    /// What may stand behind a value, up to the next one. Whether all containers are closed.
    fn after_value(&mut self, open: &mut Open) -> Option<bool> {
        while open.depth > 0 {
            self.skip_space();
            match (self.next()?, open.in_object()) {
                (b',', true) => {
                    self.key()?;
                    return Some(false);
                }
                (b',', false) => return Some(false),
                (b'}', true) | (b']', false) => open.pop(),
                _ => return None,
            }
        }
        Some(true)
    }

    /// The key of an object's next member, up to its value; `Some(None)` when the object has ended. To be called
    /// after the object's `{`, then after each member's value; `first` tells the two apart.
    pub(crate) fn next_key(&mut self, first: bool) -> Option<Option<Text<'a>>> {
        self.skip_space();
        match self.peek()? {
            b'}' => {
                self.leave();
                return Some(None);
            }
            b',' if !first => self.at += 1,
            _ if first => {}
            _ => return None,
        }
        self.key().map(Some)
    }

    /// An object's beginning; `Some(false)`, and nothing but white space read, when another value stands here.
    pub(crate) fn begins_object(&mut self) -> Option<bool> {
        self.enter(b'{')
    }

    /// A list's beginning; `Some(false)`, and nothing but white space read, when another value stands here.
    pub(crate) fn begins_list(&mut self) -> Option<bool> {
        self.enter(b'[')
    }

    /// Whether a list has one more item, and the way up to it; `Some(false)` when the list has ended. To be called
    /// after the list's `[`, then after each item; `first` tells the two apart.
    pub(crate) fn next_item(&mut self, first: bool) -> Option<bool> {
        self.skip_space();
        match self.peek()? {
            b']' => {
                self.leave();
                Some(false)
            }
            b',' if !first => {
                self.at += 1;
                Some(true)
            }
            _ => first.then_some(true),
        }
    }

    /// A value, and its token as it stands; of an object or a list, all of it.
    pub(crate) fn token(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        let begin = self.at;
        self.value()?;
        Some(&self.text[begin..self.at])
    }

    /// Whether a string stands here; nothing but white space is read.
    pub(crate) fn at_string(&mut self) -> Option<bool> {
        self.skip_space();
        Some(self.peek()? == b'"')
    }

    /// A string; `Some(None)`, and another value read, when another one stands here.
    pub(crate) fn string_or_value(&mut self) -> Option<Option<Text<'a>>> {
        self.skip_space();
        if self.literal(b"\"").is_some() {
            return self.rest_of_string().map(Some);
        }
        self.value().map(|()| None)
    }

    fn enter(&mut self, bracket: u8) -> Option<bool> {
        self.skip_space();
        if self.peek()? != bracket {
            return Some(false);
        }
        self.at += 1;
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(true)
    }

    fn leave(&mut self) {
        self.at += 1;
        self.depth = self.depth.saturating_sub(1);
    }

    fn key(&mut self) -> Option<Text<'a>> {
        self.skip_space();
        self.literal(b"\"")?;
        let key = self.rest_of_string()?;
        self.skip_space();
        self.literal(b":")?;
        Some(key)
    }

    fn rest_of_string(&mut self) -> Option<Text<'a>> {
        let begin = self.at;
        let mut escaped = false;
        loop {
            self.at += plain::run(&self.text[self.at..]);
            match self.next()? {
                b'"' => return Some(Text { raw: &self.text[begin..self.at - 1], escaped }),
                b'\\' => self.escape()?,
                _ => return None,
            }
            escaped = true;
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

    fn rest_of_number(&mut self, first: u8) -> Option<()> {
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
            let begin = self.at;
            self.at += self.text[begin..].iter().take_while(|byte| is_space(**byte)).count();
            (self.on_space)(begin..self.at);
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The containers around the cursor: one bit each, set for an object, the innermost in the lowest place.
struct Open {
    kinds: u128,
    depth: u32,
    /// How many there may be.
    most: u32,
}

impl Open {
    fn push(&mut self, object: bool) -> Option<()> {
        self.kinds = self.kinds << 1 | u128::from(object);
        self.depth += 1;
        (self.depth <= self.most).then_some(())
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
    }

    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

/// A string as it stands between its quotation marks.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The string as it stands, when that is what it means: it has no escape.
    pub(crate) fn verbatim(self) -> Option<&'a [u8]> {
        (!self.escaped).then_some(self.raw)
    }

    /// What the string means; `None` when it is no UTF-8, or above `max` bytes.
    pub(crate) fn meaning(self, max: usize) -> Option<Cow<'a, str>> {
        // The longest escape of one byte of text is `\u0041`.
        if self.raw.len() > max.saturating_mul(6) {
            return None;
        }
        let raw = std::str::from_utf8(self.raw).ok()?;
        let meaning = if self.escaped {
            Cow::Owned(serde_json::from_str(&format!("\"{raw}\"")).ok()?)
        } else {
            Cow::Borrowed(raw)
        };
        (meaning.len() <= max).then_some(meaning)
    }
}
