//! Bytes for both streams in the order in which they were said.

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::printer) enum Stream {
    Out,
    Err,
}

/// What is to be written, in order. Its memory is used again and again.
#[derive(Debug, Default)]
pub(in crate::printer) struct Batch {
    bytes: Vec<u8>,
    /// Where each stream's piece ends, in order.
    ends: Vec<(Stream, usize)>,
}

/// Memory above this is given back once a batch is empty, in bytes.
const KEPT: usize = 1024 * 1024;

impl Batch {
    /// Adds whatever `fill` appends, for `stream`.
    pub(in crate::printer) fn write(&mut self, stream: Stream, fill: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        fill(&mut self.bytes);
        let end = self.bytes.len();
        match self.ends.last_mut() {
            _ if end == before => {}
            Some((last, at)) if *last == stream => *at = end,
            _ => self.ends.push((stream, end)),
        }
    }

    /// What each stream gets, in order.
    pub(in crate::printer) fn pieces(&self) -> impl Iterator<Item = (Stream, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(stream, end)| {
            let piece = &self.bytes[start..*end];
            start = *end;
            (*stream, piece)
        })
    }

    /// How many bytes it holds.
    pub(in crate::printer) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it holds nothing.
    pub(in crate::printer) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Empties it.
    pub(in crate::printer) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_order_and_neighbours_join() {
        let mut batch = Batch::default();
        for (stream, text) in [
            (Stream::Out, "a"),
            (Stream::Out, "b"),
            (Stream::Err, ""),
            (Stream::Out, "c"),
            (Stream::Err, "x"),
            (Stream::Out, "d"),
        ] {
            batch.write(stream, |bytes| bytes.extend_from_slice(text.as_bytes()));
        }
        let pieces: Vec<_> = batch.pieces().collect();
        assert_eq!(pieces, [(Stream::Out, &b"abc"[..]), (Stream::Err, b"x"), (Stream::Out, b"d")]);
        batch.clear();
        assert!(batch.is_empty() && batch.pieces().next().is_none());
    }
}
