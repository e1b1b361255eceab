//! What a phrase must not give away: messages may quote URLs that are signed, keys and tokens.

use serde_json::Value;

/// Most secrets of one event that are looked for.
const MOST_SECRETS: usize = 64;
/// Shorter values are no secrets, and would stand in other words by chance.
const SHORTEST_SECRET: usize = 6;
/// How names of secrets end.
const SECRETS: [&str; 7] =
    ["stream_key", "passphrase", "password", "private_key", "secret", "signature", "token"];

/// `text` without what lets somebody in: of URLs only scheme and host stay, and neither the value of a secret field
/// of `event` nor a JSON Web Token (RFC 7519) does.
pub(super) fn redact(text: &str, event: &Value) -> String {
    let mut text = text.to_owned();
    for secret in secrets(event) {
        text = text.replace(secret, "…");
    }
    let mut safe = String::with_capacity(text.len());
    for word in text.split_inclusive(ends_word) {
        let end = word.chars().next_back().filter(|char| ends_word(*char));
        push_word(&mut safe, &word[..word.len() - end.map_or(0, char::len_utf8)]);
        safe.extend(end);
    }
    safe
}

fn ends_word(char: char) -> bool {
    char.is_whitespace() || matches!(char, '"' | '\'' | '`' | '<' | '>')
}

fn push_word(safe: &mut String, word: &str) {
    let keep = match (word.find("://"), query(word), token(word)) {
        (Some(scheme), ..) => return push_url(safe, &word[..scheme], &word[scheme + 3..]),
        (None, None, None) => return safe.push_str(word),
        (None, query, token) => query.into_iter().chain(token).min().unwrap_or(0),
    };
    safe.extend([&word[..keep], "…"]);
}

/// `https://host/…`, without the name and password before the host.
fn push_url(safe: &mut String, scheme: &str, rest: &str) {
    let authority = &rest[..rest.find(['/', '?', '#', '\\', ';']).unwrap_or(rest.len())];
    let host = authority.rsplit('@').next().unwrap_or_default();
    let tail = if rest.len() > authority.len() { "/…" } else { "" };
    // What stands before the scheme may be part of another URL's query.
    let scheme = &scheme[scheme.rfind(['?', '&', '=']).map_or(0, |before| before + 1)..];
    safe.extend([scheme, "://", host, tail]);
}

/// Where a query begins, or the value of a secret: `path?token=…`, `stream_key=…`.
fn query(word: &str) -> Option<usize> {
    let equals = word.find('=')?;
    let name = word[..equals].to_ascii_lowercase();
    let secret = SECRETS.iter().any(|secret| name.ends_with(secret)).then_some(equals + 1);
    word[..equals].find('?').map(|mark| mark + 1).or(secret)
}

/// Where a JSON Web Token begins: `{"` in Base64, and much more.
fn token(word: &str) -> Option<usize> {
    word.find("eyJ").filter(|begin| word.len() - begin >= 32)
}

/// The values of secret fields, wherever they stand.
fn secrets(event: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    let mut ahead = vec![event];
    while let (Some(value), true) = (ahead.pop(), found.len() < MOST_SECRETS) {
        match value {
            Value::Array(values) => ahead.extend(values),
            Value::Object(fields) => {
                ahead.extend(fields.values());
                let secret =
                    |key: &str| SECRETS.iter().any(|secret| key.to_ascii_lowercase().ends_with(secret));
                let values =
                    fields.iter().filter(|(key, _)| secret(key)).filter_map(|(_, value)| value.as_str());
                found.extend(values.filter(|value| value.len() >= SHORTEST_SECRET));
            }
            _ => {}
        }
    }
    // The longer first: one secret may begin with another.
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::redact;

    fn safe(text: &str) -> String {
        redact(text, &json!({}))
    }

    #[test]
    fn urls_keep_their_host() {
        for (text, expected) in [
            ("plain words, even a=b or what?", "plain words, even a=b or what?"),
            ("from https://a.example/x.mp4?sig=abc failed", "from https://a.example/… failed"),
            ("'https://a.example/x' -- black", "'https://a.example/…' -- black"),
            ("https://a.example", "https://a.example"),
            ("https://me:pw@a.example/x", "https://a.example/…"),
            ("https://a.example\\@b/x", "https://a.example/…"),
            ("rtmp://a.example:1935/live/key", "rtmp://a.example:1935/…"),
            ("/x.m3u8?token=abc", "/x.m3u8?…"),
            ("/go?to=https://a.example/x", "https://a.example/…"),
            ("stream_key=abc", "stream_key=…"),
            ("://", "://"),
        ] {
            assert_eq!(safe(text), expected, "{text}");
        }
    }

    #[test]
    fn tokens_go() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        assert_eq!(safe(&format!("bad token:{token} given")), "bad token:… given");
        assert_eq!(safe("eyJ is a word"), "eyJ is a word");
    }

    #[test]
    fn secrets_of_the_event_go_wherever_they_are_quoted() {
        let event = json!({"data": {
            "stream_key": "key-1234", "srt_passphrase": "hush-hush",
            "simulcast_targets": [{"stream_key": "key-1234-5678"}], "signing_secret": 7, "token": ""
        }});
        let text = "key-1234-5678 and xkey-1234x, hush-hush";
        assert_eq!(redact(text, &event), "… and x…x, …");
    }
}
