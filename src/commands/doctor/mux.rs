//! Mux: does it send to the address?

use super::finding::{Finding, Verdict};
use crate::api::Endpoint;
use crate::commands::reach;
use crate::config::Surroundings;
use crate::mux_api::{Access, Client, Identity, MuxError, NoAccess, Webhook};

const LINK: &str = "mux";

/// What is to be said of the webhook at Mux, as far as the environment has an access token to ask with.
pub(super) async fn examine(endpoint: Option<&Endpoint>, around: &Surroundings) -> Finding {
    let access = match Access::from_env(|name| around.env.text(name)) {
        Ok(access) => access,
        Err(NoAccess::Missing(name)) => {
            return Finding::untried(
                LINK,
                format!("{name} is not set, so Mux can't be asked for its webhook"),
            );
        }
        Err(error) => return Finding::of_error(LINK, &error.into()),
    };
    let Some(endpoint) = endpoint else {
        return Finding::untried(LINK, "there is no address to ask it for");
    };
    let mux = match reach::dialer(None, around) {
        Ok(dialer) => Client::new(&dialer, access),
        Err(error) => return Finding::of_error(LINK, &error),
    };
    match ask(&mux).await {
        Ok((who, webhooks)) => judge(&who, &webhooks, &endpoint.public_url),
        Err(error) => unasked(error),
    }
}

async fn ask(mux: &Client) -> Result<(Identity, Vec<Webhook>), MuxError> {
    Ok((mux.whoami().await?, mux.webhooks().await?))
}

fn judge(who: &Identity, webhooks: &[Webhook], url: &str) -> Finding {
    match webhooks.iter().find(|webhook| webhook.address == url) {
        Some(webhook) if webhook.enabled => {
            Finding::fine(LINK, format!("webhook {} in {who} sends to {url}", webhook.id))
        }
        Some(webhook) => Finding::fault(LINK, format!("webhook {} in {who} is disabled", webhook.id))
            .cure("`muxhook register` enables it"),
        // The access token may be there for the app, and the webhook elsewhere.
        None => Finding::doubt(LINK, format!("no webhook in {who} sends to {url}"))
            .cure("`muxhook register` makes one; or is the access token that of another environment?"),
    }
}

/// A token that Mux does not take is broken; what else keeps Mux from telling breaks nothing here.
fn unasked(error: MuxError) -> Finding {
    let refused = matches!(error, MuxError::Token { .. });
    let mut finding = Finding::of_error(LINK, &error.into());
    if !refused {
        finding.verdict = Verdict::Doubt;
    }
    finding
}
