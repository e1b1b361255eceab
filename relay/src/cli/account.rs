//! `account`: who has tokens and endpoints, and how much of what.

use std::io::Write;
use std::str::FromStr;

use clap::Subcommand;
use muxhook_link::Now;
use serde_json::json;

use super::age::age;
use super::failure::Failure;
use super::token::Form;
use super::{say, table};
use crate::accounts::{AccountName, AccountRecord, NewQuotas};
use crate::config::Place;

/// What can be done with accounts. `token create` makes them.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Show all accounts: what each has, and may have
    List {
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        place: Place,
    },
    /// Set how much an account may have; what it has already stays
    Set {
        /// Its name
        name: AccountName,
        #[command(flatten)]
        quotas: Given,
        #[command(flatten)]
        place: Place,
    },
    /// Switch an account off: its tokens open nothing, its sessions end, and to senders its endpoints look like none at
    /// all; what is owed stays
    Disable {
        /// Its name
        name: AccountName,
        #[command(flatten)]
        place: Place,
    },
    /// Switch an account on again
    Enable {
        /// Its name
        name: AccountName,
        #[command(flatten)]
        place: Place,
    },
}

/// What it may have.
#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Given {
    /// Most endpoints; `default`: 100000
    #[arg(long, value_name = "N")]
    max_endpoints: Option<Most>,
    /// Most sessions at once; `default`: as many as the relay takes
    #[arg(long, value_name = "N")]
    max_listeners: Option<Most>,
}

/// A number, or the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Most(Option<u64>);

/// The text is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it takes a whole number, or the word default")]
struct InvalidMost;

impl FromStr for Most {
    type Err = InvalidMost;

    fn from_str(text: &str) -> Result<Self, InvalidMost> {
        match text {
            "default" => Ok(Self(None)),
            text => text.parse().map(|most: u32| Self(Some(most.into()))).map_err(|_| InvalidMost),
        }
    }
}

pub(super) fn run(verb: Verb, out: &mut impl Write) -> Result<(), Failure> {
    match verb {
        Verb::List { form, place } => list(&super::accounts(place)?.list_accounts()?, &form, out),
        Verb::Set { name, quotas: Given { max_endpoints, max_listeners }, place } => {
            let [max_endpoints, max_listeners] =
                [max_endpoints, max_listeners].map(|most| most.map(|Most(most)| most));
            let set =
                super::accounts(place)?.set_quotas(&name, NewQuotas { max_endpoints, max_listeners })?;
            let (endpoints, listeners) = (set.endpoints(), words(set.max_listeners));
            say(&format!(
                "The account {name} may have {endpoints} endpoints and {listeners} sessions at once."
            ));
            Ok(())
        }
        Verb::Disable { name, place } => switch(&name, false, place),
        Verb::Enable { name, place } => switch(&name, true, place),
    }
}

fn switch(name: &AccountName, on: bool, place: Place) -> Result<(), Failure> {
    let changed = super::accounts(place)?.switch_account(name, on)?;
    say(&match (on, changed) {
        (true, true) => format!("The account {name} is enabled."),
        (true, false) => format!("The account {name} was enabled already."),
        (false, true) => {
            format!(
                "The account {name} is disabled; who listens for it is told so, and ended within a second."
            )
        }
        (false, false) => format!("The account {name} was disabled already."),
    });
    Ok(())
}

fn words(most: Option<u64>) -> String {
    most.map_or("any".to_owned(), |most| most.to_string())
}

fn list(accounts: &[AccountRecord], form: &Form, out: &mut impl Write) -> Result<(), Failure> {
    if form.json {
        accounts.iter().try_for_each(|account| writeln!(out, "{}", json!(account)))?;
        return Ok(out.flush()?);
    }
    let now = Now::system().unix_millis();
    let row = |record: &AccountRecord| {
        let AccountRecord { account, disabled_at, endpoints, tokens, quotas } = record;
        let endpoints = format!("{endpoints} of {}", quotas.endpoints());
        let disabled = disabled_at.map_or_else(String::new, |then| format!("disabled {}", age(then, now)));
        [account.to_string(), tokens.to_string(), endpoints, words(quotas.max_listeners), disabled]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    table::write(out, ["ACCOUNT", "TOKENS", "ENDPOINTS", "MAX LISTENERS", "NOTES"], &rows)?;
    Ok(out.flush()?)
}
