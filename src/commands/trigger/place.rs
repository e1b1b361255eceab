//! Which endpoint is meant, at which relay.

use crate::api::Endpoint;
use crate::args;
use crate::commands::reach::{self, Reached};
use crate::commands::status;
use crate::config::{self, Surroundings};
use crate::error::Error;
use crate::printer::Console;

/// An endpoint that is there.
pub(super) struct Place {
    pub(super) reached: Reached,
    pub(super) endpoint: Endpoint,
}

/// The endpoint that was named, else this machine's own.
///
/// # Errors
/// There is no relay, it can't be reached or refuses, or there is no such endpoint.
pub(super) async fn find(
    args: &args::Trigger,
    config: &config::Trigger,
    around: &Surroundings,
    console: &mut Console,
) -> Result<Place, Error> {
    const START: &str = "start `muxhook listen --forward-to …` first, or send straight to your app: --forward-to localhost:3000";
    let reached = reach::reach(&args.relay, around, console).await?;
    let reached = reached.ok_or_else(|| reach::nowhere().with_hint(START))?;
    let relay = reached.api.relay();
    let endpoints = reached.api.endpoints().await?;
    let wanted = match &config.endpoint {
        Some(named) => named.clone(),
        None => status::own(&reached, around, &endpoints).ok_or_else(|| {
            Error::usage(format!("this machine has no address at {relay} yet")).with_hint(START)
        })?,
    };
    let found = endpoints.into_iter().find(|known| known.endpoint == wanted);
    let endpoint = found.ok_or_else(|| {
        Error::refused(format!("there is no endpoint {wanted} of yours at {relay}"))
            .with_hint("`muxhook endpoints list` names yours, `muxhook endpoints create NAME` makes one")
    })?;
    Ok(Place { reached, endpoint })
}
