//! One line of a dotenv file (`.env`): how it is read, and how it is written so that others read the same.
//!
//! A line is `NAME=value`, perhaps with `export` before it, and blanks anywhere around the parts. The value is
//! - in single quotes: what stands between them;
//! - in double quotes: the same, where `\n`, `\r`, `\"` and `\\` are escapes;
//! - else the rest of the line, up to a `#` that begins it or has a blank before it, without the blanks around it.
//!
//! Behind the closing quote only a comment may follow; a value whose quote is not closed that way is read as if it
//! had none. A value ends with its line. Nothing is interpolated: `$` is a dollar sign. Of a repeated variable the last one counts.

use std::ops::Range;

/// What a file may begin with on Windows.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The value of `name` in the file's `text`; `None` when it is not set there.
#[must_use]
pub fn read(text: &str, name: &str) -> Option<String> {
    let place = place(text, name)?;
    Some(meaning(&text[place]))
}

/// The file's `text` with `name` set to `value`. The last line that sets it gets the new value, whatever else
/// stands in that line; without one, a line is added at the end. Every other byte stays, line endings too.
#[must_use]
pub fn set(text: &str, name: &str, value: &str) -> String {
    let value = quoted(value);
    if let Some(place) = place(text, name) {
        let (before, behind) = (&text[..place.start], &text[place.end..]);
        // A comment that follows closely must not become part of the value.
        let apart = value.is_empty() && before.ends_with(blank);
        let gap = if behind.starts_with('#') && !apart { " " } else { "" };
        return format!("{before}{value}{gap}{behind}");
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let complete = text.is_empty() || text.ends_with('\n');
    let separator = if complete { "" } else { line_end };
    format!("{text}{separator}{name}={value}{line_end}")
}

/// Where the value stands, its quotes with it, in the last line that sets `name`.
fn place(text: &str, name: &str) -> Option<Range<usize>> {
    let mut begin = text.len() - text.trim_start_matches(BYTE_ORDER_MARK).len();
    let mut found = None;
    for line in text[begin..].split_inclusive('\n') {
        if let Some(value) = assigned(line, name) {
            let start = begin + (line.len() - value.len());
            found = Some(start..start + length(value));
        }
        begin += line.len();
    }
    found
}

/// What stands behind `NAME=` in a line that sets `name`.
fn assigned<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let line = line.trim_start();
    let exported = line.strip_prefix("export").filter(|rest| rest.starts_with(blank)).map(str::trim_start);
    let value = exported.unwrap_or(line).strip_prefix(name)?.trim_start_matches(blank).strip_prefix('=')?;
    Some(value.trim_start_matches(blank))
}

/// How much of what stands behind the `=` is the value.
fn length(rest: &str) -> usize {
    if let Some(length) = quoted_length(rest) {
        return length;
    }
    let mut before = ' ';
    let comment = rest.char_indices().find(|(_, char)| {
        let begins = *char == '#' && before.is_whitespace();
        before = *char;
        begins
    });
    rest[..comment.map_or(rest.len(), |(at, _)| at)].trim_end().len()
}

/// The length of a value in quotes, with both of them.
fn quoted_length(rest: &str) -> Option<usize> {
    let quote = rest.chars().next().filter(|char| matches!(char, '"' | '\''))?;
    let mut escaped = false;
    let (end, _) = rest.char_indices().skip(1).find(|(_, char)| {
        let ends = *char == quote && !escaped;
        escaped = quote == '"' && *char == '\\' && !escaped;
        ends
    })?;
    let behind = rest[end + 1..].trim();
    (behind.is_empty() || behind.starts_with('#')).then_some(end + 1)
}

/// What a value means, as it stands with its quotes.
fn meaning(value: &str) -> String {
    match (value.chars().next(), quoted_length(value)) {
        (Some('"'), Some(length)) => unescaped(&value[1..length - 1]),
        (Some('\''), Some(length)) => value[1..length - 1].to_owned(),
        _ => value.to_owned(),
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let escape = if char == '\\' { chars.clone().next() } else { None };
        match escape {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some(same @ ('"' | '\\')) => out.push(same),
            _ => {
                out.push(char);
                continue;
            }
        }
        chars.next();
    }
    out
}

/// The value in the plainest form that reads as itself: as it is, in single quotes, or in double quotes.
fn quoted(value: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./:@%+,=~".contains(char);
    if value.chars().all(plain) {
        value.to_owned()
    } else if !value.contains(['\'', '\n', '\r']) {
        format!("'{value}'")
    } else {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("\"{}\"", escaped.replace('\r', "\\r"))
    }
}

