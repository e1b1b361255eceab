//! What changed of rights and settings, in whichever process: cheap to ask for, again and again. And what is kept in
//! memory: the secrets by which signatures are checked, and rates, since no webhook may wait for the disk.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use muxhook_protocol::mux::signature::Key;
use rusqlite::Connection;

use super::{AccountName, Accounts, Address, Error, parsed};

/// What is told apart, and what it was at the last look.
pub(super) struct Watch {
    looks: Mutex<Looks>,
    keys: RwLock<HashMap<Address, Arc<Key>>>,
    rates: RwLock<HashMap<AccountName, NonZeroU32>>,
}

struct Looks {
    /// One that changes nothing, since `data_version` tells nothing of a connection's own changes.
    connection: Connection,
    seen: Option<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    /// Higher by any change of another connection. Costs a look at shared memory.
    data_version: i64,
    /// Higher by the changes that matter: the time of a token's use is written often, and matters not.
    revision: i64,
}

/// A look at the database that found something to do; to be confirmed when that is done.
#[derive(Clone, Copy, Debug)]
pub struct Change(Seen);

impl Watch {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            looks: Mutex::new(Looks { connection, seen: None }),
            keys: RwLock::default(),
            rates: RwLock::default(),
        }
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    /// Whether rights or settings may have changed since the change that was [confirmed](Accounts::confirm) last.
    ///
    /// # Errors
    /// The database fails.
    pub fn look(&self) -> Result<Option<Change>, Error> {
        let Looks { connection, seen } = &mut *self.watch.looks();
        let number = |sql| connection.prepare_cached(sql)?.query_row((), |row| row.get::<_, i64>(0));
        let data_version = number("PRAGMA data_version")?;
        if seen.is_some_and(|seen| seen.data_version == data_version) {
            return Ok(None);
        }
        let revision = number("SELECT no FROM revision")?;
        match seen {
            Some(seen) if seen.revision == revision => {
                seen.data_version = data_version;
                Ok(None)
            }
            _ => Ok(Some(Change(Seen { data_version, revision }))),
        }
    }

    /// What the change asked for is done.
    pub fn confirm(&self, change: Change) {
        self.watch.looks().seen = Some(change.0);
    }

    /// Reads the secrets anew by which signatures are checked.
    ///
    /// # Errors
    /// The database fails.
    pub fn read_keys(&self) -> Result<(), Error> {
        let mut read = HashMap::new();
        {
            let database = self.questions();
            let sql = "SELECT id, account, verify_secret FROM endpoints WHERE verify_secret IS NOT NULL";
            let mut query = database.prepare_cached(sql)?;
            let mut rows = query.query(())?;
            while let Some(row) = rows.next()? {
                let address = Address { account: parsed(row, "account")?, endpoint: parsed(row, "id")? };
                let text: String = row.get("verify_secret")?;
                let unfit = |error| {
                    let kind = rusqlite::types::Type::Text;
                    rusqlite::Error::FromSqlConversionFailure(2, kind, Box::new(error))
                };
                read.insert(address, Arc::new(Key::new(&text).map_err(unfit)?));
            }
        }
        *self.watch.keys.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// The secret that Mux's signature is to be checked by before a webhook is taken; `None`: it is not checked.
    #[must_use]
    pub fn key(&self, address: &Address) -> Option<Arc<Key>> {
        self.watch.keys.read().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }

    /// Reads the rates anew that accounts have of their own.
    ///
    /// # Errors
    /// The database fails.
    pub fn read_rates(&self) -> Result<(), Error> {
        let read: HashMap<_, _> = {
            let database = self.questions();
            let sql = "SELECT name, rate FROM accounts WHERE rate IS NOT NULL";
            let mut query = database.prepare_cached(sql)?;
            let rows = query.query_map((), |row| Ok((parsed(row, "name")?, row.get::<_, u32>("rate")?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        let rates = read.into_iter().filter_map(|(name, rate)| Some((name, NonZeroU32::new(rate)?)));
        *self.watch.rates.write().unwrap_or_else(PoisonError::into_inner) = rates.collect();
        Ok(())
    }

    /// How many webhooks a second the account may have by a word of its own.
    #[must_use]
    pub fn rate(&self, account: &AccountName) -> Option<NonZeroU32> {
        self.watch.rates.read().unwrap_or_else(PoisonError::into_inner).get(account).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use muxhook_link::Now;
    use tempfile::TempDir;

    use super::super::{NewQuotas, Quotas, SHAPE};
    use super::*;

    fn open(dir: &Path) -> Accounts {
        Accounts::open(dir, Now::system()).unwrap()
    }

    /// A relay's view, and another process's.
    fn two() -> (TempDir, Accounts, Accounts) {
        let dir = tempfile::tempdir().unwrap();
        let (relay, shell) = (open(dir.path()), open(dir.path()));
        (dir, relay, shell)
    }

    fn has_changed(accounts: &Accounts) -> bool {
        let change = accounts.look().unwrap();
        change.into_iter().for_each(|change| accounts.confirm(change));
        change.is_some()
    }

    #[test]
    fn what_ends_a_right_is_seen_and_what_is_written_often_is_not() {
        let (_dir, relay, shell) = two();
        let (mine, shop) = (AccountName::default(), "shop".parse().unwrap());
        assert!(has_changed(&relay), "the first look finds all of it new");
        let token = shell.create_token(&mine, "").unwrap();
        shell.claim_endpoint(&mine, Some(&shop)).unwrap();
        relay.authenticate(token.secret.reveal()).unwrap().expect("good");
        assert!(!has_changed(&relay), "a new token, its use, and a new endpoint concern nobody who is there");

        let key = Key::new("secret").unwrap();
        let changes: [(&str, &dyn Fn()); 9] = [
            ("verify", &|| shell.set_verification(&shop, Some(&key)).unwrap()),
            ("quota", &|| {
                assert_eq!(shell.set_quotas(&mine, NewQuotas::default()).unwrap(), Quotas::default())
            }),
            ("disable", &|| assert!(shell.switch_endpoint(&shop, false).unwrap())),
            ("enable", &|| assert!(shell.switch_endpoint(&shop, true).unwrap())),
            ("disable the account", &|| assert!(shell.switch_account(&mine, false).unwrap())),
            ("enable the account", &|| assert!(shell.switch_account(&mine, true).unwrap())),
            ("rotate", &|| drop(shell.rotate_token(&token.id).unwrap())),
            ("revoke", &|| drop(shell.revoke_token(&token.id).unwrap())),
            // By the same process as well.
            ("delete", &|| assert!(relay.delete_endpoint(&mine, &shop).unwrap())),
        ];
        for (what, change) in changes {
            change();
            assert!(has_changed(&relay), "{what}");
            assert!(!has_changed(&relay), "{what}: once");
        }
        shell.set_verification(&"nobodys".parse().unwrap(), None).unwrap_err();
        assert!(!shell.switch_account(&mine, true).unwrap());
        assert!(!has_changed(&relay), "what changes nothing is no change");
    }

    #[test]
    fn a_change_that_was_not_dealt_with_is_seen_again() {
        let (_dir, relay, shell) = two();
        has_changed(&relay);
        let token = shell.create_token(&AccountName::default(), "").unwrap();
        shell.revoke_token(&token.id).unwrap();
        assert!(relay.look().unwrap().is_some());
        assert!(has_changed(&relay) && !has_changed(&relay));
    }

    #[test]
    fn keys_are_the_endpoints_own() {
        let (_dir, relay, shell) = two();
        let (mine, other): (AccountName, AccountName) = ("mine".parse().unwrap(), "other".parse().unwrap());
        let address =
            |account: &AccountName| Address { account: account.clone(), endpoint: "shop".parse().unwrap() };
        shell.create_token(&mine, "").unwrap();
        shell.claim_endpoint(&mine, Some(&address(&mine).endpoint)).unwrap();
        shell.set_verification(&address(&mine).endpoint, Some(&Key::new("canary").unwrap())).unwrap();
        assert!(relay.key(&address(&mine)).is_none(), "it is read when something changed");
        relay.read_keys().unwrap();
        assert_eq!(relay.key(&address(&mine)).unwrap().expose(), "canary");
        assert!(
            relay.key(&address(&other)).is_none(),
            "an endpoint that changes hands takes no secret along"
        );
        assert!(!format!("{relay:?}").contains("canary"));
        shell.delete_endpoint(&mine, &address(&mine).endpoint).unwrap();
        relay.read_keys().unwrap();
        assert!(relay.key(&address(&mine)).is_none());
    }

    #[test]
    fn what_an_older_relay_wrote_stays_good() {
        let dir = tempfile::tempdir().unwrap();
        let older = crate::database::Shape { migrations: &SHAPE.migrations[..2], ..SHAPE };
        let database = older.open(dir.path()).unwrap();
        let secret = super::super::Token::random().unwrap();
        database.execute("INSERT INTO accounts (name) VALUES ('mine')", ()).unwrap();
        let sql =
            "INSERT INTO tokens (id, account, label, hash, created_at) VALUES ('abc', 'mine', '', ?1, 7)";
        database.execute(sql, [secret.hash().bytes()]).unwrap();
        database.execute("INSERT INTO endpoints VALUES ('shop', 'mine', 7)", ()).unwrap();
        drop(database);
        let accounts = open(dir.path());
        let pass = accounts.authenticate(secret.reveal()).unwrap().expect("good");
        assert_eq!((pass.scopes, pass.expires_at), (super::super::Scopes::default(), None));
        assert_eq!(accounts.open_endpoint(&"shop".parse().unwrap()).unwrap(), Some(pass.account));
        assert!(dir.path().join("relay.db.v2").exists(), "a copy is kept for whoever must go back");
        // And stays so when it is opened anew.
        drop(open(dir.path()));
    }
}
