//! Through a history page by page.

use std::collections::VecDeque;

use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::{Backlog, Gap};

use super::Client;
use super::error::ApiError;
use super::events::{Query, Row};
use super::history::MOST_ROWS;

/// Rows asked for at once when all are wanted.
const USUAL_ROWS: usize = 200;

/// A way through an endpoint's history: see [`Client::walk`].
#[derive(Debug)]
pub struct Walk<'a> {
    client: &'a Client,
    endpoint: EndpointId,
    query: Query,
    /// How many rows may still come.
    left: usize,
    rows: VecDeque<Row>,
    place: Place,
    summary: Option<Summary>,
}

/// What the first page says of the history as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// See [`super::events::Page::gaps`].
    pub gaps: Vec<Gap>,
    /// See [`super::events::Page::owed`].
    pub owed: Backlog,
    /// See [`super::events::Page::dropped`].
    pub dropped: u64,
}

#[derive(Debug)]
enum Place {
    Start,
    At(String),
    End,
}

impl<'a> Walk<'a> {
    pub(super) fn new(client: &'a Client, endpoint: EndpointId, query: Query) -> Self {
        let left = if query.limit == 0 { usize::MAX } else { query.limit };
        let (rows, place, summary) = (VecDeque::new(), Place::Start, None);
        Self { client, endpoint, query, left, rows, place, summary }
    }

    /// The next delivery; `None` at the end.
    ///
    /// # Errors
    /// See [`ApiError`]. Asked again, it tries the same page again.
    pub async fn next(&mut self) -> Result<Option<Row>, ApiError> {
        while self.rows.is_empty() && self.left > 0 && !matches!(self.place, Place::End) {
            self.turn().await?;
        }
        if self.left == 0 {
            return Ok(None);
        }
        let row = self.rows.pop_front();
        self.left -= usize::from(row.is_some());
        Ok(row)
    }

    /// What the first page said of the history as a whole; `None` before the first [`Walk::next`].
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Asks for the next page.
    async fn turn(&mut self) -> Result<(), ApiError> {
        let at = match &self.place {
            Place::At(page) => Some(page.as_str()),
            Place::Start | Place::End => None,
        };
        let usual = if self.left > MOST_ROWS { USUAL_ROWS } else { self.left };
        let query = Query { limit: usual, ..self.query.clone() };
        let page = self.client.events(&self.endpoint, &query, at).await?;
        if page.next.is_some() && page.next.as_deref() == at {
            let reason = "its history turns in a circle".to_owned();
            return Err(ApiError::NotMuxhook { relay: self.client.relay().clone(), reason });
        }
        self.place = page.next.map_or(Place::End, Place::At);
        self.rows.extend(page.events);
        let (gaps, owed, dropped) = (page.gaps, page.owed, page.dropped);
        self.summary.get_or_insert(Summary { gaps, owed, dropped });
        Ok(())
    }
}
