use proptest::prelude::*;

use super::*;

/// The vectors in the tests of Mux's own SDKs: secret, `t`, body, `v1`.
const VECTORS: [(&str, i64, &[u8], &str); 3] = [
    (
        "SuperSecret123",
        1_565_125_718,
        br#"{"test":"body"}"#,
        "854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7",
    ),
    (
        "SuperSecret123",
        1_565_125_718,
        br#"{"test":{"nested":{"nanos":718234, "seconds":1691711005}}}"#,
        "bd315c24bce1c2b8ad325696f26530c8ef7d7d830afb7c1381903705d04607be",
    ),
    (
        "SuperSecret123",
        1_591_664_030,
        b"payload",
        "e43496b6aae982c4c2fd6f8e92935f1d90216f1f64d56024e72390acfb988272",
    ),
];

const T: i64 = 1_565_125_718;
const BODY: &[u8] = VECTORS[0].2;
const V1: &str = VECTORS[0].3;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn verdict(header: impl AsRef<[u8]>, now: i64) -> Verdict {
    verify(Some(header.as_ref()), BODY, &[key("SuperSecret123")], now)
}

#[test]
fn the_vectors_of_the_sdks_hold() {
    for (secret, timestamp, body, v1) in VECTORS {
        let header = sign(&key(secret), timestamp, body);
        assert_eq!(header, format!("t={timestamp},v1={v1}"));
        let verdict = verify(Some(header.as_bytes()), body, &[key(secret)], timestamp + 1);
        assert_eq!(verdict, Verdict::Valid { age: 1, key: 0 });
    }
}

/// Each row as the Node SDK decides it (`webhooks.ts`: `parseHeader`, `verifySignature`).
#[test]
fn headers_are_read_as_the_sdk_reads_them() {
    const OK: Verdict = Verdict::Valid { age: 0, key: 0 };
    const NO_MATCH: Verdict = Verdict::Invalid(Fault::NoMatch);
    const NO_T: Verdict = Verdict::Invalid(Fault::Malformed(Malformed::NoTimestamp));
    const NO_V1: Verdict = Verdict::Invalid(Fault::Malformed(Malformed::NoSignature));
    let upper = V1.to_uppercase();
    let (short, zeros) = (&V1[..63], "0".repeat(64));
    for (header, expected) in [
        (format!("t={T},v1={V1}"), OK),
        (format!("v1={V1},t={T}"), OK),
        (format!("t={T},v1={zeros},v1={V1}"), OK),
        (format!("t={T},v1={V1},v1={zeros}"), OK),
        (format!("t={T},v1=,v1={V1}"), OK),
        (format!("t={T},v2={zeros},v1={V1}"), OK),
        (format!(",,t={T},junk,=,v1={V1},"), OK),
        (format!("t=1,t={T},v1={V1}"), OK),
        // What `parseInt` makes of a number is what was signed.
        (format!("t=0{T},v1={V1}"), OK),
        (format!("t=+{T},v1={V1}"), OK),
        (format!("t= \t{T},v1={V1}"), OK),
        (format!("t={T}.9,v1={V1}"), OK),
        (format!("t={T}seconds,v1={V1}"), OK),
        // A second `=` ends the value.
        (format!("t={T}=1,v1={V1}=1"), OK),
        (format!("t={T},v2={V1}"), NO_V1),
        (format!("t={T},V1={V1}"), NO_V1),
        (format!("t={T}, v1={V1}"), NO_V1),
        (format!("t={T};v1={V1}"), NO_V1),
        (format!("t={T},v1"), NO_V1),
        (format!("t={T}"), NO_V1),
        (format!("t={T},v1={upper}"), NO_MATCH),
        (format!("t={T},v1={short}"), NO_MATCH),
        (format!("t={T},v1={V1}0"), NO_MATCH),
        (format!("t={T},v1= {V1}"), NO_MATCH),
        (format!("t={T},v1={V1} "), NO_MATCH),
        (format!("t={T},v1=\"{V1}\""), NO_MATCH),
        (format!("t={T},v1="), NO_MATCH),
        (format!("t={T},t=1,v1={V1}"), NO_MATCH),
        (format!("t=-{T},v1={V1}"), NO_MATCH),
        (format!("t=0x{T},v1={V1}"), NO_MATCH),
        (format!("v1={V1}"), NO_T),
        (format!(" t={T},v1={V1}"), NO_T),
        (format!("T={T},v1={V1}"), NO_T),
        (format!("t=-1,v1={V1}"), NO_T),
        // The SDK signs `NaN.…` here, and finds that nobody else did.
        (format!("t=,v1={V1}"), NO_T),
        (format!("t=now,v1={V1}"), NO_T),
        (format!("t={T},t,v1={V1}"), NO_T),
        (format!("t=--{T},v1={V1}"), NO_T),
        (format!("t=9007199254740992,v1={V1}"), NO_T),
        (format!("t={},v1={V1}", "9".repeat(400)), NO_T),
        ("a signature".to_owned(), NO_T),
        (",".to_owned(), NO_T),
        (String::new(), Verdict::Missing),
    ] {
        assert_eq!(verdict(&header, T), expected, "{header}");
    }
}

#[test]
fn bytes_that_are_no_text_harm_their_own_part_alone() {
    let header = |junk: &[u8]| [format!("t={T},").as_bytes(), junk, format!(",v1={V1}").as_bytes()].concat();
    assert_eq!(verdict(header(b"x=\xff\x00\xfe"), T), Verdict::Valid { age: 0, key: 0 });
    assert_eq!(verdict(header(b"v1=\xff"), T), Verdict::Valid { age: 0, key: 0 });
}

