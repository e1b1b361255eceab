//! The address: is it there, who listens on it, and does it answer?

use std::net::{IpAddr, Ipv4Addr};

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
use crate::relay_url::RelayUrl;

const LINK: &str = "endpoint";

/// What is to be said of the address.
pub(super) async fn examine(
    config: &Listen,
    around: &Surroundings,
    reached: Option<&Reached>,
    dialer: &Dialer,
) -> Finding {
    let Some(reached) = reached else {
        return Finding::untried(LINK, "there is no relay to ask for it");
    };
    let endpoints = match reached.api.endpoints().await {
        Ok(endpoints) => endpoints,
        Err(error) => return Finding::of_error(LINK, &error.into()),
    };
    let name = config.endpoint.clone().or_else(|| super::super::status::own(reached, around, &endpoints));
    let Some(name) = name else {
        return Finding::untried(LINK, "this machine has none yet: `muxhook listen` makes it");
    };
    let Some(endpoint) = endpoints.into_iter().find(|endpoint| endpoint.endpoint == name) else {
        return Finding::doubt(LINK, format!("{name} is not there yet: `muxhook listen` makes it"));
    };
    of(&endpoint, dialer).await
}

async fn of(endpoint: &Endpoint, dialer: &Dialer) -> Finding {
    let url = &endpoint.public_url;
    if let Err(why) = answers(url, dialer).await {
        return Finding::fault(LINK, format!("{url} does not answer as it should: {why}"))
            .cure("is the relay's --public-url right, and does its proxy hand on /h/…?");
    }
    let listeners = match endpoint.listeners {
        0 => "nobody listens on it now".to_owned(),
        1 => "1 listener is on it".to_owned(),
        many => format!("{many} listeners are on it"),
    };
    if is_local(url) {
        return Finding::doubt(LINK, format!("{url} answers, {listeners}; but Mux can't reach this network"))
            .cure(
                "`muxhook trigger` plays Mux's part; for real webhooks, use a relay with a public address",
            );
    }
    Finding::fine(LINK, format!("{url} answers, and {listeners}"))
}

/// Whether the page of an address can be had where Mux will post to.
async fn answers(url: &str, dialer: &Dialer) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("it is no URL".to_owned());
    };
    let origin =
        RelayUrl::parse(&format!("{scheme}://{authority}"), true).map_err(|error| error.to_string())?;
    let request =
        Request::get(uri.path()).body(Full::<Bytes>::default()).map_err(|error| error.to_string())?;
    let answer =
        exchange::exchange(dialer, &origin, request, LIMITS).await.map_err(|fault| fault.to_string())?;
    match answer.status() {
        StatusCode::OK => Ok(()),
        status => Err(format!("it answers {status}")),
    }
}

/// Whether only this machine or its own network can reach a URL.
fn is_local(url: &str) -> bool {
    let Some(host) = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)) else {
        return true;
    };
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => is_private(ip),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.to_ipv4_mapped().is_some_and(is_private)
        }
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || [".localhost", ".local", ".internal"].iter().any(|end| name.ends_with(end))
        }
    }
}

fn is_private(ip: Ipv4Addr) -> bool {
    ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn mux_reaches_public_addresses_only() {
        for url in [
            "http://127.0.0.1:6894/h/x",
            "http://[::1]:6894/h/x",
            "https://10.1.2.3/h/x",
            "https://192.168.0.7/h/x",
            "https://[fd00::1]/h/x",
            "https://[::ffff:10.0.0.1]/h/x",
            "http://localhost/h/x",
            "https://relay.local/h/x",
        ] {
            assert!(is_local(url), "{url}");
        }
        for url in ["https://hooks.example.com/h/x", "https://8.8.8.8/h/x", "https://[2606:4700::1]/h/x"] {
            assert!(!is_local(url), "{url}");
        }
    }
}
