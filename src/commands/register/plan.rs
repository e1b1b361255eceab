//! What is to be done about a webhook, going by what there is and what is wished. Pure.

use muxhook_protocol::mux::signature::Key;

use super::case::Case;
use crate::mux_api::{Webhook, WebhookId};

/// What the user wishes beside having the webhook.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// The secret of a webhook that is there.
    pub(crate) secret: Option<Key>,
    /// A webhook that is there is to be made anew.
    pub(crate) recreate: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Make one.
    Make {
        /// A secret was given, which can't be that of a new webhook.
        left_aside: bool,
    },
    /// Delete this one and make another.
    Remake(WebhookId),
    /// Take the one that is there.
    Take {
        webhook: WebhookId,
        /// It is disabled, and is to be enabled.
        enable: bool,
        /// Its secret, if it is known.
        secret: Option<Key>,
        /// The secret is not kept yet.
        keep: bool,
    },
}

impl Plan {
    pub(crate) fn of(case: &Case, wish: Wish) -> Self {
        match &case.found {
            None => Self::Make { left_aside: wish.secret.is_some() },
            Some(found) if wish.recreate => Self::Remake(found.id.clone()),
            Some(found) => Self::take(found, known(case, found), wish.secret),
        }
    }

    fn take(found: &Webhook, known: Option<Key>, given: Option<Key>) -> Self {
        let keep = given.is_some() && given != known;
        Self::Take { webhook: found.id.clone(), enable: !found.enabled, secret: given.or(known), keep }
    }

    /// What the user is told before she is asked; `None`: nothing changes at Mux.
    pub(crate) fn announcement(&self) -> Option<&'static str> {
        match self {
            Self::Make { .. } => Some("A webhook will be made at Mux:"),
            Self::Remake(_) => Some(
                "The webhook at Mux will be deleted and made anew with another secret. Whoever else checks by the old \
                 secret will refuse what Mux sends:",
            ),
            Self::Take { enable: true, .. } => Some("The webhook at Mux is disabled, and will be enabled:"),
            Self::Take { enable: false, .. } => None,
        }
    }

    /// Whether nobody here will know what Mux signs with.
    pub(crate) fn leaves_secret_unknown(&self) -> bool {
        matches!(self, Self::Take { secret: None, .. })
    }
}

/// What is kept is of use only for the very webhook that it was kept for.
fn known(case: &Case, found: &Webhook) -> Option<Key> {
    case.known.as_ref().filter(|known| known.webhook == found.id).map(|known| known.secret.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::register::address::Address;
    use crate::mux_api::Identity;
    use crate::state::Registered;

    fn id(text: &str) -> WebhookId {
        WebhookId::new(text).unwrap()
    }

    fn key(text: &str) -> Option<Key> {
        Some(Key::new(text).unwrap())
    }

    fn case(found: Option<(&str, bool)>, known: Option<&str>) -> Case {
        let address = "https://h.example/h/alice".to_owned();
        let found = found.map(|(webhook, enabled)| Webhook {
            id: id(webhook),
            address: address.clone(),
            enabled,
            signing_secret: None,
        });
        let known = known.map(|webhook| Registered {
            webhook: id(webhook),
            environment: "e1".to_owned(),
            address: address.clone(),
            secret: Key::new("kept").unwrap(),
        });
        let who = Identity {
            environment_id: "e1".to_owned(),
            environment_name: None,
            organization_name: None,
            organization_id: None,
        };
        Case { who, address: Address { endpoint: "alice".parse().unwrap(), url: address }, found, known }
    }

    fn take(enable: bool, secret: Option<Key>, keep: bool) -> Plan {
        Plan::Take { webhook: id("w1"), enable, secret, keep }
    }

    #[test]
    fn each_case_has_its_plan() {
        let (on, off) = (Some(("w1", true)), Some(("w1", false)));
        for (found, known, given, recreate, expected) in [
            (None, None, None, false, Plan::Make { left_aside: false }),
            (None, Some("w1"), None, true, Plan::Make { left_aside: false }),
            (None, None, Some("mine"), false, Plan::Make { left_aside: true }),
            (on, Some("w1"), None, false, take(false, key("kept"), false)),
            (off, Some("w1"), None, false, take(true, key("kept"), false)),
            (on, Some("w0"), None, false, take(false, None, false)),
            (on, None, None, false, take(false, None, false)),
            (on, None, Some("mine"), false, take(false, key("mine"), true)),
            (on, Some("w1"), Some("mine"), false, take(false, key("mine"), true)),
            (on, Some("w1"), Some("kept"), false, take(false, key("kept"), false)),
            (on, Some("w1"), None, true, Plan::Remake(id("w1"))),
        ] {
            let wish = Wish { secret: given.and_then(key), recreate };
            assert_eq!(
                Plan::of(&case(found, known), wish),
                expected,
                "{found:?} {known:?} {given:?} {recreate}"
            );
        }
    }

    #[test]
    fn nobody_is_asked_when_nothing_changes_at_mux() {
        assert_eq!(take(false, key("mine"), true).announcement(), None);
        assert!(take(true, None, false).announcement().is_some());
        assert!(Plan::Make { left_aside: false }.announcement().is_some());
    }
}