#[test]
fn the_age_comes_after_the_signature_and_300_seconds_pass() {
    let header = format!("t={T},v1={V1}");
    let valid = |age| Verdict::Valid { age, key: 0 };
    let stale = |age| Verdict::Stale { age, key: 0 };
    for (now, expected) in [
        (T, valid(0)),
        (T + 300, valid(300)),
        (T + 301, stale(301)),
        (T - 1_000_000, valid(-1_000_000)),
        (i64::MAX, stale(i64::MAX - T)),
        (i64::MIN, valid(i64::MIN)),
    ] {
        assert_eq!(verdict(&header, now), expected, "{now}");
    }
    assert_eq!(verdict(format!("t=1,v1={V1}"), T), Verdict::Invalid(Fault::NoMatch));
}

#[test]
fn each_of_several_keys_counts_and_the_first_is_named() {
    let header = format!("t={T},v1={V1}");
    let signer = |keys: &[Key]| Header::parse(header.as_bytes()).unwrap().signer(BODY, keys);
    let (right, wrong) = (key("SuperSecret123"), key("supersecret123"));
    assert_eq!(signer(&[]), None);
    assert_eq!(signer(std::slice::from_ref(&wrong)), None);
    assert_eq!(signer(&[wrong.clone(), right.clone()]), Some(1));
    assert_eq!(signer(&[right.clone(), wrong, right]), Some(0));
}

#[test]
fn several_fields_are_joined_as_node_joins_them() {
    let keys = [key("SuperSecret123")];
    let verdict =
        |fields: &[(&'static str, String)]| verify_request(&fields.iter().cloned().collect(), BODY, &keys, T);
    let (t, v1, zeros) = (format!("t={T}"), format!("v1={V1}"), "0".repeat(64));
    assert_eq!(verdict(&[("content-type", t.clone())]), Verdict::Missing);
    assert_eq!(verdict(&[("Mux-Signature", format!("{t},{v1}"))]), Verdict::Valid { age: 0, key: 0 });
    let joined = [(HEADER, format!("{t},v1={zeros}")), ("x", String::new()), (HEADER, format!("t=1,{v1}"))];
    assert_eq!(
        of(&joined.iter().cloned().collect()).unwrap(),
        format!("{t},v1={zeros}, t=1,{v1}").as_bytes()
    );
    assert_eq!(verdict(&joined), Verdict::Valid { age: 0, key: 0 });
    let apart = [(HEADER, t.clone()), (HEADER, v1.clone())];
    assert_eq!(verdict(&apart), Verdict::Invalid(Malformed::NoSignature.into()));
    let empty_first = [(HEADER, String::new()), (HEADER, format!("{v1},{t}"))];
    assert_eq!(verdict(&empty_first), Verdict::Invalid(Malformed::NoSignature.into()));
}

#[test]
fn what_can_be_no_secret_is_refused_and_not_repeated() {
    assert_eq!(Key::new(""), Err(InvalidKey::Empty));
    for text in ["hunter 2", "hunter2\n", " hunter2", "hun\u{a0}ter2", "hunter2\u{1b}"] {
        let error = Key::new(text).unwrap_err();
        assert_eq!(error, InvalidKey::Malformed);
        assert!(!error.to_string().contains("hunter"));
    }
    assert_eq!(Key::new(&"x".repeat(1025)), Err(InvalidKey::TooLong));
    assert_eq!(key(&"x".repeat(1024)).expose().len(), 1024);
    assert_eq!(format!("{:?}", key("hunter2")), "Key(…)");
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    prop::collection::hash_set("[!-~é]{1,90}", 1..5)
        .prop_map(|texts| texts.iter().map(|text| key(text)).collect())
}

proptest! {
    #[test]
    fn what_is_signed_verifies_under_any_keys_with_the_right_one(
        keys in keys(), at in any::<prop::sample::Index>(), timestamp in 0..1_i64 << 53,
        age in -500_i64..500, body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let signer = at.index(keys.len());
        let header = sign(&keys[signer], timestamp, &body);
        let expected = if age > TOLERANCE {
            Verdict::Stale { age, key: signer }
        } else {
            Verdict::Valid { age, key: signer }
        };
        prop_assert_eq!(verify(Some(header.as_bytes()), &body, &keys, timestamp + age), expected);
        let others: Vec<_> = keys.iter().filter(|key| **key != keys[signer]).cloned().collect();
        let without = verify(Some(header.as_bytes()), &body, &others, timestamp);
        prop_assert_eq!(without, Verdict::Invalid(Fault::NoMatch));
    }

    #[test]
    fn no_changed_bit_and_no_other_time_verifies(
        keys in keys(), timestamp in 0..1_i64 << 53, other in 0..1_i64 << 53,
        body in prop::collection::vec(any::<u8>(), 1..300), bit in any::<prop::sample::Index>(),
    ) {
        let header = sign(&keys[0], timestamp, &body);
        let mut changed = body.clone();
        let bit = bit.index(body.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        let no_match = Verdict::Invalid(Fault::NoMatch);
        prop_assert_eq!(verify(Some(header.as_bytes()), &changed, &keys, timestamp), no_match);
        prop_assume!(other != timestamp);
        let moved = header.replacen(&timestamp.to_string(), &other.to_string(), 1);
        prop_assert_eq!(verify(Some(moved.as_bytes()), &body, &keys, other), no_match);
    }

    #[test]
    fn no_header_panics(header in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"tv1=,-+ 09af".to_vec())], 0..80)) {
        let verdict = verify(Some(&header), BODY, &[key("k")], T);
        prop_assert!(matches!(verdict, Verdict::Invalid(_) | Verdict::Missing));
    }
}
