//! `token`: who may act for an account.

use std::io::Write;

use clap::Subcommand;
use muxhook_link::Now;
use serde_json::json;

use super::age::age;
use super::failure::Failure;
use super::{say, table};
use crate::accounts::{AccountName, Accounts, NewToken, TokenRecord};
use crate::config::Place;

/// What can be done with tokens.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a token, and the account where it is new; the secret is shown this once
    Create {
        /// Account that the token acts for
        #[arg(long, value_name = "NAME", default_value_t)]
        account: AccountName,
        /// What to call the token in lists
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        label: String,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        place: Place,
    },
    /// Show all tokens; their secrets are not kept anywhere
    List {
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        place: Place,
    },
    /// End a token for good
    Revoke {
        /// Its id, as `token list` shows it
        id: String,
        #[command(flatten)]
        place: Place,
    },
    /// Give a token a new secret; the old one ends at once
    Rotate {
        /// Its id, as `token list` shows it
        id: String,
        #[command(flatten)]
        form: Form,
        #[command(flatten)]
        place: Place,
    },
}

/// How a result is written.
#[derive(clap::Args)]
pub(super) struct Form {
    /// Write one JSON object a line; times are milliseconds since 1970
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(verb: Verb, out: &mut impl Write) -> Result<(), Failure> {
    match verb {
        Verb::Create { account, label, form, place } => {
            let accounts = Accounts::open(&super::data_dir(place)?, Now::system())?;
            let new = accounts.create_token(&account, &label)?;
            say(&format!("Token {} of the account {account}. Its secret is shown this once:", new.id));
            show_secret(&new, &form, out)
        }
        Verb::List { form, place } => list(&super::accounts(place)?.list_tokens()?, &form, out),
        Verb::Revoke { id, place } => {
            let revoked = super::accounts(place)?.revoke_token(&id)?;
            say(&format!(
                "Token {} of the account {} is revoked: it opens no new session.",
                revoked.id, revoked.account
            ));
            Ok(())
        }
        Verb::Rotate { id, form, place } => {
            let new = super::accounts(place)?.rotate_token(&id)?;
            say(&format!(
                "Token {} has a new secret, shown this once; the old one opens no new session:",
                new.id
            ));
            show_secret(&new, &form, out)
        }
    }
}

fn show_secret(new: &NewToken, form: &Form, out: &mut impl Write) -> Result<(), Failure> {
    let secret = new.secret.reveal();
    if form.json {
        writeln!(out, "{}", json!({"id": new.id, "account": new.account, "token": secret}))?;
    } else {
        writeln!(out, "{secret}")?;
    }
    Ok(out.flush()?)
}

fn list(tokens: &[TokenRecord], form: &Form, out: &mut impl Write) -> Result<(), Failure> {
    if form.json {
        tokens.iter().try_for_each(|token| writeln!(out, "{}", json!(token)))?;
        return Ok(out.flush()?);
    }
    let now = Now::system().unix_millis();
    let row = |token: &TokenRecord| {
        let last_used = token.last_used_at.map_or("never".to_owned(), |then| age(then, now));
        let revoked = token.revoked_at.map_or(String::new(), |then| age(then, now));
        let TokenRecord { id, account, label, created_at, .. } = token;
        [id.clone(), account.to_string(), label.clone(), age(*created_at, now), last_used, revoked]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    table::write(out, ["ID", "ACCOUNT", "LABEL", "MADE", "LAST USED", "REVOKED"], &rows)?;
    Ok(out.flush()?)
}
