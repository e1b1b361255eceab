//! Where Mux's API is, and the access token that it is asked with.

use http::HeaderValue;

use crate::error::Error;
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// Where the API is unless `MUX_BASE_URL` says otherwise.
const ORIGIN: &str = "https://api.mux.com";

/// Where access tokens are made and changed.
pub(super) const TOKENS: &str = "https://dashboard.mux.com/settings/access-tokens";

/// Where Mux's API is, and an access token for it. Its `Debug` hides the token.
#[derive(Clone, Debug)]
pub struct Access {
    pub(super) origin: RelayUrl,
    id: Secret,
    secret: Secret,
}

/// Why Mux's API can't be asked at all. Repeats none of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAccess {
    /// One of the variables is not set.
    #[error("Mux's API is asked with an access token, and {0} is not set")]
    Missing(&'static str),
    /// One of the variables holds what no token has.
    #[error("{0} holds characters that no access token has: was something else pasted?")]
    Malformed(&'static str),
    /// `MUX_BASE_URL` is no origin.
    #[error(
        "MUX_BASE_URL is not where an API can be: write one like {ORIGIN}, without a path (http:// is for this machine alone)"
    )]
    BaseUrl,
}

impl Access {
    /// From `MUX_TOKEN_ID`, `MUX_TOKEN_SECRET` and `MUX_BASE_URL`; set to nothing is the same as not set.
    ///
    /// # Errors
    /// See [`NoAccess`].
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, NoAccess> {
        let set = |name| env(name).filter(|value| !value.trim().is_empty());
        let part = |name| {
            let text = set(name).ok_or(NoAccess::Missing(name))?;
            // What ends the name in HTTP Basic (RFC 7617 §2) can be in neither.
            Secret::token(&text)
                .ok()
                .filter(|token| !token.expose().contains(':'))
                .ok_or(NoAccess::Malformed(name))
        };
        let (id, secret) = (part("MUX_TOKEN_ID")?, part("MUX_TOKEN_SECRET")?);
        let origin = set("MUX_BASE_URL").unwrap_or_else(|| ORIGIN.to_owned());
        let origin = RelayUrl::parse(&origin, false).map_err(|_| NoAccess::BaseUrl)?;
        Ok(Self { origin, id, secret })
    }

    /// What `Authorization` says (RFC 7617 §2).
    pub(super) fn basic(&self) -> Result<HeaderValue, http::Error> {
        let pair = format!("{}:{}", self.id.expose(), self.secret.expose());
        let encoded = data_encoding::BASE64.encode(pair.as_bytes());
        let mut value = HeaderValue::try_from(format!("Basic {encoded}"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl From<NoAccess> for Error {
    fn from(error: NoAccess) -> Self {
        let usage = Self::usage(error.to_string());
        match error {
            NoAccess::BaseUrl => usage,
            NoAccess::Missing(_) | NoAccess::Malformed(_) => usage.with_hint(format!(
                "make a token with the permissions System read and write at {TOKENS} (Settings, Access Tokens), \
                 and set MUX_TOKEN_ID and MUX_TOKEN_SECRET"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(pairs: &[(&str, &str)]) -> Result<Access, NoAccess> {
        Access::from_env(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned()))
    }

    const TOKEN: [(&str, &str); 2] = [("MUX_TOKEN_ID", "Aladdin"), ("MUX_TOKEN_SECRET", "opensesame")];

    #[test]
    fn a_token_is_sent_as_http_basic_and_never_shown() {
        let access = access(&TOKEN).unwrap();
        assert_eq!(access.basic().unwrap().to_str().unwrap(), "Basic QWxhZGRpbjpvcGVuc2VzYW1l");
        assert_eq!(access.origin.origin(), "https://api.mux.com");
        let shown = format!("{access:?} {:?}", access.basic().unwrap());
        assert!(!shown.contains("opensesame") && !shown.contains("QWxh"), "{shown}");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(access(&[]).unwrap_err(), NoAccess::Missing("MUX_TOKEN_ID"));
        assert_eq!(access(&TOKEN[..1]).unwrap_err(), NoAccess::Missing("MUX_TOKEN_SECRET"));
        let empty = [TOKEN[0], ("MUX_TOKEN_SECRET", " ")];
        assert_eq!(access(&empty).unwrap_err(), NoAccess::Missing("MUX_TOKEN_SECRET"));
        for value in ["a b", "a:b", "ä", "a\r\nHost: x"] {
            let pairs = [TOKEN[0], ("MUX_TOKEN_SECRET", value)];
            assert_eq!(access(&pairs).unwrap_err(), NoAccess::Malformed("MUX_TOKEN_SECRET"), "{value}");
        }
    }

    #[test]
    fn the_token_goes_nowhere_in_the_open() {
        let at = |url| access(&[TOKEN[0], TOKEN[1], ("MUX_BASE_URL", url)]);
        assert_eq!(at("http://127.0.0.1:8080/").unwrap().origin.origin(), "http://127.0.0.1:8080");
        for url in
            ["http://api.mux.com", "api.mux.com", "https://api.mux.com/v1", "https://me:pw@api.mux.com"]
        {
            let error = at(url).unwrap_err();
            assert_eq!(error, NoAccess::BaseUrl, "{url}");
            assert!(!error.to_string().contains("pw@"));
        }
    }
}
