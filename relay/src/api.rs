//! What a CLI may ask over plain HTTP, besides its session: status and endpoints, under [`PREFIX`].
//!
//! Every answer is JSON; a refusal is `{"error": code, "message": sentence}`.

mod answer;
mod bodies;

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use muxhook_protocol::EndpointId;

pub use bodies::{EndpointBody, EndpointsBody, ErrorBody, NewEndpointBody, StatusBody};

use crate::accounts::{AccountName, Accounts, Endpoint, Error};
use crate::config::PublicUrl;
use crate::journal::{Address, Journal};
pub(crate) use answer::refuse;
use answer::{json, no_content, wrong_method};

/// What all paths of the API begin with.
pub const PREFIX: &str = "/_relay/v1/";

/// Most bytes of a request's body.
pub const MAX_BODY: usize = 64 * 1024;

/// The sessions that an endpoint has now: listeners, observers.
pub type Live = Box<dyn Fn(&EndpointId) -> (usize, usize) + Send + Sync>;

/// What the answers are made from.
pub struct Api {
    /// Who asks, and what they own.
    pub accounts: Arc<Accounts>,
    /// What was delivered.
    pub journal: Arc<Journal>,
    /// What public addresses begin with.
    pub public_url: PublicUrl,
    /// Who is connected.
    pub live: Live,
}

/// Answers one request, its body read whole.
#[must_use]
pub fn respond(api: &Api, request: Request<Bytes>) -> Response<Bytes> {
    let account = match authorize(&api.accounts, request.headers()) {
        Ok(account) => account,
        Err(refusal) => return refusal,
    };
    let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    let answer = match (path, request.method()) {
        ("status", &Method::GET) => api.status(&account),
        ("status", _) => Ok(wrong_method("GET")),
        ("endpoints", &Method::GET) => api.list(&account),
        ("endpoints", &Method::POST) => api.create(&account, request.body()),
        ("endpoints", _) => Ok(wrong_method("GET, POST")),
        (path, method) => match (path.strip_prefix("endpoints/"), method) {
            (Some(id), &Method::DELETE) => api.delete(&account, id),
            (Some(_), _) => Ok(wrong_method("DELETE")),
            (None, _) => {
                Ok(refuse(StatusCode::NOT_FOUND, "not_found", "this relay has nothing at this path"))
            }
        },
    };
    answer.unwrap_or_else(|error| failed(&error))
}

/// Whom the request's bearer token (RFC 6750 §2.1) acts for. The `Err` is the answer to give: 401, or 503 when
/// the database fails.
///
/// # Errors
/// There is no token, or none that this relay knows; or it can't be told.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
pub fn authorize(accounts: &Accounts, headers: &HeaderMap) -> Result<AccountName, Response<Bytes>> {
    let Some(token) = bearer(headers) else {
        return Err(answer::unauthorized("this needs a token: send it as `Authorization: Bearer <token>`"));
    };
    match accounts.authenticate(token) {
        Ok(Some(account)) => Ok(account),
        Ok(None) => Err(answer::unauthorized("this relay doesn't know the token, or it was revoked")),
        Err(error) => Err(failed(&error)),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Api {
    fn status(&self, account: &AccountName) -> Result<Response<Bytes>, Error> {
        let endpoints = self.accounts.count_endpoints(account)?;
        let body = StatusBody {
            server: crate::SERVER.to_owned(),
            account: account.to_string(),
            public_url: self.public_url.to_string(),
            endpoints,
        };
        Ok(json(StatusCode::OK, &body))
    }

    fn list(&self, account: &AccountName) -> Result<Response<Bytes>, Error> {
        let endpoints = self.accounts.list_endpoints(Some(account))?;
        let endpoints = endpoints.into_iter().map(|endpoint| self.describe(endpoint)).collect();
        Ok(json(StatusCode::OK, &EndpointsBody { endpoints }))
    }

    fn create(&self, account: &AccountName, body: &[u8]) -> Result<Response<Bytes>, Error> {
        let NewEndpointBody { endpoint } = match serde_json::from_slice(body) {
            Ok(wish) => wish,
            Err(error) => {
                let message = format!(
                    r#"the body must be JSON such as {{"endpoint":"name"}} or {{"endpoint":null}}: {error}"#
                );
                return Ok(refuse(StatusCode::BAD_REQUEST, "bad_request", &message));
            }
        };
        let name = match endpoint.as_deref().map(str::parse).transpose() {
            Ok(name) => name,
            Err(error) => {
                let error: muxhook_protocol::endpoint::InvalidEndpoint = error;
                return Ok(refuse(StatusCode::BAD_REQUEST, "invalid_endpoint", &error.to_string()));
            }
        };
        let claimed = self.accounts.claim_endpoint(account, name.as_ref())?;
        let status = if claimed.is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(json(status, &self.describe(claimed.endpoint)))
    }

    /// A foreign endpoint looks like none at all. One that somebody listens on stays: its next delivery, or its
    /// listener's next dial, would meet a surprise.
    fn delete(&self, account: &AccountName, id: &str) -> Result<Response<Bytes>, Error> {
        let unknown =
            || refuse(StatusCode::NOT_FOUND, "unknown_endpoint", "this account has no such endpoint");
        let Ok(id) = id.parse() else { return Ok(unknown()) };
        if self.accounts.endpoint_owner(&id)?.as_ref() != Some(account) {
            return Ok(unknown());
        }
        let (listeners, observers) = (self.live)(&id);
        if listeners + observers > 0 {
            let message = "somebody listens on this endpoint: end each `muxhook listen` on it first";
            return Ok(refuse(StatusCode::CONFLICT, "endpoint_in_use", message));
        }
        if !self.accounts.delete_endpoint(account, &id)? {
            return Ok(unknown());
        }
        self.journal.forget(&Address { account: account.clone(), endpoint: id });
        Ok(no_content())
    }

    fn describe(&self, endpoint: Endpoint) -> EndpointBody {
        let (listeners, observers) = (self.live)(&endpoint.id);
        EndpointBody {
            public_url: self.public_url.endpoint(&endpoint.id),
            endpoint: endpoint.id,
            created_at: endpoint.created_at,
            listeners,
            observers,
        }
    }
}

/// What the database says is the operator's to know; the CLI is told what it can do.
fn failed(error: &Error) -> Response<Bytes> {
    match error {
        Error::Taken(_) => refuse(StatusCode::CONFLICT, "endpoint_taken", &error.to_string()),
        Error::TooMany(_) => refuse(StatusCode::CONFLICT, "too_many_endpoints", &error.to_string()),
        error => {
            tracing::error!(%error, "a request failed");
            let message = "the relay can't read or write its accounts now: try again, and look at its log";
            refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
        }
    }
}

#[cfg(test)]
mod tests;
