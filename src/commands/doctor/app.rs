//! The app: does anything listen where events are to go?

use super::finding::Finding;
use crate::forwarder::{Target, probe};

const LINK: &str = "app";

pub(super) async fn examine(forward_to: Option<&str>) -> Finding {
    let Some(text) = forward_to else {
        return Finding::untried(LINK, "no app is named: events would only be shown")
            .cure("name it with --forward-to, as in localhost:3000/api/webhooks/mux");
    };
    let target = match Target::parse(text) {
        Ok(target) => target,
        Err(error) => return Finding::fault(LINK, error.to_string()),
    };
    let url = target.url();
    let found = match probe(&target).await {
        Ok(found) => found,
        Err(error) => {
            return Finding::fault(LINK, format!("no address is known for {url}: {error}"))
                .cure("look at the spelling, or at /etc/hosts and your DNS");
        }
    };
    let (open, shut): (Vec<_>, Vec<_>) = found.iter().partition(|(_, connected)| connected.is_ok());
    let names = |list: &[&(std::net::SocketAddr, _)]| {
        list.iter().map(|(address, _)| address.to_string()).collect::<Vec<_>>().join(" and ")
    };
    match (open.is_empty(), shut.is_empty()) {
        (false, true) => Finding::fine(LINK, format!("{url} takes connections on {}", names(&open))),
        (false, false) => {
            let message = format!("{url} takes connections on {}, not on {}", names(&open), names(&shut));
            Finding::fine(LINK, message)
        }
        (true, _) => Finding::fault(LINK, format!("nothing listens for {url} on {}", names(&shut)))
            .cure("start the app, or give the port that it says it listens on"),
    }
}
