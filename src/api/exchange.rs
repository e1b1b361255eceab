//! One request and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::dial::{Dialer, Stream};
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// How long the relay may take, once it is connected.
const LIMIT: Duration = Duration::from_secs(10);

/// Largest answer, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// What came back.
pub(super) struct Answer {
    relay: RelayUrl,
    pub(super) status: StatusCode,
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
    method: Method,
    path: &str,
    body: Option<String>,
) -> Result<Answer, ApiError> {
    let unreachable = |reason: String| ApiError::Unreachable { relay: relay.clone(), reason };
    let request =
        request(relay, token, method, path, body).map_err(|error| unreachable(error.to_string()))?;
    let stream = dialer.connect(relay).await.map_err(|error| unreachable(error.to_string()))?;
    match tokio::time::timeout(LIMIT, send(relay, stream, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(unreachable(format!("it did not answer within {} s", LIMIT.as_secs()))),
    }
}

fn request(
    relay: &RelayUrl,
    token: &Secret,
    method: Method,
    path: &str,
    body: Option<String>,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
    bearer.set_sensitive(true);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, relay.authority())
        .header(USER_AGENT, concat!("muxhook/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, bearer);
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    request.body(Full::from(body.unwrap_or_default()))
}

async fn send(relay: &RelayUrl, stream: Stream, request: Request<Full<Bytes>>) -> Result<Answer, ApiError> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| broken(relay, &error))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| broken(relay, &error))?;
        let status = response.status();
        let body = whole(relay, response.into_body()).await?;
        Ok(Answer { relay: relay.clone(), status, body })
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // The connection ends when its last byte was read; the exchange then has all that it waits for.
        _ = connection => exchange.await,
    }
}

async fn whole(relay: &RelayUrl, body: Incoming) -> Result<Bytes, ApiError> {
    let collected = Limited::new(body, MAX_ANSWER).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        match error.downcast::<hyper::Error>() {
            Ok(error) => broken(relay, &error),
            Err(_) => {
                ApiError::NotMuxhook { relay: relay.clone(), reason: "its answer is above 1 MiB".to_owned() }
            }
        }
    })
}

fn broken(relay: &RelayUrl, error: &hyper::Error) -> ApiError {
    let relay = relay.clone();
    if error.is_parse() {
        ApiError::NotMuxhook { relay, reason: "it does not speak HTTP/1.1".to_owned() }
    } else {
        ApiError::Unreachable { relay, reason: format!("the connection broke: {error}") }
    }
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
                let reason = format!("what stands before it answers {}", self.status);
                ApiError::Unreachable { relay: self.relay, reason }
            }
            (status, _) if status.is_redirection() => {
                self.not_muxhook(format!("it redirects elsewhere ({status}); give the address it leads to"))
            }
            (status, _) => self.not_muxhook(format!("it answers {status}, and not as a relay would")),
        }
    }

    fn not_muxhook(&self, reason: String) -> ApiError {
        ApiError::NotMuxhook { relay: self.relay.clone(), reason }
    }
}
