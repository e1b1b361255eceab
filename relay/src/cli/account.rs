//! `account`: who has tokens and endpoints, and how much of what.

use std::io::Write;
use std::num::NonZeroU32;
use std::str::FromStr;

use clap::Subcommand;
use muxhook_link::Now;
use serde_json::json;

use super::age::age;
use super::failure::Failure;
use super::token::Form;
use super::{say, table};
use crate::accounts::{AccountName, AccountRecord, NewQuotas};
use crate::config::ByteSize;
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
    /// Most bytes of held webhooks over all its endpoints, such as 500MiB; `default`: each endpoint's own bound
    #[arg(long, value_name = "SIZE")]
    max_held: Option<MostBytes>,
    /// Most webhooks a second, and at once, over all its endpoints; `default`: what `serve --rate` says
    #[arg(long, value_name = "N")]
    rate: Option<Rate>,
}

/// A number of webhooks a second, or the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate(Option<NonZeroU32>);

/// The text is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it takes a whole number from 1 to 1000000, or the word default")]
struct InvalidRate;

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        match text {
            "default" => Ok(Self(None)),
            text => text
                .parse()
                .ok()
                .filter(|rate: &NonZeroU32| rate.get() <= 1_000_000)
                .map(|rate| Self(Some(rate)))
                .ok_or(InvalidRate),
        }
    }
}

/// A size, or the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MostBytes(Option<u64>);

impl FromStr for MostBytes {
    type Err = <ByteSize as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "default" => Ok(Self(None)),
            text => text.parse().map(|ByteSize(bytes)| Self(Some(bytes as u64))),
        }
    }
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
        Verb::Set { name, quotas: Given { max_endpoints, max_listeners, max_held, rate }, place } => {
            let [max_endpoints, max_listeners] =
                [max_endpoints, max_listeners].map(|most| most.map(|Most(most)| most));
            let max_held = max_held.map(|MostBytes(most)| most);
            let rate = rate.map(|Rate(rate)| rate);
            let new = NewQuotas { max_endpoints, max_listeners, max_held, rate };
            let set = super::accounts(place)?.set_quotas(&name, new)?;
            let (endpoints, listeners, held) =
                (set.endpoints(), words(set.max_listeners), size(set.max_held));
            let rate = set.rate.map_or_else(String::new, |rate| format!(", {rate} webhooks a second"));
            say(&format!(
                "The account {name} may have {endpoints} endpoints, {listeners} sessions at once{rate}, and {held} held."
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

fn size(most: Option<u64>) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let Some(most) = most else { return words(None) };
    let unit = UNITS.into_iter().find(|(scale, _)| most > 0 && most.is_multiple_of(*scale));
    unit.map_or_else(|| format!("{most} B"), |(scale, unit)| format!("{} {unit}", most / scale))
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
        [
            account.to_string(),
            tokens.to_string(),
            endpoints,
            words(quotas.max_listeners),
            size(quotas.max_held),
            quotas.rate.map_or_else(String::new, |rate| format!("{rate}/s")),
            disabled,
        ]
    };
    let rows: Vec<_> = accounts.iter().map(row).collect();
    table::write(
        out,
        ["ACCOUNT", "TOKENS", "ENDPOINTS", "MAX LISTENERS", "MAX HELD", "RATE", "NOTES"],
        &rows,
    )?;
    Ok(out.flush()?)
}
