//! `muxhook register`: gives an address to Mux.

pub(super) mod address;
pub(super) mod case;
pub(super) mod consent;
mod env;
pub(super) mod plan;
pub(super) mod registrar;
pub(super) mod report;

use super::reach;
use crate::args;
use crate::config::{self, Surroundings};
use crate::error::Error;
use crate::printer::Console;
use address::Address;
use consent::consent;
use env::EnvFile;
use plan::{Plan, Wish};
use registrar::Registrar;

/// Runs `muxhook register`.
///
/// # Errors
/// Used wrongly, refused by the relay, by Mux or by the user, or nothing could be kept.
pub(super) async fn run(
    args: &args::Register,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let config = config::Register::resolve(args, around)?;
    let env_file = args.write_env.as_deref().map(EnvFile::read).transpose()?;
    let registrar = Registrar::open(around)?;
    let reached = reach::reach(&args.relay, around, console).await?.ok_or_else(nowhere)?;
    let named = config.endpoint.as_ref();
    let address =
        Address::resolve(&reached.api, reached.place(), named, registrar.state(), args.relay.plain).await?;
    let case = registrar.look(reached.place(), address).await?;
    let plan = Plan::of(&case, Wish { secret: config.secret, recreate: args.recreate });
    if env_file.is_some() && plan.leaves_secret_unknown() {
        return Err(report::unknown(&case));
    }
    if let Some(announcement) = plan.announcement() {
        consent(&case, announcement, args.yes, console)?;
    }
    let done = registrar.register(reached.place(), &case, plan).await?;
    let written = match (env_file, &done.secret) {
        (Some(file), Some(secret)) => Some(file.put(secret)?),
        _ => None,
    };
    report::tell(args, &case, &done, written.as_ref(), console)
}

/// There is no relay that Mux could reach.
pub(super) fn nowhere() -> Error {
    Error::unreachable("no relay is configured, and Mux can reach no other address of yours")
        .with_hint("`muxhook login https://…` stores one; `muxhook relay serve` on a public host runs one")
}
