//! The event types that Mux is known to send, or once sent.

mod suggest;
mod table;

pub use suggest::suggest;

/// One type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its name, as it stands in an event's `type`: `video.asset.ready`.
    pub name: &'static str,
    /// What stands in such an event's `object.type`; `None` where no real event has shown it.
    pub object: Option<&'static str>,
    /// Where it stands in the life of its object; `None`: it may come at any time.
    pub place: Option<Place>,
}

/// Where a type stands in a life: of two events about one object in one life, that with the lower step comes first.
/// Types that may follow each other in circles, like those of a live stream that is active, share a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which life: an asset's own, its master's, a track's, a job's.
    pub life: &'static str,
    /// How far along, from 0.
    pub step: u8,
}

impl EventType {
    /// The first two parts of its name: `video.asset`.
    #[must_use]
    pub fn family(&self) -> &'static str {
        match self.name.match_indices('.').nth(1) {
            Some((end, _)) => &self.name[..end],
            None => self.name,
        }
    }
}

/// Every type, each once, those of one family side by side.
pub fn all() -> impl ExactSizeIterator<Item = &'static EventType> {
    table::ALL.iter()
}

/// The type of exactly this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static EventType> {
    all().find(|event| event.name == name)
}

/// Every family, each once, with its types.
pub fn families() -> impl Iterator<Item = (&'static str, &'static [EventType])> {
    table::ALL.chunk_by(|one, next| one.family() == next.family()).map(|types| (types[0].family(), types))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{all, families, find};

    #[test]
    fn every_type_stands_once() {
        let names: HashSet<_> = all().map(|event| event.name).collect();
        assert_eq!((all().len(), names.len()), (127, 127));
    }

    #[test]
    fn every_name_has_three_to_five_plain_parts() {
        for event in all() {
            let parts: Vec<_> = event.name.split('.').collect();
            let plain = |part: &&str| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            };
            assert!((3..=5).contains(&parts.len()) && parts.iter().all(plain), "{}", event.name);
        }
    }

    #[test]
    fn every_family_stands_once_and_whole() {
        let names: Vec<_> = families().map(|(family, _)| family).collect();
        assert_eq!(
            names,
            [
                "video.asset",
                "video.upload",
                "video.live_stream",
                "video.delivery",
                "robots.directive_run",
                "robots.job",
                "video.space"
            ]
        );
        assert_eq!(families().map(|(_, types)| types.len()).sum::<usize>(), all().len());
        assert!(families().all(|(family, types)| types.iter().all(|event| event.family() == family)));
    }

    #[test]
    fn types_are_found_by_their_whole_name() {
        assert_eq!(find("video.live_stream.active").unwrap().object, Some("live"));
        assert_eq!(find("video.asset.track.ready").unwrap().object, Some("track"));
        assert_eq!(find("video.asset.ready").unwrap().family(), "video.asset");
        assert_eq!(find("video.asset"), None);
        assert_eq!(find("Video.asset.ready"), None);
    }
}
