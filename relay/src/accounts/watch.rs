//! What changed of rights and settings, in whichever process: cheap to ask for, again and again. And the one thing that
//! is kept in memory: the secrets by which signatures are checked, since no webhook may wait for the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use muxhook_protocol::mux::signature::Key;
use rusqlite::Connection;

use super::{Accounts, Address, Error, parsed};

/// What is told apart, and what it was at the last look.
pub(super) struct Watch {
    looks: Mutex<Looks>,
    keys: RwLock<HashMap<Address, Arc<Key>>>,
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
        Self { looks: Mutex::new(Looks { connection, seen: None }), keys: RwLock::default() }
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
}
