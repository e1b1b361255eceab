//! Accounts themselves: switched off and on, and what each may have.

use std::collections::HashMap;
use std::num::NonZeroU32;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use super::{AccountName, Accounts, Error, MAX_ENDPOINTS, optional_millis, parsed};

/// Most of what an account may have. `None`: as many as the relay lets anybody have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quotas {
    /// Endpoints; without one, [`MAX_ENDPOINTS`].
    pub max_endpoints: Option<u64>,
    /// Sessions at once, of observers too; without one, what the relay takes in all.
    pub max_listeners: Option<u64>,
    /// Bytes of held webhooks, over all its endpoints; without one, each endpoint's own bound.
    pub max_held: Option<u64>,
    /// Webhooks a second, over all its endpoints; without one, what the relay lets everybody have (`--rate`).
    pub rate: Option<NonZeroU32>,
}

/// A change of [`Quotas`]: what is `None` stays, and `Some(None)` is the default again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewQuotas {
    /// See [`Quotas::max_endpoints`].
    pub max_endpoints: Option<Option<u64>>,
    /// See [`Quotas::max_listeners`].
    pub max_listeners: Option<Option<u64>>,
    /// See [`Quotas::max_held`].
    pub max_held: Option<Option<u64>>,
    /// See [`Quotas::rate`].
    pub rate: Option<Option<NonZeroU32>>,
}

/// What the relay knows of an account. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountRecord {
    /// Its name.
    pub account: AccountName,
    /// When it was switched off; `None`: it is on.
    pub disabled_at: Option<u64>,
    /// How many endpoints it has.
    pub endpoints: u64,
    /// How many of its tokens are neither revoked nor over.
    pub tokens: u64,
    /// What it may have.
    #[serde(flatten)]
    pub quotas: Quotas,
}

impl Accounts {
    /// Every account, by name.
    ///
    /// # Errors
    /// The database fails.
    pub fn list_accounts(&self) -> Result<Vec<AccountRecord>, Error> {
        let database = self.questions();
        let mut query = database.prepare_cached(
            "SELECT *, (SELECT count(*) FROM endpoints WHERE account = name) AS endpoints,
                (SELECT count(*) FROM tokens WHERE account = name AND revoked_at IS NULL
                    AND coalesce(expires_at > ?1, 1)) AS tokens
            FROM accounts ORDER BY name",
        )?;
        let rows = query.query_map([self.unix_millis()], |row| {
            Ok(AccountRecord {
                account: parsed(row, "name")?,
                disabled_at: optional_millis(row, "disabled_at")?,
                endpoints: super::millis(row, "endpoints")?,
                tokens: super::millis(row, "tokens")?,
                quotas: quotas_in(row)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What the account may have.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`]; the database fails.
    pub fn quotas(&self, account: &AccountName) -> Result<Quotas, Error> {
        quotas(&self.questions(), account)
    }

    /// Sets what the account may have. What it has already stays.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`]; the database fails.
    pub fn set_quotas(&self, account: &AccountName, new: NewQuotas) -> Result<Quotas, Error> {
        let stored = |most: Option<u64>| most.map(|most| i64::try_from(most).unwrap_or(i64::MAX));
        let sql = "UPDATE accounts SET
                max_endpoints = iif(?2, ?3, max_endpoints), max_listeners = iif(?4, ?5, max_listeners),
                max_held = iif(?6, ?7, max_held), rate = iif(?8, ?9, rate)
            WHERE name = ?1 RETURNING *";
        let values = (
            account.as_str(),
            new.max_endpoints.is_some(),
            stored(new.max_endpoints.flatten()),
            new.max_listeners.is_some(),
            stored(new.max_listeners.flatten()),
            new.max_held.is_some(),
            stored(new.max_held.flatten()),
            new.rate.is_some(),
            new.rate.flatten().map(NonZeroU32::get),
        );
        let set = self.changes().prepare_cached(sql)?.query_row(values, quotas_in).optional()?;
        let set = set.ok_or_else(|| Error::UnknownAccount(account.clone()))?;
        tracing::info!(%account, ?set, "what an account may have is set");
        Ok(set)
    }

    /// The accounts that have a [`Quotas::max_held`], and what it is.
    ///
    /// # Errors
    /// The database fails.
    pub fn held_limits(&self) -> Result<HashMap<AccountName, u64>, Error> {
        let database = self.questions();
        let mut query =
            database.prepare_cached("SELECT name, max_held FROM accounts WHERE max_held IS NOT NULL")?;
        let rows = query.query_map((), |row| Ok((parsed(row, "name")?, super::millis(row, "max_held")?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Switches the account on or off: off, its tokens open nothing, its sessions end, and its endpoints look like
    /// none at all to senders. What is owed to it stays. Whether that changed anything.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`]; the database fails.
    pub fn switch_account(&self, account: &AccountName, on: bool) -> Result<bool, Error> {
        let database = self.changes();
        // Read first: what changes nothing must end no session's peace.
        let sql = "SELECT disabled_at IS NULL FROM accounts WHERE name = ?1";
        let is_on: Option<bool> =
            database.prepare_cached(sql)?.query_row([account.as_str()], |row| row.get(0)).optional()?;
        if is_on.ok_or_else(|| Error::UnknownAccount(account.clone()))? == on {
            return Ok(false);
        }
        let at = (!on).then(|| self.unix_millis());
        database
            .prepare_cached("UPDATE accounts SET disabled_at = ?2 WHERE name = ?1")?
            .execute((account.as_str(), at))?;
        tracing::info!(%account, on, "account switched");
        Ok(true)
    }
}

/// What the account may have, as far as it was set.
pub(super) fn quotas(database: &Connection, account: &AccountName) -> Result<Quotas, Error> {
    let sql = "SELECT * FROM accounts WHERE name = ?1";
    let quotas = database.prepare_cached(sql)?.query_row([account.as_str()], quotas_in).optional()?;
    quotas.ok_or_else(|| Error::UnknownAccount(account.clone()))
}

impl Quotas {
    /// Most endpoints, the default filled in.
    #[must_use]
    pub fn endpoints(self) -> u64 {
        self.max_endpoints.unwrap_or(MAX_ENDPOINTS)
    }

    /// Most sessions at once.
    #[must_use]
    pub fn listeners(self) -> usize {
        self.max_listeners.and_then(|most| most.try_into().ok()).unwrap_or(usize::MAX)
    }
}

fn quotas_in(row: &Row<'_>) -> rusqlite::Result<Quotas> {
    Ok(Quotas {
        max_endpoints: optional_millis(row, "max_endpoints")?,
        max_listeners: optional_millis(row, "max_listeners")?,
        max_held: optional_millis(row, "max_held")?,
        rate: row.get::<_, Option<u32>>("rate")?.and_then(NonZeroU32::new),
    })
}
