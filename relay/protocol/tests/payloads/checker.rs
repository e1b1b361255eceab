//! Whether an event has every field it must have and none that Mux does not know, by the tables beside this file.
//!
//! Stands by itself, so that another crate's tests can take it in by its path.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// A row of `fields.tsv`.
struct Field {
    schema: &'static str,
    path: &'static str,
    types: &'static str,
    required: bool,
}

/// A row of `types.tsv`; `None` where it says `-`.
struct EventType {
    name: &'static str,
    object: Option<&'static str>,
    schemas: &'static str,
    status: Option<&'static str>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    let field = |[schema, path, types, required]: [&'static str; 4]| Field {
        schema,
        path,
        types,
        required: required == "yes",
    };
    rows(include_str!("fields.tsv")).map(field).collect()
});

static TYPES: LazyLock<Vec<EventType>> = LazyLock::new(|| {
    let known = |text| Some(text).filter(|text| *text != "-");
    let event_type = |[name, object, schemas, status]: [&'static str; 4]| EventType {
        name,
        object: known(object),
        schemas,
        status: known(status),
    };
    rows(include_str!("types.tsv")).map(event_type).collect()
});

fn rows(table: &'static str) -> impl Iterator<Item = [&'static str; 4]> {
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split('\t').collect();
        <[&str; 4]>::try_from(cells).unwrap_or_else(|_| panic!("not four cells: {line}"))
    };
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(row)
}

/// What is wrong with `event`, each fault with the place of its field; empty: nothing.
pub(crate) fn check(event: &Value) -> Vec<String> {
    let mut faults = value_faults("@Envelope", event, Place { schemas: "", path: "", shown: "" });
    let Some(event_type) = TYPES.iter().find(|known| event["type"] == known.name) else {
        faults.push(format!("type is {}, which the tables don't know", event["type"]));
        return faults;
    };
    let data = &event["data"];
    let whole = format!("@{}", event_type.schemas);
    faults.extend(value_faults(&whole, data, Place { schemas: "", path: "", shown: "data" }));
    faults.extend(relations(event_type, event));
    faults
}

/// Faults between fields.
fn relations(event_type: &EventType, event: &Value) -> Vec<String> {
    let data = &event["data"];
    let mut faults = Vec::new();
    let mut equal = |what: &str, is: &Value, should: &Value| {
        if is != should {
            faults.push(format!("{what} is {is}, not {should}"));
        }
    };
    if let Some(object) = event_type.object {
        equal("object.type", &event["object"]["type"], &object.into());
    }
    if let Some(status) = event_type.status {
        equal("data.status", &data["status"], &status.into());
    }
    match event_type.schemas {
        "DirectiveRun" => {
            equal("object.id", &event["object"]["id"], &data["directive_run"]["id"]);
            equal("data.environment_id", &data["environment_id"], &event["environment"]["id"]);
        }
        // The shots of an asset have no id of their own.
        "Shots" => {}
        schemas => {
            equal("object.id", &event["object"]["id"], &data["id"]);
            if schemas.starts_with("Job+") {
                let has = |field: &str| Value::from(data.get(field).is_some());
                let status = |wanted: &str| Value::from(data["status"] == wanted);
                equal("that data.outputs is there", &has("outputs"), &status("completed"));
                equal("that data.errors is there", &has("errors"), &status("errored"));
            }
        }
    }
    faults
}

/// Where a value stands: in the tables, and in the event as a reader would write it.
#[derive(Clone, Copy)]
struct Place<'a> {
    schemas: &'a str,
    path: &'a str,
    shown: &'a str,
}

