//! What an event's body says of itself, read without trusting it.

use std::ops::Range;

use bytes::Bytes;
use bytestring::ByteString;

use super::json::cursor::{Cursor, Text};

/// Longest field that is taken, in bytes.
const MAX_FIELD: usize = 512;

/// The outer fields of a Mux event that muxhook shows and filters by. Absent, of another type than a string, or
/// above 512 bytes: `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `type`: `video.asset.ready`.
    pub event_type: Option<ByteString>,
    /// `id`: the same over all of Mux's retries of one event.
    pub event_id: Option<ByteString>,
    /// `object.type`: `asset`.
    pub object_type: Option<ByteString>,
    /// `object.id`.
    pub object_id: Option<ByteString>,
    /// `environment.name`.
    pub environment_name: Option<ByteString>,
    /// `environment.id`.
    pub environment_id: Option<ByteString>,
}

impl Envelope {
    /// Reads the outer fields of `body`; all are `None` when it is no JSON object.
    ///
    /// Reading ends as soon as `type`, `id`, `object` and `environment` have each been met, which in Mux's own
    /// order of keys is before `data`: a fault behind that point stays unseen, and of a repeated key the first
    /// one counts. Fields without an escape are slices of `body` and keep it in memory.
    #[must_use]
    pub fn peek(body: &Bytes) -> Self {
        let mut reader = Reader { body, cursor: Cursor::new(body, |_| {}) };
        let envelope = reader.outer().unwrap_or_default();
        if std::str::from_utf8(reader.cursor.passed()).is_ok() { envelope } else { Self::default() }
    }
}

/// The event's `created_at`, when Mux made it: RFC 3339, as it stands. Apart from the rest, since it stands behind
/// `data` and costs a way through the whole body. `None` as for the fields of an [`Envelope`].
#[must_use]
pub fn created_at(body: &Bytes) -> Option<ByteString> {
    let mut reader = Reader { body, cursor: Cursor::new(body, |_| {}) };
    if !reader.cursor.begins_object()? {
        return None;
    }
    let mut first = true;
    while let Some(key) = reader.cursor.next_key(std::mem::take(&mut first))? {
        if key.meaning("created_at".len()).as_deref() == Some("created_at") {
            return reader.field()?;
        }
        reader.cursor.value()?;
    }
    None
}

struct Reader<'a, S: FnMut(Range<usize>)> {
    body: &'a Bytes,
    cursor: Cursor<'a, S>,
}

type Field = Option<ByteString>;

/// A member's value, once the member has been met.
type Met<T> = Option<T>;

impl<S: FnMut(Range<usize>)> Reader<'_, S> {
    fn outer(&mut self) -> Option<Envelope> {
        let (mut kind, mut id): (Met<Field>, Met<Field>) = (None, None);
        let (mut object, mut environment): (Met<[Field; 2]>, Met<[Field; 2]>) = (None, None);
        if !self.cursor.begins_object()? {
            return None;
        }
        let mut first = true;
        while kind.is_none() || id.is_none() || object.is_none() || environment.is_none() {
            let Some(key) = self.cursor.next_key(std::mem::take(&mut first))? else {
                self.cursor.end()?;
                break;
            };
            match key.meaning("environment".len()).as_deref() {
                Some("type") if kind.is_none() => kind = Some(self.field()?),
                Some("id") if id.is_none() => id = Some(self.field()?),
                Some("object") if object.is_none() => object = Some(self.fields(["type", "id"])?),
                Some("environment") if environment.is_none() => {
                    environment = Some(self.fields(["name", "id"])?);
                }
                _ => self.cursor.value()?,
            }
        }
        let [object_type, object_id] = object.unwrap_or_default();
        let [environment_name, environment_id] = environment.unwrap_or_default();
        let (event_type, event_id) = (kind.flatten(), id.flatten());
        Some(Envelope { event_type, event_id, object_type, object_id, environment_name, environment_id })
    }

    /// The members of these names, when an object stands here.
    fn fields(&mut self, names: [&str; 2]) -> Option<[Field; 2]> {
        let mut met: [Met<Field>; 2] = [None, None];
        if !self.cursor.begins_object()? {
            self.cursor.value()?;
            return Some([None, None]);
        }
        let mut first = true;
        while let Some(key) = self.cursor.next_key(std::mem::take(&mut first))? {
            let key = key.meaning("name".len());
            match names.iter().position(|name| key.as_deref() == Some(name)) {
                Some(index) if met[index].is_none() => met[index] = Some(self.field()?),
                _ => self.cursor.value()?,
            }
        }
        Some(met.map(Option::flatten))
    }

    fn field(&mut self) -> Option<Field> {
        let text = self.cursor.string_or_value()?;
        Some(text.and_then(|text| self.share(text)))
    }

    fn share(&self, text: Text<'_>) -> Field {
        match text.verbatim() {
            Some(raw) if raw.len() > MAX_FIELD => None,
            Some(raw) => self.body.slice_ref(raw).try_into().ok(),
            None => Some(text.meaning(MAX_FIELD)?.into_owned().into()),
        }
    }
}

#[cfg(test)]
mod tests;
