//! The body of an answer: by length, in chunks, or until the connection ends.

use bytes::{Buf, Bytes, BytesMut};
use httparse::Status;

use super::{Fault, MAX_HEAD, MAX_REPLY_BODY};

/// Longest line that gives a chunk's size, in bytes.
const MAX_SIZE_LINE: usize = 4096;

/// A body on its way, by how its end is known.
pub(super) enum Body {
    /// It has this many bytes.
    Length(usize),
    /// It comes in chunks.
    Chunked(Chunks),
    /// It ends with the connection.
    UntilClose,
}

/// How far it is.
pub(super) enum Progress {
    More,
    Whole(Bytes),
    /// It is above [`MAX_REPLY_BODY`].
    TooLong,
}

impl Body {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunks { body: BytesMut::new(), trailers: 0, at: At::Size })
    }

    /// Takes what it can use from the front of `buf`.
    pub(super) fn advance(&mut self, buf: &mut BytesMut) -> Result<Progress, Fault> {
        match self {
            Self::Length(length) if *length > MAX_REPLY_BODY => Ok(Progress::TooLong),
            Self::Length(length) if *length <= buf.len() => {
                Ok(Progress::Whole(buf.split_to(*length).freeze()))
            }
            Self::Length(length) => {
                // The rest is read straight to where it will stay.
                buf.reserve(*length - buf.len());
                Ok(Progress::More)
            }
            Self::UntilClose if buf.len() > MAX_REPLY_BODY => Ok(Progress::TooLong),
            Self::UntilClose => Ok(Progress::More),
            Self::Chunked(chunks) => chunks.advance(buf),
        }
    }
}

/// The chunks so far (RFC 9112 §7.1). Extensions and trailers are dropped.
pub(super) struct Chunks {
    body: BytesMut,
    /// Bytes of trailers so far.
    trailers: usize,
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    Size,
    Data(usize),
    DataEnd,
    Trailers,
}

impl Chunks {
    fn advance(&mut self, buf: &mut BytesMut) -> Result<Progress, Fault> {
        loop {
            let next = match self.at {
                At::Size => take_size(buf)?,
                At::Data(left) => self.take_data(left, buf),
                At::DataEnd => take_data_end(buf)?,
                At::Trailers => match self.take_trailer(buf)? {
                    Some(true) => return Ok(Progress::Whole(std::mem::take(&mut self.body).freeze())),
                    Some(false) => Some(At::Trailers),
                    None => None,
                },
            };
            match next {
                None => return Ok(Progress::More),
                Some(At::Data(size)) if size > MAX_REPLY_BODY - self.body.len() => {
                    return Ok(Progress::TooLong);
                }
                Some(at) => self.at = at,
            }
        }
    }

    fn take_data(&mut self, left: usize, buf: &mut BytesMut) -> Option<At> {
        let data = buf.split_to(left.min(buf.len()));
        self.body.extend_from_slice(&data);
        match left - data.len() {
            0 => Some(At::DataEnd),
            _ if data.is_empty() => None,
            left => Some(At::Data(left)),
        }
    }

    /// Whether the line was the empty one at the end; `None`: it is not all there.
    fn take_trailer(&mut self, buf: &mut BytesMut) -> Result<Option<bool>, Fault> {
        let end = buf.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buf.len(), |end| end + 1);
        if self.trailers + length > MAX_HEAD {
            return Err(Fault::Broken("has trailers without end"));
        }
        if end.is_none() {
            return Ok(None);
        }
        self.trailers += length;
        Ok(Some(matches!(&*buf.split_to(length), b"\r\n" | b"\n")))
    }
}

fn take_size(buf: &mut BytesMut) -> Result<Option<At>, Fault> {
    const ODD: Fault = Fault::Broken("has a chunk without a proper size");
    let window = &buf[..buf.len().min(MAX_SIZE_LINE)];
    // The parser would take an empty line for a size of 0.
    if window.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return Err(ODD);
    }
    match httparse::parse_chunk_size(window) {
        Ok(Status::Complete((length, size))) => {
            buf.advance(length);
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            Ok(Some(if size == 0 { At::Trailers } else { At::Data(size) }))
        }
        Ok(Status::Partial) if window.len() < MAX_SIZE_LINE => Ok(None),
        _ => Err(ODD),
    }
}

fn take_data_end(buf: &mut BytesMut) -> Result<Option<At>, Fault> {
    if !b"\r\n".starts_with(&buf[..buf.len().min(2)]) {
        return Err(Fault::Broken("has a chunk that is longer than it says"));
    }
    if buf.len() < 2 {
        return Ok(None);
    }
    buf.advance(2);
    Ok(Some(At::Size))
}
