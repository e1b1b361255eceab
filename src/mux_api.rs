//! Mux's own API, as far as it manages webhooks: who am I, which webhooks are there, make one, switch it, delete it.
//!
//! As <https://www.mux.com/docs/core/manage-webhooks> has it. One request a connection, HTTP Basic. Nothing is
//! followed, and an answer is believed only when it has the shape that Mux gives it.

mod access;
mod error;
mod exchange;
mod shapes;

use http::{Method, StatusCode};
use serde_json::json;

pub use access::{Access, NoAccess};
pub use error::{MuxError, Permission};
pub use shapes::{Identity, Webhook, WebhookId};

use crate::dial::Dialer;
use crate::exchange::Limits;
use exchange::Request;
use shapes::Data;

/// Where the webhooks are.
const WEBHOOKS: &str = "/system/v1/webhooks";

/// How many webhooks are asked for at once.
const PER_PAGE: usize = 100;

/// Most pages that are read.
const MOST_PAGES: usize = 20;

/// Mux's API, and who asks it.
#[derive(Clone, Debug)]
pub struct Client {
    dialer: Dialer,
    access: Access,
    limits: Limits,
}

impl Client {
    /// Nothing is sent yet. `dialer` must trust no more certificates than the machine does.
    #[must_use]
    pub fn new(dialer: &Dialer, access: Access) -> Self {
        Self { dialer: dialer.clone().naming("Mux's API"), access, limits: exchange::LIMITS }
    }

    /// Whose the access token is, and for which environment.
    ///
    /// # Errors
    /// See [`MuxError`].
    pub async fn whoami(&self) -> Result<Identity, MuxError> {
        let answer = self.ask(Method::GET, "/system/v1/whoami", None).await?;
        answer.read::<Data<Identity>>(StatusCode::OK).map(|answer| answer.data)
    }

    /// The webhooks of the token's environment. Page by page, as Mux's SDKs read any list: until one has nothing new.
    ///
    /// # Errors
    /// See [`MuxError`].
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, MuxError> {
        let mut all: Vec<Webhook> = Vec::new();
        for page in 1..=MOST_PAGES {
            let path = format!("{WEBHOOKS}?limit={PER_PAGE}&page={page}");
            let answer = self.ask(Method::GET, &path, None).await?;
            let mut more = answer.read::<Data<Vec<Webhook>>>(StatusCode::OK)?.data;
            more.retain(|webhook| all.iter().all(|known| known.id != webhook.id));
            if more.is_empty() {
                break;
            }
            all.append(&mut more);
        }
        Ok(all)
    }

    /// Makes a webhook, which is enabled at once. Its signing secret is in this answer and in no other.
    ///
    /// # Errors
    /// See [`MuxError`]; [`MuxError::Taken`] when the environment has one with this address.
    pub async fn create(&self, address: &str) -> Result<Webhook, MuxError> {
        let answer = self.ask(Method::POST, WEBHOOKS, Some(json!({ "address": address }))).await?;
        let expected = if answer.status == StatusCode::OK { StatusCode::OK } else { StatusCode::CREATED };
        answer.read::<Data<Webhook>>(expected).map(|answer| answer.data)
    }

    /// Has Mux send to a webhook's address, or not.
    ///
    /// # Errors
    /// See [`MuxError`]; [`MuxError::NotFound`] when there is no such webhook.
    pub async fn set_enabled(&self, id: &WebhookId, enabled: bool) -> Result<Webhook, MuxError> {
        let path = format!("{WEBHOOKS}/{id}");
        let answer = self.ask(Method::PATCH, &path, Some(json!({ "enabled": enabled }))).await?;
        answer.read::<Data<Webhook>>(StatusCode::OK).map(|answer| answer.data)
    }

    /// Deletes a webhook, and with it its signing secret.
    ///
    /// # Errors
    /// See [`MuxError`]; [`MuxError::NotFound`] when there is no such webhook.
    pub async fn delete(&self, id: &WebhookId) -> Result<(), MuxError> {
        self.ask(Method::DELETE, &format!("{WEBHOOKS}/{id}"), None).await?.nothing()
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<exchange::Answer, MuxError> {
        let request = Request { method, path, body };
        exchange::exchange(&self.dialer, &self.access, request, self.limits).await
    }
}

#[cfg(test)]
mod tests;
