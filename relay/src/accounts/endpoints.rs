//! Endpoints: whose they are.

use muxhook_protocol::EndpointId;
use muxhook_protocol::mux::signature::Key;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};

use super::token::lower_base32;
use super::{AccountName, Accounts, Error, NoRight, holders, millis, optional_millis, parsed};

/// Most endpoints of an account that none was set for.
pub const MAX_ENDPOINTS: u64 = 100_000;

/// Where a delivery belongs: of both, since an endpoint that was deleted may be another account's later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Whose.
    pub account: AccountName,
    /// Which of theirs.
    pub endpoint: EndpointId,
}

/// What the relay knows of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id or name.
    pub id: EndpointId,
    /// Whose it is.
    pub account: AccountName,
    /// When it was first claimed: milliseconds since the Unix epoch.
    pub created_at: u64,
    /// When the operator switched it off: milliseconds since the Unix epoch. `None`: it is on.
    pub disabled_at: Option<u64>,
    /// Whether the relay checks Mux's signature of what comes.
    pub verifies: bool,
}

/// An endpoint of the account that asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Whether this call made it.
    pub is_new: bool,
}

/// An endpoint that was deleted, and is still to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The number of its deletion: of another one it has another.
    pub no: i64,
    /// What it was.
    pub address: Address,
}

/// Most deletions that are told at once.
const MOST_DELETED: usize = 64;

impl Accounts {
    /// Whose the endpoint is; `None` when there is no such endpoint.
    ///
    /// # Errors
    /// The database fails.
    pub fn endpoint_owner(&self, id: &EndpointId) -> Result<Option<AccountName>, Error> {
        Ok(find(&self.questions(), id)?.map(|endpoint| endpoint.account))
    }

    /// Whose the endpoint is, for a sender: one that is switched off, or whose account is, looks like none at all.
    ///
    /// # Errors
    /// The database fails.
    pub fn open_endpoint(&self, id: &EndpointId) -> Result<Option<AccountName>, Error> {
        let sql = "SELECT account FROM endpoints JOIN accounts ON name = account
            WHERE id = ?1 AND endpoints.disabled_at IS NULL AND accounts.disabled_at IS NULL";
        let database = self.questions();
        Ok(database.prepare_cached(sql)?.query_row([id.as_str()], |row| parsed(row, "account")).optional()?)
    }

    /// Switches the endpoint off or on: off, it looks like none at all to senders, and nobody may listen on it. What is
    /// owed stays. Whether that changed anything.
    ///
    /// # Errors
    /// [`Error::UnknownEndpoint`]; the database fails.
    pub fn switch_endpoint(&self, id: &EndpointId, on: bool) -> Result<bool, Error> {
        let database = self.changes();
        let known = find(&database, id)?.ok_or_else(|| Error::UnknownEndpoint(id.clone()))?;
        if known.disabled_at.is_none() == on {
            return Ok(false);
        }
        let at = (!on).then(|| self.unix_millis());
        let sql = "UPDATE endpoints SET disabled_at = ?2 WHERE id = ?1";
        database.prepare_cached(sql)?.execute((id.as_str(), at))?;
        tracing::info!(endpoint = %id, on, "endpoint switched");
        Ok(true)
    }

    /// Has Mux's signature checked with this secret before a webhook is taken, or has nothing checked.
    ///
    /// # Errors
    /// [`Error::UnknownEndpoint`]; the database fails.
    pub fn set_verification(&self, id: &EndpointId, key: Option<&Key>) -> Result<(), Error> {
        let sql = "UPDATE endpoints SET verify_secret = ?2 WHERE id = ?1";
        let secret = key.map(Key::expose);
        if self.changes().prepare_cached(sql)?.execute((id.as_str(), secret))? == 0 {
            return Err(Error::UnknownEndpoint(id.clone()));
        }
        tracing::info!(endpoint = %id, verifies = key.is_some(), "the check of signatures is set");
        Ok(())
    }

    /// The account's own endpoint of this name, made if nobody has it; without a name, a new one of 128 random bits.
    /// To claim what the account has already writes nothing.
    ///
    /// # Errors
    /// [`Error::Taken`], [`Error::UnknownAccount`], [`Error::TooMany`]; the database or the system's randomness fails.
    pub fn claim_endpoint(&self, account: &AccountName, name: Option<&EndpointId>) -> Result<Claimed, Error> {
        if let Some(known) = owned(&self.questions(), account, name)? {
            return Ok(known);
        }
        let mut database = self.changes();
        let change = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Somebody may have been faster.
        if let Some(known) = owned(&change, account, name)? {
            return Ok(known);
        }
        let endpoint = insert(&change, account, name, self.unix_millis())?;
        change.commit()?;
        tracing::info!(endpoint = %endpoint.id, %account, "endpoint created");
        Ok(Claimed { endpoint, is_new: true })
    }

