//! What is special about a delivery, in words.

use std::time::Duration;

use muxhook_protocol::mux::phrase::Tries;
use muxhook_protocol::mux::signature::{Fault, Verdict};

use crate::event::Arrival;
use crate::printer::human::units;
use crate::printer::style::Style;

/// Why its signature is not to be trusted.
pub(super) fn alarm(signature: Option<Verdict>) -> Option<String> {
    match signature? {
        Verdict::Valid { .. } => None,
        Verdict::Stale { age, .. } => {
            Some(format!("signature {} old", units::span(Duration::from_secs(age.unsigned_abs()))))
        }
        Verdict::Invalid(Fault::NoMatch) => Some("wrong signature".to_owned()),
        Verdict::Invalid(Fault::Malformed(_)) => Some("malformed signature".to_owned()),
        Verdict::Missing => Some("no signature".to_owned()),
    }
}

/// Its marks, behind `remark`, the weightiest first; `whole`: with all that is known of Mux's tries.
pub(super) fn of(
    arrival: &Arrival,
    remark: Option<&str>,
    tries: Option<Tries>,
    style: Style,
    whole: bool,
) -> String {
    let delivery = &arrival.delivery;
    let is_event = arrival.envelope.event_type.as_deref().is_some_and(|name| !name.is_empty());
    let attempt = (delivery.attempt > 1).then(|| format!("attempt {}", delivery.attempt));
    let tries = tries.map(|tries| self::tries(tries, whole));
    let marks = [
        remark,
        arrival.duplicate_of.map(|_| "duplicate"),
        arrival.out_of_order.then_some("out of order"),
        (is_event && !arrival.known_type).then_some("new type"),
        attempt.as_deref(),
        delivery.owed.then_some("owed"),
        delivery.replayed.then_some("replayed"),
        tries.as_deref(),
    ];
    marks.into_iter().flatten().collect::<Vec<_>>().join(style.sign(" · ", ", "))
}

/// `Mux's try 3 of 30, last answered 500`, or no more than `try 3 of 30`.
fn tries(tries: Tries, whole: bool) -> String {
    let Tries { number, most, last_status } = tries;
    let most = most.map(|most| format!(" of {most}")).unwrap_or_default();
    match last_status {
        _ if !whole => format!("try {number}{most}"),
        Some(status) => format!("Mux's try {number}{most}, last answered {status}"),
        None => format!("Mux's try {number}{most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_say_what_is_known_of_them() {
        let try_of = |most, last_status| Tries { number: 3, most, last_status };
        assert_eq!(tries(try_of(Some(30), Some(500)), true), "Mux's try 3 of 30, last answered 500");
        assert_eq!(tries(try_of(None, None), true), "Mux's try 3");
        assert_eq!(tries(try_of(Some(30), Some(500)), false), "try 3 of 30");
    }
}
