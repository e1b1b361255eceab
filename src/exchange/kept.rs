//! Connections that are kept for the next request, for who asks one server many questions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{Fault, Limits, addressed, broken, whole};
use crate::dial::Dialer;
use crate::relay_url::RelayUrl;

/// Most connections that are kept.
const MOST: usize = 8;

type Sender = SendRequest<Full<Bytes>>;

/// Connections to one server on which nothing is asked just now. Clones share them; the last one closes them.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Vec<Sender>>>);

impl Kept {
    /// As [`super::exchange`], over a connection that is there already if there is one. For requests that may be sent
    /// twice (RFC 9110 §9.2.2): the server may close a connection just when it is asked.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn exchange(
        &self,
        dialer: &Dialer,
        origin: &RelayUrl,
        request: Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<Response<Bytes>, Fault> {
        let request = addressed(origin, request)?;
        let silent = || Fault::Silent(limits.time);
        if let Some(sender) = self.take() {
            let asked = self.ask(sender, request.clone(), limits.body);
            match timeout(limits.time, asked).await.map_err(|_| silent())? {
                Err(Fault::Broken(_)) => {}
                answered => return answered,
            }
        }
        let stream = dialer.connect(origin).await.map_err(|error| Fault::Unreachable(error.to_string()))?;
        let asked = async {
            let (sender, connection) =
                handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
            // It ends with its sender; what breaks it, the sender tells.
            tokio::spawn(async move { drop(connection.await) });
            self.ask(sender, request, limits.body).await
        };
        timeout(limits.time, asked).await.map_err(|_| silent())?
    }

    async fn ask(
        &self,
        mut sender: Sender,
        request: Request<Full<Bytes>>,
        most: usize,
    ) -> Result<Response<Bytes>, Fault> {
        sender.ready().await.map_err(|error| broken(&error))?;
        let (head, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        let body = whole(body, most).await?;
        let mut idle = self.idle();
        if idle.len() < MOST && !sender.is_closed() {
            idle.push(sender);
        }
        Ok(Response::from_parts(head, body))
    }

    /// The one that was used last.
    fn take(&self) -> Option<Sender> {
        let mut idle = self.idle();
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
