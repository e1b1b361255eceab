//! Whose history is meant: of which endpoint, at which relay.

use muxhook_protocol::EndpointId;
use muxhook_protocol::mux::signature::Key;

use crate::api::{ApiError, Client};
use crate::args;
use crate::commands::{reach, status};
use crate::config::{Surroundings, named_endpoint};
use crate::error::Error;
use crate::printer::Console;
use crate::state::State;

/// An endpoint's history, not asked for anything yet.
pub(super) struct Place {
    pub(super) reached: reach::Reached,
    pub(super) endpoint: EndpointId,
}

impl Place {
    pub(super) fn api(&self) -> &Client {
        &self.reached.api
    }

    /// The signing secrets that this machine keeps for the endpoint; what can't be read is not known.
    pub(super) fn kept_secrets(&self, around: &Surroundings) -> Vec<Key> {
        let state = State::open(around.state_folder.as_deref()).ok();
        let secrets = state.map(|state| state.webhook_secrets(self.reached.place(), &self.endpoint));
        secrets.unwrap_or_default()
    }
}

/// The endpoint that was named, else this machine's own, at the relay that was named, else at the one on this
/// machine.
///
/// # Errors
/// There is no relay, or it can't be reached or refuses; or this machine has no endpoint there.
pub(super) async fn find(
    args: &args::Where,
    around: &Surroundings,
    console: &mut Console,
) -> Result<Place, Error> {
    let named = named_endpoint(args.endpoint.as_ref(), around)?;
    let reached = reach::reach(&args.relay, around, console).await?.ok_or_else(reach::nowhere)?;
    let endpoint = match named {
        Some(named) => named,
        None => own(&reached, around).await?,
    };
    Ok(Place { reached, endpoint })
}

async fn own(reached: &reach::Reached, around: &Surroundings) -> Result<EndpointId, Error> {
    let endpoints = reached.api.endpoints().await?;
    status::own(reached, around, &endpoints).ok_or_else(|| {
        let error = Error::usage(format!("this machine has no address at {} yet", reached.api.relay()));
        error.with_hint(match endpoints.is_empty() {
            true => "start `muxhook listen` first: it makes one",
            false => {
                "name one with --endpoint (`muxhook endpoints list` shows yours), or start `muxhook listen`"
            }
        })
    })
}

/// What a relay says when it is asked for its history, as the end of a command.
pub(super) fn refused(error: ApiError) -> Error {
    match error {
        // It has no such path, or takes it for an endpoint's name.
        ApiError::Refused { relay, code, .. } if matches!(&*code, "not_found" | "method_not_allowed") => {
            Error::refused(format!("{relay} is too old: it keeps no history that can be asked for"))
                .with_hint("whoever runs it should update it; `muxhook status` shows its version")
        }
        other => other.into(),
    }
}

/// An id that was typed, the space around it left out. Whether there is such a delivery is for the relay to say.
///
/// # Errors
/// It is none: empty, a path, or shortened for the eye.
pub(super) fn id(text: &str) -> Result<&str, Error> {
    let id = text.trim();
    match id {
        "" => Err(Error::usage("an empty ID names no delivery")),
        _ if id.contains('…') || id.contains("...") => {
            Err(Error::usage(format!("`{id}` is shortened in its middle, so it names nothing"))
                .with_hint("take the 8 digits that `muxhook events list` shows behind the time"))
        }
        "." | ".." => Err(Error::usage(format!("`{id}` is no ID"))),
        id => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_trimmed_and_what_is_none_is_told() {
        assert_eq!(id(" 3f9ac1 ").unwrap(), "3f9ac1");
        for text in ["", " ", "..", "ng02vOhR…dY00", "ng02...dY00"] {
            assert!(id(text).is_err(), "{text}");
        }
    }
}
