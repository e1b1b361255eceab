//! How a relay is, told to whoever may read its data folder: over a Unix socket in that folder, and over nothing else.
//!
//! What is told is bounded: [`MOST`] endpoints, the busiest first. A relay that is asked too often makes others wait
//! who ask, and no webhook.
//!
//! - `socket`: the socket, both ends of it.

#[cfg(unix)]
mod socket;

use std::path::{Path, PathBuf};

use muxhook_protocol::frame::Backlog;
use serde::{Deserialize, Serialize};

#[cfg(unix)]
pub(crate) use socket::Socket;

/// Most endpoints that are told of.
pub const MOST: usize = 256;

/// How a relay is. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When it was so.
    pub at: u64,
    /// The relay; `None`: none runs, and the rest is what its databases tell.
    pub relay: Option<Relay>,
    /// Endpoints, the busiest first.
    pub endpoints: Vec<Endpoint>,
    /// Endpoints that are not among them.
    pub more: u64,
}

/// A relay that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relay {
    /// Of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started_at: u64,
    /// What addresses begin with.
    pub public_url: String,
    /// Sessions that forward.
    pub listeners: usize,
    /// Sessions that look on.
    pub observers: usize,
    /// Public requests in a second, over the last 5 to 10 s.
    pub requests_per_s: f64,
    /// Webhooks whose senders wait.
    pub in_flight: usize,
    /// Webhooks that are owed; `None`: it can't be told.
    pub owed: Option<u64>,
    /// When the oldest of those came.
    pub oldest_owed_at: Option<u64>,
    /// Whether it holds what no app can take.
    pub holds: bool,
    /// Its journal.
    pub journal: JournalState,
    /// Webhooks that are missing in the history since its start.
    pub history_dropped: u64,
    /// Its certificate; `None`: it speaks plain HTTP.
    pub certificate: Option<Certificate>,
}

/// How a journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JournalState {
    /// There is none: nothing is kept.
    None,
    /// It takes webhooks.
    Open,
    /// The disk has no room.
    Full,
    /// The disk failed: it takes nothing until the relay is started anew.
    Closed,
}

/// A certificate that a relay speaks TLS with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// When it expires; `None`: there is none yet, or it can't be told.
    pub expires_at: Option<u64>,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id or name.
    pub endpoint: String,
    /// Whose it is.
    pub account: String,
    /// What a relay that runs knows; without one these keys are missing.
    #[serde(flatten)]
    pub live: Option<Live>,
    /// Webhooks that are owed; `None`: it can't be told.
    pub owed: Option<u64>,
    /// When the oldest of those came.
    pub oldest_owed_at: Option<u64>,
}

/// What comes to an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Sessions that forward.
    pub listeners: usize,
    /// Sessions that look on.
    pub observers: usize,
    /// Webhooks in a second, over the last 5 to 10 s.
    pub per_s: f64,
    /// Webhooks whose senders wait.
    pub in_flight: u32,
    /// Webhooks since the relay's start.
    pub received: u64,
    /// When the last one came; `None`: none did since the relay's start.
    pub last_at: Option<u64>,
}

impl Endpoint {
    /// With what it is owed.
    pub(crate) fn owing(self, backlog: Option<Backlog>) -> Self {
        let (owed, oldest_owed_at) =
            (backlog.map(|owed| owed.count), backlog.and_then(|owed| owed.oldest_at));
        Self { owed, oldest_owed_at, ..self }
    }

    /// Those before others where more happens.
    fn before(&self, other: &Self) -> std::cmp::Ordering {
        let (one, two) = (self.live.unwrap_or_default(), other.live.unwrap_or_default());
        let rest = |endpoint: &Self, live: Live| {
            let sessions = live.listeners + live.observers;
            (live.in_flight, endpoint.owed, sessions, live.last_at)
        };
        two.per_s
            .total_cmp(&one.per_s)
            .then_with(|| rest(other, two).cmp(&rest(self, one)))
            .then_with(|| self.endpoint.cmp(&other.endpoint))
    }
}

/// The busiest, in order: [`MOST`] of them at most.
pub(crate) fn busiest(mut endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    endpoints.sort_by(Endpoint::before);
    endpoints.truncate(MOST);
    endpoints
}

/// Why no relay answers.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// None runs on the folder, or an older one that can't be asked.
    #[error("no relay runs on {}, or none that can be asked", .0.display())]
    NoRelay(PathBuf),
    /// The folder's path is too long for a socket.
    #[error(
        "the path of {} is too long for a Unix socket, which takes about 100 bytes: a relay with that data folder can't \
         be asked", .0.display()
    )]
    TooLong(PathBuf),
    /// There are no Unix sockets here.
    #[error("a relay can't be asked on this system, which has no Unix sockets")]
    Unsupported,
    /// It can't be reached.
    #[error("the relay can't be asked over {}: {cause}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It says something else.
    #[error("the relay's answer can't be understood: is it of another version? ({0})")]
    Answer(String),
}

/// Asks the relay that serves from the folder `dir`. Waits for its answer, for some seconds at most.
///
/// # Errors
/// See [`AskError`].
pub fn ask(dir: &Path) -> Result<Report, AskError> {
    #[cfg(unix)]
    return socket::ask(dir);
    #[cfg(not(unix))]
    {
        let _ = dir;
        Err(AskError::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_come_first_and_not_more_than_may() {
        let endpoint = |name: &str, live: Live, owed: u64| Endpoint {
            endpoint: name.to_owned(),
            account: "default".to_owned(),
            live: Some(live),
            owed: Some(owed),
            oldest_owed_at: None,
        };
        let quiet = Live::default();
        let all = vec![
            endpoint("nothing-b", quiet, 0),
            endpoint("nothing-a", quiet, 0),
            endpoint("was", Live { last_at: Some(5), ..quiet }, 0),
            endpoint("listens", Live { listeners: 1, ..quiet }, 0),
            endpoint("owed", quiet, 3),
            endpoint("waits", Live { in_flight: 1, ..quiet }, 0),
            endpoint("fast", Live { per_s: 3.5, ..quiet }, 0),
            endpoint("slow", Live { per_s: 0.2, ..quiet }, 9),
        ];
        let names: Vec<_> = busiest(all).into_iter().map(|endpoint| endpoint.endpoint).collect();
        assert_eq!(names, ["fast", "slow", "waits", "owed", "listens", "was", "nothing-a", "nothing-b"]);
        let many = (0..MOST + 5).map(|number| endpoint(&format!("e{number}"), quiet, 0)).collect();
        assert_eq!(busiest(many).len(), MOST);
    }

    #[test]
    fn a_report_survives_its_way_and_a_newer_one_is_understood() {
        let report = r#"{"at":1,"relay":null,"endpoints":[
            {"endpoint":"a","account":"b","owed":null,"oldest_owed_at":null},
            {"endpoint":"c","account":"d","listeners":1,"observers":0,"per_s":0.5,"in_flight":0,"received":9,
             "last_at":7,"owed":0,"oldest_owed_at":null,"new":1}],"more":0,"newer":true}"#;
        let report: Report = serde_json::from_str(report).unwrap();
        assert_eq!(report.endpoints[0].live, None);
        assert_eq!(report.endpoints[1].live.unwrap().received, 9);
        let again = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&again).unwrap(), report);
    }
}
