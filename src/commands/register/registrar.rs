//! Webhooks at Mux and what is kept of them here, brought together.

use muxhook_protocol::mux::signature::Key;

use super::address::Address;
use super::case::Case;
use super::plan::Plan;
use crate::commands::reach;
use crate::config::Surroundings;
use crate::error::Error;
use crate::mux_api::{Access, Client, MuxError, Webhook, WebhookId};
use crate::state::{Place, Registered, State, StateError};

/// Mux's API, and the place where secrets are kept.
#[derive(Debug)]
pub(crate) struct Registrar {
    mux: Client,
    state: State,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) webhook: WebhookId,
    pub(crate) deed: Deed,
    /// A secret was given, and is kept now.
    pub(crate) learned: bool,
    /// A secret was given that can't be its.
    pub(crate) left_aside: bool,
    /// Its secret.
    pub(crate) secret: Option<Key>,
}

/// What Mux was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The webhook was made.
    Created,
    /// It was made in place of another.
    Recreated,
    /// It was there, disabled, and is enabled now.
    Enabled,
    /// Nothing: it was there and enabled.
    Nothing,
}

impl Registrar {
    /// With the access token of the environment variables. Nothing is sent yet.
    ///
    /// # Errors
    /// No token, or no place to keep a secret that is shown once.
    pub(crate) fn open(around: &Surroundings) -> Result<Self, Error> {
        let access = Access::from_env(|name| around.env.text(name))?;
        let state = State::open(around.state_folder.as_deref()).map_err(unkeepable)?;
        // What the relay's certificate is trusted by says nothing about Mux.
        let dialer = reach::dialer(None, around)?;
        Ok(Self { mux: Client::new(&dialer, access), state })
    }

    /// Where secrets are kept.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Finds out what there is for an address.
    ///
    /// # Errors
    /// Mux can't be asked, or what is kept can't be read.
    pub(crate) async fn look(&self, place: Place<'_>, address: Address) -> Result<Case, Error> {
        let who = self.mux.whoami().await?;
        let found = self.mux.webhooks().await?.into_iter().find(|webhook| webhook.address == address.url);
        let kept = self.state.webhooks(place, &address.endpoint).map_err(unkept)?;
        let known = kept.into_iter().find(|known| known.environment == who.environment_id);
        Ok(Case { who, address, found, known })
    }

    /// Does what is planned, and keeps what is learned.
    ///
    /// # Errors
    /// Mux refuses, or the secret can't be kept; says what was done by then.
    pub(crate) async fn register(&self, place: Place<'_>, case: &Case, plan: Plan) -> Result<Done, Error> {
        match plan {
            Plan::Make { left_aside } => {
                let done = self.make(place, case, Deed::Created).await?;
                Ok(Done { left_aside, ..done })
            }
            Plan::Remake(old) => {
                self.state.check_webhooks().map_err(unkeepable)?;
                gone_or(self.mux.delete(&old).await)?;
                self.make(place, case, Deed::Recreated).await.map_err(|error| {
                    let hint = error.hint().unwrap_or("run `muxhook register` again").to_owned();
                    Error::new(error.kind(), format!("the old webhook is deleted; then: {error}"))
                        .with_hint(hint)
                })
            }
            Plan::Take { webhook, enable, secret, keep } => {
                if let (true, Some(secret)) = (keep, &secret) {
                    self.keep(place, case, &webhook, secret).map_err(unkept)?;
                }
                if enable {
                    self.mux.set_enabled(&webhook, true).await?;
                }
                let deed = if enable { Deed::Enabled } else { Deed::Nothing };
                Ok(Done { webhook, deed, learned: keep, left_aside: false, secret })
            }
        }
    }

    async fn make(&self, place: Place<'_>, case: &Case, deed: Deed) -> Result<Done, Error> {
        self.state.check_webhooks().map_err(unkeepable)?;
        let Webhook { id, signing_secret, .. } = self.mux.create(&case.address.url).await?;
        if let Some(secret) = &signing_secret {
            self.keep(place, case, &id, secret).map_err(|error| {
                let lost =
                    format!("the webhook {id} was made, but its secret can't be kept and is lost: {error}");
                Error::failed(lost).with_hint("mend that, then `muxhook register --recreate`")
            })?;
        }
        Ok(Done { webhook: id, deed, learned: false, left_aside: false, secret: signing_secret })
    }

    fn keep(&self, place: Place<'_>, case: &Case, id: &WebhookId, secret: &Key) -> Result<(), StateError> {
        let registered = Registered {
            webhook: id.clone(),
            environment: case.who.environment_id.clone(),
            address: case.address.url.clone(),
            secret: secret.clone(),
        };
        self.state.remember_webhook(place, &case.address.endpoint, registered)
    }

    /// Disables a webhook; one that is gone sends nothing either.
    ///
    /// # Errors
    /// Mux refuses.
    pub(crate) async fn disable(&self, webhook: &WebhookId) -> Result<(), MuxError> {
        gone_or(self.mux.set_enabled(webhook, false).await.map(|_| ()))
    }

    /// Deletes a case's webhook, and forgets what was kept of it.
    ///
    /// # Errors
    /// Mux refuses, or what is kept can't be changed.
    pub(crate) async fn delete(
        &self,
        place: Place<'_>,
        case: &Case,
        webhook: &WebhookId,
    ) -> Result<(), Error> {
        gone_or(self.mux.delete(webhook).await)?;
        let environment = &case.who.environment_id;
        self.state.forget_webhook(place, &case.address.endpoint, environment).map_err(unkept)
    }
}

/// Somebody else may have deleted it meanwhile.
fn gone_or(answer: Result<(), MuxError>) -> Result<(), MuxError> {
    match answer {
        Err(MuxError::NotFound { .. }) => Ok(()),
        other => other,
    }
}

/// Known before Mux shows the secret.
fn unkeepable(error: StateError) -> Error {
    unkept(error).with_hint("Mux shows a signing secret once, so there must be a place to keep it")
}

fn unkept(error: StateError) -> Error {
    Error::failed(error.to_string())
}
