use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;

fn holds(filter: &str, body: impl AsRef<[u8]>) -> bool {
    Match::parse(filter).unwrap().holds(body.as_ref())
}

const EVENT: &str = r#"{"type":"video.asset.ready","object":{"type":"asset","id":"abc"},"id":"e1",
    "environment":{"name":"Production","id":"env"},
    "data":{"tracks":[{"type":"video","max_width":1920},{"type":"audio","max_channels":2}],
        "status":"ready","playback_ids":[{"policy":"public","id":"p1"}],"passthrough":"alice, ci 42",
        "meta":{"creator_id":"caf\u00e9","title":""},"duration":23.10,"test":false,"master":null,
        "errors":{"messages":["one","two"]},"grid":[[1,2],[3]]},"attempts":[]}"#;

#[test]
fn a_field_is_found_by_its_path() {
    for filter in [
        "type=video.asset.*",
        "data.passthrough=alice*",
        "data.passthrough=alice, ci 4?",
        "data.meta.creator_id=café",
        "data.meta.title=",
        "data.tracks.0.type=video",
        "data.tracks.1.type=audio",
        "data.duration=23.10",
        "data.test=false",
        "data.master=null",
        "data.tracks.0.max_width=1???",
    ] {
        assert!(holds(filter, EVENT), "{filter}");
    }
    for filter in [
        "type=*.created",
        "data.passthrough=alice",
        "data.meta.creator_id=Café",
        "data.meta.title=?*",
        "data.tracks.0.type=audio",
        "data.tracks.2.type=*",
        "data.tracks.-1.type=*",
        "data.duration=23.1",
        "data.master=",
        "data.nothing=*",
        "passthrough=*",
        "data.passthrough.0=*",
        "data.status.status=*",
    ] {
        assert!(!holds(filter, EVENT), "{filter}");
    }
}

#[test]
fn a_list_without_a_place_is_any_of_its_items() {
    for filter in [
        "data.tracks.type=audio",
        "data.tracks.max_channels=2",
        "data.playback_ids.policy=public",
        "data.errors.messages=two",
        "data.errors.messages.1=two",
        "data.grid=3",
        "data.grid.0=2",
        "data.grid.1.0=3",
    ] {
        assert!(holds(filter, EVENT), "{filter}");
    }
    for filter in ["data.tracks.type=text", "data.grid.1=2", "attempts=*", "attempts.0=*", "data.grid.0.2=*"]
    {
        assert!(!holds(filter, EVENT), "{filter}");
    }
}

