//! `muxhook status`: which relay is used, why, and what it holds for this account.

use serde_json::{Value, json};

use super::endpoints;
use super::reach::{self, Reached};
use crate::api::{Endpoint, Status};
use crate::args;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Console, escape};
use crate::state::State;

pub(super) async fn run(
    args: &args::Status,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let Some(reached) = reach::reach(&args.relay, around, console).await? else {
        nothing(args.json, console)?;
        return Ok(());
    };
    let status = reached.api.status().await?;
    let endpoints = reached.api.endpoints().await?;
    let own = own(&reached, around, &endpoints);
    if args.json {
        console.out(&as_json(&reached, &status, &endpoints, own).to_string())?;
    } else {
        for line in lines(&reached, &status, &endpoints, own, console) {
            console.out(&line)?;
        }
    }
    Ok(())
}

fn nothing(json: bool, console: &mut Console) -> Result<(), Error> {
    if json {
        console.out(r#"{"relay":null,"embedded":false}"#)?;
    } else {
        console.out("no relay is configured, and none runs on this machine")?;
        console.note("`muxhook login https://…` stores one; without it, `muxhook listen` brings its own");
    }
    Ok(())
}

/// The endpoint that `listen` takes on this machine when none is named.
fn own<'a>(reached: &Reached, around: &Surroundings, endpoints: &'a [Endpoint]) -> Option<&'a Endpoint> {
    let state = State::open(around.state_folder.as_deref()).ok()?;
    let (memory, _) = state.recall().ok()?;
    let remembered = memory.endpoints(reached.place());
    remembered.iter().find_map(|known| endpoints.iter().find(|endpoint| endpoint.endpoint == known.endpoint))
}

fn as_json(reached: &Reached, status: &Status, endpoints: &[Endpoint], own: Option<&Endpoint>) -> Value {
    json!({
        "relay": reached.api.relay().origin(),
        "source": reached.source.as_ref().map(ToString::to_string),
        "embedded": reached.source.is_none(),
        "server": status.server,
        "account": status.account,
        "public_url": status.public_url,
        "endpoint": own.map(|own| &own.endpoint),
        "endpoints": endpoints,
    })
}

fn lines(
    reached: &Reached,
    status: &Status,
    endpoints: &[Endpoint],
    own: Option<&Endpoint>,
    console: &Console,
) -> Vec<String> {
    let style = console.out_style();
    let why = match &reached.source {
        Some(source) => format!("named by {source}"),
        None => "runs on this machine: Mux cannot reach it".to_owned(),
    };
    let relay = reached.api.relay();
    let mut lines = vec![
        format!("{:<10} {} {}", "relay", style.accent(relay), style.dim(escape(&format!("({why})")))),
        format!("{:<10} {}", "server", escape(&status.server)),
        format!("{:<10} {}", "account", escape(&status.account)),
        format!("{:<10} {}", "public", escape(&status.public_url)),
        format!("{:<10} {}", "endpoints", endpoints.len()),
    ];
    let mark = |endpoint: &Endpoint| own.is_some_and(|own| own.endpoint == endpoint.endpoint);
    lines.extend(
        endpoints.iter().map(|endpoint| format!("  {}", endpoints::line(endpoint, mark(endpoint), style))),
    );
    lines
}
