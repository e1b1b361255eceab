//! The address: is it there, who listens on it, and does it answer?

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;

use super::super::reach::Reached;
use super::finding::Finding;
use super::relay::LIMITS;
use crate::api::Endpoint;
use crate::config::{Listen, Surroundings};
use crate::dial::Dialer;
use crate::exchange;
use crate::relay_url::{Reach, RelayUrl};

const LINK: &str = "endpoint";

/// What is to be said of the address, and the endpoint, when it is there.
pub(super) async fn examine(
    config: &Listen,
    around: &Surroundings,
    reached: Option<&Reached>,
    dialer: &Dialer,
) -> (Finding, Option<Endpoint>) {
    let Some(reached) = reached else {
        return (Finding::untried(LINK, "there is no relay to ask for it"), None);
    };
    let endpoints = match reached.api.endpoints().await {
        Ok(endpoints) => endpoints,
        Err(error) => return (Finding::of_error(LINK, &error.into()), None),
    };
    let name = config.endpoint.clone().or_else(|| super::super::status::own(reached, around, &endpoints));
    let Some(name) = name else {
        return (Finding::untried(LINK, "this machine has none yet: `muxhook listen` makes it"), None);
    };
    let Some(endpoint) = endpoints.into_iter().find(|endpoint| endpoint.endpoint == name) else {
        let message = format!("{name} is not there yet: `muxhook listen` makes it");
        return (Finding::doubt(LINK, message), None);
    };
    (of(&endpoint, dialer).await, Some(endpoint))
}

async fn of(endpoint: &Endpoint, dialer: &Dialer) -> Finding {
    let url = &endpoint.public_url;
    let tried = match parts(url) {
        Ok((origin, path)) => answers(&origin, &path, dialer).await.map(|()| origin),
        Err(why) => Err(why),
    };
    let origin = match tried {
        Ok(origin) => origin,
        Err(why) => {
            return Finding::fault(LINK, format!("{url} does not answer as it should: {why}"))
                .cure("is the relay's --public-url right, and does its proxy hand on /h/…?");
        }
    };
    let listeners = match endpoint.listeners {
        0 => "nobody listens on it now".to_owned(),
        1 => "1 listener is on it".to_owned(),
        many => format!("{many} listeners are on it"),
    };
    if origin.reach() != Reach::World {
        return Finding::doubt(LINK, format!("{url} answers, {listeners}; but Mux can't reach this network"))
            .cure(
                "`muxhook trigger` plays Mux's part; for real webhooks, use a relay with a public address",
            );
    }
    Finding::fine(LINK, format!("{url} answers, and {listeners}"))
}

/// The origin and the path of an address.
fn parts(url: &str) -> Result<(RelayUrl, String), String> {
    let uri: Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("it is no URL".to_owned());
    };
    let origin =
        RelayUrl::parse(&format!("{scheme}://{authority}"), true).map_err(|error| error.to_string())?;
    Ok((origin, uri.path().to_owned()))
}

/// Whether the page of an address can be had where Mux will post to.
async fn answers(origin: &RelayUrl, path: &str, dialer: &Dialer) -> Result<(), String> {
    let request = Request::get(path).body(Full::<Bytes>::default()).map_err(|error| error.to_string())?;
    let answer =
        exchange::exchange(dialer, origin, request, LIMITS).await.map_err(|fault| fault.to_string())?;
    match answer.status() {
        StatusCode::OK => Ok(()),
        status => Err(format!("it answers {status}")),
    }
}
