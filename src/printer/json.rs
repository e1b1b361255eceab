//! NDJSON: one object a line, for programs. Exact and unmasked; keys stand in the documented order.
//!
//! Written by hand into one reused buffer, since this is the hot path of a listener in a script.

mod object;
mod text;

use muxhook_protocol::mux::json::compact;
use muxhook_protocol::mux::signature::Verdict;
use muxhook_protocol::{Delivery, Headers};

use crate::event::{Arrival, Event, Failed, Forwarded, Ready, Refused, Summary};
use object::Object;

/// Appends the line for `event`, which happened `at` (milliseconds since the Unix epoch).
pub(super) fn render(at: u64, event: &Event, out: &mut Vec<u8>) {
    let mut line = Object::begin(out);
    line.raw("v", "1").text("kind", kind(event)).time("at", at);
    match event {
        Event::Ready(ready) => self::ready(&mut line, ready),
        Event::Received(received) => arrival(&mut line, &received.arrival),
        Event::Forwarded(it) => forwarded(&mut line, it),
        Event::Failed(it) => failed(&mut line, it),
        Event::Skipped(it) => {
            about(&mut line, &it.arrival);
            line.text("filter", &it.filter);
        }
        Event::Refused(it) => refused(&mut line, it),
        Event::Disconnected(it) => {
            line.text("reason", &it.reason).number("retry_in_ms", millis(it.retry_in));
        }
        Event::Reconnected(it) => {
            line.number("down_ms", millis(it.down)).optional_number("missed", it.missed);
        }
        Event::Gap(it) => {
            line.number("from_seq", it.from_seq)
                .number("to_seq", it.to_seq)
                .number("count", it.count)
                .text("why", &it.why);
        }
        Event::Notice(it) => {
            line.text("code", &it.code).text("message", &it.message);
        }
        Event::Summary(it) => summary(&mut line, it),
    }
    line.end();
    out.push(b'\n');
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Ready(_) => "ready",
        Event::Received(_) => "event",
        Event::Forwarded(_) => "forwarded",
        Event::Failed(_) => "failed",
        Event::Skipped(_) => "skipped",
        Event::Refused(_) => "refused",
        Event::Disconnected(_) => "disconnected",
        Event::Reconnected(_) => "reconnected",
        Event::Gap(_) => "gap",
        Event::Notice(_) => "notice",
        Event::Summary(_) => "summary",
    }
}

fn ready(line: &mut Object<'_>, ready: &Ready) {
    line.text("public_url", &ready.public_url)
        .text("endpoint", &ready.endpoint)
        .optional("forward_to", ready.forward_to.as_deref())
        .text("relay", &ready.relay)
        .bool("embedded", ready.embedded);
}

fn arrival(line: &mut Object<'_>, arrival: &Arrival) {
    let Delivery { id, seq, received_at, attempt, method, path, query, headers, owed, replayed, body } =
        &arrival.delivery;
    let envelope = &arrival.envelope;
    line.id("delivery", *id)
        .number("seq", *seq)
        .number("attempt", u64::from(*attempt))
        .time("received_at", *received_at)
        .text("method", method)
        .text("path", path)
        .optional("query", query.as_deref());
    header_pairs(line, headers);
    line.optional("event_id", envelope.event_id.as_deref())
        .optional("event_type", envelope.event_type.as_deref())
        .bool("known_type", arrival.known_type)
        .pair("object", ("type", envelope.object_type.as_deref()), ("id", envelope.object_id.as_deref()))
        .pair(
            "environment",
            ("name", envelope.environment_name.as_deref()),
            ("id", envelope.environment_id.as_deref()),
        )
        .text("signature", signature(arrival.signature));
    match arrival.signature {
        Some(Verdict::Valid { age, .. } | Verdict::Stale { age, .. }) => line.integer("signature_age_s", age),
        _ => line.raw("signature_age_s", "null"),
    };
    match arrival.duplicate_of {
        Some(first) => line.id("duplicate_of", first),
        None => line.raw("duplicate_of", "null"),
    };
    line.bool("out_of_order", arrival.out_of_order).bool("owed", *owed).bool("replayed", *replayed);
    payload(line, body);
}

/// What a signature is worth, in a word.
fn signature(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        None => "unchecked",
        Some(Verdict::Valid { .. }) => "valid",
        Some(Verdict::Stale { .. }) => "stale",
        Some(Verdict::Invalid(_)) => "invalid",
        Some(Verdict::Missing) => "missing",
    }
}

fn header_pairs(line: &mut Object<'_>, headers: &Headers) {
    line.list("headers", headers.iter(), |list, (name, value)| {
        list.push(b'[');
        text::push_text(list, name);
        list.push(b',');
        text::push_bytes(list, value);
        list.push(b']');
    });
}

/// The body as the JSON it is, else as text, else in base64 (RFC 4648 §4).
fn payload(line: &mut Object<'_>, body: &[u8]) {
    if line.json("payload", |out| compact(body, out)) {
        return;
    }
    match std::str::from_utf8(body) {
        Ok(text) => line.text("body", text),
        Err(_) => line.base64("body_base64", body),
    };
}

fn forwarded(line: &mut Object<'_>, it: &Forwarded) {
    about(line, &it.arrival);
    line.text("target", &it.target)
        .number("status", u64::from(it.reply.status))
        .thousandths("latency_ms", it.latency.as_micros())
        .bool("late", it.late)
        .optional("hint", it.hint.as_deref());
}

fn failed(line: &mut Object<'_>, it: &Failed) {
    about(line, &it.arrival);
    line.text("target", &it.target)
        .text("reason", it.failure.reason.as_str())
        .text("message", &it.failure.message)
        .optional("hint", it.hint.as_deref());
}

fn refused(line: &mut Object<'_>, it: &Refused) {
    about(line, &it.arrival);
    line.text("signature", signature(it.arrival.signature))
        .text("message", &it.message)
        .optional("hint", it.hint.as_deref());
}

fn summary(line: &mut Object<'_>, it: &Summary) {
    line.number("events", it.events)
        .number("forwarded", it.forwarded)
        .number("rejected", it.rejected)
        .number("failed", it.failed)
        .number("skipped", it.skipped)
        .number("refused", it.refused)
        .number("duplicates", it.duplicates)
        .thousandths("uptime_s", it.uptime.as_millis());
}

/// Which delivery a line is about.
fn about(line: &mut Object<'_>, arrival: &Arrival) {
    line.id("delivery", arrival.delivery.id)
        .optional("event_id", arrival.envelope.event_id.as_deref())
        .optional("event_type", arrival.envelope.event_type.as_deref());
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
