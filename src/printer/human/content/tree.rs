//! JSON laid out for reading: its tokens as they came, secrets masked. What is no JSON on one line stays as it is, and
//! is masked where it looks like JSON.

use crate::printer::human::mask::is_secret_key;

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// All on one line.
    Line,
    /// One value a line.
    Tree,
}

/// Deeper levels are indented no further, so that hostile nesting makes no lines of mere space.
const DEEPEST: usize = 16;

/// Lays out `json`: for a tree it must be valid and without white space between its tokens. With a `mask`, it stands in
/// place of each secret. Ends soon after `limit` bytes.
pub(super) fn lay_out(json: &str, layout: Layout, mask: Option<&str>, limit: usize) -> String {
    let mut page = Page { text: String::with_capacity(json.len()), layout, depth: 0 };
    let mut rest = json;
    let mut secret = false;
    while let Some(token) = next_token(rest).filter(|_| page.text.len() <= limit) {
        rest = &rest[token.len()..];
        match (token, mask) {
            (space, _) if space.trim().is_empty() => page.text.push_str(space),
            (_, Some(mask)) if std::mem::take(&mut secret) && !matches!(token, "{" | "[" | "null") => {
                page.text.extend(["\"", mask, "\""]);
            }
            _ => page.push(token, rest),
        }
        if token.starts_with('"')
            && let Some(behind) = rest.trim_start().strip_prefix(':')
        {
            secret = is_secret_key(token);
            page.text.push_str(&rest[..rest.len() - behind.len()]);
            page.text.push_str(if layout == Layout::Tree { " " } else { "" });
            rest = behind;
        }
    }
    page.text
}

struct Page {
    text: String,
    layout: Layout,
    depth: usize,
}

impl Page {
    fn push(&mut self, token: &str, rest: &str) {
        match token {
            "{" | "[" => {
                self.text.push_str(token);
                self.depth += 1;
                if !rest.starts_with(['}', ']']) {
                    self.break_line();
                }
            }
            "}" | "]" => {
                self.depth = self.depth.saturating_sub(1);
                if !self.text.ends_with(['{', '[']) {
                    self.break_line();
                }
                self.text.push_str(token);
            }
            "," => {
                self.text.push_str(token);
                self.break_line();
            }
            value => self.text.push_str(value),
        }
    }

    fn break_line(&mut self) {
        if self.layout == Layout::Tree {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n("  ", self.depth.min(DEEPEST)));
        }
    }
}

/// The token that `json` begins with: punctuation, a string, or a number or word.
fn next_token(json: &str) -> Option<&str> {
    let length = match json.as_bytes().first()? {
        b'"' => string_length(json.as_bytes()),
        b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
        _ => word_length(json),
    };
    json.get(..length.min(json.len()))
}

/// Up to what is punctuation, or where white space begins or ends.
fn word_length(json: &str) -> usize {
    let space = json.starts_with(char::is_whitespace);
    let ends =
        |char: char| char.is_whitespace() != space || matches!(char, '{' | '}' | '[' | ']' | ',' | ':' | '"');
    json.find(ends).unwrap_or(json.len())
}

fn string_length(json: &[u8]) -> usize {
    let mut at = 1;
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tree_keeps_every_token() {
        let json = r#"{"a":[1.50,{},[],"x,\"}"],"a":{"b":null}}"#;
        let tree = lay_out(json, Layout::Tree, None, 1000);
        insta::assert_snapshot!(tree, @r#"
        {
          "a": [
            1.50,
            {},
            [],
            "x,\"}"
          ],
          "a": {
            "b": null
          }
        }
        "#);
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let json = r#"{"stream_key":"abc","k":[{"srt_passphrase":"def","token":12}],"signing\u005fsecret":"ghi","secret":{"token":"jkl","n":1},"password":null}"#;
        assert_eq!(
            lay_out(json, Layout::Line, Some("**"), 1000),
            r#"{"stream_key":"**","k":[{"srt_passphrase":"**","token":"**"}],"signing\u005fsecret":"**","secret":{"token":"**","n":1},"password":null}"#
        );
    }

    #[test]
    fn secrets_are_masked_in_what_is_nearly_json() {
        for (text, masked) in [
            (r#"{"id":"\ud800","stream_key":"abc"}"#, r#"{"id":"\ud800","stream_key":"**"}"#),
            ("{\n  \"stream_key\" : \"abc\",\n  x", "{\n  \"stream_key\" : \"**\",\n  x"),
            (r#"error: {"stream_key":"abc"#, r#"error: {"stream_key":"**""#),
            (r#"Unexpected token: "é\é"#, r#"Unexpected token: "é\é"#),
        ] {
            assert_eq!(lay_out(text, Layout::Line, Some("**"), 1000), masked);
        }
    }

    #[test]
    fn hostile_nesting_stays_small() {
        let json = format!("{}{}{}", "[".repeat(128), vec!["1"; 100_000].join(","), "]".repeat(128));
        assert!(lay_out(&json, Layout::Tree, None, 10_000).len() < 10_100);
    }

    proptest! {
        #[test]
        fn any_text_stays_as_it_is_on_one_line(text in r#"([{}\[\]:,"\\ \né0]|[a-z]{1,4})*"#) {
            prop_assert_eq!(lay_out(&text, Layout::Line, None, usize::MAX), text);
        }

        #[test]
        fn on_one_line_without_a_mask_it_is_the_same(text in any::<String>(), number in any::<i64>()) {
            let json = serde_json::json!({ "k": [text, number, {}, [null, true]], text.clone(): {"x": text} }).to_string();
            prop_assert_eq!(lay_out(&json, Layout::Line, None, usize::MAX), json.clone());
            let tree = lay_out(&json, Layout::Tree, None, usize::MAX);
            let same: serde_json::Value = serde_json::from_str(&tree).unwrap();
            prop_assert_eq!(same.to_string(), json);
        }
    }
}
