//! Changes of one field in a JSON text. All that the change does not touch keeps its bytes: numbers of any size, and
//! keys in any order.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::NoField;
use super::layout::{between, quoted};

/// An object's fields, in the order in which they stand in the text.
pub(super) struct Fields<'a>(Vec<(String, &'a str)>);

impl<'a> Fields<'a> {
    /// Those of `text`, one JSON object.
    pub(super) fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Where a field stands. A key that stands there twice counts where it stands last, as with most readers.
    fn place(&self, key: &str) -> Option<usize> {
        self.0.iter().rposition(|(other, _)| other == key)
    }

    /// The JSON text of a field.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.place(key).map(|place| self.0[place].1)
    }

    /// The text of a field that is a string.
    pub(super) fn string(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?).ok()
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    fields.push((key, value.get()));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// What holds other values.
enum Container<'a> {
    Object(Fields<'a>),
    List(Vec<&'a str>),
}

impl<'a> Container<'a> {
    fn read(text: &'a str) -> Option<Self> {
        if let Ok(fields) = Fields::read(text) {
            return Some(Self::Object(fields));
        }
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        Some(Self::List(items.into_iter().map(RawValue::get).collect()))
    }

    fn get(&self, part: &str) -> Option<&'a str> {
        match self {
            Self::Object(fields) => fields.get(part),
            Self::List(items) => items.get(part.parse::<usize>().ok()?).copied(),
        }
    }

    /// Puts `value` at `part`: over what is there, or as something new; `None`: that is no place in this list.
    fn put(&mut self, part: &str, value: &'a str) -> Option<()> {
        match self {
            Self::Object(fields) => {
                let place = fields.place(part).unwrap_or_else(|| {
                    let after = |(key, _): &(String, &str)| key.as_str() < part;
                    let place = fields.0.iter().position(after).unwrap_or(fields.0.len());
                    fields.0.insert(place, (part.to_owned(), value));
                    place
                });
                fields.0[place].1 = value;
            }
            Self::List(items) => match part.parse::<usize>().ok()? {
                place if place < items.len() => items[place] = value,
                place if place == items.len() => items.push(value),
                _ => return None,
            },
        }
        Some(())
    }

    /// Takes out what stands at `part`; `None`: nothing does.
    fn take(&mut self, part: &str) -> Option<()> {
        self.get(part)?;
        match self {
            Self::Object(fields) => fields.0.retain(|(key, _)| key != part),
            Self::List(items) => drop(items.remove(part.parse().ok()?)),
        }
        Some(())
    }

    fn text(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Object(Fields(fields)) => between('{', fields, '}', &mut out, |(key, value), out| {
                out.push_str(&quoted(key));
                out.push(':');
                out.push_str(value);
            }),
            Self::List(items) => between('[', items, ']', &mut out, |item, out| out.push_str(item)),
        }
        out
    }
}

/// `body` with the JSON text `value` at `path`, which has a part at least.
pub(super) fn set(body: &str, path: &[&str], value: &str) -> Result<String, NoField> {
    change(body, path, |container, part| container.put(part, value))
}

/// `body` without the field at `path`, which has a part at least.
pub(super) fn unset(body: &str, path: &[&str]) -> Result<String, NoField> {
    change(body, path, |container, part| container.take(part))
}

/// How many items the list `key` of the object `body` has; `None`: it is no list.
pub(super) fn length(body: &str, key: &str) -> Option<usize> {
    match Container::read(Fields::read(body).ok()?.get(key)?)? {
        Container::List(items) => Some(items.len()),
        Container::Object(_) => None,
    }
}

fn change<'a>(
    body: &'a str,
    path: &[&str],
    change: impl FnOnce(&mut Container<'a>, &str) -> Option<()>,
) -> Result<String, NoField> {
    let missing = || NoField::Missing(path.join("."));
    let (last, parents) = path.split_last().ok_or_else(missing)?;
    let parent = find(body, parents)?;
    let mut container = Container::read(parent).ok_or_else(|| NoField::Inside(parents.join(".")))?;
    change(&mut container, last).ok_or_else(missing)?;
    let place = place(body, parent);
    Ok([&body[..place.start], &container.text(), &body[place.end..]].concat())
}

/// The text of what stands at `path`, a piece of `body`.
fn find<'a>(body: &'a str, path: &[&str]) -> Result<&'a str, NoField> {
    let mut value = body.trim();
    for (depth, part) in path.iter().enumerate() {
        let container = Container::read(value).ok_or_else(|| NoField::Inside(path[..depth].join(".")))?;
        value = container.get(part).ok_or_else(|| NoField::Missing(path[..=depth].join(".")))?;
    }
    Ok(value)
}

/// Where `piece`, a part of `text`, stands in it.
fn place(text: &str, piece: &str) -> Range<usize> {
    let start = piece.as_ptr().addr() - text.as_ptr().addr();
    start..start + piece.len()
}

#[cfg(test)]
mod tests;