#[test]
fn objects_and_lists_match_nothing_themselves() {
    for path in ["data", "data.meta", "data.tracks", "data.tracks.0", "attempts"] {
        assert!(!holds(&format!("{path}=*"), EVENT), "{path}");
    }
    assert!(holds("0=x", r#"{"0":"x"}"#) && holds("0=x", r#"["x"]"#));
}

#[test]
fn the_last_of_a_repeated_key_counts() {
    assert!(holds("a=2", r#"{"a":1,"a":2}"#) && !holds("a=1", r#"{"a":1,"a":2}"#));
    assert!(!holds("a.b=1", r#"{"a":{"b":1},"a":{"c":1}}"#));
    assert!(!holds("a.b=1", r#"{"a":{"b":1},"\u0061":null}"#));
}

#[test]
fn nothing_holds_for_what_is_no_json() {
    let deep = |levels: usize| format!(r#"{{"a":1,"b":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(holds("a=1", r#" {"a" : 1 } "#) && holds("a=1", deep(127)));
    for body in [
        "",
        "a=1",
        r#"{"a":1"#,
        r#"{"a":1}x"#,
        r#"{"a":1,}"#,
        r#"{"a":1,"b":tru}"#,
        r#"{"a":1,"b":"\ud800"}"#,
        "\u{feff}{\"a\":1}",
        "{\"a\":1,\"b\":\"\u{0}\"}",
        "[1,]",
        "[,1]",
        "[1 1]",
        &deep(128),
        &deep(10_000),
        &"[".repeat(10_000),
    ] {
        assert!(!holds("a=1", body) && !holds("b=*", body) && !holds("0=*", body), "{body}");
    }
    assert!(!holds("a=1", b"{\"a\":1,\"b\":\"\xff\"}"));
}

#[test]
fn a_number_is_its_token() {
    for token in ["1e999", "-0", "12345678901234567890", "1.0E+2"] {
        assert!(holds(&format!("a={token}"), format!(r#"{{"a":{token}}}"#)), "{token}");
    }
    assert!(!holds("a=1", r#"{"a":1.0}"#) && holds("a=1", r#"{"a":"1"}"#));
}

#[test]
fn a_value_has_a_bound_and_a_large_body_is_only_read() {
    let body = |length| format!(r#"{{"a":"{}","b":"x"}}"#, "y".repeat(length));
    assert!(holds("a=y*", body(MAX_VALUE)) && !holds("a=y*", body(MAX_VALUE + 1)));
    assert!(holds("b=x", body(5 * 1024 * 1024)));
}

#[test]
fn a_filter_reads_as_it_was_written() {
    for text in ["data.passthrough=alice*", "a= b, c=d ", "a="] {
        assert_eq!(Match::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Match::parse("data.passthrough"), Err(InvalidMatch::NoGlob));
    assert_eq!(Match::parse("=x"), Err(InvalidMatch::Path(InvalidPath::Empty)));
    assert_eq!(Match::parse("a = b"), Err(InvalidMatch::Path(InvalidPath::Space)));
    assert_eq!(Match::parse("a=\u{1b}"), Err(InvalidMatch::Glob(InvalidGlob::Control)));
}

/// What a filter means, said by another parser. Its maps keep the last of a repeated key as well.
fn by_definition(text: &str, parts: &[&str], glob: &Glob) -> bool {
    match text.as_bytes()[0] {
        b'{' => {
            let members: HashMap<String, &RawValue> = serde_json::from_str(text).unwrap();
            let member = |(part, rest): (&&str, &[&str])| {
                members.get(*part).is_some_and(|value| by_definition(value.get(), rest, glob))
            };
            parts.split_first().is_some_and(|(part, rest)| member((part, rest)))
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            match parts.split_first().and_then(|(part, rest)| Some((part.parse::<usize>().ok()?, rest))) {
                Some((place, rest)) => {
                    items.get(place).is_some_and(|item| by_definition(item.get(), rest, glob))
                }
                None => items.iter().any(|item| by_definition(item.get(), parts, glob)),
            }
        }
        b'"' => parts.is_empty() && glob.matches(&serde_json::from_str::<String>(text).unwrap()),
        _ => parts.is_empty() && glob.matches(text),
    }
}

fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["null", "true", "1", "-0.10", "1e3", r#""a""#, r#""\u0061b""#, r#""""#])
            .prop_map(str::to_owned),
        "[ab\"\\\\é]{0,4}".prop_map(|text| Value::from(text).to_string()),
    ];
    leaf.prop_recursive(5, 60, 5, |inner| {
        let key = prop::sample::select(vec![r#""a""#, r#""b""#, r#""0""#, r#""\u0062""#]);
        let member = (key, inner.clone()).prop_map(|(key, value)| format!("{key} : {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(" ,"))),
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{ {}\n}}", members.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn agrees_with_the_definition(
        text in document(), parts in prop::collection::vec(prop::sample::select(vec!["a", "b", "0", "1"]), 1..5),
        glob in prop::sample::select(vec!["*", "a*", "", "1", "null", "?", "*b"]),
    ) {
        let filter = Match::parse(&format!("{}={glob}", parts.join("."))).unwrap();
        prop_assert_eq!(filter.holds(text.as_bytes()), by_definition(&text, &parts, &filter.glob));
    }

    #[test]
    fn no_bytes_panic(text in document(), bytes in prop::collection::vec(any::<u8>(), 0..8), at in any::<prop::sample::Index>()) {
        let mut body = text.into_bytes();
        let at = at.index(body.len());
        body.splice(at..at, bytes);
        let _ = holds("a.b=*", body);
    }
}
