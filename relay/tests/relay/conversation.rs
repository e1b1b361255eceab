//! A sender's connection of any bytes, held until all of it that may be a request was answered or refused; and an app
//! that writes down what it got.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use muxhook_protocol::Delivery;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::harness::{Cli, Client, replied};
use crate::judge::{End, Request};

/// How long a relay may wait for the rest of what has no sure end, before its sender gives up.
const DOUBT: Duration = Duration::from_millis(100);

/// What came to a listener.
#[derive(Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Vec<Delivery>>>);

impl Book {
    /// Writes down what comes to that listener from now on; each is answered with 200.
    pub(crate) fn of(cli: Cli) -> Self {
        let book = Self::default();
        let deliveries = Arc::clone(&book.0);
        cli.serve(move |delivery| {
            deliveries.lock().unwrap().push(delivery.clone());
            replied(200, &[], "taken")
        });
        book
    }

    /// What has come since the last call.
    pub(crate) fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Sends `bytes`, in which there are those `requests`, and reads until the relay ends the connection; how many answers
/// it gave. The sending side ends before that once nothing more can be answered, never while an answer may come: that
/// would take the request back.
pub(crate) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    bytes: &[u8],
    requests: &[Request],
    end: End,
) -> usize {
    client.try_send(bytes).await;
    let ends_by_itself = matches!(end, End::Closed | End::Refused(_));
    let mut answers = 0;
    let mut is_finished = false;
    loop {
        if !is_finished && answers >= requests.len() && !ends_by_itself {
            client.try_finish().await;
            is_finished = true;
        }
        let is_head = requests.get(answers).is_some_and(|request| request.method == b"HEAD");
        let response = client.read_response(is_head);
        let response = if end == End::Doubtful && !is_finished {
            match timeout(DOUBT, response).await {
                Ok(response) => response,
                Err(_) => {
                    client.try_finish().await;
                    is_finished = true;
                    continue;
                }
            }
        } else {
            response.await
        };
        let Some(response) = response else { return answers };
        if response.status >= 200 {
            answers += 1;
        }
        if !is_finished && response.get("connection") == "close" {
            client.try_finish().await;
            is_finished = true;
        }
    }
}