    /// Every endpoint, or those of one account, by name.
    ///
    /// # Errors
    /// The database fails.
    pub fn list_endpoints(&self, account: Option<&AccountName>) -> Result<Vec<Endpoint>, Error> {
        let database = self.questions();
        let condition = if account.is_some() { "account = ?1" } else { "?1 IS NULL" };
        let sql = format!("SELECT * FROM endpoints WHERE {condition} ORDER BY id");
        let mut query = database.prepare_cached(&sql)?;
        let rows = query.query_map([account.map(AccountName::as_str)], record)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The first endpoints by name, `most` of them at most.
    ///
    /// # Errors
    /// The database fails.
    pub fn some_endpoints(&self, most: usize) -> Result<Vec<Endpoint>, Error> {
        let database = self.questions();
        let mut query = database.prepare_cached("SELECT * FROM endpoints ORDER BY id LIMIT ?1")?;
        let rows = query.query_map([most], record)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many endpoints there are.
    ///
    /// # Errors
    /// The database fails.
    pub fn count_all_endpoints(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM endpoints";
        Ok(self.questions().prepare_cached(sql)?.query_row((), |row| row.get(0))?)
    }

    /// How many endpoints the account has.
    ///
    /// # Errors
    /// The database fails.
    pub fn count_endpoints(&self, account: &AccountName) -> Result<u64, Error> {
        Ok(count(&self.questions(), account)?)
    }

    /// Deletes an endpoint of the account; `false` when the account has none of this name. Any account may claim the
    /// name from then on; what is kept of it is to be forgotten, unless the same account claims it before.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_endpoint(&self, account: &AccountName, id: &EndpointId) -> Result<bool, Error> {
        let mut database = self.changes();
        let change = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "DELETE FROM endpoints WHERE id = ?1 AND account = ?2";
        let is_deleted = change.prepare_cached(sql)?.execute((id.as_str(), account.as_str()))? > 0;
        if is_deleted {
            let sql = "INSERT OR REPLACE INTO deleted (endpoint, account) VALUES (?1, ?2)";
            change.prepare_cached(sql)?.execute((id.as_str(), account.as_str()))?;
            change.commit()?;
            tracing::info!(endpoint = %id, %account, "endpoint deleted");
        }
        Ok(is_deleted)
    }

    /// As [`Accounts::delete_endpoint`], for whoever acts for the account: what the operator switched off is the
    /// operator's alone to delete, since its name could be taken anew.
    ///
    /// # Errors
    /// [`NoRight::EndpointDisabled`]; the database fails.
    pub fn delete_own_endpoint(&self, account: &AccountName, id: &EndpointId) -> Result<bool, Error> {
        let known = find(&self.questions(), id)?;
        if known.is_some_and(|known| known.account == *account && known.disabled_at.is_some()) {
            return Err(NoRight::EndpointDisabled(id.clone()).into());
        }
        self.delete_endpoint(account, id)
    }

    /// Some endpoints that were deleted and are still to be forgotten.
    ///
    /// # Errors
    /// The database fails.
    pub fn deleted_endpoints(&self) -> Result<Vec<Deleted>, Error> {
        let database = self.questions();
        let mut query =
            database.prepare_cached("SELECT no, account, endpoint FROM deleted ORDER BY no LIMIT ?1")?;
        let rows = query.query_map([MOST_DELETED], |row| {
            let address = Address { account: parsed(row, "account")?, endpoint: parsed(row, "endpoint")? };
            Ok(Deleted { no: row.get("no")?, address })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Whether this deletion stands: nobody has forgotten it yet, and its account has not taken the endpoint again.
    ///
    /// # Errors
    /// The database fails.
    pub fn is_deleted(&self, no: i64) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM deleted WHERE no = ?1)";
        Ok(self.questions().prepare_cached(sql)?.query_row([no], |row| row.get(0))?)
    }

    /// All that was kept of it is forgotten.
    ///
    /// # Errors
    /// The database fails.
    pub fn remove_deleted(&self, no: i64) -> Result<(), Error> {
        self.changes().prepare_cached("DELETE FROM deleted WHERE no = ?1")?.execute([no])?;
        Ok(())
    }
}

fn find(database: &Connection, id: &EndpointId) -> rusqlite::Result<Option<Endpoint>> {
    let sql = "SELECT * FROM endpoints WHERE id = ?1";
    database.prepare_cached(sql)?.query_row([id.as_str()], record).optional()
}

fn owned(
    database: &Connection,
    account: &AccountName,
    name: Option<&EndpointId>,
) -> Result<Option<Claimed>, Error> {
    let Some(name) = name else { return Ok(None) };
    match find(database, name)? {
        Some(endpoint) if endpoint.account == *account => Ok(Some(Claimed { endpoint, is_new: false })),
        Some(_) => Err(Error::Taken(name.clone())),
        None => Ok(None),
    }
}

fn insert(
    change: &Transaction<'_>,
    account: &AccountName,
    name: Option<&EndpointId>,
    now: i64,
) -> Result<Endpoint, Error> {
    let most = holders::quotas(change, account)?.endpoints();
    if count(change, account)? >= most {
        return Err(Error::TooMany(account.clone(), most));
    }
    let id = match name {
        Some(name) => name.to_string(),
        None => random_id()?,
    };
    let sql = "DELETE FROM deleted WHERE endpoint = ?1 AND account = ?2";
    change.prepare_cached(sql)?.execute((&id, account.as_str()))?;
    let sql = "INSERT INTO endpoints (id, account, created_at) VALUES (?1, ?2, ?3) RETURNING *";
    Ok(change.prepare_cached(sql)?.query_row((id, account.as_str(), now), record)?)
}

fn count(database: &Connection, account: &AccountName) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM endpoints WHERE account = ?1";
    let count: i64 = database.prepare_cached(sql)?.query_row([account.as_str()], |row| row.get(0))?;
    Ok(count.try_into().unwrap_or_default())
}

fn random_id() -> Result<String, getrandom::Error> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(lower_base32(&bits))
}

fn record(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    Ok(Endpoint {
        id: parsed(row, "id")?,
        account: parsed(row, "account")?,
        created_at: millis(row, "created_at")?,
        disabled_at: optional_millis(row, "disabled_at")?,
        verifies: row.get::<_, Option<String>>("verify_secret")?.is_some(),
    })
}
