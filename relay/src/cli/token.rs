//! `token`: who may act for an account.

use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use clap::Subcommand;
use muxhook_link::Now;
use serde_json::json;

use super::age::{age, ahead};
use super::failure::Failure;
use super::{say, table};
use crate::accounts::{AccountName, Accounts, NewToken, Scopes, TokenRecord, TokenWish};
use crate::config::Place;
use crate::database::OpenError;

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
        /// What it is good for: listen (listening, and claiming endpoints), history (reading and replaying what came),
        /// admin (deleting endpoints, and giving up what is owed); several with commas between them
        #[arg(long, value_name = "SCOPES", default_value_t)]
        scope: Scopes,
        /// When it ends by itself: 90d, 12h, 30m; without it, never
        #[arg(long, value_name = "TIME")]
        expires: Option<Lifetime>,
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
    /// Give a token a new secret; the old one ends at once, its scopes and its end stay
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
        Verb::Create { account, label, scope, expires, form, place } => {
            let now = Now::system();
            let expires_at = expires.map(|Lifetime(life)| now.unix_millis().saturating_add(life));
            let accounts = accounts_or_new(&super::data_dir(place)?, now)?;
            let new = accounts.create_token(&account, TokenWish { label, scopes: scope, expires_at })?;
            say(&format!("Token {} of the account {account}. Its secret is shown this once:", new.id));
            show_secret(&new, &form, out)
        }
        Verb::List { form, place } => list(&super::accounts(place)?.list_tokens()?, &form, out),
        Verb::Revoke { id, place } => {
            let revoked = super::accounts(place)?.revoke_token(&id)?;
            say(&format!(
                "Token {} of the account {} is revoked: it opens nothing, and what it opened ends within a second.",
                revoked.id, revoked.account
            ));
            Ok(())
        }
        Verb::Rotate { id, form, place } => {
            let new = super::accounts(place)?.rotate_token(&id)?;
            say(&format!(
                "Token {} has a new secret, shown this once; what the old one opened ends within a second:",
                new.id
            ));
            show_secret(&new, &form, out)
        }
    }
}

/// The accounts of the data folder. One that is made for this is told: its token opens no relay but the one that will
/// serve from there.
fn accounts_or_new(data_dir: &Path, now: Now) -> Result<Accounts, OpenError> {
    match Accounts::open_existing(data_dir, now) {
        Err(OpenError::Missing(_)) => {
            let accounts = Accounts::open(data_dir, now)?;
            say(&format!(
                "No relay has kept data in {}: it is made anew there. Is it the --data-dir of yours?",
                data_dir.display()
            ));
            Ok(accounts)
        }
        opened => opened,
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
        let TokenRecord { id, account, label, scopes, created_at, .. } = token;
        let scopes = if *scopes == Scopes::default() { "all".to_owned() } else { scopes.to_string() };
        [
            id.clone(),
            account.to_string(),
            label.clone(),
            scopes,
            age(*created_at, now),
            last_used,
            end(token, now),
        ]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    table::write(out, ["ID", "ACCOUNT", "LABEL", "SCOPES", "MADE", "LAST USED", "ENDS"], &rows)?;
    Ok(out.flush()?)
}

/// When a token ends, or how it has ended.
fn end(token: &TokenRecord, now: u64) -> String {
    match (token.revoked_at, token.expires_at) {
        (Some(then), _) => format!("revoked {}", age(then, now)),
        (None, Some(end)) if end <= now => format!("expired {}", age(end, now)),
        (None, Some(end)) => ahead(end, now),
        (None, None) => "never".to_owned(),
    }
}

/// How long a token lives, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime(u64);

/// The text is no such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a token's time is a whole number above 0 with s, m, h or d behind it, such as 90d, and at most 36500d"
)]
pub(super) struct InvalidLifetime;

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, InvalidLifetime> {
        const MOST: u64 = 36_500 * 24 * 60 * 60 * 1000;
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let millis: u64 = match &text[number.len()..] {
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(InvalidLifetime),
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidLifetime);
        }
        let life = number.parse().ok().and_then(|number: u64| number.checked_mul(millis));
        life.filter(|life| (1..=MOST).contains(life)).map(Self).ok_or(InvalidLifetime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_a_unit_and_bounds() {
        assert_eq!("90d".parse(), Ok(Lifetime(90 * 86_400_000)));
        assert_eq!("1s".parse(), Ok(Lifetime(1000)));
        assert_eq!("36500d".parse(), Ok(Lifetime(36_500 * 86_400_000)));
        for wrong in
            ["", "d", "90", "0d", "-1d", "+1d", "1.5h", "1 d", "36501d", "18446744073709551615d", "1w", "é"]
        {
            assert_eq!(wrong.parse::<Lifetime>(), Err(InvalidLifetime), "{wrong:?}");
        }
    }
}
