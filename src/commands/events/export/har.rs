//! Deliveries as an HTTP archive, which browsers' tools open (HAR 1.2). Pure.
//!
//! A request's body that is no text stands in base64, and `_encoding` says so: HAR knows that of answers only. What
//! the history does not keep, an answer's headers and body, is empty.

use data_encoding::BASE64;
use jiff::Timestamp;
use muxhook_protocol::Headers;
use serde_json::{Value, json};

use super::super::stored::Stored;

/// What stands before the entries, which are joined by commas.
pub(super) fn begin() -> String {
    let creator = json!({ "name": "muxhook", "version": env!("CARGO_PKG_VERSION") });
    format!(r#"{{"log":{{"version":"1.2","creator":{creator},"entries":["#)
}

/// What stands behind them.
pub(super) const END: &str = "]}}";

/// One delivery to the endpoint at `public_url`, and what came of it last.
pub(super) fn entry(stored: &Stored, public_url: &str) -> Value {
    let row = &stored.detail.row;
    let took = row.attempts.last().map_or(0, |attempt| attempt.took_ms);
    let millis = i64::try_from(row.received_at).unwrap_or(i64::MAX);
    let received = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    json!({
        "startedDateTime": format!("{received:.3}"),
        "time": took,
        "request": request(stored, public_url),
        "response": response(stored),
        "cache": {},
        "timings": { "send": 0, "wait": took, "receive": 0 },
        "_delivery": row.delivery,
        "_fate": row.fate,
    })
}

fn request(stored: &Stored, public_url: &str) -> Value {
    let row = &stored.detail.row;
    let query = row.query.as_deref();
    let asked = query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut request = json!({
        "method": row.method,
        "url": format!("{public_url}{}{asked}", row.path),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": fields(&stored.detail.headers),
        "queryString": query.map_or_else(|| json!([]), parameters),
        "headersSize": -1,
        "bodySize": stored.body.len(),
    });
    if !stored.body.is_empty() {
        request["postData"] = body(stored);
    }
    request
}

fn body(stored: &Stored) -> Value {
    let kind = stored.detail.headers.get("content-type").map(text).unwrap_or_default();
    match std::str::from_utf8(&stored.body) {
        Ok(body) => json!({ "mimeType": kind, "params": [], "text": body }),
        Err(_) => json!({
            "mimeType": kind, "params": [], "text": BASE64.encode(&stored.body),
            "_encoding": "base64", "comment": "the text is base64",
        }),
    }
}

/// The app's last answer; when it gave none, status 0; when it was never asked, the relay's own.
fn response(stored: &Stored) -> Value {
    let row = &stored.detail.row;
    let status = row.attempts.last().map_or(row.status, |attempt| attempt.status.unwrap_or_default());
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let failure = row.attempts.last().and_then(|attempt| attempt.message.as_deref());
    let mut response = json!({
        "status": status,
        "statusText": reason.unwrap_or_default(),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": { "size": 0, "mimeType": "x-unknown", "comment": "the history keeps no answers" },
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    });
    if let Some(failure) = failure {
        response["comment"] = failure.into();
    }
    response
}

fn fields(headers: &Headers) -> Value {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": text(value) })).collect()
}

/// What is not UTF-8 is read as ISO 8859-1, which has a character for each byte.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn parameters(query: &str) -> Value {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            json!({ "name": decoded(name), "value": decoded(value) })
        })
        .collect()
}

