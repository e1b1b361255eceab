//! Signing anew: what goes to an app long after it arrived would be refused for its signature's age alone.
//!
//! Only what was validly signed when it arrived is signed anew, with the very secret that signed it: nobody's word is
//! made better than it was. The original stays readable beside it.

use bytes::Bytes;
use muxhook_protocol::mux::signature::{self, HEADER, Header, Key, TOLERANCE, Verdict};
use muxhook_protocol::{Delivery, Headers};

/// The header that keeps what `mux-signature` said before. Who sends it has decided: nothing is signed anew then.
pub const ORIGINAL: &str = "muxhook-original-signature";

/// Seconds left for the way to the app.
const ON_THE_WAY: i64 = 5;

/// A signature that is made anew, and the one it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// The value of `mux-signature` from now on.
    pub signature: String,
    /// What it was: the value of [`ORIGINAL`]. Empty: there was none, and the header is left out.
    pub original: Bytes,
}

/// Why a signature that is too old by now can't be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsignable {
    /// There is no secret at hand.
    NoSecret,
    /// Another secret signed it, or another body was signed.
    OtherSecret,
    /// It was too old already when it arrived.
    StaleAtArrival,
}

impl Unsignable {
    /// What is the matter, and what the user may do about it.
    #[must_use]
    pub fn message(self) -> String {
        let (why, cure) = match self {
            Self::NoSecret => (
                "there is no signing secret to sign it anew with",
                "give the secret with --secret-file, --env-file or MUX_WEBHOOK_SECRET",
            ),
            Self::OtherSecret => (
                "none of the secrets given here signed it, so it is not signed anew",
                "give that of the webhook with this very address; each webhook at Mux has one of its own",
            ),
            Self::StaleAtArrival => (
                "it was as old as that when it arrived, so it is not signed anew",
                "somebody sent an old webhook again, or a clock is wrong: compare the relay's with `date -u`",
            ),
        };
        format!(
            "an event goes to the app with a signature older than {TOLERANCE} s, which Mux's SDKs refuse: {why} ({cure})"
        )
    }
}

/// What a delivery that is owed, or sent again, is to be signed with when it goes out at `now` (seconds since the Unix
/// epoch); `None`: it goes as it came. `verdict`: what its signature was worth by `keys` as of its arrival.
///
/// # Errors
/// Its signature is too old by now, and can't be made anew: it goes as it came, and the user is to be told.
pub fn anew(
    delivery: &Delivery,
    verdict: Option<Verdict>,
    keys: &[Key],
    now: i64,
) -> Result<Option<Fresh>, Unsignable> {
    let headers = &delivery.headers;
    if headers.get(ORIGINAL).is_some() || !is_old(headers, now) {
        return Ok(None);
    }
    let key = match verdict {
        None => Err(Unsignable::NoSecret),
        Some(Verdict::Valid { key, .. }) => keys.get(key).ok_or(Unsignable::NoSecret),
        Some(Verdict::Stale { .. }) => Err(Unsignable::StaleAtArrival),
        Some(Verdict::Invalid(_) | Verdict::Missing) => Err(Unsignable::OtherSecret),
    };
    key.map(|key| Some(Fresh::sign(delivery, key, now)))
}

/// Whether the signature is too old for Mux's SDKs, or about to be. What is no signature is refused at any age.
fn is_old(headers: &Headers, now: i64) -> bool {
    let value = signature::of(headers);
    let header = value.as_deref().and_then(|value| Header::parse(value).ok());
    header.is_some_and(|header| now.saturating_sub(header.timestamp) > TOLERANCE - ON_THE_WAY)
}

impl Fresh {
    /// Signs the body with `key` at `now` (seconds since the Unix epoch), whatever it was signed with.
    #[must_use]
    pub fn sign(delivery: &Delivery, key: &Key, now: i64) -> Self {
        let original = signature::of(&delivery.headers).map(|value| Bytes::copy_from_slice(&value));
        Self { signature: signature::sign(key, now, &delivery.body), original: original.unwrap_or_default() }
    }

