//! `endpoint`: whose addresses there are.

use std::io::Write;

use clap::Subcommand;
use muxhook_link::Now;
use muxhook_protocol::EndpointId;
use serde_json::json;

use super::age::age;
use super::failure::Failure;
use super::token::Form;
use super::{say, table};
use crate::accounts::{AccountName, Endpoint};
use crate::config::Place;

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
            list(&super::accounts(place)?.list_endpoints(account.as_ref())?, &form, out)
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
    let accounts = super::accounts(place)?;
    let unknown = || Failure::failed(format!("there is no endpoint {name}: `endpoint list` shows them all"));
    let owner = accounts.endpoint_owner(name)?.ok_or_else(unknown)?;
    if !accounts.delete_endpoint(&owner, name)? {
        return Err(unknown());
    }
    say(&format!(
        "The endpoint {name} of the account {owner} is deleted. Who listens on it now goes on until it disconnects."
    ));
    Ok(())
}

fn list(endpoints: &[Endpoint], form: &Form, out: &mut impl Write) -> Result<(), Failure> {
    if form.json {
        for Endpoint { id, account, created_at } in endpoints {
            writeln!(out, "{}", json!({"endpoint": id, "account": account, "created_at": created_at}))?;
        }
        return Ok(out.flush()?);
    }
    let now = Now::system().unix_millis();
    let row = |endpoint: &Endpoint| {
        [endpoint.id.to_string(), endpoint.account.to_string(), age(endpoint.created_at, now)]
    };
    table::write(out, ["ENDPOINT", "ACCOUNT", "MADE"], &endpoints.iter().map(row).collect::<Vec<_>>())?;
    Ok(out.flush()?)
}
