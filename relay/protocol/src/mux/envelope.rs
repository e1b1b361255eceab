//! What an event's body says of itself, read without trusting it.

use bytestring::ByteString;

/// The outer fields of a Mux event that muxhook shows and filters by. Absent, or of another type than a string:
/// `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `type`: `video.asset.ready`.
    pub event_type: Option<ByteString>,
    /// `id`: the same over all of Mux's retries of one event.
    pub event_id: Option<ByteString>,
    /// `object.type`: `asset`.
    pub object_type: Option<ByteString>,
    /// `object.id`.
    pub object_id: Option<ByteString>,
    /// `environment.name`.
    pub environment_name: Option<ByteString>,
    /// `environment.id`.
    pub environment_id: Option<ByteString>,
}