    /// The headers with this signature: where the old one stood, else at the end; the original behind all others.
    /// No other field is touched.
    #[must_use]
    pub fn apply(&self, headers: &Headers) -> Headers {
        let mut signed = Headers::with_capacity(headers.len() + 2);
        let mut fresh = Some(self.signature.clone());
        for (name, value) in headers.iter_shared() {
            if name.eq_ignore_ascii_case(HEADER) {
                if let Some(fresh) = fresh.take() {
                    signed.push(name.clone(), fresh);
                }
            } else if !name.eq_ignore_ascii_case(ORIGINAL) {
                signed.push(name.clone(), value.clone());
            }
        }
        if let Some(fresh) = fresh {
            signed.push(HEADER, fresh);
        }
        if !self.original.is_empty() {
            signed.push(ORIGINAL, self.original.clone());
        }
        signed
    }
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::DeliveryId;
    use muxhook_protocol::mux::signature::{Fault, sign, verify_request};
    use proptest::prelude::*;

    use super::*;

    const ARRIVED: i64 = 1_790_000_000;
    const BODY: &[u8] = br#"{"type":"video.asset.ready"}"#;

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    fn delivery(headers: Headers, body: impl Into<Bytes>) -> Delivery {
        Delivery {
            id: DeliveryId::new(1, &[1; 10]),
            seq: 1,
            received_at: u64::try_from(ARRIVED).unwrap() * 1000,
            attempt: 2,
            method: "POST".into(),
            path: "".into(),
            query: None,
            headers,
            owed: true,
            replayed: false,
            body: body.into(),
        }
    }

    /// A delivery signed by `secret` so many seconds before it arrived.
    fn signed(secret: &str, ago: i64) -> Delivery {
        delivery([(HEADER, sign(&key(secret), ARRIVED - ago, BODY))].into_iter().collect(), BODY)
    }

    fn at(delivery: &Delivery, keys: &[Key], now: i64) -> Result<Option<Fresh>, Unsignable> {
        let verdict =
            (!keys.is_empty()).then(|| verify_request(&delivery.headers, &delivery.body, keys, ARRIVED));
        anew(delivery, verdict, keys, now)
    }

    #[test]
    fn it_is_signed_anew_once_it_is_old_by_the_secret_that_signed_it() {
        let keys = [key("one"), key("two")];
        for (ago, after, expected) in [
            (0, 0, false),
            (0, 295, false),
            (0, 296, true),
            (290, 5, false),
            (290, 6, true),
            (300, 0, true),
            (-60, 355, false),
            (-60, 356, true),
            (0, 86_400, true),
            (0, -86_400, false),
        ] {
            let fresh = at(&signed("two", ago), &keys, ARRIVED + after);
            let by_two = sign(&keys[1], ARRIVED + after, BODY);
            let is_by_two = fresh.unwrap().map(|fresh| fresh.signature == by_two);
            assert_eq!(is_by_two, expected.then_some(true), "signed {ago} s before, sent {after} s after");
        }
    }

    #[test]
    fn what_was_not_valid_is_not_made_so_and_the_reason_is_said() {
        let hour = ARRIVED + 3600;
        let keys = [key("one")];
        let why = |delivery: &Delivery, keys: &[Key]| at(delivery, keys, hour).unwrap_err();
        let reasons =
            [why(&signed("one", 0), &[]), why(&signed("two", 0), &keys), why(&signed("one", 301), &keys)];
        assert_eq!(reasons, [Unsignable::NoSecret, Unsignable::OtherSecret, Unsignable::StaleAtArrival]);
        insta::assert_snapshot!(reasons.map(Unsignable::message).join("\n"), @r"
        an event goes to the app with a signature older than 300 s, which Mux's SDKs refuse: there is no signing secret to sign it anew with (give the secret with --secret-file, --env-file or MUX_WEBHOOK_SECRET)
        an event goes to the app with a signature older than 300 s, which Mux's SDKs refuse: none of the secrets given here signed it, so it is not signed anew (give that of the webhook with this very address; each webhook at Mux has one of its own)
        an event goes to the app with a signature older than 300 s, which Mux's SDKs refuse: it was as old as that when it arrived, so it is not signed anew (somebody sent an old webhook again, or a clock is wrong: compare the relay's with `date -u`)
        ");
        let forged = anew(&signed("one", 0), Some(Verdict::Invalid(Fault::NoMatch)), &keys, hour);
        assert_eq!(forged, Err(Unsignable::OtherSecret), "the verdict counts");
        let gone = anew(&signed("one", 0), Some(Verdict::Valid { age: 0, key: 7 }), &keys, hour);
        assert_eq!(gone, Err(Unsignable::NoSecret));
    }

