//! One request to Mux's API and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::access::Access;
use super::error::{MuxError, Permission};
use crate::dial::Dialer;
use crate::exchange::{Fault, Limits};

/// Mux may take its time; a page of webhooks is far below the size.
pub(super) const LIMITS: Limits = Limits { time: Duration::from_secs(15), body: 1024 * 1024 };

/// Most characters of Mux's own words that are passed on.
const MAX_WORDS: usize = 300;

/// What is asked.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<serde_json::Value>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    origin: String,
    /// What the request took.
    needs: Permission,
}

/// An error of Mux's: `{"error": {"type": "…", "messages": ["…"]}}`.
#[derive(Deserialize)]
struct Problem {
    error: Words,
}

#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    messages: Vec<String>,
}

pub(super) async fn exchange(
    dialer: &Dialer,
    access: &Access,
    request: Request<'_>,
    limits: Limits,
) -> Result<Answer, MuxError> {
    let origin = access.origin.origin().to_owned();
    let needs = if request.method == Method::GET { Permission::Read } else { Permission::Write };
    let sent = match http_request(access, request) {
        Ok(request) => crate::exchange::exchange(dialer, &access.origin, request, limits).await,
        Err(error) => Err(Fault::Unreachable(error.to_string())),
    };
    match sent {
        Ok(response) => {
            let (head, body) = response.into_parts();
            Ok(Answer { status: head.status, headers: head.headers, body, origin, needs })
        }
        Err(fault @ (Fault::NotHttp | Fault::TooLarge(_))) => {
            Err(MuxError::NotMux { origin, reason: fault.to_string() })
        }
        // It names whom it dialled.
        Err(Fault::Unreachable(reason)) => Err(MuxError::Unreachable { reason }),
        Err(fault) => {
            Err(MuxError::Unreachable { reason: format!("Mux's API at {origin} gives no answer: {fault}") })
        }
    }
}

fn http_request(access: &Access, request: Request<'_>) -> Result<http::Request<Full<Bytes>>, http::Error> {
    let mut builder = http::Request::builder()
        .method(request.method)
        .uri(request.path)
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, access.basic()?);
    if request.body.is_some() {
        builder = builder.header(CONTENT_TYPE, "application/json");
    }
    builder.body(Full::from(request.body.map(|body| body.to_string()).unwrap_or_default()))
}

impl Answer {
    /// Its body as `T`, when the status is `expected`.
    pub(super) fn read<T: DeserializeOwned>(self, expected: StatusCode) -> Result<T, MuxError> {
        if self.status != expected {
            return Err(self.problem());
        }
        // What serde has to say may repeat a secret.
        serde_json::from_slice(&self.body)
            .map_err(|_| self.not_mux("its answer is not the JSON that Mux gives".to_owned()))
    }

    /// Success, whatever the body.
    pub(super) fn nothing(self) -> Result<(), MuxError> {
        if matches!(self.status, StatusCode::NO_CONTENT | StatusCode::OK) {
            Ok(())
        } else {
            Err(self.problem())
        }
    }

    fn problem(&self) -> MuxError {
        let words =
            serde_json::from_slice::<Problem>(&self.body).ok().map(|problem| said(&problem.error.messages));
        match (self.status, words) {
            (StatusCode::UNAUTHORIZED, words) => MuxError::Token { said: words.unwrap_or_default() },
            (StatusCode::FORBIDDEN, words) => {
                MuxError::Forbidden { needs: self.needs, said: words.unwrap_or_default() }
            }
            (StatusCode::TOO_MANY_REQUESTS, _) => MuxError::TooMany { wait: self.retry_after() },
            (status, _) if status.is_server_error() => MuxError::Broken { status },
            (StatusCode::NOT_FOUND, Some(said)) => MuxError::NotFound { said },
            (StatusCode::CONFLICT, words) => MuxError::Taken { said: words.unwrap_or_default() },
            (status, Some(said)) if status.is_client_error() => MuxError::of_words(status, said),
            (status, _) if status.is_redirection() => {
                self.not_mux(format!("it redirects elsewhere ({status})"))
            }
            (status, _) => self.not_mux(format!("it answers {status}, and not as Mux would")),
        }
    }

    /// Whole seconds (RFC 9110 §10.2.3); a date is not worth reading.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
        Some(Duration::from_secs(seconds.into()))
    }

    fn not_mux(&self, reason: String) -> MuxError {
        MuxError::NotMux { origin: self.origin.clone(), reason }
    }
}

fn said(messages: &[String]) -> String {
    let words = messages.join("; ");
    match words.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
