//! Who may do what, now: asked when somebody comes, and again whenever the answer may have changed.

use muxhook_protocol::EndpointId;
use rusqlite::{Connection, OptionalExtension, Row};

use super::token::TokenHash;
use super::{AccountName, Accounts, Address, Error, Scope, Scopes, Token};
use crate::database::BUSY_TIMEOUT;

/// How exact [`TokenRecord::last_used_at`](super::TokenRecord::last_used_at) is, in milliseconds: one write a minute
/// at most.
const LAST_USED_GRAIN: u64 = 60_000;

/// What a token that was good lets its bearer do. That may end: see [`Accounts::still_allows`].
#[derive(Clone, Debug)]
pub struct Pass {
    /// Whom it acts for.
    pub account: AccountName,
    /// What it is good for.
    pub scopes: Scopes,
    /// When it ends by itself: milliseconds since the Unix epoch. `None`: never.
    pub expires_at: Option<u64>,
    /// The token's public id.
    pub token: String,
    /// Tells a secret from the one that took its place.
    hash: TokenHash,
}

/// Why somebody may not do something. All of it is for those who have, or had, a good token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRight {
    /// The token is not what it was.
    #[error(
        "the token was revoked or replaced, or has expired: ask whoever runs this relay for another, and store it with \
         `muxhook login`"
    )]
    Token,
    /// The token is good, and not for this.
    #[error(
        "this token has not the scope {0}: ask whoever runs this relay for one that has (`token create --scope {0}`)"
    )]
    Scope(Scope),
    /// The operator has switched the account off.
    #[error("the account {0} is disabled: ask whoever runs this relay")]
    AccountDisabled(AccountName),
    /// The operator has switched the endpoint off.
    #[error("the endpoint {0} is disabled: ask whoever runs this relay")]
    EndpointDisabled(EndpointId),
    /// The account has no such endpoint any more.
    #[error("the endpoint {0} was deleted")]
    EndpointDeleted(EndpointId),
}

/// A token's row, as far as it matters here.
struct Found {
    pass: Pass,
    last_used_at: Option<u64>,
    is_revoked: bool,
    is_account_disabled: bool,
}

impl Pass {
    /// Whether the token is good for this.
    ///
    /// # Errors
    /// [`NoRight::Scope`].
    pub fn check(&self, scope: Scope) -> Result<(), NoRight> {
        if self.scopes.has(scope) { Ok(()) } else { Err(NoRight::Scope(scope)) }
    }

    /// Whether its time is over at `now` (milliseconds since the Unix epoch).
    #[must_use]
    pub fn has_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// One of no token.
    #[cfg(test)]
    pub(crate) fn of(account: AccountName) -> Self {
        let (scopes, hash) = (Scopes::default(), TokenHash::of(""));
        Self { account, scopes, expires_at: None, token: String::new(), hash }
    }
}

impl Accounts {
    /// What the secret lets its bearer do; `None` when it is unknown, revoked, or has expired: which, nobody outside
    /// learns.
    ///
    /// # Errors
    /// [`NoRight::AccountDisabled`]. The database fails: that says nothing about the secret, so answer 503, not 401.
    pub fn authenticate(&self, secret: &str) -> Result<Option<Pass>, Error> {
        if secret.len() > Token::MAX_LEN {
            return Ok(None);
        }
        let now = self.now.unix_millis();
        let database = self.questions();
        let found = by_secret(&database, &TokenHash::of(secret))?;
        let Some(found) = found.filter(|found| !found.is_revoked && !found.pass.has_expired(now)) else {
            return Ok(None);
        };
        if found.is_account_disabled {
            return Err(NoRight::AccountDisabled(found.pass.account).into());
        }
        if found.last_used_at.is_none_or(|last| now.abs_diff(last) >= LAST_USED_GRAIN) {
            touch(&database, &found.pass.token, self.unix_millis());
        }
        Ok(Some(found.pass))
    }

    /// Whether who came with this pass may be on that endpoint still.
    ///
    /// # Errors
    /// [`Error::NoRight`] with the reason; the database fails, which says nothing of the right.
    pub fn still_allows(&self, pass: &Pass, address: &Address) -> Result<(), Error> {
        let database = self.questions();
        let now = self.now.unix_millis();
        let is_same = |found: &Found| {
            found.pass.hash.matches(pass.hash.bytes()) && !found.is_revoked && !found.pass.has_expired(now)
        };
        let Some(found) = by_id(&database, &pass.token)?.filter(is_same) else {
            return Err(NoRight::Token.into());
        };
        if found.is_account_disabled {
            return Err(NoRight::AccountDisabled(pass.account.clone()).into());
        }
        let sql = "SELECT disabled_at IS NOT NULL FROM endpoints WHERE id = ?1 AND account = ?2";
        let key = (address.endpoint.as_str(), address.account.as_str());
        match database.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()? {
            Some(false) => Ok(()),
            Some(true) => Err(NoRight::EndpointDisabled(address.endpoint.clone()).into()),
            None => Err(NoRight::EndpointDeleted(address.endpoint.clone()).into()),
        }
    }

