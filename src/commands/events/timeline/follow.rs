//! Which events belong to an object: its own, those that name it, and those of what they lead to: from an upload to its
//! asset and back, from a live stream to its assets, from a track or a rendition to its asset. Pure.

use std::collections::BTreeMap;

use bytes::Bytes;
use muxhook_protocol::DeliveryId;
use serde_json::Value;

use crate::api::events::Row;

/// The most events of one timeline.
pub(super) const MOST_EVENTS: usize = 500;

/// The most objects that are followed.
const MOST_OBJECTS: usize = 20;

/// Longest body that is looked into, in bytes. Mux's are a few KiB.
const MAX_BODY: usize = 256 * 1024;

/// Where other objects' ids stand in `data`, and what these are.
const LINKS: [(&str, &str); 6] = [
    ("asset_id", "asset"),
    ("upload_id", "upload"),
    ("live_stream_id", "live stream"),
    ("active_asset_id", "asset"),
    ("recent_asset_ids", "asset"),
    ("source_asset_id", "asset"),
];

/// An object that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) id: String,
    /// What it is, as far as an event has told.
    pub(super) kind: Option<String>,
    /// The place in the list of that which led to it, and the field that did.
    pub(super) by: Option<(usize, &'static str)>,
    /// Events that are its own.
    pub(super) events: usize,
}

/// An event of the life.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) row: Row,
    pub(super) body: Bytes,
}

/// An object's life, as far as it is known.
#[derive(Debug)]
pub(super) struct Life {
    objects: Vec<Object>,
    /// How many of these were asked for.
    asked: usize,
    events: BTreeMap<DeliveryId, Event>,
    cut: bool,
}

impl Life {
    pub(super) fn of(object: &str) -> Self {
        let first = Object { id: object.to_owned(), kind: None, by: None, events: 0 };
        Self { objects: vec![first], asked: 0, events: BTreeMap::new(), cut: false }
    }

    /// The id that is to be looked for next.
    pub(super) fn next(&mut self) -> Option<String> {
        let next = self.objects.get(self.asked)?;
        self.asked += 1;
        Some(next.id.clone())
    }

    /// Whether an event is known already.
    pub(super) fn knows(&self, row: &Row) -> bool {
        self.events.contains_key(&row.delivery)
    }

    /// How many events more may come.
    pub(super) fn room(&mut self) -> usize {
        (MOST_EVENTS + 1).saturating_sub(self.events.len())
    }

    /// Takes in what was found when `wanted` was looked for.
    pub(super) fn take(&mut self, wanted: &str, found: Vec<(Row, Bytes)>) {
        for (row, body) in found {
            let json = parsed(&body);
            if row.object_id.as_deref() != Some(wanted)
                && !json.as_ref().is_some_and(|json| names(json, wanted))
            {
                continue;
            }
            if self.events.len() >= MOST_EVENTS {
                self.cut = true;
                break;
            }
            self.events.insert(row.delivery, Event { row, body });
        }
        // A link counts once what it stands in is followed, which an object found later may bring about.
        let links: Vec<_> = self.events.values().map(Links::of).collect();
        loop {
            let before = self.objects.len();
            links.iter().for_each(|links| self.follow(links));
            if self.objects.len() == before {
                break;
            }
        }
        self.count();
    }

