//! History that waits for a quieter time: sorting a delivery into the tables costs many times what it costs to append
//! it to a file, and where much is live that time is taken from what is live.
//!
//! A ring in a file that has no name, so that it goes with the process: what a crash takes is history alone, since what
//! is owed is never in here.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use muxhook_protocol::DeliveryId;
use muxhook_protocol::parts::Outgoing;
use serde::{Deserialize, Serialize};

use super::{Address, Answered, Attempt, Entry, Note};

#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/checks/spool.rs"]
pub(crate) mod fuzz;

/// Bytes that the ring has room for: some seconds of as much as a relay can carry, and no more than is sorted in while
/// a relay that goes down is waited for.
const ROOM: u64 = 256 << 20;

/// Bytes before each item: of what is known of it, of its content, and the CRC-32 of both; 32 bits each, the lowest
/// byte first.
const PREFIX: usize = 12;

/// Bytes that are gathered for one write, and read at once; one item may have more.
const CHUNK: usize = 256 << 10;

/// Bytes of memory that the buffer may keep.
const SPARE: usize = 1 << 20;

/// History that is to be written: a delivery with its steady time, or what became of one.
#[derive(Debug)]
pub(super) enum Item {
    Entry(Box<Entry>, u64),
    Note(Note),
}

/// What is known of an item, beside its content.
#[derive(Serialize, Deserialize)]
enum Known {
    Entry(Box<KnownEntry>),
    Note(Note),
}

#[derive(Serialize, Deserialize)]
struct KnownEntry {
    account: String,
    endpoint: String,
    id: DeliveryId,
    seq: u64,
    received_at: u64,
    answered: Answered,
    handed: u32,
    attempts: Vec<Attempt>,
    at: u64,
}

/// Some items, in order, and where the next one begins.
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    end: u64,
    entries: usize,
}

/// The spool. Places in it grow for as long as it is not empty; the ring has them modulo its room.
pub(super) struct Spool {
    dir: PathBuf,
    room: u64,
    file: Option<File>,
    from: u64,
    to: u64,
    /// Deliveries in it.
    entries: usize,
    /// Addresses that were forgotten, and the place before which nothing of them counts.
    forgotten: HashMap<Address, u64>,
    buffer: Vec<u8>,
}

impl Spool {
    /// An empty one, whose file will be in `dir`.
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            room: ROOM,
            file: None,
            from: 0,
            to: 0,
            entries: 0,
            forgotten: HashMap::new(),
            buffer: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// Whether half of the room is taken.
    pub(super) fn fills_up(&self) -> bool {
        self.to - self.from >= self.room / 2
    }

    /// Behind the last item.
    pub(super) fn end(&self) -> u64 {
        self.to
    }

    /// Whether all before this place has been taken.
    pub(super) fn is_behind(&self, place: u64) -> bool {
        self.is_empty() || self.from >= place
    }

    /// Nothing of this address counts that is here by now.
    pub(super) fn forget(&mut self, address: &Address) {
        if !self.is_empty() {
            self.forgotten.insert(address.clone(), self.to);
        }
    }

    /// Appends items for as long as there is room: in the ring, and `most` bytes now. How many deliveries there was none
    /// for.
    ///
    /// # Errors
    /// The file can't be written. None of these items is in it.
    pub(super) fn append(&mut self, items: impl Iterator<Item = Item>, most: u64) -> io::Result<usize> {
        let (began, had) = (self.to, self.entries);
        let end = began.saturating_add(most).min(self.from + self.room);
        let done = self.append_all(items, end);
        if done.is_err() {
            (self.to, self.entries) = (began, had);
        }
        self.buffer.clear();
        self.buffer.shrink_to(SPARE);
        done
    }

    fn append_all(&mut self, items: impl Iterator<Item = Item>, end: u64) -> io::Result<usize> {
        let mut left_out = 0;
        for (count, item) in items.enumerate() {
            if count % 8 == 0 {
                // Whoever waits for this core goes first.
                std::thread::yield_now();
            }
            let (begin, is_entry) = (self.buffer.len(), matches!(item, Item::Entry(..)));
            encode(&item, &mut self.buffer)?;
            if self.to + self.buffer.len() as u64 > end {
                self.buffer.truncate(begin);
                left_out += usize::from(is_entry);
                continue;
            }
            self.entries += usize::from(is_entry);
            if self.buffer.len() >= CHUNK {
                self.write()?;
            }
        }
        self.write()?;
        Ok(left_out)
    }

