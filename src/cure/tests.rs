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
    cure(Exchange { target: Some(target), reply, signed, verdict, late: false })
}

#[test]
fn what_went_well_needs_no_cure() {
    for status in [200, 201, 204, 299] {
        assert_eq!(told(&reply(status, &[], MISMATCH), TARGET, true, None), None);
    }
    assert_eq!(told(&reply(500, &[], "Error: cannot read property of undefined"), TARGET, true, None), None);
    assert_eq!(told(&reply(302, &[], ""), TARGET, true, None), None, "a redirect to nowhere");
}

#[test]
fn what_came_too_late_is_told_unless_the_answer_has_a_cause_of_its_own() {
    let told = |reply: &Reply| {
        let late =
            cure(Exchange { target: Some(TARGET), reply, signed: true, verdict: None, late: true }).unwrap();
        late.split(':').next().unwrap().to_owned()
    };
    for answer in [plain(200, ""), plain(500, "boom")] {
        assert_eq!(told(&answer), "the sender had given up by then and will send it again");
    }
    assert_eq!(told(&plain(404, "")), "the app has no such route");
}

type Case = (&'static str, Reply, &'static str, bool, Option<Verdict>);

fn plain(status: u16, body: &str) -> Reply {
    reply(status, &[], body)
}

fn with(status: u16, name: &str, value: &str, body: &str) -> Reply {
    reply(status, &[(name, value)], body)
}

/// Answers of handlers whose check of the signature fails.
fn of_signatures() -> Vec<Case> {
    let valid = Some(Verdict::Valid { age: 1, key: 0 });
    let invalid = Some(Verdict::Invalid(Fault::NoMatch));
    let no_header = plain(400, "Could not find a mux-signature header");
    let unreadable = plain(500, "Error: Unable to extract timestamp and signatures from header");
    let too_old = plain(400, r#"{"error":"Webhook timestamp is too old"}"#);
    let nest = r#"{"statusCode":400,"message":"Invalid signature"}"#;
    let fastify = r#"{"statusCode":400,"code":"FST_ERR_VALIDATION","message":"bad signature"}"#;
    let parsed = r#"SyntaxError: "[object Object]" is not valid JSON"#;
    let rails = "ActionController::BadRequest: invalid signature";
    vec![
        ("no header, unsigned", no_header.clone(), TARGET, false, None),
        ("no header, signed", no_header, TARGET, true, valid),
        ("header unreadable", unreadable, TARGET, true, valid),
        ("too old", too_old, TARGET, true, valid),
        ("mismatch, no secret here", plain(400, MISMATCH), TARGET, true, None),
        ("mismatch, valid here", plain(400, MISMATCH), TARGET, true, valid),
        ("mismatch, invalid here too", plain(400, MISMATCH), TARGET, true, invalid),
        ("mismatch, missing", plain(401, "invalid signature"), TARGET, false, Some(Verdict::Missing)),
        ("Next.js", with(400, "x-powered-by", "Next.js", MISMATCH), TARGET, true, valid),
        ("Express", with(400, "x-powered-by", "Express", MISMATCH), TARGET, true, valid),
        ("NestJS", with(400, "x-powered-by", "Express", nest), TARGET, true, valid),
        ("Fastify", plain(400, fastify), TARGET, true, valid),
        ("Rails", plain(400, rails), TARGET, true, valid),
        ("Django", plain(400, "Django: invalid signature"), TARGET, true, valid),
        ("Laravel", with(400, "set-cookie", "laravel_session=x", "Invalid signature"), TARGET, true, valid),
        ("parsed twice", plain(500, parsed), TARGET, true, None),
    ]
}

/// Answers of what stands before the handler, or instead of it.
fn of_routes() -> Vec<Case> {
    let https = "Client sent an HTTP request to an HTTPS server.";
    let rails = "ActionController::InvalidAuthenticityToken (CSRF)";
    let cases = [
        ("CSRF in Rails", plain(422, rails)),
        ("CSRF in Django", plain(403, "CSRF verification failed. Request aborted.")),
        ("CSRF in Laravel", with(419, "set-cookie", "laravel_session=x", "Page Expired")),
        ("CSRF somewhere", plain(403, "invalid csrf token")),
        ("host", plain(403, "Blocked hosts: localhost:3000")),
        ("login by redirect", with(307, "location", "/sign-in?next=%2Fapi", "")),
        ("login", plain(401, "Unauthorized")),
        ("slash added", with(308, "location", "/api/webhooks/mux/", "")),
        ("elsewhere", with(301, "location", "https://localhost:3000/x", "")),
        ("https", plain(400, https)),
        ("no route", plain(404, "Not Found")),
        ("no route in Next.js", with(404, "x-powered-by", "Next.js", "")),
        ("no POST", plain(405, "")),
        ("no POST in Next.js", with(405, "vary", "RSC, Next-Router-State-Tree", "")),
        ("too large", plain(413, "")),
        ("media type", plain(415, "")),
    ];
    let mut cases: Vec<Case> = cases.map(|(name, reply)| (name, reply, TARGET, true, None)).into();
    cases.push(("no route at the root", plain(404, "Not Found"), "http://localhost:3000/", true, None));
    cases
}

/// Everything that can be said, as a person reads it.
#[test]
fn every_known_mistake_has_its_cure() {
    let mut all = String::new();
    for (name, reply, target, signed, verdict) in of_signatures().iter().chain(&of_routes()) {
        let cure =
            told(reply, target, *signed, *verdict).unwrap_or_else(|| panic!("nothing known of {name}"));
        writeln!(all, "{name}:\n    {cure}").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn only_a_path_that_differs_by_its_end_is_about_the_slash() {
    for (to, slash) in [
        ("/api/webhooks/mux/", true),
        ("http://localhost:3000/api/webhooks/mux/?x=1", true),
        ("https://localhost:3000/api/webhooks/mux", false),
        ("/", false),
        ("/mux/", false),
        ("/api/webhooks/mux", false),
    ] {
        let told = told(&reply(308, &[("location", to)], ""), TARGET, true, None).unwrap();
        assert_eq!(told.contains("slash at the end"), slash, "{to}: {told}");
    }
}

#[test]
fn what_is_repeated_has_a_bound() {
    let far = format!("/{}", "x".repeat(100_000));
    let cure = told(&reply(301, &[("location", &far)], &"y".repeat(1_000_000)), TARGET, true, None).unwrap();
    assert!(cure.len() < 500, "{}", cure.len());
}
