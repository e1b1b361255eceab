//! What an event says beside its type: the one phrase that matters, and Mux's earlier tries.

mod asset;
mod live;
mod redact;
mod robots;
mod subject;
mod units;

use serde_json::Value;

use super::catalogue::{self, Schema};
use subject::{Pieces, Subject, get};

/// Longest body that is looked into, in bytes. Mux's are a few KiB.
const MAX_BODY: usize = 256 * 1024;
/// Longest phrase, in characters.
const MAX_PHRASE: usize = 160;

/// What a line can tell of an event's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What matters for that type: `2m33s · 1280×544 · 2 tracks`. Text from outside, not escaped; at most 160
    /// characters; never a secret.
    pub phrase: Option<String>,
    /// Mux has tried this event before.
    pub tries: Option<Tries>,
}

/// Which of Mux's attempts at an event this is, by the event's `attempts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// This one's number; the first is 1.
    pub number: u32,
    /// How many Mux makes at most.
    pub most: Option<u32>,
    /// What the try before was answered with.
    pub last_status: Option<u16>,
}

/// Reads what `body`, an event of `event_type`, has to tell. What makes no sense tells nothing, nor does a body above
/// 256 KiB, of more than 128 levels, or with a number or a character that does not exist.
#[must_use]
pub fn tell(event_type: &str, body: &[u8]) -> Told {
    if body.len() > MAX_BODY {
        return Told::default();
    }
    match serde_json::from_slice(body) {
        Ok(event) => Told { phrase: phrase(event_type, &event), tries: tries(&event) },
        Err(_) => Told::default(),
    }
}

fn phrase(event_type: &str, event: &Value) -> Option<String> {
    let subject = Subject::new(event_type, event.get("data")?);
    let pieces: Vec<String> = pieces(event_type, &subject).into_iter().flatten().collect();
    let phrase = redact::redact(&pieces.join(" · "), event);
    (!phrase.trim().is_empty()).then(|| cut(phrase))
}

fn pieces(event_type: &str, subject: &Subject<'_>) -> Pieces {
    match catalogue::schema(event_type) {
        Some(Schema::Asset) => asset::asset(subject),
        Some(Schema::AssetWarning | Schema::LiveStreamWarning) => asset::warning(subject),
        Some(Schema::Track) => asset::track(subject),
        Some(Schema::StaticRendition) => asset::static_rendition(subject),
        Some(Schema::Upload) => asset::upload(subject),
        Some(Schema::HighTraffic) => asset::high_traffic(subject),
        Some(Schema::LiveStream) => live::live_stream(subject),
        Some(Schema::SimulcastTarget) => live::simulcast_target(subject),
        Some(Schema::Space) => live::space(subject),
        Some(Schema::Broadcast) => live::broadcast(subject),
        Some(Schema::DirectiveRun) => robots::directive_run(subject),
        Some(Schema::RobotsJob) => robots::job(subject),
        Some(Schema::Shots) | None => vec![subject.trouble(), subject.status()],
    }
}

/// `phrase` at its longest.
fn cut(phrase: String) -> String {
    match phrase.char_indices().nth(MAX_PHRASE) {
        None => phrase,
        Some(_) => phrase.chars().take(MAX_PHRASE - 1).chain(['…']).collect(),
    }
}

fn tries(event: &Value) -> Option<Tries> {
    let attempts = get(event, "attempts")?.as_array()?;
    let last = attempts.last()?.as_object()?;
    let number = |key| last.get(key).and_then(Value::as_u64);
    Some(Tries {
        number: u32::try_from(attempts.len()).ok()?.checked_add(1)?,
        most: number("max_attempts").and_then(|most| most.try_into().ok()).filter(|most| *most > 0),
        last_status: number("response_status_code")
            .and_then(|status| status.try_into().ok())
            .filter(|status| (100..=999).contains(status)),
    })
}

#[cfg(test)]
mod tests;
