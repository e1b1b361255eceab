//! From what a user names to a delivery.

use muxhook_protocol::DeliveryId;
use rusqlite::{Connection, OptionalExtension};

use super::list::first_from;

/// Digits that a part of an id has at least.
const FEWEST_DIGITS: usize = 4;

/// Digits of a whole id.
const DIGITS: usize = 32;

/// Most candidates that are named.
const MOST_CANDIDATES: usize = 5;

/// How many deliveries, from the latest on, are looked at for an event's id and for the end of a delivery's: no index
/// leads there.
const MOST_LATEST: usize = 200_000;

/// What an id means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This delivery.
    One(DeliveryId),
    /// None that the journal has.
    Unknown,
    /// Any of these, the latest first, and maybe more.
    Several(Vec<DeliveryId>),
}

/// See [`super::History::find`]. A whole id of a delivery goes before an event's id, and that before a part of a
/// delivery's. An event that came several times stands for its latest delivery.
pub(super) fn find(database: &Connection, endpoint: i64, text: &str) -> rusqlite::Result<Found> {
    if let Some(id) = whole(database, endpoint, text)? {
        return Ok(Found::One(id));
    }
    let digits = digits(text);
    let mut all = match latest(database, endpoint, text, digits.as_deref())? {
        Latest::Event(id) => return Ok(Found::One(id)),
        Latest::Ends(ids) => ids,
    };
    if let Some(digits) = digits {
        all.extend(beginning(database, endpoint, &digits)?);
    }
    all.sort_unstable_by(|one, other| other.cmp(one));
    all.dedup();
    all.truncate(MOST_CANDIDATES);
    Ok(match all[..] {
        [] => Found::Unknown,
        [one] => Found::One(one),
        _ => Found::Several(all),
    })
}

fn whole(database: &Connection, endpoint: i64, text: &str) -> rusqlite::Result<Option<DeliveryId>> {
    let Ok(id) = text.parse::<DeliveryId>() else { return Ok(None) };
    let sql = "SELECT id FROM deliveries WHERE id = ?1 AND endpoint = ?2";
    database.prepare_cached(sql)?.query_row((id.as_bytes(), endpoint), id_of).optional()
}

/// The hexadecimal digits of a part of an id, in lower case and without hyphens.
fn digits(text: &str) -> Option<String> {
    let digits: String =
        text.chars().filter(|char| *char != '-').map(|char| char.to_ascii_lowercase()).collect();
    let is_part = (FEWEST_DIGITS..=DIGITS).contains(&digits.len());
    (is_part && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

fn beginning(database: &Connection, endpoint: i64, digits: &str) -> rusqlite::Result<Vec<DeliveryId>> {
    let (Some(least), Some(most)) = (padded(digits, '0'), padded(digits, 'f')) else { return Ok(Vec::new()) };
    // Ids grow with numbers, and by those an endpoint's own are found.
    let Some(from) = first_from(database, least)? else { return Ok(Vec::new()) };
    let sql = "SELECT id FROM deliveries WHERE endpoint = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3";
    let mut statement = database.prepare_cached(sql)?;
    let found = statement.query_map((endpoint, from, MOST_CANDIDATES), id_of)?;
    found.filter(|id| id.as_ref().map_or(true, |id| (least..=most).contains(id))).collect()
}

/// What the latest deliveries say to an id.
enum Latest {
    /// It is the event's of this one.
    Event(DeliveryId),
    /// These end so.
    Ends(Vec<DeliveryId>),
}

fn latest(
    database: &Connection,
    endpoint: i64,
    text: &str,
    digits: Option<&str>,
) -> rusqlite::Result<Latest> {
    let end = digits.and_then(|digits| Some((bits(digits)?, bits(&"f".repeat(digits.len()))?)));
    let sql = "SELECT id, event_id FROM deliveries WHERE endpoint = ?1 ORDER BY seq DESC LIMIT ?2";
    let mut statement = database.prepare_cached(sql)?;
    let mut rows = statement.query((endpoint, MOST_LATEST))?;
    let mut ends = Vec::new();
    while let Some(row) = rows.next()? {
        let id = id_of(row)?;
        if row.get_ref(1)?.as_bytes_or_null()?.is_some_and(|event| event == text.as_bytes()) {
            return Ok(Latest::Event(id));
        }
        let is_meant = |(value, mask)| u128::from_be_bytes(*id.as_bytes()) & mask == value;
        if end.is_some_and(is_meant) && ends.len() < MOST_CANDIDATES {
            ends.push(id);
        }
    }
    Ok(Latest::Ends(ends))
}

fn bits(digits: &str) -> Option<u128> {
    u128::from_str_radix(digits, 16).ok()
}

/// The id that begins so and goes on with this digit alone.
fn padded(digits: &str, digit: char) -> Option<DeliveryId> {
    let all: String = digits.chars().chain(std::iter::repeat(digit)).take(DIGITS).collect();
    bits(&all).map(|bits| DeliveryId::from_bytes(bits.to_be_bytes()))
}

fn id_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<DeliveryId> {
    row.get(0).map(DeliveryId::from_bytes)
}
