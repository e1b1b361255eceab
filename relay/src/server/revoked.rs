//! Rights that end while somebody uses them, here or by another process: the sessions end with them, within a second.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::accounts::{Accounts, Error};
use crate::journal::Journal;
use crate::session::Sessions;

/// How often it is looked: a number in shared memory, as long as nothing was written.
const LOOK: Duration = Duration::from_millis(250);

/// Ends what has lost its right, and keeps the settings of endpoints fresh, again and again. Never ends.
pub(super) async fn end(sessions: &Arc<Sessions>, journal: Option<&Arc<Journal>>) {
    let mut is_failing = false;
    loop {
        let looked = look(sessions, journal).await;
        if let Err(error) = &looked
            && !is_failing
        {
            tracing::warn!(%error, "whether anybody lost a right can't be told now");
        }
        is_failing = looked.is_err();
        sleep(LOOK).await;
    }
}

/// Reads anew what no webhook may wait for the disk for.
pub(super) fn settings(accounts: &Accounts, journal: Option<&Journal>) -> Result<(), Error> {
    accounts.read_keys()?;
    accounts.read_rates()?;
    if let Some(journal) = journal {
        journal.set_held_limits(accounts.held_limits()?);
    }
    Ok(())
}

async fn look(sessions: &Arc<Sessions>, journal: Option<&Arc<Journal>>) -> Result<(), Error> {
    let accounts = &sessions.accounts;
    let change = accounts.look()?;
    let concerned = match change {
        Some(_) => sessions.registry.all(),
        None => sessions.registry.those(|seat| accounts.has_expired(&seat.pass)),
    };
    if change.is_none() && concerned.is_empty() {
        return Ok(());
    }
    let (sessions, journal) = (Arc::clone(sessions), journal.cloned());
    let done = spawn_blocking(move || {
        if change.is_some() {
            settings(&sessions.accounts, journal.as_deref())?;
        }
        sessions.end_unentitled(&concerned)?;
        // Not before it is done: what failed is tried again.
        change.into_iter().for_each(|change| sessions.accounts.confirm(change));
        Ok(())
    });
    // It can't be joined when the relay is going down.
    done.await.unwrap_or(Ok(()))
}
