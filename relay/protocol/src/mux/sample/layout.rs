//! JSON as Mux lays it out.

use serde_json::Value;

/// `value` as Mux would write it: no white space, and keys in reverse alphabetical order (by their bytes) at every
/// level. Numbers come out as `serde_json` holds them: an integer beyond 64 bits as the nearest float.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// A string as a JSON text.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
            between('{', fields, '}', out, |(key, value), out| {
                out.push_str(&quoted(key));
                out.push(':');
                write(value, out);
            });
        }
        Value::Array(items) => between('[', items, ']', out, write),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string())
        }
    }
}

/// Puts `items` between two brackets, with commas.
pub(super) fn between<T>(
    open: char,
    items: impl IntoIterator<Item = T>,
    close: char,
    out: &mut String,
    write: impl Fn(T, &mut String),
) {
    out.push(open);
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

/// `base` with the fields of `more` put in or over its own. Both are objects.
pub(super) fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{text, with};

    #[test]
    fn keys_go_backwards_at_every_level() {
        let value = json!({ "a": [{ "x": 1, "y": {} }, []], "b": null, "ab": "\u{1b}\"ä/" });
        assert_eq!(text(&value), r#"{"b":null,"ab":"\u001b\"ä/","a":[{"y":{},"x":1},[]]}"#);
    }

    #[test]
    fn numbers_stay_what_they_are() {
        let value = json!([18_446_744_073_709_551_615_u64, -1, 1.0, 0.1, 1e300, 252.419]);
        assert_eq!(text(&value), "[18446744073709551615,-1,1.0,0.1,1e+300,252.419]");
    }

    #[test]
    fn later_fields_win() {
        assert_eq!(
            with(json!({ "a": 1, "b": 1 }), json!({ "b": 2, "c": 2 })),
            json!({ "a": 1, "b": 2, "c": 2 })
        );
    }
}
