//! What became of a delivery, from what is known of it.

use muxhook_protocol::history::{Attempt, Fate};

use crate::journal::State;

/// The rule. An app's 2xx counts whenever it came, also for a delivery that was given up before; else what the
/// relay's debt came to; else what the sender was told, `by` and `status` as in the table.
pub(super) fn fate(state: State, by: &str, status: u16, tries: &[Attempt]) -> Fate {
    match state {
        State::Owed => return Fate::Owed,
        State::Accepted => return Fate::Accepted,
        _ if tries.iter().any(Attempt::accepted) => return Fate::Accepted,
        State::Expired => return Fate::Expired,
        State::Discarded => return Fate::Discarded,
        State::Skipped => return Fate::Skipped,
        State::Refused => return Fate::Refused,
        State::Damaged => return Fate::Lost,
        State::Answered => {}
    }
    match (by, status) {
        ("app", 200..300) => Fate::Accepted,
        ("app", _) => Fate::Rejected,
        ("skipped", _) => Fate::Skipped,
        ("none", _) => Fate::Observed,
        ("held", _) => tries.last().map_or(Fate::Unknown, last),
        ("relay", 401) => Fate::Refused,
        ("relay", 502) => Fate::Failed,
        ("relay", 504) => Fate::Late,
        _ => Fate::Lost,
    }
}

/// What settled a delivery that was owed, and no 2xx did.
fn last(tried: &Attempt) -> Fate {
    match tried.result.as_str() {
        "replied" => Fate::Rejected,
        "skipped" => Fate::Skipped,
        "signature" => Fate::Refused,
        _ => Fate::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(result: &str, status: Option<u16>) -> Attempt {
        Attempt {
            at: 1,
            took_ms: 1,
            session: 1,
            result: result.to_owned(),
            status,
            message: None,
            late: false,
            replayed: false,
        }
    }

    #[test]
    fn the_fates() {
        let ok = || tried("replied", Some(204));
        let no = || tried("replied", Some(500));
        let down = || tried("refused", None);
        let late = || Attempt { late: true, ..ok() };
        let again = || Attempt { replayed: true, ..ok() };
        use {Fate as F, State as S};
        #[rustfmt::skip]
        let table = [
            // Owed until it is settled, whatever was tried.
            (S::Owed, "held", 200, vec![], F::Owed),
            (S::Owed, "held", 200, vec![no(), down()], F::Owed),
            (S::Owed, "app", 200, vec![ok()], F::Owed),
            // A debt's end.
            (S::Answered, "held", 200, vec![down(), ok()], F::Accepted),
            (S::Answered, "held", 200, vec![tried("signature", None)], F::Refused),
            (S::Answered, "held", 200, vec![no(), tried("skipped", None)], F::Skipped),
            (S::Answered, "held", 200, vec![no()], F::Rejected),
            (S::Answered, "held", 200, vec![down()], F::Failed),
            (S::Answered, "held", 200, vec![], F::Unknown),
            (S::Accepted, "held", 200, vec![], F::Accepted),
            (S::Refused, "held", 200, vec![no(), tried("signature", None)], F::Refused),
            (S::Skipped, "held", 200, vec![tried("skipped", None)], F::Skipped),
            (S::Damaged, "held", 200, vec![], F::Lost),
            (S::Expired, "held", 200, vec![no()], F::Expired),
            (S::Expired, "held", 200, vec![no(), again()], F::Accepted),
            (S::Discarded, "held", 200, vec![], F::Discarded),
            (S::Discarded, "held", 200, vec![late()], F::Accepted),
            // Answered at once.
            (S::Answered, "app", 200, vec![ok()], F::Accepted),
            (S::Answered, "app", 299, vec![], F::Accepted),
            (S::Answered, "app", 300, vec![], F::Rejected),
            (S::Answered, "app", 199, vec![], F::Rejected),
            (S::Answered, "app", 500, vec![no()], F::Rejected),
            (S::Answered, "app", 500, vec![no(), again()], F::Accepted),
            (S::Answered, "app", 404, vec![no(), tried("skipped", None)], F::Rejected),
            (S::Answered, "skipped", 200, vec![tried("skipped", None)], F::Skipped),
            (S::Answered, "none", 200, vec![], F::Observed),
            (S::Answered, "none", 200, vec![again()], F::Accepted),
            (S::Answered, "relay", 502, vec![down()], F::Failed),
            (S::Answered, "relay", 401, vec![tried("signature", None)], F::Refused),
            (S::Answered, "relay", 504, vec![], F::Late),
            (S::Answered, "relay", 504, vec![Attempt { late: true, ..no() }], F::Late),
            (S::Answered, "relay", 504, vec![late()], F::Accepted),
            (S::Answered, "relay", 503, vec![], F::Lost),
            (S::Answered, "relay", 507, vec![], F::Lost),
            (S::Answered, "relay", 500, vec![], F::Lost),
            // What no relay writes.
            (S::Answered, "moon", 200, vec![], F::Lost),
            (S::Answered, "app", 0, vec![tried("replied", None)], F::Rejected),
        ];
        for (state, by, status, tries, expected) in table {
            assert_eq!(fate(state, by, status, &tries), expected, "{state:?} {by} {status} {tries:?}");
        }
    }
}
