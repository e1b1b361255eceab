//! How many webhooks a second each account may have: N at once, and N a second (the generic cell rate algorithm, ITU-T
//! I.371). Only what is about to be delivered counts, so that nobody's forgeries use up what an account may have where
//! signatures are checked.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::AccountName;

/// Over how long the webhooks that come at once are bounded.
const SECOND: Duration = Duration::from_secs(1);

/// When all that an account has had is forgotten. Accounts are the operator's to make: so there are not many.
#[derive(Debug, Default)]
pub(super) struct Rates(Mutex<HashMap<AccountName, Instant>>);

/// [`Rates::look`] or [`Rates::take`].
pub(super) type Ask = fn(&Rates, &AccountName, NonZeroU32, Instant) -> Result<(), Duration>;

impl Rates {
    /// Whether the account may have a webhook now; after how long, if not.
    pub(super) fn look(&self, account: &AccountName, rate: NonZeroU32, now: Instant) -> Result<(), Duration> {
        let clear_at = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(account).copied();
        after(clear_at.unwrap_or(now), rate, now).map(drop)
    }

    /// Counts a webhook of the account's, if it may have it now.
    pub(super) fn take(&self, account: &AccountName, rate: NonZeroU32, now: Instant) -> Result<(), Duration> {
        let mut clear_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match clear_at.get_mut(account) {
            Some(clear_at) => *clear_at = after(*clear_at, rate, now)?,
            None => drop(clear_at.insert(account.clone(), after(now, rate, now)?)),
        }
        Ok(())
    }
}

/// When all is forgotten, with one webhook more; how much too early that one is.
fn after(clear_at: Instant, rate: NonZeroU32, now: Instant) -> Result<Instant, Duration> {
    let next = clear_at.max(now) + SECOND / rate.get();
    let over = next.duration_since(now).saturating_sub(SECOND);
    if over.is_zero() { Ok(next) } else { Err(over) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn an_account_has_so_many_at_once_and_so_many_a_second() {
        for number in [1, 3, 7, 1000, 1_000_000] {
            let (rates, account, now, rate) =
                (Rates::default(), AccountName::default(), Instant::now(), rate(number));
            for _ in 0..number {
                assert_eq!(rates.look(&account, rate, now), Ok(()));
                assert_eq!(rates.take(&account, rate, now), Ok(()));
            }
            let retry = rates.take(&account, rate, now).unwrap_err();
            assert_eq!(rates.look(&account, rate, now), Err(retry), "to look takes nothing");
            assert!(retry <= SECOND / number, "{number}: {retry:?}");
            assert_eq!(rates.take(&account, rate, now + retry), Ok(()));
            rates.take(&account, rate, now + retry).unwrap_err();
            let later = now + SECOND * 100;
            for _ in 0..number {
                assert_eq!(rates.take(&account, rate, later), Ok(()), "what was not used is not saved up");
            }
            rates.take(&account, rate, later).unwrap_err();
        }
    }

    #[test]
    fn each_account_has_its_own_and_a_new_rate_holds_at_once() {
        let (rates, now) = (Rates::default(), Instant::now());
        let (one, other): (AccountName, AccountName) = ("one".parse().unwrap(), "other".parse().unwrap());
        assert_eq!(rates.take(&one, rate(1), now), Ok(()));
        rates.take(&one, rate(1), now).unwrap_err();
        assert_eq!(rates.take(&other, rate(1), now), Ok(()));
        let later = now + SECOND;
        for _ in 0..5 {
            assert_eq!(rates.take(&one, rate(5), later), Ok(()));
        }
        rates.take(&one, rate(5), later).unwrap_err();
    }
}