fn blank(char: char) -> bool {
    matches!(char, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "MUX_WEBHOOK_SECRET";

    #[test]
    fn a_line_is_read_as_dotenv_readers_read_it() {
        for (text, value) in [
            ("S=abc", Some("abc")),
            ("S=abc\n", Some("abc")),
            ("S=abc\r\n", Some("abc")),
            ("\u{feff}S=abc", Some("abc")),
            ("  export\t S = abc  # mine", Some("abc")),
            ("S=abc#def", Some("abc#def")),
            ("S=#abc", Some("")),
            ("S= # abc", Some("")),
            ("S=", Some("")),
            ("S=\nT=1", Some("")),
            ("S='abc'", Some("abc")),
            ("S='a\\nb # \"c\"' # mine", Some("a\\nb # \"c\"")),
            (r#"S="abc""#, Some("abc")),
            (r#"S="a\"b\\n\nc\d" # x"#, Some("a\"b\\n\nc\\d")),
            (r#"S="abc"#, Some(r#""abc"#)),
            (r#"S="a"b"#, Some(r#""a"b"#)),
            ("S='", Some("'")),
            ("S=$HOME/${X}", Some("$HOME/${X}")),
            ("S=a=b", Some("a=b")),
            ("S=1\nS=2\nT=3", Some("2")),
            ("# S=abc", None),
            ("SS=abc", None),
            ("exportS=abc", None),
            ("S", None),
            ("S: abc", None),
            ("s=abc", None),
            ("T=S=abc", None),
            ("", None),
        ] {
            assert_eq!(read(text, "S").as_deref(), value, "{text}");
        }
    }

    #[test]
    fn one_variable_is_set_and_every_other_byte_stays() {
        for (before, after) in [
            ("", "MUX_WEBHOOK_SECRET=new\n"),
            ("A=1", "A=1\nMUX_WEBHOOK_SECRET=new\n"),
            ("A=1\r\nB=2\r\n", "A=1\r\nB=2\r\nMUX_WEBHOOK_SECRET=new\r\n"),
            ("# MUX_WEBHOOK_SECRET=\n", "# MUX_WEBHOOK_SECRET=\nMUX_WEBHOOK_SECRET=new\n"),
            ("MUX_WEBHOOK_SECRET=old", "MUX_WEBHOOK_SECRET=new"),
            ("MUX_WEBHOOK_SECRET=\nB=2", "MUX_WEBHOOK_SECRET=new\nB=2"),
            ("MUX_WEBHOOK_SECRET=\r\nB=2", "MUX_WEBHOOK_SECRET=new\r\nB=2"),
            (
                "\u{feff} export MUX_WEBHOOK_SECRET = \"old\"  # mine\r\n\r\nB = 'x'",
                "\u{feff} export MUX_WEBHOOK_SECRET = new  # mine\r\n\r\nB = 'x'",
            ),
            ("MUX_WEBHOOK_SECRET=# mine\n", "MUX_WEBHOOK_SECRET=new # mine\n"),
            ("MUX_WEBHOOK_SECRET='old'# mine\n", "MUX_WEBHOOK_SECRET=new # mine\n"),
            (
                "MUX_WEBHOOK_SECRET=1\nB=2\nMUX_WEBHOOK_SECRET=2 # x\n",
                "MUX_WEBHOOK_SECRET=1\nB=2\nMUX_WEBHOOK_SECRET=new # x\n",
            ),
        ] {
            assert_eq!(set(before, NAME, "new"), after);
        }
    }

    #[test]
    fn setting_the_same_again_changes_nothing() {
        for (before, after) in [("S=#\n", "S= #\n"), ("S= #\n", "S= #\n"), ("S=a #\n", "S= #\n")] {
            assert_eq!(set(before, "S", ""), after);
        }
    }

    #[test]
    fn quotes_stand_where_they_are_needed() {
        for (value, line) in [
            ("abc-1_2=", "S=abc-1_2=\n"),
            ("", "S=\n"),
            ("a b#$c", "S='a b#$c'\n"),
            ("it's", "S=\"it's\"\n"),
            ("a\nb", "S=\"a\\nb\"\n"),
        ] {
            assert_eq!(set("", "S", value), line);
        }
    }

    fn file() -> impl Strategy<Value = String> {
        let line =
            prop_oneof!["(export )?(S|T) ?= ?[ab\"'#\\\\ ]{0,6}", "[A-Z#=' ]{0,5}", Just(String::new()),];
        prop::collection::vec((line, prop::sample::select(vec!["\n", "\r\n", ""])), 0..6)
            .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
    }

    proptest! {
        #[test]
        fn what_was_set_is_read_and_the_rest_is_as_before(text in file(), value in "[ab#'\"\\\\ \n]{0,4}|[a-z0-9]{1,5}|.{0,9}") {
            let changed = set(&text, "S", &value);
            prop_assert_eq!(read(&changed, "S"), Some(value.clone()));
            prop_assert_eq!(read(&changed, "T"), read(&text, "T"));
            prop_assert_eq!(set(&changed, "S", &value), changed);
        }
    }
}
