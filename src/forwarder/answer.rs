//! The app's answer, read from bytes as they come (RFC 9112). Pure: who owns the socket feeds it.

mod body;
mod head;

use bytes::{Bytes, BytesMut};
use muxhook_protocol::{Headers, MAX_REPLY_BODY, Reply};

use body::{Body, Progress};

/// Largest head of an answer, in bytes.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// Most fields in an answer's head.
pub(super) const MAX_FIELDS: usize = 100;

/// Most interim answers (1xx) before the final one.
const MAX_INTERIM: u32 = 16;

/// Reads one answer.
#[derive(Default)]
pub(super) struct AnswerReader {
    interim: u32,
    pending: Option<Pending>,
}

/// An answer whose head is there, and whose body is on its way.
struct Pending {
    status: u16,
    headers: Headers,
    persistent: bool,
    body: Body,
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// The connection can carry another request, if nothing lies behind this answer.
    pub(super) persistent: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection ended before the first byte.
    Silent,
    /// The connection ended before the answer did.
    Cut,
    /// The head is above [`MAX_HEAD`].
    HeadTooLarge,
    /// The head has more than [`MAX_FIELDS`].
    TooManyFields,
    /// What begins the answer is not HTTP/1.x.
    NotHttp,
    /// It is HTTP, but against its rules: how, as the end of a sentence.
    Broken(&'static str),
}

impl AnswerReader {
    /// Takes what it can use from the front of `buf`. `None`: more bytes are needed.
    pub(super) fn advance(&mut self, buf: &mut BytesMut) -> Result<Option<Answer>, Fault> {
        while self.pending.is_none() {
            let Some(pending) = head::parse(buf)? else { return Ok(None) };
            if pending.status >= 200 {
                self.pending = Some(pending);
                break;
            }
            self.interim += 1;
            if pending.status == 101 {
                return Err(Fault::Broken("switches to another protocol, which nobody asked for"));
            }
            if self.interim > MAX_INTERIM {
                return Err(Fault::Broken("sends interim answers (1xx) without end"));
            }
        }
        let Some(pending) = &mut self.pending else { return Ok(None) };
        match pending.body.advance(buf)? {
            Progress::More => Ok(None),
            Progress::Whole(body) => Ok(self.answer(body, false)),
            Progress::TooLong => Ok(self.answer(Bytes::new(), true)),
        }
    }

    /// The connection has ended; `buf` is what was left.
    pub(super) fn end(&mut self, buf: &mut BytesMut) -> Result<Answer, Fault> {
        match &self.pending {
            Some(Pending { body: Body::UntilClose, .. }) => {
                let body = buf.split().freeze();
                self.answer(body, false).ok_or(Fault::Cut)
            }
            None if buf.is_empty() && self.interim == 0 => Err(Fault::Silent),
            _ => Err(Fault::Cut),
        }
    }

    fn answer(&mut self, body: Bytes, truncated: bool) -> Option<Answer> {
        let Pending { status, headers, persistent, body: framing } = self.pending.take()?;
        let persistent = persistent && !truncated && !matches!(framing, Body::UntilClose);
        Some(Answer { reply: Reply { status, headers, body, truncated }, persistent })
    }
}

#[cfg(test)]
mod tests;
