//! The address that Mux is to send to: an endpoint at the relay.

use muxhook_protocol::EndpointId;

use crate::api;
use crate::commands::reach;
use crate::error::Error;
use crate::relay_url::{Reach, RelayUrl};
use crate::state::{Place, Remembered, State};

/// An endpoint and its address.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) endpoint: EndpointId,
    /// As the relay says it. Text from outside.
    pub(crate) url: String,
}

impl Address {
    /// The endpoint of this name, else this machine's own; made, and remembered, when it is not there. `plain`: an
    /// unencrypted address is fine with the user.
    ///
    /// # Errors
    /// The relay can't be reached or refuses, or Mux can't reach the relay.
    pub(crate) async fn resolve(
        api: &api::Client,
        place: Place<'_>,
        named: Option<&EndpointId>,
        state: &State,
        plain: bool,
    ) -> Result<Self, Error> {
        let api::Status { public_url, account, .. } = api.status().await?;
        check(&public_url, place, plain)?;
        let endpoint = match named {
            Some(name) => api.create(Some(name)).await?,
            None => match own(api, place, state).await? {
                Some(own) => own,
                None => make(api, place, state, account).await?,
            },
        };
        if !endpoint.public_url.starts_with(&format!("{public_url}/")) {
            return Err(Error::refused(format!(
                "{} says that its addresses begin with {public_url}, but that {} is at {}",
                api.relay(),
                endpoint.endpoint,
                endpoint.public_url
            )));
        }
        Ok(Self { endpoint: endpoint.endpoint, url: endpoint.public_url })
    }

    /// The same, of an endpoint that is there; `None`: there is none.
    ///
    /// # Errors
    /// The relay can't be reached or refuses.
    pub(crate) async fn find(
        api: &api::Client,
        place: Place<'_>,
        named: Option<&EndpointId>,
        state: &State,
    ) -> Result<Option<Self>, Error> {
        let found = match named {
            Some(name) => api.endpoints().await?.into_iter().find(|known| known.endpoint == *name),
            None => own(api, place, state).await?,
        };
        Ok(found.map(|found| Self { endpoint: found.endpoint, url: found.public_url }))
    }
}

/// This machine's own, if it is still there.
async fn own(api: &api::Client, place: Place<'_>, state: &State) -> Result<Option<api::Endpoint>, Error> {
    let (memory, _) = state.recall().map_err(|error| Error::failed(error.to_string()))?;
    Ok(reach::own(&memory, place, &api.endpoints().await?).cloned())
}

/// As `listen` does it.
async fn make(
    api: &api::Client,
    place: Place<'_>,
    state: &State,
    account: String,
) -> Result<api::Endpoint, Error> {
    let made = api.create(None).await?;
    let remembered = Remembered { endpoint: made.endpoint.clone(), account };
    let kept = state.update(|memory| memory.remember(place, remembered));
    kept.map_err(|error| Error::failed(error.to_string()))?;
    Ok(made)
}

/// Whether Mux can reach what the relay calls its public URL.
fn check(public_url: &str, place: Place<'_>, plain: bool) -> Result<(), Error> {
    let cure = match place {
        Place::Embedded => {
            "run a relay on a public host (`muxhook relay serve`), and `muxhook login` to it here"
        }
        Place::Relay(_) => {
            "start the relay with --public-url https://…, the address that the outside knows it by"
        }
    };
    let refused =
        |why: &str| Err(Error::refused(format!("Mux can't reach {public_url}: {why}")).with_hint(cure));
    let Ok(url) = RelayUrl::parse(public_url, true) else { return refused("that is no address") };
    match url.reach() {
        Reach::Machine => refused("it leads no further than the machine that the relay runs on"),
        Reach::Network => refused("it leads no further than a private network"),
        Reach::World if url.is_tls() || plain => Ok(()),
        Reach::World => Err(Error::refused(format!(
            "{public_url} is not encrypted: what Mux sends there could be read and changed on its way"
        ))
        .with_hint("give the relay a certificate; if you accept the risk, say --plain")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mux_cannot_reach_is_refused_with_the_cure() {
        let relay = RelayUrl::parse("https://10.0.0.7", false).unwrap();
        let told = |url, place, plain| {
            check(url, place, plain).map_err(|error| format!("{error} {:?}", error.hint()))
        };
        for (url, place, plain, part) in [
            ("http://127.0.0.1:6894", Place::Embedded, true, "muxhook login"),
            ("https://10.0.0.7", Place::Relay(&relay), false, "--public-url"),
            ("http://hooks.example.com", Place::Relay(&relay), false, "--plain"),
            ("not a url", Place::Relay(&relay), true, "no address"),
        ] {
            let error = told(url, place, plain).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(told("http://hooks.example.com", Place::Relay(&relay), true), Ok(()));
        assert_eq!(told("https://hooks.example.com:8443", Place::Relay(&relay), false), Ok(()));
    }
}
