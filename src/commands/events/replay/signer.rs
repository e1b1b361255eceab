//! Which signature a delivery is sent again with. Pure, save that it asks what secrets there are.

use muxhook_protocol::mux::signature::{self, HEADER, Key, Verdict};
use muxhook_protocol::{Delivery, Headers};

use super::super::place::Place;
use super::super::stored::Stored;
use crate::args::EventsReplay;
use crate::config::{Project, Signing, Surroundings, signing_keys};
use crate::error::Error;
use crate::intake::anew::{Fresh, ORIGINAL, anew};

/// What the user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// What was valid when it came and is too old by now is signed anew.
    Rule,
    /// All of them are signed anew.
    Anew,
    /// None is.
    Original,
}

/// Knows the secrets.
#[derive(Debug)]
pub(super) struct Signer {
    keys: Vec<Key>,
    wish: Wish,
}

/// What a delivery is sent again with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dress {
    /// They replace all fields of their names.
    pub(super) headers: Headers,
    /// It is signed anew.
    pub(super) anew: bool,
    /// Its signature is too old, and can't be made anew.
    pub(super) unsigned: Option<Unsigned>,
}

/// Why a signature that is too old by now was not made anew, in a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsigned(pub(super) String);

/// The secrets that were given.
pub(super) fn given(args: &EventsReplay, around: &Surroundings) -> Result<Signing, Error> {
    signing_keys(&args.signing, around, &Project::find(around)?)
}

impl Signer {
    /// By the secrets that were `given`, else by those that this machine keeps for the endpoint.
    ///
    /// # Errors
    /// There is none to sign with.
    pub(super) fn of(
        args: &EventsReplay,
        given: Vec<Key>,
        place: &Place,
        around: &Surroundings,
    ) -> Result<Self, Error> {
        let keys = if given.is_empty() { place.kept_secrets(around) } else { given };
        let wish = match (args.sign, args.original_signature) {
            (true, _) if keys.is_empty() => {
                return Err(Error::usage("--sign: there is no secret to sign with")
                    .with_hint("set MUX_WEBHOOK_SECRET, or give --secret-file or --env-file"));
            }
            (true, _) => Wish::Anew,
            (_, true) => Wish::Original,
            _ => Wish::Rule,
        };
        Ok(Self { keys, wish })
    }

    /// Whether a delivery must be looked at to know what it is sent with.
    pub(super) fn is_needed(&self) -> bool {
        self.wish != Wish::Rule || !self.keys.is_empty()
    }

    /// What it is sent with at `now` (seconds since the Unix epoch).
    pub(super) fn dress(&self, stored: &Stored, now: i64) -> Dress {
        let delivery = stored.again();
        let bare = |headers, unsigned| Dress { headers, anew: false, unsigned };
        match (self.wish, self.keys.first()) {
            (Wish::Anew, Some(key)) => Dress::fresh(&Fresh::sign(&delivery, key, now)),
            (Wish::Original, _) => {
                // Whoever listens sees that it was decided.
                let original = signature::of(&delivery.headers).map(|value| (ORIGINAL, value.into_owned()));
                bare(original.into_iter().collect(), None)
            }
            _ => match anew(&delivery, stored.verdict(&self.keys), &self.keys, now) {
                Ok(Some(fresh)) => Dress::fresh(&fresh),
                Ok(None) => bare(Headers::new(), None),
                Err(why) => bare(Headers::new(), Some(Unsigned(why.message()))),
            },
        }
    }

    /// What the signature that a delivery is sent with is worth at `now`.
    pub(super) fn worth(&self, delivery: &Delivery, now: i64) -> Option<Verdict> {
        let verify = || signature::verify_request(&delivery.headers, &delivery.body, &self.keys, now);
        (!self.keys.is_empty()).then(verify)
    }
}

impl Dress {
    fn fresh(fresh: &Fresh) -> Self {
        let mut headers = Headers::new();
        headers.push(HEADER, fresh.signature.clone());
        if !fresh.original.is_empty() {
            headers.push(ORIGINAL, fresh.original.clone());
        }
        Self { headers, anew: true, unsigned: None }
    }
}

/// `headers` with all fields of the names in `by` replaced by these.
pub(super) fn replace(headers: &Headers, by: &Headers) -> Headers {
    let kept = headers.iter_shared().filter(|(name, _)| by.get(name).is_none());
    kept.chain(by.iter_shared()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::stored::tests::stored;
    use super::*;

    const ARRIVED: i64 = 1_767_225_600;

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    fn signer(secrets: &[&str], wish: Wish) -> Signer {
        Signer { keys: secrets.iter().map(|secret| key(secret)).collect(), wish }
    }

    fn signed() -> (String, Stored) {
        let value = signature::sign(&key("one"), ARRIVED, b"{}");
        let stored = stored(&[("mux-signature", value.as_bytes()), ("x-a", b"1")], b"{}");
        (value, stored)
    }

    #[test]
    fn by_the_rule_what_is_too_old_is_signed_anew_by_who_signed_it() {
        let (value, stored) = signed();
        let dress = signer(&["two", "one"], Wish::Rule).dress(&stored, ARRIVED + 400);
        let fresh = signature::sign(&key("one"), ARRIVED + 400, b"{}");
        let expected: Headers = [(HEADER, fresh), (ORIGINAL, value)].into_iter().collect();
        assert_eq!(dress, Dress { headers: expected, anew: true, unsigned: None });
        let young = signer(&["one"], Wish::Rule).dress(&stored, ARRIVED + 100);
        assert_eq!(young, Dress { headers: Headers::new(), anew: false, unsigned: None });
        let other = signer(&["two"], Wish::Rule).dress(&stored, ARRIVED + 400);
        assert!(other.headers.is_empty() && other.unsigned.is_some());
    }

    #[test]
    fn a_wish_goes_before_the_rule() {
        let (value, stored) = signed();
        let forced = signer(&["two"], Wish::Anew).dress(&stored, ARRIVED + 1);
        let fresh = signature::sign(&key("two"), ARRIVED + 1, b"{}");
        assert_eq!(forced.headers.get(HEADER), Some(fresh.as_bytes()));
        let original = signer(&["one"], Wish::Original).dress(&stored, ARRIVED + 400);
        let expected: Headers = [(ORIGINAL, value)].into_iter().collect();
        assert_eq!(original, Dress { headers: expected, anew: false, unsigned: None });
    }

    #[test]
    fn fields_are_replaced_and_all_others_stay() {
        let headers = |pairs: &[(&'static str, &'static str)]| pairs.iter().copied().collect::<Headers>();
        let all = headers(&[("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]);
        assert_eq!(replace(&all, &headers(&[("a", "9")])), headers(&[("b", "2"), ("c", "4"), ("a", "9")]));
        assert_eq!(replace(&all, &Headers::new()), all);
    }
}
