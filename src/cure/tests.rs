use std::fmt::Write as _;

use muxhook_protocol::mux::signature::Fault;
use muxhook_protocol::{Headers, Reply};

use super::*;

const TARGET: &str = "http://localhost:3000/api/webhooks/mux";
const MISMATCH: &str = "No signatures found matching the expected signature for payload.";

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut fields = Headers::new();
    for (name, value) in headers {
        fields.push(*name, value.as_bytes().to_vec());
    }
    Reply { status, headers: fields, body: body.to_owned().into(), truncated: false }
}

fn told(reply: &Reply, target: &str, signed: bool, verdict: Option<Verdict>) -> Option<String> {
    cure(Exchange { target, reply, signed, verdict })
}

#[test]
fn what_went_well_needs_no_cure() {
    for status in [200, 201, 204, 299] {
        assert_eq!(told(&reply(status, &[], MISMATCH), TARGET, true, None), None);
    }
    assert_eq!(told(&reply(500, &[], "Error: cannot read property of undefined"), TARGET, true, None), None);
    assert_eq!(told(&reply(302, &[], ""), TARGET, true, None), None, "a redirect to nowhere");
}

/// Everything that can be said, as a person reads it.
#[test]
fn every_known_mistake_has_its_cure() {
    let valid = Some(Verdict::Valid { age: 1, key: 0 });
    let invalid = Some(Verdict::Invalid(Fault::NoMatch));
    let plain = |status, body| reply(status, &[], body);
    let with = |status, name, value, body| reply(status, &[(name, value)], body);
    let cases = [
        ("no header, unsigned", plain(400, "Could not find a mux-signature header"), TARGET, false, None),
        ("no header, signed", plain(400, "Could not find a mux-signature header"), TARGET, true, valid),
        (
            "header unreadable",
            plain(500, "Error: Unable to extract timestamp and signatures from header"),
            TARGET,
            true,
            valid,
        ),
        ("too old", plain(400, r#"{"error":"Webhook timestamp is too old"}"#), TARGET, true, valid),
        ("mismatch, no secret here", plain(400, MISMATCH), TARGET, true, None),
        ("mismatch, valid here", plain(400, MISMATCH), TARGET, true, valid),
        ("mismatch, invalid here too", plain(400, MISMATCH), TARGET, true, invalid),
        ("mismatch, missing", plain(401, "invalid signature"), TARGET, false, Some(Verdict::Missing)),
        ("Next.js", with(400, "x-powered-by", "Next.js", MISMATCH), TARGET, true, valid),
        ("Express", with(400, "x-powered-by", "Express", MISMATCH), TARGET, true, valid),
        (
            "NestJS",
            with(400, "x-powered-by", "Express", r#"{"statusCode":400,"message":"Invalid signature"}"#),
            TARGET,
            true,
            valid,
        ),
        (
            "Fastify",
            plain(400, r#"{"statusCode":400,"code":"FST_ERR_VALIDATION","message":"bad signature"}"#),
            TARGET,
            true,
            valid,
        ),
        ("Rails", plain(400, "ActionController::BadRequest: invalid signature"), TARGET, true, valid),
        ("Django", plain(400, "Django: invalid signature"), TARGET, true, valid),
        ("Laravel", with(400, "set-cookie", "laravel_session=x", "Invalid signature"), TARGET, true, valid),
        (
            "parsed twice",
            plain(500, r#"SyntaxError: "[object Object]" is not valid JSON"#),
            TARGET,
            true,
            None,
        ),
        (
            "CSRF in Rails",
            plain(422, "ActionController::InvalidAuthenticityToken (CSRF)"),
            TARGET,
            true,
            None,
        ),
        ("CSRF in Django", plain(403, "CSRF verification failed. Request aborted."), TARGET, true, None),
        ("CSRF in Laravel", with(419, "set-cookie", "laravel_session=x", "Page Expired"), TARGET, true, None),
        ("CSRF somewhere", plain(403, "invalid csrf token"), TARGET, true, None),
        ("host", plain(403, "Blocked hosts: localhost:3000"), TARGET, true, None),
        ("login by redirect", with(307, "location", "/sign-in?next=%2Fapi", ""), TARGET, true, None),
        ("login", plain(401, "Unauthorized"), TARGET, true, None),
        ("slash added", with(308, "location", "/api/webhooks/mux/", ""), TARGET, true, None),
        ("elsewhere", with(301, "location", "https://localhost:3000/x", ""), TARGET, true, None),
        ("https", plain(400, "Client sent an HTTP request to an HTTPS server."), TARGET, true, None),
        ("no route", plain(404, "Not Found"), TARGET, true, None),
        ("no route at the root", plain(404, "Not Found"), "http://localhost:3000/", true, None),
        ("no route in Next.js", with(404, "x-powered-by", "Next.js", ""), TARGET, true, None),
        ("no POST", plain(405, ""), TARGET, true, None),
        ("no POST in Next.js", with(405, "vary", "RSC, Next-Router-State-Tree", ""), TARGET, true, None),
        ("too large", plain(413, ""), TARGET, true, None),
        ("media type", plain(415, ""), TARGET, true, None),
    ];
    let mut all = String::new();
    for (name, reply, target, signed, verdict) in &cases {
        let cure =
            told(reply, target, *signed, *verdict).unwrap_or_else(|| panic!("nothing known of {name}"));
        writeln!(all, "{name}:\n    {cure}").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_repeated_has_a_bound() {
    let far = format!("/{}", "x".repeat(100_000));
    let cure = told(&reply(301, &[("location", &far)], &"y".repeat(1_000_000)), TARGET, true, None).unwrap();
    assert!(cure.len() < 500, "{}", cure.len());
}
