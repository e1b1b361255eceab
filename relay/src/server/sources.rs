//! Where failing requests come from: an unknown endpoint, a bad token, what is no request and no TLS. Each source may send
//! some; more than that are answered with 429 or not at all, and end their connections. What does not fail passes, however much of it comes:
//! Mux's few addresses, an office and a proxy each look like one flooder.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures that a source may have at once, and after how long each is forgotten.
const BURST: u32 = 60;
const EACH: Duration = Duration::from_secs(1);

/// Most sources that are told apart. While there are more, those that are not among them have none left.
const MOST: usize = 65_536;

/// How often those are looked for that have been forgiven, when there is no room for one more.
const LOOK: Duration = Duration::from_secs(1);

/// Failures by source.
#[derive(Debug, Default)]
pub(super) struct Sources(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// When all failures of a source are forgotten.
    clear_at: HashMap<IpAddr, Instant>,
    looked: Option<Instant>,
}

impl Sources {
    /// Whether a failure of the source would be one too many.
    pub(super) fn is_spent(&self, source: IpAddr, now: Instant) -> bool {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left_at = |clear_at: &Instant| *clear_at + EACH > now + EACH * BURST;
        inner.clear_at.get(&network(source)).is_some_and(left_at)
    }

    /// Counts a failure; after how long the source may fail again, when that was one too many.
    pub(super) fn failed(&self, source: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(source);
        if !inner.clear_at.contains_key(&key) && !inner.has_room(now) {
            return Err(EACH);
        }
        let clear_at = inner.clear_at.entry(key).or_insert(now);
        let next = (*clear_at).max(now) + EACH;
        let over = next.saturating_duration_since(now).saturating_sub(EACH * BURST);
        if !over.is_zero() {
            return Err(over);
        }
        *clear_at = next;
        Ok(())
    }
}

impl Inner {
    fn has_room(&mut self, now: Instant) -> bool {
        if self.clear_at.len() < MOST {
            return true;
        }
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < LOOK) {
            return false;
        }
        self.looked = Some(now);
        self.clear_at.retain(|_, clear_at| *clear_at > now);
        self.clear_at.len() < MOST
    }
}

/// What counts as one source: an IPv4 address, or the 64 bits of IPv6 that one customer has at least (RFC 6177 §2).
pub(super) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_may_fail_some_times_at_once_and_once_a_second_after_that() {
        let (sources, now) = (Sources::default(), Instant::now());
        let one = ip("192.0.2.1");
        for _ in 0..BURST {
            assert!(!sources.is_spent(one, now));
            assert_eq!(sources.failed(one, now), Ok(()));
        }
        assert!(sources.is_spent(one, now) && !sources.is_spent(one, now + EACH));
        assert_eq!(sources.failed(one, now), Err(EACH));
        assert_eq!(sources.failed(ip("192.0.2.2"), now), Ok(()), "another one");
        assert_eq!(sources.failed(one, now + EACH / 2), Err(EACH / 2));
        assert_eq!(sources.failed(one, now + EACH), Ok(()));
        assert_eq!(sources.failed(one, now + EACH), Err(EACH));
        for _ in 0..BURST {
            assert_eq!(sources.failed(one, now + EACH * 500), Ok(()), "all is forgotten");
        }
    }

    #[test]
    fn one_customer_is_one_source() {
        let same = |one: &str, other: &str| network(ip(one)) == network(ip(other));
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    }

    #[test]
    fn sources_are_bounded_and_those_forgiven_make_room() {
        let (sources, now) = (Sources::default(), Instant::now());
        for number in 0..u32::try_from(MOST).unwrap() {
            assert_eq!(sources.failed(IpAddr::V4(number.into()), now), Ok(()));
        }
        let more = ip("2001:db8::1");
        assert_eq!(sources.failed(more, now), Err(EACH));
        assert_eq!(sources.failed(ip("0.0.0.1"), now), Ok(()), "it has some left");
        assert_eq!(sources.failed(more, now + EACH / 2), Err(EACH), "not looked again so soon");
        assert_eq!(sources.failed(more, now + EACH), Ok(()));
        assert_eq!(sources.0.lock().unwrap().clear_at.len(), 2, "the one that failed twice, and the new one");
    }
}
