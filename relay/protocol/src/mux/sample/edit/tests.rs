use super::{length, set, unset};

const BODY: &str =
    r#" {"type":"x","n":12345678901234567890123,"a":{ "t":[{"k":1.0},2], "s":"\u0041" },"b":1e999} "#;

fn path(text: &str) -> Vec<&str> {
    text.split('.').collect()
}

#[test]
fn a_change_leaves_all_else_as_it_stands() {
    for (at, value, after) in [
        ("a.t.0.k", "2", BODY.replace(r#"{"k":1.0}"#, r#"{"k":2}"#)),
        ("a.t.0.l", "2", BODY.replace(r#"{"k":1.0}"#, r#"{"l":2,"k":1.0}"#)),
        ("a.t.0.b", "2", BODY.replace(r#"{"k":1.0}"#, r#"{"k":1.0,"b":2}"#)),
        ("a.t.1", "{}", BODY.replace(r#",2]"#, r#",{}]"#)),
        ("a.t.2", "null", BODY.replace(r#",2]"#, r#",2,null]"#)),
    ] {
        assert_eq!(set(BODY, &path(at), value), Ok(after), "{at}");
    }
    let outer = r#" {"type":"x","n":1,"a":{ "t":[{"k":1.0},2], "s":"\u0041" },"b":1e999} "#;
    assert_eq!(set(BODY, &path("n"), "1").unwrap(), outer);
}

#[test]
fn a_field_goes_with_its_comma() {
    for (at, after) in [
        ("a.t.0", BODY.replace(r#"{"k":1.0},2"#, "2")),
        ("a.t.1", BODY.replace(r#",2]"#, "]")),
        ("a.t.0.k", BODY.replace(r#""k":1.0"#, "")),
        ("b", BODY.replace(r#","b":1e999"#, "")),
    ] {
        assert_eq!(unset(BODY, &path(at)), Ok(after), "{at}");
    }
}

#[test]
fn what_cannot_be_is_named() {
    for (at, set_says, unset_says) in [
        ("c", None, Some("there is no c in this event")),
        ("c.d.e", Some("there is no c in this event"), Some("there is no c in this event")),
        ("a.u.d", Some("there is no a.u in this event"), Some("there is no a.u in this event")),
        ("a.t.3", Some("there is no a.t.3 in this event"), Some("there is no a.t.3 in this event")),
        ("a.t.9.k", Some("there is no a.t.9 in this event"), Some("there is no a.t.9 in this event")),
        ("a.t.k", Some("there is no a.t.k in this event"), Some("there is no a.t.k in this event")),
        (
            "a.s.x",
            Some("a.s is neither an object nor a list: nothing can stand in it"),
            Some("a.s is neither an object nor a list: nothing can stand in it"),
        ),
        (
            "n.x.y",
            Some("n is neither an object nor a list: nothing can stand in it"),
            Some("n is neither an object nor a list: nothing can stand in it"),
        ),
    ] {
        let said = |result: Result<String, super::NoField>| result.err().map(|error| error.to_string());
        assert_eq!(said(set(BODY, &path(at), "1")).as_deref(), set_says, "{at}");
        assert_eq!(said(unset(BODY, &path(at))).as_deref(), unset_says, "{at}");
    }
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    let body = r#"{"a":1,"b":2,"a":3}"#;
    assert_eq!(set(body, &path("a"), "4").unwrap(), r#"{"a":1,"b":2,"a":4}"#);
    assert_eq!(unset(body, &path("a")).unwrap(), r#"{"b":2}"#);
}

#[test]
fn only_lists_have_a_length() {
    let body = r#"{"a":[1,{}],"b":{"c":1},"d":[],"d":null}"#;
    assert_eq!(["a", "b", "c", "d"].map(|key| length(body, key)), [Some(2), None, None, None]);
}

/// The way down is a loop: the depth of an event and of a path takes no stack.
#[test]
fn depth_does_no_harm() {
    const DEPTH: usize = 3000;
    let body = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let changed = set(&body, &path(&vec!["0"; DEPTH].join(".")), "7").unwrap();
    assert_eq!(changed, format!("{}7{}", "[".repeat(DEPTH), "]".repeat(DEPTH)));
    assert!(set(&body, &path(&vec!["0"; DEPTH + 2].join(".")), "7").is_err());
}
