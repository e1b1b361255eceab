//! What a CLI may ask over plain HTTP, besides its session: status, endpoints and their history, under [`PREFIX`].
//!
//! Every answer but a delivery's body is JSON; a refusal is `{"error": code, "message": sentence}`.

mod answer;
mod bodies;
pub mod events;
mod wish;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::Backlog;
use tokio::task::spawn_blocking;

pub use bodies::{EndpointBody, EndpointsBody, ErrorBody, NewEndpointBody, StatusBody};

use crate::accounts::{AccountName, Accounts, Endpoint, Error, NoRight, Pass, Scope};
use crate::config::{PublicUrl, Settings};
use crate::dispatch::Dispatch;
use crate::journal::{Address, Journal};
pub(crate) use answer::refuse;
use answer::{json, wrong_method};
use events::Question;
use wish::Wish;

/// What all paths of the API begin with.
pub const PREFIX: &str = "/_relay/v1/";

/// One answer to all that is no good token: nobody learns which it was.
const UNKNOWN_TOKEN: &str = "this relay doesn't know the token, or it was revoked or has expired";

/// Most bytes of a request's body.
pub const MAX_BODY: usize = 64 * 1024;

/// The sessions that an endpoint has now: listeners, observers.
pub type Live = Box<dyn Fn(&EndpointId) -> (usize, usize) + Send + Sync>;

/// What the answers are made from.
pub struct Api {
    /// Who asks, and what they own.
    pub accounts: Arc<Accounts>,
    /// What public addresses begin with.
    pub public_url: PublicUrl,
    /// Who is connected.
    pub live: Live,
    /// What came; `None`: the relay keeps nothing.
    pub journal: Option<Arc<Journal>>,
    /// What becomes of deliveries.
    pub dispatch: Arc<Dispatch>,
    /// Whether the relay holds what no app can answer.
    pub holds: bool,
    /// Whether it keeps a history.
    pub history: bool,
    /// Whose deadline an app has for its answer to a delivery that is sent again.
    pub settings: Arc<Settings>,
}

/// What a request comes to.
enum Reply {
    /// An answer.
    Now(Response<Bytes>),
    /// Something that others do, and whose end is the answer.
    After(Wish),
}

/// Answers one request, its body read whole.
pub async fn answer(api: Arc<Api>, request: Request<Bytes>) -> Response<Bytes> {
    let asked = Arc::clone(&api);
    // A change waits for the disk, and for other processes.
    match spawn_blocking(move || respond(&asked, &request)).await {
        Ok(Reply::Now(response)) => response,
        Ok(Reply::After(wish)) => wish.grant(&api).await,
        Err(_) => answer::internal(),
    }
}

fn respond(api: &Api, request: &Request<Bytes>) -> Reply {
    match api.route(request) {
        Ok(reply) => reply,
        Err(refusal) => Reply::Now(refusal),
    }
}

/// What the request's bearer token (RFC 6750 §2.1) lets it do. The `Err` is the answer to give: 401, 403 when the
/// account is switched off, or 503 when the database fails.
///
/// # Errors
/// There is no token, or none that is good; or it can't be told.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
pub fn authorize(accounts: &Accounts, headers: &HeaderMap) -> Result<Pass, Response<Bytes>> {
    let Some(token) = bearer(headers) else {
        return Err(answer::unauthorized("this needs a token: send it as `Authorization: Bearer <token>`"));
    };
    match accounts.authenticate(token) {
        Ok(Some(pass)) => Ok(pass),
        Ok(None) => Err(answer::unauthorized(UNKNOWN_TOKEN)),
        Err(error) => Err(failed(&error)),
    }
}

