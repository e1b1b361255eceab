//! `muxhook status`: which relay is used, why, and what it holds for this account.

use muxhook_protocol::EndpointId;
use serde_json::{Value, json};

use super::endpoints;
use super::reach::{self, Reached};
use crate::api::{Endpoint, Status};
use crate::args;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Console, escape};
use crate::state::{EmbeddedRelay, State};

/// What there is to tell.
struct Found {
    reached: Reached,
    status: Status,
    /// The endpoint that `listen` takes on this machine when none is named.
    own: Option<EndpointId>,
    /// The relay that runs on this machine.
    local: Option<EmbeddedRelay>,
}

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
    let found =
        Found { own: own(&reached, around, &endpoints), local: local(around).await?, reached, status };
    if args.json {
        console.out(&found.json(&endpoints).to_string())?;
    } else {
        for line in found.lines(&endpoints, console) {
            console.out(&line)?;
        }
    }
    Ok(())
}

fn nothing(json: bool, console: &mut Console) -> Result<(), Error> {
    if json {
        console.out(r#"{"relay":null,"embedded":false,"local":null}"#)?;
    } else {
        console.out("no relay is configured, and none runs on this machine")?;
        console.note("`muxhook login https://…` stores one; without it, `muxhook listen` brings its own");
    }
    Ok(())
}

/// This machine's own endpoint: the first that is remembered and still there.
pub(super) fn own(reached: &Reached, around: &Surroundings, endpoints: &[Endpoint]) -> Option<EndpointId> {
    let state = State::open(around.state_folder.as_deref()).ok()?;
    let (memory, _) = state.recall().ok()?;
    reach::own(&memory, reached.place(), endpoints).map(|own| own.endpoint.clone())
}

async fn local(around: &Surroundings) -> Result<Option<EmbeddedRelay>, Error> {
    let living = reach::living(around, &reach::dialer(None, around)?).await;
    Ok(living.map(|(relay, _)| relay))
}

impl Found {
    fn json(&self, endpoints: &[Endpoint]) -> Value {
        json!({
            "relay": self.reached.api.relay().origin(),
            "source": self.reached.source.as_ref().map(ToString::to_string),
            "embedded": self.reached.source.is_none(),
            "server": self.status.server,
            "account": self.status.account,
            "public_url": self.status.public_url,
            "endpoint": self.own,
            "endpoints": endpoints,
            "local": self.local.as_ref().map(|local| json!({ "relay": local.url.origin(), "pid": local.pid })),
        })
    }

    fn lines(&self, endpoints: &[Endpoint], console: &Console) -> Vec<String> {
        let style = console.out_style();
        let row = |name: &str, value: &str| format!("{name:<10} {value}");
        let why = match &self.reached.source {
            Some(source) => format!("(named by {source})"),
            None => "(runs on this machine, where Mux cannot reach it)".to_owned(),
        };
        let relay = style.accent(self.reached.api.relay());
        let mut lines = vec![
            row("relay", &format!("{relay} {}", style.dim(escape(&why)))),
            row("server", &escape(&self.status.server)),
            row("account", &escape(&self.status.account)),
            row("public", &escape(&self.status.public_url)),
            row("endpoints", &endpoints.len().to_string()),
        ];
        let is_own = |endpoint: &Endpoint| self.own.as_ref() == Some(&endpoint.endpoint);
        lines.extend(
            endpoints
                .iter()
                .map(|endpoint| format!("  {}", endpoints::line(endpoint, is_own(endpoint), style))),
        );
        if let (Some(local), Some(_)) = (&self.local, &self.reached.source) {
            let also = format!("{} runs on this machine (process {}), not used", local.url, local.pid);
            lines.push(row("also", &style.dim(also).to_string()));
        }
        lines
    }
}
