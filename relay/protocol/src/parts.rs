//! How a large body is cut into messages, and put together again.
//!
//! Bodies above [`PART_SIZE`] travel as a first message and [`Frame::Part`]s behind it, so that a sender can put
//! other frames in between: one large body holds up no small one.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use crate::delivery::{Delivery, DeliveryId};
use crate::frame::{self, DeliverHead, Frame, PART_SIZE};
use crate::outcome::Outcome;

/// A frame ready to travel: its first message, and what is left of its body. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Outgoing {
    first: Bytes,
    rest: Option<Rest>,
}

#[derive(Clone, Debug)]
struct Rest {
    id: DeliveryId,
    body: Bytes,
    offset: usize,
}

impl Outgoing {
    /// A delivery; `head.size` is taken from `body`.
    pub fn deliver<'h>(
        head: DeliverHead<'_>,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
        body: &Bytes,
    ) -> Self {
        let head = DeliverHead { size: body.len() as u64, ..head };
        let (begin, rest) = cut(head.id, body);
        Self { first: frame::encode_deliver(&head, headers, begin), rest }
    }

    /// A delivery that is whole.
    #[must_use]
    pub fn delivery(delivery: &Delivery) -> Self {
        let head = DeliverHead::of(delivery, delivery.body.len() as u64);
        Self::deliver(head, delivery.headers.iter(), &delivery.body)
    }

    /// What became of a delivery.
    #[must_use]
    pub fn outcome(id: DeliveryId, outcome: &Outcome) -> Self {
        let body = frame::body_of(outcome);
        let (begin, rest) = cut(id, body);
        Self { first: frame::encode_outcome(id, outcome, body.len() as u64, begin), rest }
    }

    /// A frame without a body.
    #[must_use]
    pub fn control(frame: &Frame) -> Self {
        Self { first: frame.encode(), rest: None }
    }

    /// A frame as it was kept: its head, and behind that the whole body. Not to be sent: its first message may be
    /// longer than a message may be.
    #[must_use]
    pub fn kept(content: Bytes) -> Self {
        Self { first: content, rest: None }
    }

    /// The first message.
    #[must_use]
    pub fn first(&self) -> &Bytes {
        &self.first
    }

    /// The head, with the newline that ends it.
    #[must_use]
    pub fn head(&self) -> Bytes {
        let end = self.first.iter().position(|byte| *byte == b'\n').map_or(self.first.len(), |end| end + 1);
        self.first.slice(..end)
    }

    /// The whole body, of which no part may have been taken yet.
    #[must_use]
    pub fn body(&self) -> Bytes {
        match &self.rest {
            Some(rest) => rest.body.clone(),
            None => self.first.slice(self.head().len()..),
        }
    }

    /// Whether messages beyond the first are left.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.rest.is_some()
    }

    /// Bytes of memory that the frame holds.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.first.len() + self.rest.as_ref().map_or(0, |rest| rest.body.len())
    }

    /// The next part's message; `None` once all are out.
    pub fn next_part(&mut self) -> Option<Bytes> {
        let rest = self.rest.as_mut()?;
        let end = rest.body.len().min(rest.offset + PART_SIZE);
        let last = end == rest.body.len();
        let message = frame::encode_part(rest.id, rest.offset as u64, last, &rest.body[rest.offset..end]);
        rest.offset = end;
        if last {
            self.rest = None;
        }
        Some(message)
    }
}

fn cut(id: DeliveryId, body: &Bytes) -> (&[u8], Option<Rest>) {
    match body.split_at_checked(PART_SIZE) {
        Some((begin, rest)) if !rest.is_empty() => {
            (begin, Some(Rest { id, body: body.clone(), offset: PART_SIZE }))
        }
        _ => (body, None),
    }
}

/// Puts the parts of bodies together. Holds at most what its limits say, whatever a peer announces.
#[derive(Debug)]
pub struct Assembler {
    open: HashMap<DeliveryId, Open>,
    max_body: u64,
    max_open: usize,
}

#[derive(Debug)]
struct Open {
    frame: Frame,
    body: BytesMut,
    size: u64,
}

/// Parts that make no body. The link is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// The body is larger than this side takes.
    #[error("a body above {0} bytes")]
    TooLarge(u64),
    /// More bodies are under way at once than this side takes.
    #[error("more than {0} large bodies at once")]
    TooMany(usize),
    /// A part that continues nothing, leaves a hole, or ends too early or too late.
    #[error("a part that does not fit its body")]
    Misfit,
}

impl Assembler {
    /// Takes bodies up to `max_body` bytes, and up to `max_open` unfinished ones at a time.
    #[must_use]
    pub fn new(max_body: u64, max_open: usize) -> Self {
        Self { open: HashMap::new(), max_body, max_open }
    }

    /// Takes the next frame of the link; gives it back as soon as it is whole.
    ///
    /// # Errors
    /// When the frame breaks a limit or does not fit: see [`PartError`].
    pub fn accept(&mut self, frame: Frame) -> Result<Option<Frame>, PartError> {
        match &frame {
            Frame::Part { id, offset, last, data } => self.add(*id, *offset, *last, data),
            Frame::Deliver { delivery, size } => {
                let (id, size, begin) = (delivery.id, *size, delivery.body.clone());
                self.begin(frame, id, size, &begin)
            }
            Frame::Outcome { id, outcome, size } => {
                let (id, size, begin) = (*id, *size, frame::body_of(outcome).clone());
                self.begin(frame, id, size, &begin)
            }
            _ => Ok(Some(frame)),
        }
    }

    fn begin(
        &mut self,
        frame: Frame,
        id: DeliveryId,
        size: u64,
        begin: &[u8],
    ) -> Result<Option<Frame>, PartError> {
        if size > self.max_body {
            return Err(PartError::TooLarge(self.max_body));
        }
        if begin.len() as u64 == size {
            return Ok(Some(frame));
        }
        if self.open.len() >= self.max_open {
            return Err(PartError::TooMany(self.max_open));
        }
        let open = Open { frame, body: BytesMut::from(begin), size };
        match self.open.insert(id, open) {
            None => Ok(None),
            Some(_) => Err(PartError::Misfit),
        }
    }

    fn add(
        &mut self,
        id: DeliveryId,
        offset: u64,
        last: bool,
        data: &[u8],
    ) -> Result<Option<Frame>, PartError> {
        let open = self.open.get_mut(&id).ok_or(PartError::Misfit)?;
        let end = offset.saturating_add(data.len() as u64);
        if offset != open.body.len() as u64
            || end > open.size
            || last != (end == open.size)
            || data.is_empty()
        {
            return Err(PartError::Misfit);
        }
        open.body.extend_from_slice(data);
        if !last {
            return Ok(None);
        }
        Ok(self.open.remove(&id).map(|open| with_body(open.frame, open.body.freeze())))
    }
}

fn with_body(mut frame: Frame, whole: Bytes) -> Frame {
    match &mut frame {
        Frame::Deliver { delivery, .. } => delivery.body = whole,
        Frame::Outcome { outcome: Outcome::Replied(reply), .. } => reply.body = whole,
        _ => {}
    }
    frame
}
