//! What `--from` names: a file, standard input, or an event of the history.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use muxhook_protocol::mux::sample::MAX_EVENT;

use super::draft::Draft;
use super::place::Place;
use crate::api::ApiError;
use crate::error::Error;

/// Fewest digits that the history finds a delivery by.
const FEWEST: usize = 4;

/// Most characters of an id: those of a UUID.
const MOST: usize = 36;

/// Where an event is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Standard input.
    Input,
    /// A file.
    File(String),
    /// The history: a delivery's id or an event's, or a part of one.
    Past(String),
}

impl Source {
    /// What `text` names. What could be an id is one, unless there is a file of that name.
    pub(super) fn of(text: &str) -> Self {
        match text {
            "-" => Self::Input,
            id if is_id(id) && !Path::new(id).exists() => Self::Past(id.to_owned()),
            file => Self::File(file.to_owned()),
        }
    }

    /// The event. `place`: whose history it stands in.
    ///
    /// # Errors
    /// It can't be read, or is no event.
    pub(super) async fn read(&self, place: Option<&Place>) -> Result<Draft, Error> {
        let text = match (self, place) {
            (Self::Past(id), Some(place)) => past(id, place).await,
            (Self::Input, _) => read(io::stdin().lock()).map_err(|error| self.wrong(error)),
            (Self::File(name) | Self::Past(name), _) => {
                File::open(name).and_then(read).map_err(|error| self.wrong(error))
            }
        }?;
        Draft::written(&text).map_err(|error| self.wrong(error))
    }

    fn wrong(&self, why: impl std::fmt::Display) -> Error {
        let name = match self {
            Self::Input => "-",
            Self::File(name) | Self::Past(name) => name,
        };
        Error::usage(format!("--from {name}: {why}"))
    }
}

async fn past(id: &str, place: &Place) -> Result<Vec<u8>, Error> {
    let body = place.reached.api.body(&place.endpoint.endpoint, id).await;
    body.map(Into::into).map_err(|error| match error {
        ApiError::Refused { message, code, .. } if code.ends_with("_event") => {
            Error::usage(format!("--from {id}: {message}")).with_hint(
                "`muxhook events list` shows what the history has; a file of that name is not there either",
            )
        }
        other => other.into(),
    })
}

/// One byte more than an event may have is enough to see that it is none.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    from.take(MAX_EVENT as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Whether `text` could be a UUID, or the beginning or end of one.
fn is_id(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let others = text.bytes().filter(|byte| *byte == b'-').count();
    digits >= FEWEST && digits + others == text.len() && text.len() <= MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_told_from_a_file() {
        for id in ["3f9a", "019b76da-a800-7707-8707-070707070707", "A58B4BA9"] {
            assert_eq!(Source::of(id), Source::Past(id.to_owned()), "{id}");
        }
        for file in ["event.json", "3f9", "./3f9a", "face.txt", "----", "", &"a".repeat(37)] {
            assert_eq!(Source::of(file), Source::File(file.to_owned()), "{file}");
        }
        assert_eq!(Source::of("-"), Source::Input);
    }

    #[test]
    fn a_file_goes_before_an_id_of_the_same_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("3f9a");
        std::fs::write(&file, "{}").unwrap();
        assert!(matches!(Source::of(file.to_str().unwrap()), Source::File(_)));
    }
}