/// As [`authorize`], for what takes this scope: 403 without it (RFC 6750 §3.1).
///
/// # Errors
/// As [`authorize`], or the token is not good for it.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
pub fn authorize_for(
    scope: Scope,
    accounts: &Accounts,
    headers: &HeaderMap,
) -> Result<Pass, Response<Bytes>> {
    let pass = authorize(accounts, headers)?;
    pass.check(scope).map_err(|why| denied(&why))?;
    Ok(pass)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Api {
    #[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
    fn route(&self, request: &Request<Bytes>) -> Result<Reply, Response<Bytes>> {
        let pass = authorize(&self.accounts, request.headers())?;
        let allowed = |scope| pass.check(scope).map_err(|why| denied(&why));
        let account = &pass.account;
        let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
        let reply = match (path, request.method()) {
            ("status", &Method::GET) => self.status(account),
            ("status", _) => return Err(wrong_method("GET")),
            ("endpoints", &Method::GET) => self.list(account),
            ("endpoints", &Method::POST) => {
                allowed(Scope::Listen)?;
                self.create(account, request.body())
            }
            ("endpoints", _) => return Err(wrong_method("GET, POST")),
            (path, method) => {
                let Some(below) = path.strip_prefix("endpoints/") else {
                    let message = "this relay has nothing at this path";
                    return Err(refuse(StatusCode::NOT_FOUND, "not_found", message));
                };
                if let Some((id, rest)) = below.split_once('/')
                    && let Some(question) = Question::at(rest)
                {
                    allowed(question.scope())?;
                    let address = self.owned(account, id)?;
                    return events::answer(self, address, &question, request);
                }
                if method != Method::DELETE {
                    return Err(wrong_method("DELETE"));
                }
                allowed(Scope::Admin)?;
                return self.delete(account, below);
            }
        };
        reply.map(Reply::Now).map_err(|error| failed(&error))
    }

    /// The account's endpoint `id`. A foreign one looks like none at all.
    #[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
    fn owned(&self, account: &AccountName, id: &str) -> Result<Address, Response<Bytes>> {
        let unknown =
            || refuse(StatusCode::NOT_FOUND, "unknown_endpoint", "this account has no such endpoint");
        let endpoint: EndpointId = id.parse().map_err(|_| unknown())?;
        let owner = self.accounts.endpoint_owner(&endpoint).map_err(|error| failed(&error))?;
        if owner.as_ref() != Some(account) {
            return Err(unknown());
        }
        Ok(Address { account: account.clone(), endpoint })
    }

    fn status(&self, account: &AccountName) -> Result<Response<Bytes>, Error> {
        let endpoints = self.accounts.count_endpoints(account)?;
        let body = StatusBody {
            server: crate::SERVER.to_owned(),
            account: account.to_string(),
            public_url: self.public_url.to_string(),
            endpoints,
            holds: self.holds,
            history: self.history,
        };
        Ok(json(StatusCode::OK, &body))
    }

    fn list(&self, account: &AccountName) -> Result<Response<Bytes>, Error> {
        let endpoints = self.accounts.list_endpoints(Some(account))?;
        let owed = self.owed(account);
        let endpoints =
            endpoints.into_iter().map(|endpoint| self.describe(endpoint, owed.as_ref())).collect();
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
        Ok(json(status, &self.describe(claimed.endpoint, self.owed(account).as_ref())))
    }

    /// One that somebody listens on stays: its next delivery, or its listener's next dial, would meet a surprise.
    #[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
    fn delete(&self, account: &AccountName, id: &str) -> Result<Reply, Response<Bytes>> {
        let address = self.owned(account, id)?;
        let (listeners, observers) = (self.live)(&address.endpoint);
        if listeners + observers > 0 {
            let message = "somebody listens on this endpoint: end each `muxhook listen` on it first";
            return Err(refuse(StatusCode::CONFLICT, "endpoint_in_use", message));
        }
        let deleted = self.accounts.delete_own_endpoint(account, &address.endpoint);
        // Somebody else may have deleted it meanwhile, which comes to the same.
        deleted.map_err(|error| failed(&error))?;
        Ok(Reply::After(Wish::Forget { address }))
    }

    /// What the account's endpoints are owed; `None` when that can't be told.
    fn owed(&self, account: &AccountName) -> Option<HashMap<String, Backlog>> {
        let owed = self.journal.as_ref()?.history().owed(account);
        owed.inspect_err(|error| tracing::error!(%error, "what is owed can't be told")).ok()
    }

    fn describe(&self, endpoint: Endpoint, owed: Option<&HashMap<String, Backlog>>) -> EndpointBody {
        let owed = owed.map(|owed| owed.get(endpoint.id.as_str()).copied().unwrap_or_default());
        let (listeners, observers) = (self.live)(&endpoint.id);
        EndpointBody {
            public_url: self.public_url.endpoint(&endpoint.id),
            endpoint: endpoint.id,
            created_at: endpoint.created_at,
            listeners,
            observers,
            owed,
        }
    }
}

/// Said to those with a good token alone, but for the one that is not.
fn denied(why: &NoRight) -> Response<Bytes> {
    let (status, code) = match why {
        NoRight::Token => return answer::unauthorized(UNKNOWN_TOKEN),
        NoRight::EndpointDeleted(_) => (StatusCode::NOT_FOUND, "unknown_endpoint"),
        NoRight::Scope(_) => (StatusCode::FORBIDDEN, "scope"),
        NoRight::AccountDisabled(_) => (StatusCode::FORBIDDEN, "account_disabled"),
        NoRight::EndpointDisabled(_) => (StatusCode::FORBIDDEN, "endpoint_disabled"),
    };
    refuse(status, code, &why.to_string())
}

/// What the database says is the operator's to know; the CLI is told what it can do.
fn failed(error: &Error) -> Response<Bytes> {
    match error {
        Error::Taken(_) => refuse(StatusCode::CONFLICT, "endpoint_taken", &error.to_string()),
        Error::NoRight(why) => denied(why),
        Error::TooMany(..) => refuse(StatusCode::CONFLICT, "too_many_endpoints", &error.to_string()),
        error => {
            tracing::error!(%error, "a request failed");
            let message = "the relay can't read or write its accounts now: try again, and look at its log";
            refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
        }
    }
}

#[cfg(test)]
mod tests;
