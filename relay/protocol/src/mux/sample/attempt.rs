//! The attempts that failed, as an event lists them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::clock;
use super::draw::Draw;

/// How often Mux tries, as both published captures say.
pub const MAX_ATTEMPTS: u32 = 30;

/// Most bytes of an answer's body that are listed: thirty error pages must not make an event larger than any relay
/// carries.
const MOST_BODY: usize = 16 * 1024;

/// One attempt that failed, as Mux lists it in `attempts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// The URL it went to.
    pub address: String,
    /// What the receiver answered; `None`: nothing.
    pub status: Option<u16>,
    /// The header fields of that answer. Names are listed in lower case; several values of one are joined by `, `.
    pub headers: Vec<(String, String)>,
    /// Its body, when it is text. The first 16 KiB are listed.
    pub body: Option<String>,
}

impl Attempt {
    /// As the `nth` (from 0) of the event `event`. The webhook's id goes by the address alone.
    pub(super) fn listed(&self, event: &str, nth: usize) -> Value {
        let mut attempt = json!({
            "id": Draw::of(nth as u64, event).uuid(),
            "webhook_id": 10_000 + Draw::of(0, &self.address).below(90_000),
            "address": self.address,
            "created_at": clock::iso(self.at),
            "max_attempts": MAX_ATTEMPTS,
        });
        if let Some(status) = self.status {
            attempt["response_status_code"] = status.into();
            attempt["response_headers"] = json!(self.headers());
            if let Some(body) = &self.body {
                let end = (0..=MOST_BODY.min(body.len())).rev().find(|&end| body.is_char_boundary(end));
                attempt["response_body"] = body[..end.unwrap_or_default()].into();
            }
        }
        attempt
    }

    fn headers(&self) -> BTreeMap<String, String> {
        let mut listed = BTreeMap::<_, String>::new();
        for (name, value) in &self.headers {
            listed
                .entry(name.to_ascii_lowercase())
                .and_modify(|values| {
                    values.push_str(", ");
                    values.push_str(value);
                })
                .or_insert_with(|| value.clone());
        }
        listed
    }
}
