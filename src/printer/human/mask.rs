//! What a person is not shown unless she asks for it: whoever looks over her shoulder sees it too.

use std::borrow::Cow;

/// Fields whose value lets somebody in.
const HEADERS: [&str; 6] =
    ["authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key", "x-auth-token"];

/// How keys of JSON end whose value lets somebody in or through: `stream_key` and `srt_passphrase` are Mux's.
const KEYS: [&str; 6] = ["stream_key", "passphrase", "password", "private_key", "secret", "token"];

/// Whether a header's value is a secret.
pub(super) fn is_secret_header(name: &str) -> bool {
    HEADERS.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// Whether the value of `key`, a JSON string with its quotes, is a secret.
pub(super) fn is_secret_key(key: &str) -> bool {
    let key = serde_json::from_str::<String>(key).unwrap_or_default().to_ascii_lowercase();
    KEYS.iter().any(|secret| key.ends_with(secret))
}

/// `url` with `mask`, if there is one, in place of what stands before its host's `@`.
pub(super) fn without_password<'a>(url: &'a str, mask: Option<&str>) -> Cow<'a, str> {
    let (Some(mask), Some((scheme, rest))) = (mask, url.split_once("://")) else {
        return Cow::Borrowed(url);
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://{mask}{}", &rest[at..])),
        None => Cow::Borrowed(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_however_they_are_written() {
        for key in [r#""stream_key""#, r#""srt_passphrase""#, r#""signing\u005fsecret""#, r#""Access_Token""#]
        {
            assert!(is_secret_key(key), "{key}");
        }
        for key in [r#""id""#, r#""upload_id""#, r#""token_id""#, r#""key""#] {
            assert!(!is_secret_key(key), "{key}");
        }
        assert!(is_secret_header("Authorization") && !is_secret_header("mux-signature"));
    }

    #[test]
    fn a_url_keeps_its_place_and_loses_its_password() {
        assert_eq!(
            without_password("http://ann:pw@[::1]:3000/a@b?c=@", Some("**")),
            "http://**@[::1]:3000/a@b?c=@"
        );
        assert_eq!(without_password("http://localhost/a@b", Some("**")), "http://localhost/a@b");
        assert_eq!(without_password("http://ann:pw@x/", None), "http://ann:pw@x/");
    }
}