    fn write(&mut self) -> io::Result<()> {
        let mut file = match &self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(&self.dir)?),
        };
        let (place, before_end) = split(self.to, self.buffer.len(), self.room);
        let (begin, rest) = self.buffer.split_at(before_end);
        file.seek(SeekFrom::Start(place))?;
        file.write_all(begin)?;
        if !rest.is_empty() {
            file.rewind()?;
            file.write_all(rest)?;
        }
        self.to += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// The next items, at most `most`. They stay until [`Spool::taken`].
    ///
    /// # Errors
    /// The file can't be read, or has other bytes than it was given: nothing in it is of use.
    pub(super) fn read(&self, most: usize) -> io::Result<Page> {
        let all = usize::try_from(self.to - self.from).unwrap_or(usize::MAX);
        let mut bytes = Bytes::from(self.bytes(all.min(CHUNK))?);
        if let Some(long) = length(&bytes).filter(|length| *length > bytes.len()) {
            bytes = Bytes::from(self.bytes(long)?);
        }
        let mut page = Page { items: Vec::new(), end: self.from, entries: 0 };
        let mut seen = 0;
        while seen < most
            && let Some(length) = length(&bytes).filter(|length| *length <= bytes.len())
        {
            let item = decode(bytes.split_to(length)).ok_or_else(damaged)?;
            page.entries += usize::from(matches!(item, Item::Entry(..)));
            if self.counts(&item, page.end) {
                page.items.push(item);
            }
            page.end += length as u64;
            seen += 1;
        }
        if seen == 0 { Err(damaged()) } else { Ok(page) }
    }

    fn counts(&self, item: &Item, place: u64) -> bool {
        match item {
            Item::Entry(entry, _) => self.forgotten.get(&entry.address).is_none_or(|end| place >= *end),
            Item::Note(_) => true,
        }
    }

    fn bytes(&self, count: usize) -> io::Result<Vec<u8>> {
        let mut file = self.file.as_ref().ok_or_else(damaged)?;
        if count as u64 > self.to - self.from {
            return Err(damaged());
        }
        let mut bytes = vec![0; count];
        let (place, before_end) = split(self.from, count, self.room);
        let (begin, rest) = bytes.split_at_mut(before_end);
        file.seek(SeekFrom::Start(place))?;
        file.read_exact(begin)?;
        if !rest.is_empty() {
            file.rewind()?;
            file.read_exact(rest)?;
        }
        Ok(bytes)
    }

    /// What was read is not needed any more.
    pub(super) fn taken(&mut self, page: &Page) {
        self.from = page.end;
        self.entries -= page.entries.min(self.entries);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Empties it, and gives its room on the disk back. How many deliveries were in it.
    pub(super) fn clear(&mut self) -> usize {
        self.forgotten.clear();
        (self.from, self.to) = (0, 0);
        // A file that can't be emptied goes.
        self.file = self.file.take().filter(|file| file.set_len(0).is_ok());
        std::mem::take(&mut self.entries)
    }
}

/// Where in the ring `count` bytes begin, and how many of them are before its end.
fn split(place: u64, count: usize, room: u64) -> (u64, usize) {
    let place = place % room;
    (place, usize::try_from(room - place).map_or(count, |left| left.min(count)))
}

/// Bytes of the first item, its prefix among them; `None`: not even that is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let [known, content, _] = prefix(bytes)?;
    Some(PREFIX + known as usize + content as usize)
}

fn prefix(bytes: &[u8]) -> Option<[u32; 3]> {
    let (numbers, _) = bytes.get(..PREFIX)?.as_chunks::<4>();
    Some([0, 1, 2].map(|at| u32::from_le_bytes(numbers[at])))
}

fn encode(item: &Item, into: &mut Vec<u8>) -> io::Result<()> {
    let begin = into.len();
    into.extend([0; PREFIX]);
    let known = match item {
        Item::Entry(entry, at) => Known::Entry(Box::new(KnownEntry {
            account: entry.address.account.as_str().to_owned(),
            endpoint: entry.address.endpoint.as_str().to_owned(),
            id: entry.id,
            seq: entry.seq,
            received_at: entry.received_at,
            answered: entry.answered,
            handed: entry.handed,
            attempts: entry.attempts.clone(),
            at: *at,
        })),
        Item::Note(note) => Known::Note(note.clone()),
    };
    serde_json::to_writer(&mut *into, &known)?;
    let known = into.len() - begin - PREFIX;
    if let Item::Entry(entry, _) = item {
        into.extend_from_slice(&entry.head());
        into.extend_from_slice(&entry.body());
    }
    let content = into.len() - begin - PREFIX - known;
    let checksum = crc32fast::hash(&into[begin + PREFIX..]);
    let number = |length: usize| u32::try_from(length).map_err(io::Error::other);
    for (at, number) in [number(known)?, number(content)?, checksum].into_iter().enumerate() {
        into[begin + 4 * at..][..4].copy_from_slice(&number.to_le_bytes());
    }
    Ok(())
}

/// `None`: it is not what was written.
fn decode(mut bytes: Bytes) -> Option<Item> {
    let [known, _, checksum] = prefix(&bytes)?;
    let mut rest = bytes.split_off(PREFIX);
    if crc32fast::hash(&rest) != checksum {
        return None;
    }
    let content = rest.split_off(known as usize);
    Some(match serde_json::from_slice(&rest).ok()? {
        Known::Entry(known) => {
            let address =
                Address { account: known.account.parse().ok()?, endpoint: known.endpoint.parse().ok()? };
            let entry = Entry {
                address,
                id: known.id,
                seq: known.seq,
                received_at: known.received_at,
                frame: Outgoing::kept(content),
                answered: known.answered,
                handed: known.handed,
                attempts: known.attempts,
            };
            Item::Entry(Box::new(entry), known.at)
        }
        Known::Note(note) => Item::Note(note),
    })
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the spool has other bytes than it was given")
}

#[cfg(test)]
mod tests;
