//! `listen --register`: the webhook at Mux is there before the first event is awaited, and, if the user wants it so,
//! disabled in the end.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::api;
use crate::args;
use crate::commands::register::address::Address;
use crate::commands::register::consent::consent;
use crate::commands::register::plan::{Plan, Wish};
use crate::commands::register::registrar::Registrar;
use crate::commands::register::{nowhere, report};
use crate::config::{Listen, RelayChoice, Surroundings};
use crate::dial::Dialer;
use crate::error::Error;
use crate::event::{Level, Notice};
use crate::mux_api::WebhookId;
use crate::printer::Console;
use crate::state::Place;

/// How long Mux may take to disable a webhook when the user is leaving.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is still to be done when a `listen` ends; tells what became of it.
pub(crate) struct Farewell(Pin<Box<dyn Future<Output = Notice> + Send>>);

impl Farewell {
    /// Does it.
    pub(super) async fn done(self) -> Notice {
        self.0.await
    }
}

impl fmt::Debug for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Farewell")
    }
}

/// Makes or enables the webhook of the endpoint that this `listen` will have.
///
/// # Errors
/// As `muxhook register`.
pub(super) async fn register(
    args: &args::Listen,
    config: &Listen,
    around: &Surroundings,
    dialer: &Dialer,
    console: &mut Console,
) -> Result<(Notice, Option<Farewell>), Error> {
    let RelayChoice::Configured(relay) = &config.connection.relay else { return Err(nowhere()) };
    let registrar = Registrar::open(around)?;
    let (api, place) = (api::Client::new(dialer, &relay.url, &relay.token), Place::Relay(&relay.url));
    let named = config.endpoint.as_ref();
    let address = Address::resolve(&api, place, named, registrar.state(), args.relay.plain).await?;
    let case = registrar.look(place, address).await?;
    let plan = Plan::of(&case, Wish::default());
    if let Some(announcement) = plan.announcement() {
        consent(&case, announcement, args.yes, console)?;
    }
    let done = registrar.register(place, &case, plan).await?;
    let mut message = report::headline(&case, &done);
    let level = if done.secret.is_some() { Level::Info } else { Level::Warning };
    if done.secret.is_none() {
        message = format!("{message}. Its signing secret is not known here. {}", report::CURE);
    }
    let farewell = args.unregister_on_exit.then(|| farewell(registrar, done.webhook));
    Ok((Notice { level, code: "registered".to_owned(), message }, farewell))
}

fn farewell(registrar: Registrar, webhook: WebhookId) -> Farewell {
    Farewell(Box::pin(async move {
        let left = |why: String| Notice {
            level: Level::Warning,
            code: "not_unregistered".to_owned(),
            message: format!(
                "webhook {webhook} at Mux is still enabled: {why}. `muxhook unregister` disables it"
            ),
        };
        match timeout(PATIENCE, registrar.disable(&webhook)).await {
            Ok(Ok(())) => Notice {
                level: Level::Info,
                code: "unregistered".to_owned(),
                message: format!("disabled webhook {webhook} at Mux"),
            },
            Ok(Err(error)) => left(error.to_string()),
            Err(_) => left(format!("Mux did not answer within {} s", PATIENCE.as_secs())),
        }
    }))
}
