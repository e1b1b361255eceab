//! One request to a relay and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::dial::Dialer;
use crate::exchange::{Fault, Kept, Limits};
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// Most answers of a relay are short and quick.
pub(super) const SHORT: Limits = Limits { time: Duration::from_secs(10), body: 1024 * 1024 };

/// One question.
pub(super) struct Question<'a> {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: &'a str,
    /// JSON.
    pub(super) body: Option<String>,
    pub(super) limits: Limits,
}

/// What came back.
pub(super) struct Answer {
    relay: RelayUrl,
    pub(super) status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

#[derive(Deserialize)]
struct Problem {
    error: String,
    message: String,
}

pub(super) async fn exchange(
    dialer: &Dialer,
    relay: &RelayUrl,
    token: &Secret,
    kept: &Kept,
    question: Question<'_>,
) -> Result<Answer, ApiError> {
    let unreachable = |reason: String| ApiError::Unreachable { reason };
    let limits = question.limits;
    let request = request(token, question).map_err(|error| unreachable(error.to_string()))?;
    // What changes something is sent once.
    let answered = match *request.method() {
        Method::GET => kept.exchange(dialer, relay, request, limits).await,
        _ => crate::exchange::exchange(dialer, relay, request, limits).await,
    };
    match answered {
        Ok(response) => Ok(Answer {
            relay: relay.clone(),
            status: response.status(),
            content_type: response.headers().get(CONTENT_TYPE).cloned(),
            body: response.into_body(),
        }),
        Err(fault @ (Fault::NotHttp | Fault::TooLarge(_))) => {
            Err(ApiError::NotMuxhook { relay: relay.clone(), reason: fault.to_string() })
        }
        // It names the relay by itself.
        Err(Fault::Unreachable(reason)) => Err(unreachable(reason)),
        Err(fault) => Err(unreachable(format!("{relay} cannot be asked: {fault}"))),
    }
}

fn request(token: &Secret, question: Question<'_>) -> Result<Request<Full<Bytes>>, http::Error> {
    let Question { method, path, body, .. } = question;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
    bearer.set_sensitive(true);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(ACCEPT, "application/json, application/octet-stream")
        .header(AUTHORIZATION, bearer);
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    request.body(Full::from(body.unwrap_or_default()))
}

impl Answer {
    /// Its body as `T`, when the status is `expected`.
    pub(super) fn read<T: DeserializeOwned>(self, expected: StatusCode) -> Result<T, ApiError> {
        if self.status != expected {
            return Err(self.problem());
        }
        serde_json::from_slice(&self.body)
            .map_err(|_| self.not_muxhook("its answer is not the JSON that a relay gives".to_owned()))
    }

    /// Its body as it is.
    pub(super) fn bytes(self) -> Result<Bytes, ApiError> {
        let is_bytes = self.content_type.as_ref().is_some_and(|kind| kind == "application/octet-stream");
        match self.status {
            StatusCode::OK if is_bytes => Ok(self.body),
            StatusCode::OK => {
                Err(self.not_muxhook("its answer is not the bytes that a relay gives".to_owned()))
            }
            _ => Err(self.problem()),
        }
    }

    /// Success without a body.
    pub(super) fn nothing(self) -> Result<(), ApiError> {
        if self.status == StatusCode::NO_CONTENT { Ok(()) } else { Err(self.problem()) }
    }

    fn problem(self) -> ApiError {
        let problem = serde_json::from_slice::<Problem>(&self.body).ok();
        match (self.status, problem) {
            (StatusCode::UNAUTHORIZED, Some(_)) => ApiError::Token { relay: self.relay },
            (status, Some(problem)) if status.is_client_error() || status.is_server_error() => {
                let Problem { error: code, message } = problem;
                ApiError::Refused { relay: self.relay, status, code, message }
            }
            (
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT,
                None,
            ) => {
                let reason = format!(
                    "{} cannot be reached: what stands before it answers {}",
                    self.relay, self.status
                );
                ApiError::Unreachable { reason }
            }
            (status, _) if status.is_redirection() => {
                self.not_muxhook(format!("it redirects elsewhere ({status}); give the address it leads to"))
            }
            (status, _) => self.not_muxhook(format!("it answers {status}, and not as a relay would")),
        }
    }

    pub(super) fn not_muxhook(&self, reason: String) -> ApiError {
        ApiError::NotMuxhook { relay: self.relay.clone(), reason }
    }
}
