//! `muxhook unregister`: has Mux send nothing to an address any more.

use serde_json::json;

use super::reach;
use super::register::address::Address;
use super::register::case::Case;
use super::register::consent::{consent, whose};
use super::register::registrar::Registrar;
use crate::args;
use crate::config::{self, Surroundings};
use crate::error::Error;
use crate::mux_api::WebhookId;
use crate::printer::{Console, escape};
use crate::state::Place;

/// What is done to the webhook.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Disable,
    Delete,
    /// It is so already.
    Nothing,
}

/// Runs `muxhook unregister`.
///
/// # Errors
/// Used wrongly, or refused by the relay, by Mux or by the user.
pub(super) async fn run(
    args: &args::Unregister,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let named = config::named_endpoint(args.endpoint.as_ref(), around)?;
    let registrar = Registrar::open(around)?;
    let reached = reach::reach(&args.relay, around, console).await?.ok_or_else(reach::nowhere)?;
    let place = reached.place();
    let found = Address::find(&reached.api, place, named.as_ref(), registrar.state()).await?;
    // The relay may have forgotten an endpoint whose webhook still is at Mux.
    let kept = named.filter(|_| found.is_none()).and_then(|name| {
        let kept = registrar.state().webhooks(place, &name).ok()?.into_iter().next()?;
        Some(Address { endpoint: name, url: kept.address })
    });
    let Some(address) = found.or(kept) else {
        return nothing(
            args,
            console,
            "this machine has no such address at the relay, so there is no webhook for it",
        );
    };
    let case = registrar.look(place, address).await?;
    let Some(webhook) = case.found.as_ref() else {
        let text = format!(
            "nothing to do: Mux has no webhook for {} in {}",
            escape(&case.address.url),
            whose(&case)
        );
        return nothing(args, console, &text);
    };
    let deed = match (args.delete, webhook.enabled) {
        (true, _) => Deed::Delete,
        (false, true) => Deed::Disable,
        (false, false) => Deed::Nothing,
    };
    let id = webhook.id.clone();
    carry_out(deed, &registrar, place, &case, &id, args.yes, console).await?;
    tell(args, deed, &case, &id, console)
}

async fn carry_out(
    deed: Deed,
    registrar: &Registrar,
    place: Place<'_>,
    case: &Case,
    webhook: &WebhookId,
    yes: bool,
    console: &mut Console,
) -> Result<(), Error> {
    match deed {
        Deed::Nothing => Ok(()),
        Deed::Disable => {
            consent(case, "The webhook at Mux will be disabled, and keeps its secret:", yes, console)?;
            Ok(registrar.disable(webhook).await?)
        }
        Deed::Delete => {
            consent(case, "The webhook at Mux will be deleted, and its secret with it:", yes, console)?;
            registrar.delete(place, case, webhook).await
        }
    }
}

fn nothing(args: &args::Unregister, console: &mut Console, text: &str) -> Result<(), Error> {
    if args.json {
        console.out(
            &json!({ "webhook": null, "enabled": false, "deleted": false, "changed": false }).to_string(),
        )?;
    } else {
        console.out(text)?;
    }
    Ok(())
}

fn tell(
    args: &args::Unregister,
    deed: Deed,
    case: &Case,
    webhook: &WebhookId,
    console: &mut Console,
) -> Result<(), Error> {
    let (whose, url) = (whose(case), escape(&case.address.url));
    let text = match deed {
        Deed::Disable => {
            format!("disabled webhook {webhook} in {whose}: Mux sends nothing to {url} any more")
        }
        Deed::Delete => format!("deleted webhook {webhook} in {whose}: Mux sends nothing to {url} any more"),
        Deed::Nothing => format!("nothing to do: webhook {webhook} in {whose} is disabled"),
    };
    if args.json {
        let object = json!({
            "webhook": webhook.as_str(),
            "endpoint": case.address.endpoint,
            "address": case.address.url,
            "organization": case.who.organization(),
            "environment": case.who.environment(),
            "environment_id": case.who.environment_id,
            "enabled": false,
            "deleted": deed == Deed::Delete,
            "changed": deed != Deed::Nothing,
        });
        console.out(&object.to_string())?;
    } else {
        console.out(&text)?;
    }
    Ok(())
}
