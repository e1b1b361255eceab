//! Looks for a field in JSON text without building anything of it.

use std::borrow::Cow;
use std::ops::Range;

use crate::mux::json::cursor::Cursor;

/// Whether `accepts` takes a value that stands at the path `parts` in `body`, which must be UTF-8; `None` when the
/// body is no JSON. Values above `max` bytes are not offered.
pub(super) fn any(body: &[u8], parts: &[String], max: usize, accepts: impl Fn(&str) -> bool) -> Option<bool> {
    let mut reader = Reader { cursor: Cursor::new(body, |_| {}), max, accepts };
    let found = reader.value(parts)?;
    reader.cursor.end()?;
    Some(found)
}

struct Reader<'a, S: FnMut(Range<usize>), A> {
    cursor: Cursor<'a, S>,
    max: usize,
    accepts: A,
}

impl<S: FnMut(Range<usize>), A: Fn(&str) -> bool> Reader<'_, S, A> {
    /// Reads one value, and says whether something in it stands at `parts` and is accepted.
    fn value(&mut self, parts: &[String]) -> Option<bool> {
        if self.cursor.begins_object()? {
            self.members(parts)
        } else if self.cursor.begins_list()? {
            self.items(parts)
        } else {
            self.scalar(parts)
        }
    }

    /// The last member of that name decides.
    fn members(&mut self, parts: &[String]) -> Option<bool> {
        let (mut first, mut found) = (true, false);
        while let Some(key) = self.cursor.next_key(std::mem::take(&mut first))? {
            match parts.split_first() {
                Some((part, rest)) if key.meaning(part.len()).is_some_and(|key| key == *part) => {
                    found = self.value(rest)?;
                }
                _ => self.cursor.value()?,
            }
        }
        Some(found)
    }

    fn items(&mut self, parts: &[String]) -> Option<bool> {
        let place = parts.split_first().and_then(|(part, rest)| Some((place(part)?, rest)));
        let (mut index, mut found) = (0, false);
        while self.cursor.next_item(index == 0)? {
            match place {
                _ if found => self.cursor.value()?,
                Some((place, rest)) if place == index => found = self.value(rest)?,
                Some(_) => self.cursor.value()?,
                None => found = self.value(parts)?,
            }
            index += 1;
        }
        Some(found)
    }

    fn scalar(&mut self, parts: &[String]) -> Option<bool> {
        if !parts.is_empty() {
            self.cursor.value()?;
            return Some(false);
        }
        let value = if self.cursor.at_string()? {
            self.cursor.string_or_value()?.and_then(|text| text.meaning(self.max))
        } else {
            let token = std::str::from_utf8(self.cursor.token()?).ok();
            token.filter(|token| token.len() <= self.max).map(Cow::Borrowed)
        };
        Some(value.is_some_and(|value| (self.accepts)(&value)))
    }
}

/// A place in a list.
fn place(part: &str) -> Option<usize> {
    part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
}
