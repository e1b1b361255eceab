//! `endpoint`: whose addresses there are.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use clap::Subcommand;
use muxhook_link::Now;
use muxhook_protocol::EndpointId;
use muxhook_protocol::mux::signature::Key;
use rusqlite::Connection;
use serde_json::json;

use super::age::age;
use super::failure::Failure;
use super::token::Form;
use super::{say, table};
use crate::accounts::{AccountName, Accounts, Endpoint};
use crate::config::Place;
use crate::journal::{self, Address, Journal, beside};

/// What can be done with endpoints.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Show all endpoints
    List {
        /// Those of this account alone
        #[arg(long, value_name = "NAME")]
        account: Option<AccountName>,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        place: Place,
    },
    /// Reserve an endpoint for an account
    Create {
        /// What it is called: 3 to 63 characters of a-z, 0-9 and -
        name: EndpointId,
        /// Account that it belongs to
        #[arg(long, value_name = "NAME", default_value_t)]
        account: AccountName,
        #[command(flatten)]
        place: Place,
    },
    /// Switch an endpoint off: to senders it looks like none at all, and nobody may listen on it; what is owed stays
    Disable {
        /// Its id or name
        name: EndpointId,
        #[command(flatten)]
        place: Place,
    },
    /// Switch an endpoint on again
    Enable {
        /// Its id or name
        name: EndpointId,
        #[command(flatten)]
        place: Place,
    },
    /// Have the relay check Mux's signature before it takes a webhook, or not any more
    Set {
        /// Its id or name
        name: EndpointId,
        #[command(flatten)]
        verify: Verify,
        #[command(flatten)]
        place: Place,
    },
    /// Delete an endpoint; any account may take its name from then on
    Delete {
        /// Its id or name
        name: EndpointId,
        #[command(flatten)]
        place: Place,
    },
}

/// Whether signatures are checked.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Verify {
    /// Answer 401 to what Mux has not signed, and neither forward nor hold it; the webhook's signing secret is the first
    /// line on standard input
    #[arg(long)]
    verify_secret_stdin: bool,
    /// Check no signature, and forget the secret
    #[arg(long)]
    no_verify: bool,
}

pub(super) fn run(verb: Verb, out: &mut impl Write) -> Result<(), Failure> {
    match verb {
        Verb::List { account, form, place } => {
            let data_dir = super::data_dir(place)?;
            let accounts = Accounts::open_existing(&data_dir, Now::system())?;
            list(&accounts.list_endpoints(account.as_ref())?, &Debts::open(&data_dir)?, &form, out)
        }
        Verb::Create { name, account, place } => {
            let claimed = super::accounts(place)?.claim_endpoint(&account, Some(&name))?;
            let done = if claimed.is_new { "now belongs" } else { "belonged already" };
            say(&format!("The endpoint {name} {done} to the account {account}."));
            Ok(())
        }
        Verb::Disable { name, place } => switch(&name, false, place),
        Verb::Enable { name, place } => switch(&name, true, place),
        Verb::Set { name, verify, place } => set(&name, &verify, place),
        Verb::Delete { name, place } => delete(&name, place),
    }
}

fn switch(name: &EndpointId, on: bool, place: Place) -> Result<(), Failure> {
    let changed = super::accounts(place)?.switch_endpoint(name, on)?;
    say(&match (on, changed) {
        (true, true) => format!("The endpoint {name} is enabled."),
        (true, false) => format!("The endpoint {name} was enabled already."),
        (false, true) => {
            format!(
                "The endpoint {name} is disabled; who listens on it is told so, and ended within a second."
            )
        }
        (false, false) => format!("The endpoint {name} was disabled already."),
    });
    Ok(())
}

fn set(name: &EndpointId, verify: &Verify, place: Place) -> Result<(), Failure> {
    let accounts = super::accounts(place)?;
    if verify.no_verify {
        accounts.set_verification(name, None)?;
        say(&format!("The endpoint {name} takes what comes, signed or not."));
        return Ok(());
    }
    let key = key()?;
    accounts.set_verification(name, Some(&key))?;
    say(&format!(
        "The endpoint {name} takes what is signed with this secret alone. It stands in relay.db, and is shown nowhere."
    ));
    Ok(())
}

