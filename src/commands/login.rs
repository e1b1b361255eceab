//! `muxhook login`: takes a token, tries it, and keeps it for that relay alone.

use std::io::{self, BufRead, Read};
use std::path::PathBuf;

use super::reach;
use crate::api::Client;
use crate::args;
use crate::config::{Login, Surroundings, UserFile};
use crate::error::Error;
use crate::printer::{Console, escape};
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// Most bytes of standard input that a token is looked for in.
const MAX_INPUT: u64 = 4096;

pub(super) async fn run(
    args: &args::Login,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let relay = RelayUrl::parse(&args.url, args.plain)
        .map_err(|error| Error::usage(format!("the relay's URL: {error}")))?;
    let user = UserFile::read(around)?;
    let relay_ca = relay_ca(args, around)?;
    let dialer = reach::dialer(relay_ca.clone(), around)?;
    let token = token(&relay)?;
    let status = Client::new(&dialer, &relay, &token).status().await?;
    let login = Login { token, account: Some(status.account.clone()), relay_ca, plain: args.plain };
    user.store(&relay, &login)?;
    let account = escape(&status.account);
    console.note(&format!("logged in to {relay} as {account}: `muxhook listen` uses it from now on"));
    if around.env.text("MUXHOOK_RELAY").is_some_and(|set| !set.is_empty()) {
        console.note("MUXHOOK_RELAY is set, and goes before what was stored");
    }
    Ok(())
}

/// The certificate's whole path, since later commands run in other folders.
fn relay_ca(args: &args::Login, around: &Surroundings) -> Result<Option<PathBuf>, Error> {
    let given = args.relay_ca.clone().or_else(|| around.env.text("MUXHOOK_RELAY_CA"));
    given
        .filter(|given| !given.is_empty())
        .map(|given| {
            std::path::absolute(&given).map_err(|error| Error::usage(format!("--relay-ca {given}: {error}")))
        })
        .transpose()
}

/// Asks for the token without showing it, or reads it from standard input.
fn token(relay: &RelayUrl) -> Result<Secret, Error> {
    let text = if Console::is_tty() {
        match rpassword::prompt_password(format!("Token for {relay} (not shown): ")) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(Error::interrupted()),
            asked => asked,
        }
    } else {
        first_line()
    };
    let text = text.map_err(|error| Error::failed(format!("the token cannot be read: {error}")))?;
    Secret::token(&text).map_err(|error| {
        Error::usage(error.to_string()).with_hint(format!("muxhook login {relay} < file-with-the-token"))
    })
}

fn first_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().take(MAX_INPUT).read_line(&mut line)?;
    Ok(line)
}