impl Place<'_> {
    /// The row for the field here; the first schema that has one counts.
    fn field(self) -> Option<&'static Field> {
        self.schemas
            .split('+')
            .find_map(|schema| FIELDS.iter().find(|field| field.schema == schema && field.path == self.path))
    }

    /// The names of the required fields of the object here.
    fn required(self) -> impl Iterator<Item = &'static str> {
        let (schemas, prefix) = (self.schemas.to_owned(), joined(self.path, ""));
        let inside = move |field: &&Field| schemas.split('+').any(|schema| schema == field.schema);
        FIELDS.iter().filter(|field| field.required).filter(inside).filter_map(move |field| {
            let name = field.path.strip_prefix(&prefix)?;
            (!name.contains(['.', '['])).then_some(name)
        })
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The faults of `value` as one of `types`: of the type that it comes nearest to.
fn value_faults(types: &str, value: &Value, place: Place<'_>) -> Vec<String> {
    let misfit = || vec![format!("{} is {}, not {types}", place.shown, brief(value))];
    let nearest = types.split('|').filter_map(|kind| one_type(kind, value, place)).min_by_key(Vec::len);
    nearest.unwrap_or_else(misfit)
}

/// The faults inside `value` as a `kind`; `None`: it is no such thing at all.
fn one_type(kind: &str, value: &Value, place: Place<'_>) -> Option<Vec<String>> {
    match (kind, value) {
        ("object", Value::Object(map)) => Some(object_faults(map, place)),
        ("array", Value::Array(list)) => Some(array_faults(list, place)),
        _ => match (kind.strip_prefix('@'), value) {
            (Some(schemas), Value::Object(map)) => {
                Some(object_faults(map, Place { schemas, path: "", ..place }))
            }
            (Some(_), _) => None,
            (None, _) => is_plain(kind, value).then(Vec::new),
        },
    }
}

fn is_plain(kind: &str, value: &Value) -> bool {
    match kind {
        "object" | "array" => false,
        "any" => true,
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "uuid" => like(value, "hhhhhhhh-hhhh-4hhh-vhhh-hhhhhhhhhhhh"),
        "instant" => like(value, "dddd-dd-ddTdd:dd:dd.ddddddZ"),
        "environment" => like(value, "aaaaaa"),
        literal => value == literal,
    }
}

/// Whether `value` is a string like `form`, where `d` is a digit, `h` a lower-case hexadecimal one, `v` the variant
/// of a UUID, `a` a digit or a lower-case letter, and all else that very character.
fn like(value: &Value, form: &str) -> bool {
    let fits = |(form, byte): (u8, u8)| match form {
        b'd' => byte.is_ascii_digit(),
        b'h' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        b'v' => matches!(byte, b'8' | b'9' | b'a' | b'b'),
        b'a' => byte.is_ascii_digit() || byte.is_ascii_lowercase(),
        _ => byte == form,
    };
    let Some(text) = value.as_str() else { return false };
    text.len() == form.len() && form.bytes().zip(text.bytes()).all(fits)
}

fn object_faults(map: &Map<String, Value>, place: Place<'_>) -> Vec<String> {
    let missing = place.required().filter(|name| !map.contains_key(*name));
    let mut faults: Vec<_> =
        missing.map(|name| format!("{} is missing", joined(place.shown, name))).collect();
    for (name, value) in map {
        let shown = joined(place.shown, name);
        // A name that looks like a path is none.
        let names = if name.contains(['.', '[']) { ["*", "*"] } else { [name.as_str(), "*"] };
        let row = |name: &&str| Place { path: &joined(place.path, name), ..place }.field();
        match names.iter().find_map(row) {
            Some(field) => {
                let at = Place { path: field.path, shown: &shown, ..place };
                faults.extend(value_faults(field.types, value, at));
            }
            None => faults.push(format!("{shown} is unknown")),
        }
    }
    faults
}

fn array_faults(list: &[Value], place: Place<'_>) -> Vec<String> {
    let path = format!("{}[]", place.path);
    let types = Place { path: &path, ..place }.field().map_or("array without a row", |field| field.types);
    let element = |(index, value)| {
        let shown = format!("{}[{index}]", place.shown);
        value_faults(types, value, Place { path: &path, shown: &shown, ..place })
    };
    list.iter().enumerate().flat_map(element).collect()
}

/// A value in few characters.
fn brief(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        plain => plain.to_string().chars().take(60).collect(),
    }
}
