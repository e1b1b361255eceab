//! Endpoints that were deleted, here or by another process: the journal forgets what it has of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::accounts::{Accounts, Deleted, Error};
use crate::journal::Journal;

/// How often it is asked for them: a read of a table that is nearly always empty.
const LOOK: Duration = Duration::from_secs(5);

/// Has them forgotten, again and again. Never ends.
pub(super) async fn forget(accounts: &Arc<Accounts>, journal: Option<&Journal>) {
    loop {
        if let Err(error) = forget_now(accounts, journal).await {
            tracing::warn!(%error, "what was deleted can't be forgotten now");
        }
        sleep(LOOK).await;
    }
}

async fn forget_now(accounts: &Arc<Accounts>, journal: Option<&Journal>) -> Result<(), Error> {
    for Deleted { no, address } in accounts.deleted_endpoints()? {
        if let Some(journal) = journal {
            let asked = Arc::clone(accounts);
            // Asked when it is its turn: its account may have taken it again, and be owed something since.
            let is_deleted = move || asked.is_deleted(no).unwrap_or(false);
            match journal.forget_if(&address, is_deleted).await {
                Ok(true) => {}
                Ok(false) => continue,
                // It failed and has told that, or has no room now.
                Err(_) => return Ok(()),
            }
        }
        let accounts = Arc::clone(accounts);
        if let Ok(removed) = spawn_blocking(move || accounts.remove_deleted(no)).await {
            removed?;
        }
    }
    Ok(())
}
