//! The doors of the public side: how many connections there may be, in all and from one source, and how slow each may be.
//!
//! - `pace`: how long each step of a connection may take.
//! - `guarded`: a stream that keeps the pace; its place is free again when it is dropped.
//! - `descriptors`: how many connections the system lets this process have.

mod descriptors;
mod guarded;
mod pace;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::sources::network;
use crate::config::Settings;
use crate::metrics::Metrics;

pub use descriptors::raise;
pub(super) use descriptors::{Room, room};
pub(crate) use guarded::Guarded;
pub(super) use pace::{Pace, Times, Unfit, watch};

/// How often it is logged at most that connections are refused: whoever sends them must not fill a disk.
const TELL: Duration = Duration::from_secs(60);

/// Most connections at once.
#[derive(Clone, Copy, Debug)]
struct Most {
    /// Of the whole relay, sessions too.
    in_all: usize,
    /// From one source that is no trusted proxy.
    of_source: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The relay has as many as it may.
    InAll,
    /// The source has.
    OfSource,
}

/// Counts public connections.
#[derive(Debug)]
pub(super) struct Doors {
    /// Most connections of the whole relay.
    in_all: usize,
    /// How many of one source, and who is a trusted proxy: everybody comes from those, so that they are bounded by
    /// `in_all` alone.
    settings: Arc<Settings>,
    metrics: Arc<Metrics>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    in_all: usize,
    by_source: HashMap<IpAddr, usize>,
    /// Refused since it was logged last.
    refused: [u64; 2],
    told_at: Option<Instant>,
}

/// A connection's place among those that there may be; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    doors: Arc<Doors>,
    source: Option<IpAddr>,
}

impl Doors {
    pub(super) fn new(in_all: usize, settings: Arc<Settings>, metrics: Arc<Metrics>) -> Self {
        Self { in_all, settings, metrics, inside: Mutex::default() }
    }

    /// What counts as the source of a connection; `None` for a trusted proxy, which is nobody's source.
    pub(super) fn source(&self, peer: IpAddr) -> Option<IpAddr> {
        (!self.settings.now().trusted_proxies.contains(peer)).then(|| network(peer))
    }

    /// A place for a connection from `peer`, if there is one. A refusal costs a look at two numbers.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let source = self.source(peer);
        let mut inside = self.inside();
        match inside.enter(source, self.most()) {
            Ok(()) => {
                self.metrics.connections.opened();
                Ok(Place { doors: Arc::clone(self), source })
            }
            Err(full) => {
                self.metrics.connections.refused(match full {
                    Full::InAll => "in_all",
                    Full::OfSource => "of_source",
                });
                self.tell(&mut inside, peer, full);
                Err(full)
            }
        }
    }

    /// Logs what is refused: the first at once, the others a minute later in one line.
    fn tell(&self, inside: &mut Inside, peer: IpAddr, full: Full) {
        let now = Instant::now();
        inside.refused[usize::from(full == Full::OfSource)] += 1;
        if inside.told_at.is_some_and(|told_at| now.duration_since(told_at) < TELL) {
            return;
        }
        inside.told_at = Some(now);
        let [in_all, of_source] = std::mem::take(&mut inside.refused);
        let Most { in_all: most, of_source: most_of_source } = self.most();
        tracing::warn!(
            open = inside.in_all,
            in_all,
            of_source,
            latest = %peer,
            "connections are refused: there may be {most} in all (--max-connections) and {most_of_source} of one source \
             (--max-connections-per-source); told once a minute"
        );
    }

    fn most(&self) -> Most {
        let of_source = self.settings.now().limits.max_connections_per_source;
        Most { in_all: self.in_all, of_source }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn enter(&mut self, source: Option<IpAddr>, most: Most) -> Result<(), Full> {
        if self.in_all >= most.in_all {
            return Err(Full::InAll);
        }
        if let Some(source) = source {
            // Only sources that have one are in the map: so it is bounded too.
            let of_source = self.by_source.get(&source).copied().unwrap_or_default();
            if of_source >= most.of_source {
                return Err(Full::OfSource);
            }
            self.by_source.insert(source, of_source + 1);
        }
        self.in_all += 1;
        Ok(())
    }

    fn leave(&mut self, source: Option<IpAddr>) {
        self.in_all -= 1;
        let Some(source) = source else { return };
        if let Some(of_source) = self.by_source.get_mut(&source) {
            *of_source -= 1;
            if *of_source == 0 {
                self.by_source.remove(&source);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.doors.inside().leave(self.source);
        self.doors.metrics.connections.closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Limits, Live, TrustedProxies};

    fn doors(in_all: usize, of_source: usize) -> Arc<Doors> {
        let trusted_proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let limits = Limits { max_connections_per_source: of_source, ..Limits::default() };
        let settings = Settings::new(Live { limits, trusted_proxies });
        Arc::new(Doors::new(in_all, Arc::new(settings), Arc::default()))
    }

    fn enter(doors: &Arc<Doors>, peer: &str) -> Result<Place, Full> {
        doors.enter(peer.parse().unwrap())
    }

    #[tokio::test]
    async fn a_source_has_so_many_places_and_a_proxy_as_many_as_there_are() {
        let doors = doors(6, 2);
        let _one = [enter(&doors, "2001:db8::1").unwrap(), enter(&doors, "2001:db8::ffff:2").unwrap()];
        assert_eq!(enter(&doors, "2001:db8::3").unwrap_err(), Full::OfSource, "one customer is one source");
        let two = [enter(&doors, "192.0.2.1").unwrap(), enter(&doors, "::ffff:192.0.2.1").unwrap()];
        assert_eq!(enter(&doors, "192.0.2.1").unwrap_err(), Full::OfSource);
        assert_eq!(doors.inside().in_all, 4, "who is refused takes no place");
        let [first, _second] = two;
        drop(first);
        let _again = enter(&doors, "192.0.2.1").unwrap();
        let _proxy = [enter(&doors, "10.0.0.1").unwrap(), enter(&doors, "10.0.0.1").unwrap()];
        for peer in ["10.0.0.1", "198.51.100.1"] {
            assert_eq!(enter(&doors, peer).unwrap_err(), Full::InAll);
        }
    }

    #[tokio::test]
    async fn what_has_left_is_remembered_nowhere() {
        let doors = doors(100, 2);
        let places: Vec<_> = (0..50).map(|n| enter(&doors, &format!("192.0.2.{n}")).unwrap()).collect();
        assert_eq!(doors.inside().by_source.len(), 50);
        drop(places);
        let inside = doors.inside();
        assert!(inside.by_source.is_empty() && inside.in_all == 0);
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_told_once_a_minute_with_how_many_they_were() {
        let doors = doors(0, 0);
        let untold = || doors.inside().refused;
        for expected in [[0, 0], [1, 0], [2, 0]] {
            enter(&doors, "192.0.2.1").unwrap_err();
            assert_eq!(untold(), expected, "the first is told at once, the others wait");
        }
        tokio::time::advance(TELL).await;
        enter(&doors, "192.0.2.1").unwrap_err();
        assert_eq!(untold(), [0, 0]);
    }
}
