//! What may change while the relay runs, and what may not.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Config, Limits, TrustedProxies};

/// Settings that take effect at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// What the relay takes on at most.
    pub limits: Limits,
    /// The peers whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: TrustedProxies,
}

impl Live {
    /// The flags by which these differ.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let (one, two) = (&self.limits, &other.limits);
        named([
            ("--max-body", one.max_body != two.max_body),
            ("--max-listeners", one.max_listeners != two.max_listeners),
            (
                "--max-connections-per-source",
                one.max_connections_per_source != two.max_connections_per_source,
            ),
            ("--rate", one.rate != two.rate),
            ("--reply-deadline", one.reply_deadline != two.reply_deadline),
            ("--grace", one.grace != two.grace),
            ("--trusted-proxy", self.trusted_proxies != other.trusted_proxies),
        ])
    }
}

/// The live settings of a relay, which all of it looks at: cheap to read, and replaced as a whole.
#[derive(Debug)]
pub struct Settings(RwLock<Arc<Live>>);

impl Settings {
    /// As they are at the start.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self(RwLock::new(Arc::new(live)))
    }

    /// As they are now. Asked for once for each piece of work, so that it goes by the same ones throughout.
    #[must_use]
    pub fn now(&self) -> Arc<Live> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has these in effect from now on. Gives back the flags by which they differ from those before.
    pub fn replace(&self, live: Live) -> Vec<&'static str> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let differences = current.differences(&live);
        *current = Arc::new(live);
        differences
    }
}

impl Config {
    /// The part of it that may change while the relay runs.
    #[must_use]
    pub fn live(&self) -> Live {
        Live { limits: self.limits, trusted_proxies: self.trusted_proxies.clone() }
    }

    /// The flags by which these differ, of those that a running relay can't take up.
    #[must_use]
    pub fn fixed_differences(&self, other: &Self) -> Vec<&'static str> {
        let token = |config: &Self| config.bootstrap_token.as_ref().map(|token| token.reveal().to_owned());
        named([
            ("--listen", self.listen != other.listen),
            ("--public-url", self.public_url != other.public_url),
            ("--data-dir", self.data_dir != other.data_dir),
            ("--tls-cert or --tls-key", self.tls != other.tls),
            ("--acme-…", self.acme != other.acme),
            ("--hold", self.hold != other.hold),
            ("--retention", self.journal.retention != other.journal.retention),
            ("--max-journal", self.journal.bytes != other.journal.bytes),
            ("--max-connections", self.limits.max_connections != other.limits.max_connections),
            ("--admin", self.admin != other.admin),
            ("--log", self.log != other.log),
            ("the bootstrap token", token(self) != token(other)),
        ])
    }
}

fn named<const N: usize>(rows: [(&'static str, bool); N]) -> Vec<&'static str> {
    rows.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::accounts::Token;

    fn config() -> Config {
        Config::embedded("data".into(), "127.0.0.1:1".parse().unwrap(), Token::random().unwrap())
    }

    #[test]
    fn what_is_replaced_is_named_and_in_effect() {
        let config = config();
        let settings = Settings::new(config.live());
        assert!(settings.replace(config.live()).is_empty());
        let (before, mut live) = (settings.now(), config.live());
        live.limits.max_body = 7;
        live.limits.grace = Duration::from_secs(1);
        live.trusted_proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(settings.replace(live.clone()), ["--max-body", "--grace", "--trusted-proxy"]);
        assert_eq!(*settings.now(), live);
        assert_eq!(
            before.limits.max_body, config.limits.max_body,
            "work under way goes by what it began with"
        );
    }

    #[test]
    fn what_can_not_change_is_named() {
        let one = config();
        assert!(one.fixed_differences(&one).is_empty());
        let mut two = one.clone();
        two.listen.push("127.0.0.1:2".parse().unwrap());
        two.hold = false;
        two.admin = Some("127.0.0.1:3".parse().unwrap());
        two.bootstrap_token = None;
        two.limits.max_body = 7;
        assert_eq!(one.fixed_differences(&two), ["--listen", "--hold", "--admin", "the bootstrap token"]);
    }
}