    /// Whether that time is over, by the clock of these accounts: milliseconds since the Unix epoch.
    #[must_use]
    pub fn has_expired(&self, pass: &Pass) -> bool {
        pass.has_expired(self.now.unix_millis())
    }
}

const TOKEN: &str = "SELECT tokens.*, accounts.disabled_at IS NOT NULL AS is_disabled
    FROM tokens JOIN accounts ON accounts.name = tokens.account";

fn by_secret(database: &Connection, hash: &TokenHash) -> rusqlite::Result<Option<Found>> {
    let mut query = database.prepare_cached(&format!("{TOKEN} WHERE substr(hash, 1, 4) = ?1"))?;
    let mut rows = query.query([hash.prefix()])?;
    while let Some(row) = rows.next()? {
        if hash.matches(row.get_ref("hash")?.as_blob()?) {
            return found(row).map(Some);
        }
    }
    Ok(None)
}

fn by_id(database: &Connection, id: &str) -> rusqlite::Result<Option<Found>> {
    database.prepare_cached(&format!("{TOKEN} WHERE tokens.id = ?1"))?.query_row([id], found).optional()
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let super::TokenRecord { id, account, scopes, expires_at, last_used_at, revoked_at, .. } =
        super::tokens::record(row)?;
    let pass = Pass { account, scopes, expires_at, token: id, hash: TokenHash::stored(row.get("hash")?) };
    let (is_revoked, is_account_disabled) = (revoked_at.is_some(), row.get("is_disabled")?);
    Ok(Found { pass, last_used_at, is_revoked, is_account_disabled })
}

/// A rough figure is worth neither waiting for another process's change nor failing for.
fn touch(database: &Connection, id: &str, now: i64) {
    let write = || -> rusqlite::Result<()> {
        database.busy_timeout(std::time::Duration::ZERO)?;
        let sql = "UPDATE tokens SET last_used_at = ?2 WHERE id = ?1";
        database.prepare_cached(sql)?.execute((id, now)).map(drop)
    };
    if let Err(error) = write() {
        tracing::debug!(token = id, %error, "the time of a token's use was not written");
    }
    if let Err(error) = database.busy_timeout(BUSY_TIMEOUT) {
        tracing::warn!(%error, "changes to accounts won't wait for other processes");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use muxhook_link::Now;

    use super::super::TokenWish;
    use super::*;

    #[test]
    fn a_token_ends_at_its_moment_and_stays_so() {
        static MILLIS: AtomicU64 = AtomicU64::new(1_000_000);
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path(), Now::from_fn(|| MILLIS.load(Ordering::Relaxed))).unwrap();
        let mine = AccountName::default();
        let wish = TokenWish { expires_at: Some(2_000_000), ..TokenWish::default() };
        let token = accounts.create_token(&mine, wish).unwrap();
        let endpoint = accounts.claim_endpoint(&mine, None).unwrap().endpoint.id;
        let address = Address { account: mine, endpoint };
        MILLIS.store(1_999_999, Ordering::Relaxed);
        let pass = accounts.authenticate(token.secret.reveal()).unwrap().expect("good");
        accounts.still_allows(&pass, &address).unwrap();
        assert!(!accounts.has_expired(&pass));
        let token = accounts.rotate_token(&token.id).unwrap();
        let replaced = accounts.still_allows(&pass, &address);
        assert!(matches!(replaced, Err(Error::NoRight(NoRight::Token))), "a new secret under the same id");
        let pass = accounts.authenticate(token.secret.reveal()).unwrap().expect("good");

        MILLIS.store(2_000_000, Ordering::Relaxed);
        assert!(accounts.has_expired(&pass), "rotating gave it no more time");
        assert!(accounts.authenticate(token.secret.reveal()).unwrap().is_none());
        assert!(matches!(accounts.still_allows(&pass, &address), Err(Error::NoRight(NoRight::Token))));
        assert!(matches!(accounts.rotate_token(&token.id), Err(Error::Expired(_))), "nor does it come back");
    }

    #[test]
    fn what_is_foreign_is_no_right() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(dir.path(), Now::system()).unwrap();
        let [mine, other]: [AccountName; 2] = ["mine", "other"].map(|name| name.parse().unwrap());
        let token = accounts.create_token(&mine, "").unwrap();
        accounts.create_token(&other, "").unwrap();
        let endpoint = accounts.claim_endpoint(&other, None).unwrap().endpoint.id;
        let pass = accounts.authenticate(token.secret.reveal()).unwrap().expect("good");
        let address = Address { account: mine, endpoint };
        let refused = accounts.still_allows(&pass, &address);
        assert!(matches!(refused, Err(Error::NoRight(NoRight::EndpointDeleted(_)))));
        let shown = format!("{pass:?}");
        assert!(shown.contains("TokenHash(…)") && !shown.contains(token.secret.reveal()), "{shown}");
    }
}