    #[test]
    fn what_is_no_signature_goes_as_it_came() {
        for header in [None, Some("t=1"), Some(""), Some("v1=aa")] {
            let headers: Headers = header.map(|value| (HEADER, value)).into_iter().collect();
            let unsigned = delivery(headers, BODY);
            assert_eq!(at(&unsigned, &[key("one")], ARRIVED + 3600), Ok(None), "{header:?}");
            assert_eq!(at(&unsigned, &[], ARRIVED + 3600), Ok(None), "{header:?}");
        }
    }

    #[test]
    fn who_sends_an_original_has_decided() {
        let mut delivery = signed("one", 0);
        delivery.headers.push("Muxhook-Original-Signature", "t=1,v1=aa");
        assert_eq!(at(&delivery, &[key("one")], ARRIVED + 3600), Ok(None));
        assert_eq!(at(&delivery, &[], ARRIVED + 3600), Ok(None));
    }

    #[test]
    fn the_signature_takes_the_place_of_the_old_ones() {
        let by_one = sign(&key("one"), ARRIVED, BODY);
        let headers = [("a", "1"), ("mux-signature", &by_one), ("b", "2"), ("mux-signature", "t=2,v1=bb")];
        let delivery = delivery(headers.into_iter().map(|(n, v)| (n, v.to_owned())).collect(), BODY);
        let fresh = Fresh::sign(&delivery, &key("two"), 7);
        let by_two = sign(&key("two"), 7, BODY);
        let original = format!("{by_one}, t=2,v1=bb");
        let expected = [("a", "1"), ("mux-signature", &by_two), ("b", "2"), (ORIGINAL, &original)];
        let expected: Headers = expected.into_iter().map(|(n, v)| (n, v.to_owned())).collect();
        assert_eq!(fresh.apply(&delivery.headers), expected);

        let forced = Fresh::sign(&super::tests::delivery(Headers::new(), BODY), &key("two"), 7);
        let expected: Headers = [(HEADER, by_two)].into_iter().collect();
        assert_eq!(forced.apply(&Headers::new()), expected, "what had none has no original");
    }

    proptest! {
        #[test]
        fn what_is_signed_anew_is_valid_then_and_nothing_else_is_touched(
            body in prop::collection::vec(any::<u8>(), 0..300),
            others in prop::collection::vec(("[a-z-]{1,12}", prop::collection::vec(any::<u8>(), 0..20)), 0..6),
            place in 0..6usize,
            (ago, after) in (-1000..300i64, 296..2_000_000i64),
        ) {
            let keys = [key("one"), key("two")];
            let value = sign(&keys[1], ARRIVED - ago, &body);
            let mut pairs: Vec<(String, Vec<u8>)> = others;
            pairs.retain(|(name, _)| name != HEADER && name != ORIGINAL);
            pairs.insert(place.min(pairs.len()), (HEADER.to_owned(), value.clone().into_bytes()));
            let delivery = delivery(pairs.iter().cloned().collect(), body.clone());
            let now = ARRIVED - ago.min(0) + after;

            let fresh = at(&delivery, &keys, now).unwrap().unwrap();
            let headers = fresh.apply(&delivery.headers);
            prop_assert_eq!(
                verify_request(&headers, &body, &keys, now + ON_THE_WAY),
                Verdict::Valid { age: ON_THE_WAY, key: 1 }
            );
            prop_assert_eq!(headers.get(ORIGINAL), Some(value.as_bytes()));
            let rest = |headers: &Headers| -> Headers {
                let kept = |name: &str| name != HEADER && name != ORIGINAL;
                headers.iter_shared().filter(|(name, _)| kept(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
            };
            prop_assert_eq!(rest(&headers), rest(&delivery.headers));
            prop_assert_eq!(headers.len(), delivery.headers.len() + 1);
        }
    }
}
