//! What the databases tell when no relay runs, or none that can be asked.

use std::path::Path;

use muxhook_link::Now;
use muxhook_protocol::frame::Backlog;

use crate::accounts::Accounts;
use crate::cli::failure::Failure;
use crate::journal::{self, Address, Journal, beside};
use crate::status::{Endpoint, MOST, Report, busiest};

/// Whose endpoints there are, and what they are owed.
pub(super) fn report(data_dir: &Path, now: Now) -> Result<Report, Failure> {
    let accounts = Accounts::open_existing(data_dir, now)?;
    let was_kept = Journal::is_in(data_dir);
    let journal = match was_kept {
        true => Some(journal::SHAPE.open_beside(data_dir)?).filter(|open| open.is_current),
        false => None,
    };
    let unreadable = |error| Failure::failed(format!("the journal can't be read: {error}"));
    let mut found = Vec::new();
    if let Some(journal) = &journal {
        for (address, owed) in beside::most_owed(&journal.connection, MOST).map_err(unreadable)? {
            // It may be deleted, and not forgotten yet.
            if accounts.endpoint_owner(&address.endpoint)?.as_ref() == Some(&address.account) {
                found.push(described(&address).owing(Some(owed)));
            }
        }
    }
    for endpoint in accounts.some_endpoints(MOST)? {
        let address = Address { account: endpoint.account, endpoint: endpoint.id };
        if found.iter().any(|known| known.endpoint == address.endpoint.as_str()) {
            continue;
        }
        let owed = match &journal {
            Some(journal) => Some(beside::backlog(&journal.connection, &address).map_err(unreadable)?),
            // Else an older relay wrote it, and the next one brings it up to date.
            None => (!was_kept).then(Backlog::default),
        };
        found.push(described(&address).owing(owed));
    }
    let endpoints = busiest(found);
    let more = accounts.count_all_endpoints()?.saturating_sub(endpoints.len() as u64);
    Ok(Report { at: now.unix_millis(), relay: None, endpoints, more })
}

fn described(address: &Address) -> Endpoint {
    Endpoint {
        endpoint: address.endpoint.to_string(),
        account: address.account.to_string(),
        live: None,
        owed: None,
        oldest_owed_at: None,
    }
}
