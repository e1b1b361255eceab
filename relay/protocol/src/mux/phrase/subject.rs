//! What an event is about, read without trust: a field that is missing or of another kind is not there.

use serde_json::Value;

use super::units;

/// Pieces of a phrase in their order; what has nothing to say is `None`.
pub(super) type Pieces = Vec<Option<String>>;

/// The `data` of an event.
pub(super) struct Subject<'a> {
    pub(super) event_type: &'a str,
    pub(super) data: &'a Value,
}

/// The field at `path`, whose parts stand between dots.
pub(super) fn get<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, part| value.get(part))
}

/// A text that is not empty.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    get(value, path)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A number that is not negative, also one written as a text, as Mux does with file sizes.
pub(super) fn number(value: &Value, path: &str) -> Option<f64> {
    let number = match get(value, path)? {
        Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// The members of a list; none where there is no list.
pub(super) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    get(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What Mux says is wrong, in any of its shapes (`{messages}`, `{message}`, a list of those): the first message, or
/// else its type.
fn message(wrong: &Value) -> Option<String> {
    let wrong = wrong.get(0).unwrap_or(wrong);
    let first = list(wrong, "messages").first().and_then(Value::as_str).map(str::trim);
    let message = first.filter(|text| !text.is_empty()).or_else(|| text(wrong, "message"));
    message.map(str::to_owned).or_else(|| text(wrong, "type").map(words))
}

/// `asset_created` as `asset created`.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// `width`×`height` in pixels, by the fields of these names.
pub(super) fn pixels(value: &Value, width: &str, height: &str) -> Option<String> {
    let side = |path| number(value, path).filter(|side| (1.0..=100_000.0).contains(side));
    Some(format!("{:.0}×{:.0}", side(width)?, side(height)?))
}

impl<'a> Subject<'a> {
    pub(super) fn new(event_type: &'a str, data: &'a Value) -> Self {
        Self { event_type, data }
    }

    /// Whether the type ends in `.end`.
    pub(super) fn is(&self, end: &str) -> bool {
        self.event_type.rsplit('.').next() == Some(end)
    }

    /// Whether `part` stands in the type between dots.
    pub(super) fn is_of(&self, part: &str) -> bool {
        self.event_type.split('.').any(|other| other == part)
    }

    pub(super) fn text(&self, path: &str) -> Option<&'a str> {
        text(self.data, path)
    }

    pub(super) fn list(&self, path: &str) -> &'a [Value] {
        list(self.data, path)
    }

    pub(super) fn owned(&self, path: &str) -> Option<String> {
        self.text(path).map(str::to_owned)
    }

    /// `status`, unless the type says it already.
    pub(super) fn status(&self) -> Option<String> {
        self.status_at("status")
    }

    /// The status at `path`, unless the type says it already, or that all this is gone.
    pub(super) fn status_at(&self, path: &str) -> Option<String> {
        self.text(path).filter(|status| !self.is(status) && !self.is("deleted")).map(words)
    }

    /// `errored: …`, with what Mux says about it.
    pub(super) fn trouble(&self) -> Option<String> {
        let message = ["errors", "error"].iter().find_map(|key| message(self.data.get(key)?))?;
        Some(format!("errored: {message}"))
    }

    /// What Mux warns of.
    pub(super) fn warning(&self) -> Option<String> {
        message(self.data.get("warning")?)
    }

    /// A length of time, in seconds at `path`.
    pub(super) fn duration(&self, path: &str) -> Option<String> {
        units::duration(number(self.data, path)?)
    }

    /// Another object, by its id at `path`: `asset MYPDwHNw…holk`.
    pub(super) fn other(&self, kind: &str, path: &str) -> Option<String> {
        self.text(path).map(|id| format!("{kind} {}", units::short(id)))
    }
}
