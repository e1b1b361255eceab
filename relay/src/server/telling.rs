//! How the relay is, for its operator: see [`crate::status`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::shared::Shared;
use crate::accounts::{Address, Error};
use crate::registry::Standing;
use crate::status::{Certificate, Endpoint, JournalState, Live, MOST, Relay, Report, busiest};

/// How it is now; `None`: its databases can't be read, which the log says.
pub(super) async fn report(shared: Arc<Shared>) -> Option<Report> {
    let owed = match &shared.journal {
        Some(journal) => journal.owed_in_all().await.ok(),
        None => None,
    };
    let at = shared.now.unix_millis();
    let asked = Arc::clone(&shared);
    let (endpoints, more) = spawn_blocking(move || endpoints(&asked))
        .await
        .ok()?
        .inspect_err(|error| tracing::error!(%error, "how the relay is can't be told"))
        .ok()?;
    let live = shared.live();
    let health = shared.journal.as_ref().map(|journal| journal.health());
    let relay = Relay {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: shared.started_at,
        public_url: shared.public_url.to_string(),
        listeners: live.listeners,
        observers: live.observers,
        requests_per_s: shared.metrics.requests_per_second(),
        in_flight: live.in_flight,
        owed: owed.map(|owed| owed.count),
        oldest_owed_at: owed.and_then(|owed| owed.oldest_at),
        holds: shared.sessions.holds,
        journal: match health {
            None => JournalState::None,
            Some(health) if health.closed => JournalState::Closed,
            Some(health) if health.full => JournalState::Full,
            Some(_) => JournalState::Open,
        },
        history_dropped: health.map_or(0, |health| health.dropped),
        certificate: shared.speaks_tls.then(|| {
            let seconds = shared.metrics.certificate_expiry();
            Certificate { expires_at: seconds.and_then(|at| u64::try_from(at).ok()?.checked_mul(1000)) }
        }),
    };
    Some(Report { at, relay: Some(relay), endpoints, more })
}

/// The busiest endpoints, and how many others there are. Waits for the disk.
fn endpoints(shared: &Shared) -> Result<(Vec<Endpoint>, u64), Error> {
    let (registry, accounts) = (&shared.sessions.registry, &shared.sessions.accounts);
    let history = shared.journal.as_ref().map(|journal| journal.history());
    let mut owed: HashMap<_, _> = match history.map(|history| history.most_owed(MOST)) {
        Some(Ok(owed)) => owed.into_iter().collect(),
        Some(Err(_)) | None => HashMap::new(),
    };
    let mut found = Vec::new();
    for Standing { address, sessions, figures } in registry.figures() {
        let live = Live {
            listeners: sessions.listeners,
            observers: sessions.observers,
            per_s: figures.per_second,
            in_flight: figures.in_flight,
            received: figures.received,
            last_at: figures.last_at,
        };
        let backlog = owed.remove(&address);
        found.push(Endpoint { live: Some(live), ..described(&address) }.owing(backlog));
    }
    found.extend(owed.into_iter().map(|(address, backlog)| described(&address).owing(Some(backlog))));
    let mut found = busiest(found);
    if found.len() < MOST {
        let known: HashSet<_> = found.iter().map(|known| known.endpoint.clone()).collect();
        let others = accounts.some_endpoints(MOST)?.into_iter();
        let others = others.filter(|other| !known.contains(other.id.as_str()));
        found.extend(others.map(|other| described(&Address { account: other.account, endpoint: other.id })));
        found.truncate(MOST);
    }
    let mut told = Vec::with_capacity(found.len());
    for endpoint in found {
        let Ok(id) = endpoint.endpoint.parse() else { continue };
        // It may be gone, or another account's by now.
        let Some(account) = accounts.endpoint_owner(&id)? else { continue };
        let address = Address { account, endpoint: id };
        let is_told = endpoint.owed.is_some();
        let backlog = history.filter(|_| !is_told).and_then(|history| history.backlog(&address).ok());
        told.push(if is_told { endpoint } else { endpoint.owing(backlog) });
    }
    let more = accounts.count_all_endpoints()?.saturating_sub(told.len() as u64);
    Ok((told, more))
}

fn described(address: &Address) -> Endpoint {
    Endpoint {
        endpoint: address.endpoint.to_string(),
        account: address.account.to_string(),
        live: Some(Live::default()),
        owed: None,
        oldest_owed_at: None,
    }
}
