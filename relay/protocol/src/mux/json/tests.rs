use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::compact;

fn compacted(body: &[u8]) -> Option<String> {
    let mut out = b"before".to_vec();
    let valid = compact(body, &mut out);
    let text = String::from_utf8(out).unwrap();
    let appended = text.strip_prefix("before").unwrap();
    assert!(valid || appended.is_empty(), "a refused body left {appended:?} behind");
    valid.then(|| appended.to_owned())
}

/// The verdict of another parser, and two rules that it does not have.
fn is_acceptable(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    serde_json::from_str::<&RawValue>(text).is_ok() && depth(text) <= 128 && !has_lone_surrogate(text)
}

/// Deepest nesting of a valid JSON text.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for char in text.chars() {
        match (in_string, escaped, char) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, _, '"') => in_string = !in_string,
            (false, _, '[' | '{') => depth += 1,
            (false, _, ']' | '}') => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether some `\u` escape of a valid JSON text is half a pair.
fn has_lone_surrogate(text: &str) -> bool {
    let text = text.replace("\\\\", "");
    let mut high = false;
    for (index, piece) in text.split("\\u").enumerate() {
        let unit = if index == 0 { 0 } else { u16::from_str_radix(&piece[..4], 16).unwrap() };
        if high != (0xdc00..=0xdfff).contains(&unit) {
            return true;
        }
        high = (0xd800..=0xdbff).contains(&unit);
        if high && piece.len() > 4 {
            return true;
        }
    }
    high
}

#[test]
fn tokens_stay_as_they_came() {
    let body = b" {\n\t\"b\" : [ 1.0 , -0 , 1E+2 , 10000000000000000000000 ] ,\r\n \"a\" : \"\\u00e9 \\/ \xc3\xa9\" , \"b\" : { } , \"c\" : [ ] }\n";
    let expected =
        "{\"b\":[1.0,-0,1E+2,10000000000000000000000],\"a\":\"\\u00e9 \\/ \u{e9}\",\"b\":{},\"c\":[]}";
    assert_eq!(compacted(body).as_deref(), Some(expected));
}

#[test]
fn every_kind_of_value_stands_alone() {
    for text in
        ["null", "true", "false", "0", "-1.5e-3", "\"\"", "\"\\\"\\\\\"", "[]", "{}", "\"\\ud83d\\ude00\""]
    {
        assert_eq!(compacted(format!(" {text}\r\n").as_bytes()).as_deref(), Some(text));
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "tru e",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "NaN",
        "'a'",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "[1}",
        "{\"a\":1]",
        "[",
        "{",
        "\"",
        "\"\\",
        "\"a\nb\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u+123\"",
        "\"\\u12",
        "1 2",
        "{}{}",
        "]",
        "\u{feff}1",
        "/**/1",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\ud83d\"",
        "\"\\ud83dx\"",
        "\u{a0}1",
        "\u{b}1",
    ] {
        assert_eq!(compacted(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(compacted(b"\"\xff\""), None);
    assert_eq!(compacted(b"\"\xed\xa0\x80\""), None);
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let width = open.matches(['[', '{']).count();
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth / width), close.repeat(depth / width));
        assert_eq!(compacted(nested(128).as_bytes()), Some(nested(128)));
        let deeper = format!("[{}]", nested(128));
        assert_eq!(compacted(deeper.as_bytes()), None);
    }
    assert_eq!(compacted("[".repeat(1_000_000).as_bytes()), None);
}

#[test]
fn siblings_do_not_add_to_the_depth() {
    let body = format!("[{}[]]", "[{}],".repeat(1000));
    assert_eq!(compacted(body.as_bytes()), Some(body));
}

#[test]
fn a_control_character_is_found_wherever_it_stands_in_a_string() {
    for length in 1..40 {
        for at in 0..length {
            for (byte, valid) in
                [(0, false), (0x1f, false), (0x20, true), (0x7f, true), (b'!', true), (b'#', true)]
            {
                let mut body = vec![b'a'; length + 2];
                (body[0], body[length + 1]) = (b'"', b'"');
                body[at + 1] = byte;
                assert_eq!(compacted(&body).is_some(), valid, "{byte} at {at} of {length}");
            }
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| json!(number)),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\é]{0,12}", inner, 0..8)
                .prop_map(|map| Value::from(serde_json::Map::from_iter(map))),
        ]
    })
}

/// The text of `value` with `spaces` strewn between its tokens.
fn spread(value: &Value, spaces: &[&str]) -> String {
    let (mut out, mut in_string, mut escaped) = (String::new(), false, false);
    let mut next = spaces.iter().cycle();
    for char in value.to_string().chars() {
        let opens = char == '"' && !in_string;
        match (in_string, escaped, char) {
            (true, true, _) => escaped = false,
            (true, false, '\\') => escaped = true,
            (_, _, '"') => in_string = !in_string,
            _ => {}
        }
        let edge = "[]{},:".contains(char) && !in_string;
        if edge || opens {
            out.push_str(next.next().unwrap_or(&""));
        }
        out.push(char);
        if edge {
            out.push_str(next.next().unwrap_or(&""));
        }
    }
    out
}

fn spaces() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(
        prop::sample::select(vec!["", " ", "\n", "\t", "\r\n", "    ", "\n          "]),
        0..9,
    )
}

/// Pieces that, put in anywhere, make or break JSON.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: [&[u8]; 25] = [
        b"",
        b"\"",
        b"\\",
        b"\\u00",
        b"\\ud800",
        b"\\udc00",
        b"\\ud83d\\ude00",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"0",
        b"-",
        b".",
        b"e",
        b"+",
        b" ",
        b"\n",
        b"\0",
        b"\xff",
        b"null",
        b"[[",
        b"1e999",
    ];
    prop_oneof![
        3 => prop::sample::select(known.to_vec()).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}

proptest! {
    #[test]
    fn white_space_alone_goes(value in value(), spaces in spaces()) {
        prop_assert_eq!(compacted(spread(&value, &spaces).as_bytes()), Some(value.to_string()));
    }

    #[test]
    fn agrees_with_another_parser_on_broken_json(
        value in value(),
        spaces in spaces(),
        breaks in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..3, piece()), 1..4),
    ) {
        let mut body = spread(&value, &spaces).into_bytes();
        for (index, cut, piece) in breaks {
            let at = index.index(body.len() + 1);
            let end = body.len().min(at + cut);
            body.splice(at..end, piece);
        }
        let compacted = compacted(&body);
        prop_assert_eq!(compacted.is_some(), is_acceptable(&body), "{}", String::from_utf8_lossy(&body));
        if let Some(text) = compacted {
            let before = serde_json::from_slice::<Value>(&body).ok();
            prop_assert_eq!(before, serde_json::from_str(&text).ok());
        }
    }

    #[test]
    fn agrees_with_another_parser_on_any_bytes(body in prop::collection::vec(prop::sample::select(b"{}[]\",:\\u0e-.1 \nd8tn".to_vec()), 0..24)) {
        prop_assert_eq!(compacted(&body).is_some(), is_acceptable(&body));
    }
}
