//! A delivery as a command of a POSIX shell that sends it once more with curl, byte for byte. Pure.

use muxhook_protocol::Delivery;
use muxhook_protocol::headers::{connection_tokens, is_hop_by_hop};

use super::shell::{MOST, plain, printf, quoted, word};
use crate::forwarder::Target;

/// What curl says of itself unless it is told not to.
const CURLS_OWN: [&str; 3] = ["Accept", "User-Agent", "Content-Type"];

/// Bodies above this, in bytes, make a curl that is old ask first whether they may come.
const ASKS: usize = 1024;

/// The command that sends `delivery` to `target`.
pub(super) fn command(target: &Target, delivery: &Delivery) -> String {
    let (before, data) = body(&delivery.body);
    // Brackets and dots in the path are sent as they stand.
    let mut words = vec![format!("{before}curl --globoff --path-as-is")];
    if delivery.method != "POST" {
        words.push(format!("--request {}", word(delivery.method.as_bytes())));
    }
    words.push(format!("--url {}", word(target.url_for(delivery).as_bytes())));
    words.extend(headers(delivery).iter().map(|line| format!("--header {}", word(line))));
    words.push(format!("--data-binary {data}"));
    words.join(" \\\n  ")
}

/// What stands before the command, and what it takes for the body.
fn body(body: &[u8]) -> (String, String) {
    match plain(body) {
        // An @ at the beginning would name a file.
        Some(text) if text.len() <= MOST && !text.starts_with('@') => (String::new(), quoted(text)),
        _ => (format!("{} | ", printf(body)), "@-".to_owned()),
    }
}

/// The fields as curl takes them: those that came save hop-by-hop ones and those that curl makes, and a word for each
/// that it must not make.
fn headers(delivery: &Delivery) -> Vec<Vec<u8>> {
    let fields = &delivery.headers;
    let connection: Vec<&[u8]> = fields
        .iter()
        .filter(|(name, _)| *name == "connection")
        .flat_map(|(_, value)| connection_tokens(value))
        .collect();
    let travels = |name: &str| {
        !is_hop_by_hop(name)
            && !matches!(name, "host" | "content-length" | "expect")
            && !connection.iter().any(|token| token.eq_ignore_ascii_case(name.as_bytes()))
    };
    let line = |(name, value): (&str, &[u8])| match value {
        // With a colon and nothing behind it curl would send no such field.
        [] => [name.as_bytes(), b";"].concat(),
        value => [name.as_bytes(), b": ", value].concat(),
    };
    let mut lines: Vec<_> = fields.iter().filter(|(name, _)| travels(name)).map(line).collect();
    let absent = CURLS_OWN.iter().filter(|own| fields.get(own).is_none());
    lines.extend(absent.map(|own| format!("{own}:").into_bytes()));
    if delivery.body.len() > ASKS {
        lines.push(b"Expect:".to_vec());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::super::stored::tests::stored;
    use super::*;

    #[test]
    fn a_command_is_one_that_a_person_can_read() {
        let headers: &[(&str, &[u8])] = &[
            ("content-type", b"application/json"),
            ("host", b"h.example"),
            ("connection", b"x-hop"),
            ("x-hop", b"1"),
            ("x-empty", b""),
            ("x-bytes", b"caf\xe9"),
            ("user-agent", b"Mux"),
        ];
        let mut delivery = stored(headers, br#"{"it's":1}"#).delivery();
        (delivery.path, delivery.query) = ("/a/../[b]".into(), Some("q='".into()));
        let target = Target::parse("3000/base").unwrap();
        insta::assert_snapshot!(command(&target, &delivery), @r#"
        curl --globoff --path-as-is \
          --url 'http://localhost:3000/base/a/../[b]?q='\''' \
          --header 'content-type: application/json' \
          --header 'x-empty;' \
          --header "$(printf 'x-bytes: caf\351')" \
          --header 'user-agent: Mux' \
          --header 'Accept:' \
          --data-binary '{"it'\''s":1}'
        "#);
    }

    #[test]
    fn what_is_no_plain_text_goes_through_a_pipe() {
        let of = |bytes: &[u8]| command(&Target::parse("3000").unwrap(), &stored(&[], bytes).delivery());
        assert!(of(b"a\0b").starts_with(r"printf 'a\000b' | curl "));
        assert!(of(b"@/etc/passwd").starts_with("printf %s '@/etc/passwd' | curl "));
        assert!(of(b"@/etc/passwd").ends_with("--data-binary @-"));
        assert!(of(&vec![b'x'; MOST + 1]).starts_with("printf %s 'xxx"));
        assert!(of(b"").ends_with("--data-binary ''"));
    }
}
