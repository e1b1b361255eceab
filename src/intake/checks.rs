//! How a delivery's signature is checked, and what to say of one that is not valid.

use std::time::Duration;

use muxhook_protocol::Delivery;
use muxhook_protocol::mux::signature::{self, Fault, Key, TOLERANCE, Verdict};

/// How signatures are checked.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// The signing secrets, any of which may have signed; none: nothing is checked.
    pub keys: Vec<Key>,
    /// Refuse what is not validly signed, in place of handing it to the app.
    pub require: bool,
}

/// What speaks against a delivery's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What is wrong with it. The sender may read it.
    pub reason: String,
    /// What the user may do about it.
    pub cure: &'static str,
}

impl Checks {
    /// What the signature was worth when the delivery arrived; `None`: there is no key to tell by.
    pub(super) fn verdict(&self, delivery: &Delivery) -> Option<Verdict> {
        if self.keys.is_empty() {
            return None;
        }
        let arrived = Duration::from_millis(delivery.received_at).as_secs();
        let arrived = i64::try_from(arrived).unwrap_or(i64::MAX);
        let header = delivery.headers.get(signature::HEADER);
        Some(signature::verify(header, &delivery.body, &self.keys, arrived))
    }

    /// Why a delivery of this verdict must not reach the app; `None`: it may.
    pub(super) fn refuse(&self, verdict: Option<Verdict>) -> Option<Doubt> {
        if self.require { Doubt::of(verdict) } else { None }
    }
}

impl Doubt {
    /// What speaks against a signature of this verdict; `None` when it is valid. One that was not checked is in doubt
    /// as well.
    #[must_use]
    pub fn of(verdict: Option<Verdict>) -> Option<Self> {
        let (reason, cure) = match verdict {
            Some(Verdict::Valid { .. }) => return None,
            Some(Verdict::Stale { age, .. }) => (
                format!("the webhook was signed {age} s before it arrived, and {TOLERANCE} s are allowed"),
                "somebody sent an old webhook again, or a clock is wrong: compare the relay's with `date -u`",
            ),
            Some(Verdict::Invalid(fault @ Fault::NoMatch)) => (
                fault.to_string(),
                "each webhook at Mux has a secret of its own: is it that of the webhook with this very address?",
            ),
            Some(Verdict::Invalid(fault @ Fault::Malformed(_))) => (
                fault.to_string(),
                "Mux writes t=<unix seconds>,v1=<hex digits>: somebody else sent it, or the header was changed on its way",
            ),
            Some(Verdict::Missing) => (
                "the webhook has no mux-signature header".to_owned(),
                "Mux signs every webhook: somebody else sent it, or something before the relay takes the header out",
            ),
            None => (
                "there is no signing secret to check the webhook by".to_owned(),
                "give the secret with --secret-file, --env-file or MUX_WEBHOOK_SECRET",
            ),
        };
        Some(Self { reason, cure })
    }
}
