//! What can be wrong with an event, or with a change of it.

/// Why a field can't be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoField {
    /// Part of the way there is missing.
    #[error("there is no {0} in this event")]
    Missing(String),
    /// What it would stand in holds no fields.
    #[error("{0} is neither an object nor a list: nothing can stand in it")]
    Inside(String),
    /// An event's `type` is always a string, and so is its `id` if it has one.
    #[error("an event's {0} must be a string")]
    NotText(String),
}

/// The text is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    /// More than [`super::MAX_EVENT`] bytes.
    #[error("it is larger than 5 MiB, the most an event may have")]
    TooLarge,
    /// Not JSON.
    #[error("it is no JSON: {0}")]
    NotJson(String),
    /// Not an object with a `type`.
    #[error("it is no Mux event: that is a JSON object with a `type`")]
    NotAnEvent,
}
