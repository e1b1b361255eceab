//! `muxhook endpoints`: this account's addresses.

use jiff::Timestamp;
use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::Backlog;
use serde_json::json;

use super::reach::{self, Reached};
use crate::api::Endpoint;
use crate::args::{EndpointsVerb, OneShot};
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Console, Style, escape};
use crate::state::State;

pub(super) async fn run(
    verb: EndpointsVerb,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    match verb {
        EndpointsVerb::List(common) => {
            list(&reached(&common, around, console).await?, common.json, console).await?
        }
        EndpointsVerb::Create { name, common } => {
            let name = name.as_deref().map(parse).transpose()?;
            create(&reached(&common, around, console).await?, name.as_ref(), common.json, console).await?;
        }
        EndpointsVerb::Delete { name, common } => {
            let name = parse(&name)?;
            delete(&reached(&common, around, console).await?, &name, common.json, around, console).await?;
        }
    }
    Ok(())
}

async fn reached(common: &OneShot, around: &Surroundings, console: &mut Console) -> Result<Reached, Error> {
    reach::reach(&common.relay, around, console).await?.ok_or_else(reach::nowhere)
}

fn parse(name: &str) -> Result<EndpointId, Error> {
    name.parse().map_err(|error| Error::usage(format!("`{name}`: {error}")))
}

async fn list(reached: &Reached, json: bool, console: &mut Console) -> Result<(), Error> {
    let endpoints = reached.api.endpoints().await?;
    if json {
        console.out(&json!({ "endpoints": endpoints }).to_string())?;
        return Ok(());
    }
    let style = console.out_style();
    for endpoint in &endpoints {
        console.out(&line(endpoint, false, style))?;
    }
    if endpoints.is_empty() {
        console.note("no endpoints yet: `muxhook listen` makes one, `muxhook endpoints create` as well");
    }
    Ok(())
}

async fn create(
    reached: &Reached,
    name: Option<&EndpointId>,
    json: bool,
    console: &mut Console,
) -> Result<(), Error> {
    let made = reached.api.create(name).await?;
    if json {
        console.out(&json!(made).to_string())?;
    } else {
        console.out(&escape(&made.public_url))?;
        console.note(&format!("listen on it with `muxhook listen --endpoint {}`", made.endpoint));
    }
    Ok(())
}

async fn delete(
    reached: &Reached,
    endpoint: &EndpointId,
    json: bool,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    reached.api.delete(endpoint).await?;
    if let Ok(state) = State::open(around.state_folder.as_deref()) {
        // What is remembered of it does no harm: the relay gives no endpoint that is not the account's.
        let _ = state.update(|memory| memory.forget(reached.place(), endpoint));
    }
    if json {
        console.out(&json!({ "deleted": endpoint }).to_string())?;
    } else {
        console.note(&format!("deleted {endpoint}: its address is answered with 404 from now on"));
    }
    Ok(())
}

/// An endpoint in a line: address, day, who listens, and whether it is this machine's `own`.
pub(super) fn line(endpoint: &Endpoint, own: bool, style: Style) -> String {
    let mut line = style.accent(escape(&endpoint.public_url)).to_string();
    let mut add = |text: String| line.push_str(&format!("  {}", style.dim(text)));
    if let Some(day) = day(endpoint.created_at) {
        add(format!("made {day}"));
    }
    for (count, what) in [(endpoint.listeners, "listener"), (endpoint.observers, "observer")] {
        match count {
            0 => {}
            1 => add(format!("1 {what}")),
            more => add(format!("{more} {what}s")),
        }
    }
    if let Some(Backlog { count: count @ 1.., .. }) = endpoint.owed {
        add(format!("owed {count} event{}", if count == 1 { "" } else { "s" }));
    }
    if own {
        add("this machine's own".to_owned());
    }
    line
}

fn day(unix_millis: u64) -> Option<String> {
    let at = Timestamp::from_millisecond(i64::try_from(unix_millis).ok()?).ok()?;
    Some(at.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_matters_and_escapes_what_came_from_outside() {
        let endpoint = Endpoint {
            endpoint: "alice".parse().unwrap(),
            public_url: "https://h.example/h/alice\x1b[2J".to_owned(),
            created_at: 1_764_000_000_000,
            listeners: 2,
            observers: 1,
            owed: Some(Backlog { count: 3, oldest_at: Some(1) }),
        };
        assert_eq!(
            line(&endpoint, true, Style::default()),
            "https://h.example/h/alice\\x1b[2J  made 2025-11-24  2 listeners  1 observer  owed 3 events  this machine's own"
        );
    }
}
