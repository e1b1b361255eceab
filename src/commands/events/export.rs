//! `muxhook events export`: deliveries as JSON lines, as shell commands, or as an HTTP archive.

mod curl;
mod har;
mod shell;

use muxhook_link::Now;
use muxhook_protocol::mux::signature::{Header, Key, TOLERANCE, of};

use super::place::{self, Place};
use super::stored::Stored;
use crate::api::events::Detail;
use crate::args::{EventsExport, ExportForm, Signing};
use crate::commands::reach;
use crate::config::{Project, Surroundings, signing_keys};
use crate::error::Error;
use crate::event::{Level, Notice};
use crate::forwarder::Target;
use crate::printer::{Console, delivery_line, harmless};

/// Where an app is, when nobody says.
const APP: &str = "http://localhost:3000";

/// Runs `muxhook events export`.
///
/// # Errors
/// Used wrongly, no relay, or refused by it.
pub(super) async fn run(
    args: &EventsExport,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let target = target(args)?;
    let ids = args.ids.iter().map(|id| place::id(id)).collect::<Result<Vec<_>, _>>()?;
    let place = place::find(&args.place, around, console).await?;
    // All of them are found before anything is written.
    let mut details = Vec::with_capacity(ids.len());
    for id in ids {
        details.push(place.api().event(&place.endpoint, id).await.map_err(place::refused)?);
    }
    match args.form {
        ExportForm::Json => json(details, &place, &keys(&place, around)?, console).await,
        ExportForm::Curl => curl(details, &place, &target, console).await,
        ExportForm::Har => har(details, &place, console).await,
    }
}

fn target(args: &EventsExport) -> Result<Target, Error> {
    if args.forward_to.is_some() && args.form != ExportForm::Curl {
        return Err(Error::usage("--forward-to is for --as curl: nothing else has a target"));
    }
    let text = args.forward_to.as_deref().unwrap_or(APP);
    Target::parse(text).map_err(|error| Error::usage(format!("--forward-to {text}: {error}")))
}

/// The secrets that `listen` would check by.
fn keys(place: &Place, around: &Surroundings) -> Result<Vec<Key>, Error> {
    let given = signing_keys(&Signing::default(), around, &Project::find(around)?)?.keys;
    Ok(if given.is_empty() { place.kept_secrets(around) } else { given })
}

async fn stored(detail: Detail, place: &Place) -> Result<Stored, Error> {
    let id = detail.row.delivery.to_string();
    let body = place.api().body(&place.endpoint, &id).await.map_err(place::refused)?;
    Ok(Stored { detail, body })
}

async fn json(details: Vec<Detail>, place: &Place, keys: &[Key], console: &mut Console) -> Result<(), Error> {
    for detail in details {
        console.out(&delivery_line(&stored(detail, place).await?.arrival(keys)))?;
    }
    Ok(())
}

async fn curl(
    details: Vec<Detail>,
    place: &Place,
    target: &Target,
    console: &mut Console,
) -> Result<(), Error> {
    let now = i64::try_from(Now::system().unix_millis() / 1000).unwrap_or(i64::MAX);
    if details.iter().any(|detail| is_stale(detail, now)) {
        let message = format!(
            "a signature is older than {TOLERANCE} s, which Mux's SDKs refuse: `muxhook events replay` signs anew"
        );
        reach::say(&[Notice { level: Level::Warning, code: "stale_signature".to_owned(), message }], console);
    }
    for detail in details {
        console.out(&curl::command(target, &stored(detail, place).await?.delivery()))?;
    }
    Ok(())
}

/// Whether an app that checks signatures refuses it for its age.
fn is_stale(detail: &Detail, now: i64) -> bool {
    let header = of(&detail.headers);
    let header = header.as_deref().and_then(|value| Header::parse(value).ok());
    header.is_some_and(|header| now.saturating_sub(header.timestamp) > TOLERANCE)
}

async fn har(details: Vec<Detail>, place: &Place, console: &mut Console) -> Result<(), Error> {
    let endpoints = place.api().endpoints().await?;
    let own = endpoints.into_iter().find(|known| known.endpoint == place.endpoint);
    let public_url = own.map_or_else(
        || format!("{}/h/{}", place.api().relay().origin(), place.endpoint),
        |own| own.public_url,
    );
    let mut before = har::begin();
    for detail in details {
        let entry = har::entry(&stored(detail, place).await?, &public_url).to_string();
        console.raw(format!("{before}{}", harmless(entry)).as_bytes())?;
        before = ",".to_owned();
    }
    console.out(har::END)?;
    Ok(())
}