/// From standard input, so that no list of processes shows it.
fn key() -> Result<Key, Failure> {
    const MOST: u64 = 4096;
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(MOST)
        .read_line(&mut line)
        .map_err(|error| Failure::failed(format!("the signing secret can't be read: {error}")))?;
    Key::new(line.trim_end_matches(['\n', '\r'])).map_err(|error| Failure::Usage(format!("error: {error}")))
}

fn delete(name: &EndpointId, place: Place) -> Result<(), Failure> {
    let data_dir = super::data_dir(place)?;
    let accounts = Accounts::open_existing(&data_dir, Now::system())?;
    let unknown = || Failure::failed(format!("there is no endpoint {name}: `endpoint list` shows them all"));
    let owner = accounts.endpoint_owner(name)?.ok_or_else(unknown)?;
    if !accounts.delete_endpoint(&owner, name)? {
        return Err(unknown());
    }
    say(&format!(
        "The endpoint {name} of the account {owner} is deleted; who listens on it is told so, and ended within a second."
    ));
    let owed = Debts::open(&data_dir)?.of(&Address { account: owner, endpoint: name.clone() })?;
    if let Some(forgotten) = forgotten(owed) {
        say(&forgotten);
    }
    Ok(())
}

/// What becomes of an endpoint's webhooks. The journal is the running relay's to write: it forgets them.
fn forgotten(owed: Option<u64>) -> Option<String> {
    let what = match owed? {
        0 => "Its history is".to_owned(),
        1 => "1 webhook that is owed and its history are".to_owned(),
        owed => format!("{owed} webhooks that are owed and its history are"),
    };
    Some(format!("{what} forgotten: within seconds where the relay runs, else when it starts."))
}

/// What is owed, as the journal's file says.
struct Debts(Option<Connection>);

impl Debts {
    fn open(data_dir: &Path) -> Result<Self, Failure> {
        if !Journal::is_in(data_dir) {
            return Ok(Self(None));
        }
        let open = journal::SHAPE.open_beside(data_dir)?;
        Ok(Self(open.is_current.then_some(open.connection)))
    }

    /// `None`: nothing is kept, or it can't be told before the relay has brought its file up to date.
    fn of(&self, address: &Address) -> Result<Option<u64>, Failure> {
        let Some(journal) = &self.0 else { return Ok(None) };
        let backlog = beside::backlog(journal, address);
        let unreadable = |error| Failure::failed(format!("the journal can't be read: {error}"));
        Ok(Some(backlog.map_err(unreadable)?.count))
    }
}

fn list(endpoints: &[Endpoint], debts: &Debts, form: &Form, out: &mut impl Write) -> Result<(), Failure> {
    let now = Now::system().unix_millis();
    let mut rows = Vec::new();
    for Endpoint { id, account, created_at, disabled_at, verifies } in endpoints {
        let owed = debts.of(&Address { account: account.clone(), endpoint: id.clone() })?;
        if form.json {
            let line = json!({
                "endpoint": id, "account": account, "created_at": created_at, "owed": owed,
                "disabled_at": disabled_at, "verifies": verifies,
            });
            writeln!(out, "{line}")?;
            continue;
        }
        let owed = owed.map_or_else(String::new, |owed| owed.to_string());
        let disabled = disabled_at.map(|then| format!("disabled {}", age(then, now)));
        let notes: Vec<_> = disabled.into_iter().chain(verifies.then(|| "verifies".to_owned())).collect();
        rows.push([id.to_string(), account.to_string(), age(*created_at, now), owed, notes.join(", ")]);
    }
    if !form.json {
        table::write(out, ["ENDPOINT", "ACCOUNT", "MADE", "OWED", "NOTES"], &rows)?;
    }
    Ok(out.flush()?)
}
