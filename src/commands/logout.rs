//! `muxhook logout`: forgets a relay's token on this machine. The token itself stays good.

use crate::args;
use crate::config::{Surroundings, UserFile};
use crate::error::Error;
use crate::printer::Console;
use crate::relay_url::RelayUrl;

pub(super) fn run(args: &args::Logout, around: &Surroundings, console: &mut Console) -> Result<(), Error> {
    let user = UserFile::read(around)?;
    let Some(relay) = relay(args, &user)? else {
        console.note("no relay is stored: nothing to forget");
        return Ok(());
    };
    user.remove(&relay)?;
    console.note(&format!(
        "forgot the token of {relay}; it stays good until whoever runs the relay revokes it with `token revoke`"
    ));
    Ok(())
}

/// Which relay is meant, if anything is stored at all.
fn relay(args: &args::Logout, user: &UserFile) -> Result<Option<RelayUrl>, Error> {
    let Some(url) = &args.url else {
        return match (&user.relay, stored(user)) {
            (None, Some(stored)) => {
                Err(Error::usage("no relay is in use: say which to forget").with_hint(stored))
            }
            (relay, _) => Ok(relay.clone()),
        };
    };
    // No token is sent anywhere, so http:// does no harm here.
    let relay =
        RelayUrl::parse(url, true).map_err(|error| Error::usage(format!("the relay's URL: {error}")))?;
    if user.login(&relay).is_some() || user.relay.as_ref() == Some(&relay) {
        return Ok(Some(relay));
    }
    let error = Error::failed(format!("there is no token for {relay}"));
    Err(match stored(user) {
        Some(stored) => error.with_hint(stored),
        None => error,
    })
}

fn stored(user: &UserFile) -> Option<String> {
    let relays: Vec<&str> = user.relays().map(RelayUrl::origin).collect();
    (!relays.is_empty()).then(|| format!("there are tokens for {}", relays.join(", ")))
}
