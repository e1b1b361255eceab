//! Tokens: made, checked, replaced, ended.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};
use serde::Serialize;

use super::token::{TokenHash, lower_base32};
use super::{AccountName, Accounts, Error, Scopes, Token, millis, optional_millis, parsed};

/// What a new token is to be.
#[derive(Clone, Debug, Default)]
pub struct TokenWish {
    /// What to call it in lists: at most 64 characters.
    pub label: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// When it ends by itself: milliseconds since the Unix epoch. `None`: never.
    pub expires_at: Option<u64>,
}

impl From<&str> for TokenWish {
    /// One for everything, without an end, that is called so.
    fn from(label: &str) -> Self {
        Self { label: label.to_owned(), ..Self::default() }
    }
}

/// A token just made. Nothing can show its secret again.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its public id.
    pub id: String,
    /// Whom it acts for.
    pub account: AccountName,
    /// The secret.
    pub secret: Token,
}

/// What the relay knows of a token. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenRecord {
    /// Its public id: random, with nothing of the secret in it.
    pub id: String,
    /// Whom it acts for.
    pub account: AccountName,
    /// What its maker called it; may be empty.
    pub label: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// When it was made, or last rotated.
    pub created_at: u64,
    /// When it was last seen, to the minute; `None`: never.
    pub last_used_at: Option<u64>,
    /// When it ends by itself; `None`: never.
    pub expires_at: Option<u64>,
    /// When it was revoked; `None`: it is good.
    pub revoked_at: Option<u64>,
}

impl Accounts {
    /// Makes a token, and the account where it is new.
    ///
    /// # Errors
    /// [`Error::BadLabel`]; the database or the system's randomness fails.
    pub fn create_token(&self, account: &AccountName, wish: impl Into<TokenWish>) -> Result<NewToken, Error> {
        let mut database = self.changes();
        let change = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let new = NewToken { id: random_id()?, account: account.clone(), secret: Token::random()? };
        insert(&change, &new, &wish.into(), self.unix_millis())?;
        change.commit()?;
        Ok(new)
    }

    /// As [`Accounts::create_token`], if no token was ever made; `None` when one was.
    ///
    /// # Errors
    /// As [`Accounts::create_token`].
    pub fn create_first_token(&self, account: &AccountName, label: &str) -> Result<Option<NewToken>, Error> {
        let mut database = self.changes();
        let change = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if change.query_row("SELECT EXISTS (SELECT 1 FROM tokens)", (), |row| row.get(0))? {
            return Ok(None);
        }
        let new = NewToken { id: random_id()?, account: account.clone(), secret: Token::random()? };
        insert(&change, &new, &label.into(), self.unix_millis())?;
        change.commit()?;
        Ok(Some(new))
    }

    /// Makes `secret` good for `account`, in place of the good tokens of the same label. One that is good already is left alone.
    ///
    /// # Errors
    /// [`Error::Revoked`] and [`Error::InUse`], when that secret was revoked or is another account's; the database fails.
    pub fn replace_bootstrap_token(
        &self,
        account: &AccountName,
        label: &str,
        secret: &Token,
    ) -> Result<(), Error> {
        let mut database = self.changes();
        let change = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match find(&change, &secret.hash())? {
            Some(token) if token.revoked_at.is_some() => return Err(Error::Revoked(token.id)),
            Some(token) if token.account != *account => return Err(Error::InUse(token.account)),
            Some(_) => return Ok(()),
            None => {}
        }
        let sql = "DELETE FROM tokens WHERE account = ?1 AND label = ?2 AND revoked_at IS NULL";
        change.prepare_cached(sql)?.execute((account.as_str(), label))?;
        let new = NewToken { id: random_id()?, account: account.clone(), secret: secret.clone() };
        insert(&change, &new, &label.into(), self.unix_millis())?;
        Ok(change.commit()?)
    }