/// Without percent-encoding (RFC 3986 §2.1); a plus is a space, as forms have it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(hex);
        (rest, _) = match byte {
            Some(byte) => (&behind[2..], bytes.push(byte)),
            None => (behind, bytes.push(if *first == b'+' { b' ' } else { *first })),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `u8::from_str_radix` would take a plus sign.
fn hex(digits: &str) -> Option<u8> {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::super::super::stored::tests::stored;
    use super::*;

    /// Each object of the format has the fields that it must have, of the right kind.
    fn check(entry: &Value) {
        let kinds = |at: &str, names: &[&str], is: fn(&Value) -> bool| {
            for name in names {
                assert!(is(&entry.pointer(at).unwrap()[name]), "{at}/{name}: {entry}");
            }
        };
        kinds("", &["startedDateTime"], Value::is_string);
        kinds("", &["time"], Value::is_number);
        kinds("", &["request", "response", "cache", "timings"], Value::is_object);
        kinds("/timings", &["send", "wait", "receive"], Value::is_number);
        for message in ["/request", "/response"] {
            kinds(message, &["cookies", "headers"], Value::is_array);
            kinds(message, &["headersSize", "bodySize"], Value::is_number);
            kinds(message, &["httpVersion"], Value::is_string);
        }
        kinds("/request", &["method", "url"], Value::is_string);
        kinds("/request", &["queryString"], Value::is_array);
        kinds("/response", &["status"], Value::is_number);
        kinds("/response", &["statusText", "redirectURL"], Value::is_string);
        kinds("/response/content", &["size"], Value::is_number);
        kinds("/response/content", &["mimeType"], Value::is_string);
        let times = ["send", "wait", "receive"].map(|name| entry["timings"][name].as_u64().unwrap());
        assert_eq!(entry["time"], times.iter().sum::<u64>());
        assert!(entry["startedDateTime"].as_str().unwrap().parse::<Timestamp>().is_ok());
    }

    #[test]
    fn the_whole_is_an_archive() {
        let entry = entry(&stored(&[], b"{}"), "https://h.example/h/a");
        let whole = format!("{}{entry},{entry}{END}", begin());
        let whole: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(
            (&whole["log"]["version"], &whole["log"]["creator"]["name"]),
            (&json!("1.2"), &json!("muxhook"))
        );
        assert!(whole["log"]["creator"]["version"].is_string());
        assert_eq!(whole["log"]["entries"].as_array().unwrap().len(), 2);
        whole["log"]["entries"].as_array().unwrap().iter().for_each(check);
    }

    #[test]
    fn a_text_is_text_and_an_answer_is_as_far_as_it_is_known() {
        let mut stored = stored(&[("content-type", b"application/json"), ("x-b", b"\xe9")], b"{\"a\":1}");
        (stored.detail.row.path, stored.detail.row.query) = ("/s".into(), Some("q=%2Fa+b%zz&&x".into()));
        let entry = entry(&stored, "https://h.example/h/a");
        check(&entry);
        let request = &entry["request"];
        assert_eq!(request["url"], "https://h.example/h/a/s?q=%2Fa+b%zz&&x");
        let queries = json!([{ "name": "q", "value": "/a b%zz" }, { "name": "x", "value": "" }]);
        assert_eq!(request["queryString"], queries);
        let data = json!({ "mimeType": "application/json", "params": [], "text": "{\"a\":1}" });
        assert_eq!((&request["postData"], &request["bodySize"]), (&data, &json!(7)));
        assert_eq!(request["headers"][1], json!({ "name": "x-b", "value": "é" }));
        let response = &entry["response"];
        assert_eq!(
            (&response["status"], &response["statusText"]),
            (&json!(500), &json!("Internal Server Error"))
        );
        assert_eq!(entry["time"], 12);
    }

    #[test]
    fn what_is_no_text_is_base64_and_what_failed_has_no_status() {
        let mut stored = stored(&[], b"\xff\0");
        let attempt = &mut stored.detail.row.attempts[0];
        (attempt.status, attempt.message) = (None, Some("nothing listens".to_owned()));
        let told = entry(&stored, "https://h.example/h/a");
        check(&told);
        let data = &told["request"]["postData"];
        assert_eq!((&data["text"], &data["_encoding"]), (&json!("/wA="), &json!("base64")));
        assert_eq!(told["response"]["status"], 0);
        assert_eq!(told["response"]["comment"], "nothing listens");
        stored.detail.row.attempts.clear();
        (stored.detail.row.status, stored.body) = (200, Vec::new().into());
        let told = entry(&stored, "https://h.example/h/a");
        check(&told);
        assert_eq!((&told["response"]["status"], told["request"].get("postData")), (&json!(200), None));
    }
}
