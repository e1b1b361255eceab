//! The event types that Mux is known to send, or once sent.

mod schema;
mod suggest;
mod table;

pub use schema::Schema;
pub use suggest::suggest;

/// One type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its name, as it stands in an event's `type`: `video.asset.ready`.
    pub name: &'static str,
    /// What stands in such an event's `object.type`; `None` where no real event has shown it. What a made-up event
    /// is to carry there, guess or not, says [`EventType::object_type`].
    pub object: Option<&'static str>,
    /// What kind of `data` it carries.
    pub schema: Schema,
    /// Where it stands in the life of its object; `None`: it may come at any time.
    pub place: Option<Place>,
    /// Mux has stopped sending it.
    pub legacy: bool,
    /// What it says, in a few words without an end mark: `The asset can be played`.
    pub meaning: &'static str,
}

/// Where a type stands in a life: of two events about one object in one life, that with the lower step comes first.
/// Types that may follow each other in circles, like those of a live stream that is active, share a step; where that
/// would be all of a life's types, they have no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which life: an asset's own, a track's, a job's.
    pub life: &'static str,
    /// How far along, from 0.
    pub step: u8,
}

impl EventType {
    const fn of(schema: Schema, name: &'static str, place: Option<Place>, meaning: &'static str) -> Self {
        let (object, legacy) = (schema.seen_object(), schema.is_legacy());
        Self { name, object, schema, place, legacy, meaning }
    }

    /// The first two parts of its name: `video.asset`.
    #[must_use]
    pub fn family(&self) -> &'static str {
        match self.name.match_indices('.').nth(1) {
            Some((end, _)) => &self.name[..end],
            None => self.name,
        }
    }

    /// Its name without the last part: `video.asset.track`.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(group, _)| group)
    }

    /// What an event of this type that is made up carries as `object.type`: what real ones do, or else the best
    /// guess, which nothing real may be judged by.
    #[must_use]
    pub const fn object_type(&self) -> &'static str {
        self.schema.likely_object()
    }
}

/// Every type, each once: those of one family side by side, within it those of one group, in the order of life.
pub fn all() -> impl ExactSizeIterator<Item = &'static EventType> {
    table::ALL.iter()
}

/// The type of exactly this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static EventType> {
    all().find(|event| event.name == name)
}

/// What kind of `data` an event of this type carries. A type that is not known is taken for one of its group, or for
/// a job of a workflow that is new.
#[must_use]
pub fn schema(name: &str) -> Option<Schema> {
    let group = |event: &&EventType| name.rsplit_once('.').is_some_and(|(group, _)| group == event.group());
    match find(name).or_else(|| all().find(group)) {
        Some(event) => Some(event.schema),
        None if name.starts_with("robots.job.") => Some(Schema::RobotsJob),
        None => None,
    }
}

/// Every group, each once, with its types in the order of life.
pub fn groups() -> impl Iterator<Item = (&'static str, &'static [EventType])> {
    table::ALL.chunk_by(|one, next| one.group() == next.group()).map(|types| (types[0].group(), types))
}

#[cfg(test)]
mod tests;
