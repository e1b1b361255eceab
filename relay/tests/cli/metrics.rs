//! `/metrics`, line by line: it is OpenMetrics, each metric is documented, and nothing of anybody stands in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::{Serving, answer, held, until, with_endpoint};

const DOCS: &str = include_str!("../../../docs/self-hosting.md");

/// A strict reader of what the relay uses of OpenMetrics 1.0. Every family with its type.
fn families(text: &str) -> BTreeMap<String, String> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
    let mut families = BTreeMap::new();
    let (mut current, mut seen) = (None::<(String, String)>, BTreeSet::new());
    for line in body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(words.ends_with('.') && !words.contains('\\'), "{line}");
            assert!(is_name(name) && !families.contains_key(name), "a family stands together: {line}");
            current = Some((name.to_owned(), String::new()));
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            let family = current.as_mut().unwrap();
            assert_eq!(family.0, name);
            assert!(["counter", "gauge", "histogram", "info"].contains(&kind), "{line}");
            family.1 = kind.to_owned();
            families.insert(name.to_owned(), kind.to_owned());
        } else {
            let (name, kind) = current.as_ref().unwrap();
            sample(line, name, kind);
            assert!(seen.insert(line.rsplit_once(' ').unwrap().0.to_owned()), "twice: {line}");
        }
    }
    families
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// One line of a family: its suffix by its type (§5.1), its labels, its value.
fn sample(line: &str, family: &str, kind: &str) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        None => (series, ""),
    };
    let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} is not of {family}"));
    let may: &[&str] = match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "info" => &["_info"],
        _ => &["_bucket", "_count", "_sum"],
    };
    assert!(may.contains(&suffix), "{line} of a {kind}");
    assert!(kind == "gauge" || value >= 0.0, "{line}");
    assert_eq!(suffix == "_bucket", labels.split(',').any(|label| label.starts_with("le=")), "{line}");
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (key, value) = label.split_once('=').unwrap();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
        assert!(is_name(key) && !value.contains(['"', '\\']), "{line}");
        assert!(
            ["kind", "status", "answer", "role", "reason", "le", "version"].contains(&key),
            "a new label: {line}"
        );
    }
}

#[test]
fn what_is_counted_is_open_metrics_documented_and_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &["--admin=127.0.0.1:0"], &[]);
    let line = until(&mut serving, "telling readiness");
    let admin = format!("http://{}", line.split_once("address=").unwrap().1.trim());
    let url = serving.public_url();
    held(&url, "{}");
    for head in [
        "POST /h/nobody",
        "GET /h/hooks",
        "GET /healthz",
        "GET /_relay/v1/status",
        "GET /_relay/v1/connect",
        "GET /no",
    ] {
        answer(&url, head);
    }
    answer(&url, "no request at all");
    let told = answer(&admin, "GET /metrics");
    let (_, text) = told.split_once("\r\n\r\n").unwrap();
    let families = families(text);

    for (kind, status) in [
        ("webhook", 200),
        ("webhook", 404),
        ("page", 200),
        ("health", 200),
        ("api", 401),
        ("connect", 401),
        ("other", 404),
    ] {
        let line = format!("muxhook_requests_total{{kind=\"{kind}\",status=\"{status}\"}} 1\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
    assert!(text.contains("muxhook_connections_failed_total{reason=\"head\"} 1\n"), "{text}");
    for somebodys in ["hooks\"", "nobody", "default", "127.0.0", &url] {
        assert!(!text.contains(somebodys), "{somebodys} in {text}");
    }
    let undocumented: Vec<_> = families.keys().filter(|name| !DOCS.contains(&format!("`{name}`"))).collect();
    assert!(undocumented.is_empty(), "{undocumented:?} are not in docs/self-hosting.md");
    assert!(families.len() >= 18, "{families:?}");
}

#[test]
#[should_panic(expected = "of a counter")]
fn the_reader_refuses_what_is_wrong() {
    families("# HELP a Words.\n# TYPE a counter\na 1\n# EOF\n");
}
