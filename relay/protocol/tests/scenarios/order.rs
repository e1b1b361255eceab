//! Reads JSON and looks at the order of its keys.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value whose keys are in reverse alphabetical order at every level; none of them stands twice.
pub(crate) struct Backwards;

impl<'de> Deserialize<'de> for Backwards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Backwards;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys in reverse alphabetical order")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Backwards, A::Error> {
        let mut before: Option<String> = None;
        while let Some((key, Backwards)) = map.next_entry::<String, _>()? {
            if before.as_ref().is_some_and(|before| *before <= key) {
                return Err(serde::de::Error::custom(format!("{key} comes after {before:?}")));
            }
            before = Some(key);
        }
        Ok(Backwards)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Backwards, A::Error> {
        while items.next_element::<Backwards>()?.is_some() {}
        Ok(Backwards)
    }

    fn visit_unit<E>(self) -> Result<Backwards, E> {
        Ok(Backwards)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Backwards, E> {
        Ok(Backwards)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Backwards, E> {
        Ok(Backwards)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Backwards, E> {
        Ok(Backwards)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Backwards, E> {
        Ok(Backwards)
    }

    fn visit_str<E>(self, _: &str) -> Result<Backwards, E> {
        Ok(Backwards)
    }
}

#[test]
fn another_order_is_seen() {
    for text in [r#"{"a":1,"b":1}"#, r#"[{"b":{"x":1,"y":1},"a":1}]"#, r#"{"a":1,"a":1}"#] {
        assert!(serde_json::from_str::<Backwards>(text).is_err(), "{text}");
    }
    assert!(serde_json::from_str::<Backwards>(r#"{"b":[{"y":1.5,"x":-1}],"a":null}"#).is_ok());
}
