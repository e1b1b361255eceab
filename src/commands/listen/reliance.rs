//! What was asked for that a relay may not have: one that holds nothing, or keeps no history, says so in its welcome, and
//! the user hears of it instead of waiting for what can't come. Pure.

use muxhook_protocol::frame::{Ack, Welcome};

use crate::event::{Level, Notice};

/// What the user asked for beyond what arrives live. Each is told once, when it turns out to be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reliance {
    /// `--ack relay`: the relay is to answer the sender.
    ack: bool,
    /// `--owed` was given.
    owed: bool,
    /// `--since` was given.
    since: bool,
}

impl Reliance {
    /// `owed`, `since`: the flag was given.
    pub(super) fn new(ack: Ack, owed: bool, since: bool) -> Self {
        Self { ack: ack == Ack::Relay, owed, since }
    }

    /// The link stands: what this relay does not have of it. One that doesn't say, an older one, is not doubted.
    pub(super) fn missing(&mut self, welcome: &Welcome) -> Vec<Notice> {
        let mut missing = Vec::new();
        if welcome.holds == Some(false) {
            missing.extend(self.not_held());
            (self.ack, self.owed) = (false, false);
        }
        if welcome.history == Some(false) && std::mem::take(&mut self.since) {
            let message =
                "this relay keeps no history (--retention 0s): --since has nothing to deliver again";
            missing.push(warning("no_history", message));
        }
        missing
    }

    fn not_held(self) -> Option<Notice> {
        let message = match (self.ack, self.owed) {
            (false, false) => return None,
            (true, false) => {
                "this relay holds nothing (--hold off): despite --ack relay, your app answers the senders"
            }
            (false, true) => "this relay holds nothing (--hold off): there will be nothing owed for --owed",
            (true, true) => {
                "this relay holds nothing (--hold off): despite --ack relay, your app answers the senders, and there \
                 will be nothing owed for --owed"
            }
        };
        Some(warning("nothing_held", message))
    }
}

fn warning(code: &str, message: &str) -> Notice {
    Notice { level: Level::Warning, code: code.to_owned(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::frame::{Backlog, Limits};

    use super::*;

    fn welcome(holds: Option<bool>, history: Option<bool>) -> Welcome {
        Welcome {
            endpoint: "shop".parse().unwrap(),
            public_url: "https://relay.test/h/shop".into(),
            account: "me".into(),
            session: 1,
            server: "test".into(),
            others: 0,
            owed: Backlog::default(),
            seq: 0,
            holds,
            history,
            limits: Limits { in_flight: 4, max_body: 1024 },
        }
    }

    fn codes(reliance: &mut Reliance, welcome: &Welcome) -> Vec<String> {
        reliance.missing(welcome).into_iter().map(|notice| notice.code).collect()
    }

    #[test]
    fn what_is_missing_is_told_once() {
        let mut all = Reliance::new(Ack::Relay, true, true);
        assert_eq!(all.missing(&welcome(None, None)), [], "an older relay does not say");
        assert_eq!(all.missing(&welcome(Some(true), Some(true))), []);
        assert_eq!(codes(&mut all, &welcome(Some(true), Some(false))), ["no_history"]);
        assert_eq!(codes(&mut all, &welcome(Some(false), Some(false))), ["nothing_held"]);
        assert_eq!(codes(&mut all, &welcome(Some(false), Some(false))), [""; 0]);
    }

    #[test]
    fn only_what_was_asked_for_is_missed() {
        let neither = welcome(Some(false), Some(false));
        assert_eq!(Reliance::default().missing(&neither), []);
        assert_eq!(Reliance::new(Ack::App, false, false).missing(&neither), []);
        assert_eq!(codes(&mut Reliance::new(Ack::App, false, true), &neither), ["no_history"]);
        for (ack, owed, flags) in [
            (Ack::Relay, false, &["--ack relay"][..]),
            (Ack::App, true, &["--owed"]),
            (Ack::Relay, true, &["--ack relay", "--owed"]),
        ] {
            let told = Reliance::new(ack, owed, false).missing(&neither);
            let [notice] = &told[..] else { panic!("{told:?}") };
            for flag in ["--ack relay", "--owed"] {
                assert_eq!(notice.message.contains(flag), flags.contains(&flag), "{notice:?}");
            }
        }
    }
}
