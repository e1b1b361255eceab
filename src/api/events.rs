//! What a relay's history is asked, and what it says: the answers are the protocol's.

pub use muxhook_protocol::history::{Attempt, Detail, Fate, Page, Replayed, Row};

/// Which deliveries of an endpoint are asked for: those that meet every bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Received then or later: milliseconds since the Unix epoch.
    pub since: Option<u64>,
    /// Received before then.
    pub until: Option<u64>,
    /// Of a `seq` above this one.
    pub after: Option<u64>,
    /// Of one of these types, as globs; empty: of any, and of none.
    pub types: Vec<String>,
    /// Not of these.
    pub exclude: Vec<String>,
    /// Whose fields are as these say (`PATH=GLOB`), each of them.
    pub matches: Vec<String>,
    /// Of one of these fates; empty: of any.
    pub fates: Vec<Fate>,
    /// Whose body has this text somewhere.
    pub contains: Option<String>,
    /// The oldest first; else the latest first.
    pub ascending: bool,
    /// At most so many.
    pub limit: usize,
}