    fn follow(&mut self, links: &Links) {
        let position = |id: &str, objects: &[Object]| objects.iter().position(|object| object.id == id);
        let own = links.own.iter().find_map(|id| position(id, &self.objects));
        for (field, kind, id) in &links.to {
            let known = position(id, &self.objects);
            match (own, known) {
                (Some(own), None) if links.leads(field) => self.add(id, kind, Some((own, field))),
                // An upload tells of its asset, which need not tell of its upload.
                (None, Some(known)) if links.kind == Some("upload") && *field == "asset_id" => {
                    if let Some(id) = links.own.first() {
                        self.add(id, "upload", Some((known, "asset_id")));
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, id: &str, kind: &str, by: Option<(usize, &'static str)>) {
        if self.objects.iter().any(|object| object.id == id) {
            return;
        }
        if self.objects.len() >= MOST_OBJECTS {
            self.cut = true;
            return;
        }
        self.objects.push(Object { id: id.to_owned(), kind: Some(kind.to_owned()), by, events: 0 });
    }

    /// Counts each object's own events, and learns what it is.
    fn count(&mut self) {
        for object in &mut self.objects {
            let is_own = |event: &&Event| event.row.object_id.as_deref() == Some(&object.id);
            let own: Vec<_> = self.events.values().filter(is_own).collect();
            object.events = own.len();
            let kind = own.iter().find_map(|event| event.row.object_type.clone());
            if let Some(kind) = kind {
                object.kind = Some(kind);
            }
        }
    }

    /// In order of arrival.
    pub(super) fn events(&self) -> Vec<&Event> {
        self.events.values().collect()
    }

    /// Each stands behind that which led to it.
    pub(super) fn objects(&self) -> &[Object] {
        &self.objects
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether there is more than the bounds allow.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }
}

/// What an event says of other objects.
struct Links {
    kind: Option<&'static str>,
    /// The ids of that which it is about.
    own: Vec<String>,
    /// Field, kind and id of others.
    to: Vec<(&'static str, &'static str, String)>,
}

impl Links {
    fn of(event: &Event) -> Self {
        let json = parsed(&event.body);
        let data = json.as_ref().and_then(|json| json.get("data"));
        let mut own: Vec<String> = event.row.object_id.iter().cloned().collect();
        own.extend(data.and_then(|data| text(data.get("id")?)).filter(|id| !own.contains(id)));
        let mut to = Vec::new();
        for holder in [data, data.and_then(|data| data.get("parameters"))].into_iter().flatten() {
            for (field, kind) in LINKS {
                match holder.get(field) {
                    Some(Value::Array(ids)) => {
                        to.extend(ids.iter().filter_map(text).map(|id| (field, kind, id)))
                    }
                    Some(id) => to.extend(text(id).map(|id| (field, kind, id))),
                    None => {}
                }
            }
        }
        Self { kind: kind(&event.row), own, to }
    }

    /// Whether to go on through this field: not from an asset up to its stream or source, which have many more.
    fn leads(&self, field: &str) -> bool {
        self.kind != Some("asset") || field == "upload_id"
    }
}

/// What an event's own object is, where that matters.
fn kind(row: &Row) -> Option<&'static str> {
    match row.object_type.as_deref() {
        Some("asset") => Some("asset"),
        Some("upload") => Some("upload"),
        _ => None,
    }
}

fn parsed(body: &Bytes) -> Option<Value> {
    (body.len() <= MAX_BODY).then(|| serde_json::from_slice(body).ok()).flatten()
}

/// An id that stands there; what is too long for one is none.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|id| !id.is_empty() && id.len() <= super::LONGEST_ID).map(str::to_owned)
}

/// Whether `id` is a text in `json`: as a part of one it is none of ours.
fn names(json: &Value, id: &str) -> bool {
    match json {
        Value::String(text) => text == id,
        Value::Array(items) => items.iter().any(|item| names(item, id)),
        Value::Object(members) => members.values().any(|member| names(member, id)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::events::fixture;

    fn event(nth: u8, kind: &str, id: &str, data: &str) -> (Row, Bytes) {
        let row = fixture::row(nth, |row| {
            (row.object_type, row.object_id) = (Some(kind.to_owned()), Some(id.to_owned()));
        });
        (row, format!(r#"{{"data":{data}}}"#).into())
    }

    /// Follows `start` through a history that is asked as the relay would be.
    fn followed(start: &str, history: &[(Row, Bytes)]) -> Life {
        let mut life = Life::of(start);
        while let Some(wanted) = life.next() {
            let holds = |body: &Bytes| String::from_utf8_lossy(body).contains(&wanted);
            let found = history.iter().filter(|(row, body)| {
                (holds(body) || row.object_id.as_deref() == Some(&wanted)) && !life.knows(row)
            });
            let found = found.cloned().collect();
            life.take(&wanted, found);
        }
        life
    }

    fn ids(life: &Life) -> Vec<&str> {
        life.objects().iter().map(|object| object.id.as_str()).collect()
    }

    fn history() -> Vec<(Row, Bytes)> {
        vec![
            event(1, "upload", "UP1", r#"{"id":"UP1"}"#),
            event(2, "upload", "UP1", r#"{"id":"UP1","asset_id":"AS1"}"#),
            event(3, "asset", "AS1", r#"{"id":"AS1","live_stream_id":"LS1"}"#),
            event(4, "track", "TR1", r#"{"id":"TR1","asset_id":"AS1"}"#),
            event(5, "live", "LS1", r#"{"id":"LS1","recent_asset_ids":["AS1","AS2"]}"#),
            event(6, "asset", "AS2", r#"{"id":"AS2","live_stream_id":"LS1"}"#),
            event(7, "asset", "AS3", r#"{"id":"AS3","passthrough":"not AS1 at all"}"#),
        ]
    }

    #[test]
    fn an_asset_has_its_upload_and_its_tracks() {
        let life = followed("AS1", &history());
        assert_eq!(ids(&life), ["AS1", "UP1"]);
        let seqs: Vec<_> = life.events().iter().map(|event| event.row.seq).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5], "the stream's event names it, a part of a text does not");
        assert_eq!(life.objects()[1].by, Some((0, "asset_id")));
        assert_eq!(life.objects()[1].events, 2);
    }

    #[test]
    fn an_upload_leads_to_its_asset_and_a_stream_to_its_assets() {
        assert_eq!(ids(&followed("UP1", &history())), ["UP1", "AS1"]);
        assert_eq!(ids(&followed("LS1", &history()))[..3], ["LS1", "AS1", "AS2"]);
        assert_eq!(ids(&followed("TR1", &history())), ["TR1", "AS1", "UP1"]);
        assert!(followed("nothing", &history()).is_empty());
    }

    #[test]
    fn a_hostile_history_is_bounded() {
        let all: Vec<_> = (0..1000).map(|nth| format!(r#""A{nth}""#)).collect();
        let data = format!(r#"{{"id":"LS1","recent_asset_ids":[{}]}}"#, all.join(","));
        let life = followed("LS1", &[event(1, "live", "LS1", &data)]);
        assert_eq!(life.objects().len(), MOST_OBJECTS);
        assert!(life.is_cut());
        let mut life = Life::of("AS1");
        let one = |nth: u64| {
            let (mut row, body) = event(1, "asset", "AS1", "{}");
            row.delivery = DeliveryId::new(nth, &[0; 10]);
            (row, body)
        };
        life.take("AS1", (0..2000).map(one).collect());
        assert_eq!(life.events().len(), MOST_EVENTS);
        assert!(life.is_cut());
        let deep = format!(r#"{{"data":{}"AS1"{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(followed("AS1", &[(fixture::row(1, |_| {}), deep.into())]).is_empty());
    }

    #[test]
    fn circles_come_to_an_end() {
        let life = followed(
            "A",
            &[
                event(1, "x", "A", r#"{"id":"A","asset_id":"B"}"#),
                event(2, "x", "B", r#"{"id":"B","asset_id":"A"}"#),
            ],
        );
        assert_eq!(ids(&life), ["A", "B"]);
    }
}