    /// Every token, the oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn list_tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        let database = self.questions();
        let mut query = database.prepare_cached("SELECT * FROM tokens ORDER BY created_at, rowid")?;
        let tokens = query.query_map((), record)?.collect::<rusqlite::Result<_>>()?;
        Ok(tokens)
    }

    /// Ends a token for good. To revoke it again changes nothing.
    ///
    /// # Errors
    /// [`Error::UnknownToken`]; the database fails.
    pub fn revoke_token(&self, id: &str) -> Result<TokenRecord, Error> {
        let database = self.changes();
        let sql = "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1 RETURNING *";
        let revoked = database.prepare_cached(sql)?.query_row((id, self.unix_millis()), record).optional()?;
        let revoked = revoked.ok_or_else(|| Error::UnknownToken(id.to_owned()))?;
        tracing::info!(token = revoked.id, account = %revoked.account, "token revoked");
        Ok(revoked)
    }

    /// Gives a token a new secret; the old one ends at once. Its scopes and its end stay.
    ///
    /// # Errors
    /// [`Error::UnknownToken`], [`Error::Revoked`], [`Error::Expired`]; the database or the system's randomness fails.
    pub fn rotate_token(&self, id: &str) -> Result<NewToken, Error> {
        let mut database = self.changes();
        let change = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT * FROM tokens WHERE id = ?1";
        let token = change.prepare_cached(sql)?.query_row([id], record).optional()?;
        let token = token.ok_or_else(|| Error::UnknownToken(id.to_owned()))?;
        if token.revoked_at.is_some() {
            return Err(Error::Revoked(token.id));
        }
        if token.expires_at.is_some_and(|end| end <= self.now.unix_millis()) {
            return Err(Error::Expired(token.id));
        }
        let secret = Token::random()?;
        let sql = "UPDATE tokens SET hash = ?2, created_at = ?3, last_used_at = NULL WHERE id = ?1";
        change.prepare_cached(sql)?.execute((id, secret.hash().bytes(), self.unix_millis()))?;
        change.commit()?;
        tracing::info!(token = token.id, account = %token.account, "token rotated");
        Ok(NewToken { id: token.id, account: token.account, secret })
    }
}

fn find(database: &Connection, hash: &TokenHash) -> rusqlite::Result<Option<TokenRecord>> {
    let mut query = database.prepare_cached("SELECT * FROM tokens WHERE substr(hash, 1, 4) = ?1")?;
    let mut rows = query.query([hash.prefix()])?;
    while let Some(row) = rows.next()? {
        if hash.matches(row.get_ref("hash")?.as_blob()?) {
            return record(row).map(Some);
        }
    }
    Ok(None)
}

fn insert(change: &Transaction<'_>, new: &NewToken, wish: &TokenWish, now: i64) -> Result<(), Error> {
    let TokenWish { label, scopes, expires_at } = wish;
    if label.chars().count() > 64 || label.chars().any(char::is_control) {
        return Err(Error::BadLabel);
    }
    let account = new.account.as_str();
    let sql = "INSERT INTO accounts (name) VALUES (?1) ON CONFLICT DO NOTHING";
    change.prepare_cached(sql)?.execute([account])?;
    let sql = "INSERT INTO tokens (id, account, label, hash, created_at, scopes, expires_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let expires_at = expires_at.map(|at| i64::try_from(at).unwrap_or(i64::MAX));
    let hash = new.secret.hash();
    let values = (&new.id, account, label, hash.bytes(), now, scopes.to_string(), expires_at);
    change.prepare_cached(sql)?.execute(values)?;
    tracing::info!(token = new.id, account, label, %scopes, "token created");
    Ok(())
}

/// 40 random bits as eight letters and digits.
fn random_id() -> Result<String, getrandom::Error> {
    let mut bits = [0; 5];
    getrandom::fill(&mut bits)?;
    Ok(lower_base32(&bits))
}

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<TokenRecord> {
    Ok(TokenRecord {
        id: row.get("id")?,
        account: parsed(row, "account")?,
        label: row.get("label")?,
        scopes: parsed(row, "scopes")?,
        created_at: millis(row, "created_at")?,
        last_used_at: optional_millis(row, "last_used_at")?,
        expires_at: optional_millis(row, "expires_at")?,
        revoked_at: optional_millis(row, "revoked_at")?,
    })
}
