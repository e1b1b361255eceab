//! What takes more than an answer from the disk: deliveries that are sent again or given up.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use muxhook_protocol::history::{Discard, Discarded, Replayed};
use muxhook_protocol::{Delivery, Headers};
use tokio::time::Instant;

use super::Api;
use super::answer::{json, no_content, refuse};
use crate::dispatch::{Answer, ReplayError};
use crate::journal::{Address, Which};

/// What somebody who may wants done.
pub(super) enum Wish {
    /// A delivery goes to its listeners once more.
    Replay {
        address: Address,
        delivery: Box<Delivery>,
        /// How often it was handed to a listener so far.
        handed: u32,
        /// These replace all fields of their names.
        headers: Headers,
    },
    /// Deliveries are owed no more.
    Discard { address: Address, which: Discard },
    /// An endpoint is gone, and its history with it.
    Forget { address: Address },
}

impl Wish {
    /// Does it, and tells what came of it.
    pub(super) async fn grant(self, api: &Api) -> Response<Bytes> {
        match self {
            Self::Replay { address, delivery, handed, headers } => {
                let delivery = Delivery {
                    attempt: handed.saturating_add(1),
                    headers: replaced(&delivery.headers, &headers),
                    ..*delivery
                };
                replay(api, &address, delivery).await
            }
            Self::Discard { address, which } => {
                let which = match which {
                    Discard::All => Which::All,
                    Discard::Ids(ids) => Which::Ids(ids),
                };
                match api.dispatch.discard(&address, which).await {
                    Ok(discarded) => json(StatusCode::OK, &Discarded { discarded }),
                    Err(_) => unavailable(),
                }
            }
            Self::Forget { address } => {
                if let Some(journal) = &api.journal {
                    let (accounts, gone) = (Arc::clone(&api.accounts), address.clone());
                    // Asked when it is its turn: its account may have taken it again, and be owed something since.
                    let is_gone = move || {
                        accounts
                            .endpoint_owner(&gone.endpoint)
                            .is_ok_and(|owner| owner != Some(gone.account.clone()))
                    };
                    // What fails here is done by whoever looks for deleted endpoints from time to time.
                    let forgotten = journal.forget_if(&address, is_gone).await;
                    if let Err(error) = forgotten {
                        tracing::warn!(%error, "a deleted endpoint's history is forgotten later");
                    }
                }
                no_content()
            }
        }
    }
}

async fn replay(api: &Api, address: &Address, delivery: Delivery) -> Response<Bytes> {
    let began = Instant::now();
    let answer = match api
        .dispatch
        .replay(address, delivery, began + api.settings.now().limits.reply_deadline)
        .await
    {
        Ok(answer) => answer,
        Err(error @ ReplayError::NoListener) => {
            return refuse(StatusCode::CONFLICT, "no_listener", &error.to_string());
        }
        Err(error @ ReplayError::InFlight) => {
            return refuse(StatusCode::CONFLICT, "in_flight", &error.to_string());
        }
    };
    let answered = answer.answered();
    let body = Replayed {
        answered_by: answered.by.as_str().to_owned(),
        status: answered.status,
        message: words(&answer),
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    json(StatusCode::OK, &body)
}

/// What the relay itself says, where the app said nothing.
fn words(answer: &Answer) -> Option<String> {
    let words = match answer {
        Answer::App(_) | Answer::Skipped | Answer::Observed | Answer::Held => return None,
        Answer::AppFailed(failure) => return Some(format!("{} ({})", failure.message, failure.reason)),
        Answer::Refused(reason) => return Some(reason.clone()),
        Answer::TooLate => "the app did not answer in time; it is left to finish",
        Answer::LinkLost => "the listener's link broke before the app's answer came, and did not come back",
        Answer::GoingDown => "the relay went down before the app's answer came",
        Answer::Busy => "the listener has as many deliveries in hand as it may",
        Answer::NoListener => "nobody listens on this endpoint just now",
        Answer::NotHeld(_) | Answer::UnknownEndpoint | Answer::Internal => {
            "the relay failed; its log says at what"
        }
    };
    Some(words.to_owned())
}

/// Fields with others in place of all of their names.
fn replaced(fields: &Headers, by: &Headers) -> Headers {
    let kept = fields.iter_shared().filter(|(name, _)| by.get(name).is_none());
    kept.chain(by.iter_shared()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn unavailable() -> Response<Bytes> {
    let message = "the relay can't write its journal now: try again, and look at its log";
    refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_name_are_replaced_together() {
        let fields: Headers = [("a", "1"), ("mux-signature", "old"), ("b", "2"), ("mux-signature", "older")]
            .into_iter()
            .collect();
        let by: Headers =
            [("mux-signature", "new"), ("muxhook-original-signature", "old")].into_iter().collect();
        let found = replaced(&fields, &by);
        let expected: Headers =
            [("a", "1"), ("b", "2"), ("mux-signature", "new"), ("muxhook-original-signature", "old")]
                .into_iter()
                .collect();
        assert_eq!(found, expected);
        assert_eq!(replaced(&fields, &Headers::new()), fields);
    }
}
