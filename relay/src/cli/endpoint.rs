//! `endpoint`: whose addresses there are.

use std::io::Write;
use std::path::Path;

use clap::Subcommand;
use muxhook_link::Now;
use muxhook_protocol::EndpointId;
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
    /// Delete an endpoint; any account may take its name from then on
    Delete {
        /// Its id or name
        name: EndpointId,
        #[command(flatten)]
        place: Place,
    },
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
        Verb::Delete { name, place } => delete(&name, place),
    }
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
        "The endpoint {name} of the account {owner} is deleted. Who listens on it now goes on until it disconnects."
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
    for Endpoint { id, account, created_at } in endpoints {
        let owed = debts.of(&Address { account: account.clone(), endpoint: id.clone() })?;
        if form.json {
            let line = json!({"endpoint": id, "account": account, "created_at": created_at, "owed": owed});
            writeln!(out, "{line}")?;
            continue;
        }
        let owed = owed.map_or_else(String::new, |owed| owed.to_string());
        rows.push([id.to_string(), account.to_string(), age(*created_at, now), owed]);
    }
    if !form.json {
        table::write(out, ["ENDPOINT", "ACCOUNT", "MADE", "OWED"], &rows)?;
    }
    Ok(out.flush()?)
}
