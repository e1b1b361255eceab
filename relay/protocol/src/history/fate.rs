//! What became of a delivery, by its name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The app answered 2xx, at once or later.
    Accepted,
    /// The app answered something else.
    Rejected,
    /// The app gave no usable answer.
    Failed,
    /// The sender had no answer in time, and the app accepted it not later either.
    Late,
    /// The relay owes it.
    Owed,
    /// It was owed, and its time ran out.
    Expired,
    /// It was owed, and its owner gave it up.
    Discarded,
    /// Every listener's filters left it out.
    Skipped,
    /// Its signature was not trusted.
    Refused,
    /// Only observers were there.
    Observed,
    /// The relay answered with an error of its own (the link was lost, or had no room), or its disk lost the delivery.
    Lost,
    /// It was owed and is no longer, and what settled it was not kept. Also any fate that a newer relay knows.
    #[serde(other)]
    Unknown,
}

impl Fate {
    /// Each of them.
    pub const ALL: [Self; 12] = [
        Self::Accepted,
        Self::Rejected,
        Self::Failed,
        Self::Late,
        Self::Owed,
        Self::Expired,
        Self::Discarded,
        Self::Skipped,
        Self::Refused,
        Self::Observed,
        Self::Lost,
        Self::Unknown,
    ];

    /// Its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Late => "late",
            Self::Owed => "owed",
            Self::Expired => "expired",
            Self::Discarded => "discarded",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
            Self::Observed => "observed",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        }
    }
}

/// The text names no fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not one of accepted, rejected, failed, late, owed, expired, discarded, skipped, refused, observed, lost, unknown"
)]
pub struct UnknownFate;

impl FromStr for Fate {
    type Err = UnknownFate;

    /// Reads a name as [`Fate::as_str`] gives it. A question is no place to guess, so that, other than in an answer,
    /// a name that is not known is an error.
    fn from_str(text: &str) -> Result<Self, UnknownFate> {
        Self::ALL.into_iter().find(|fate| fate.as_str() == text).ok_or(UnknownFate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fates_are_read_by_their_names() {
        for fate in Fate::ALL {
            assert_eq!(fate.as_str().parse(), Ok(fate));
            assert_eq!(serde_json::to_value(fate).unwrap(), fate.as_str());
            assert_eq!(serde_json::from_value::<Fate>(fate.as_str().into()).unwrap(), fate);
            assert!(UnknownFate.to_string().contains(fate.as_str()), "{fate:?}");
        }
        for text in ["", "Accepted", "accepted ", "x"] {
            assert_eq!(text.parse::<Fate>(), Err(UnknownFate));
            assert_eq!(serde_json::from_value::<Fate>(text.into()).unwrap(), Fate::Unknown);
        }
        for other in [serde_json::json!(3), serde_json::json!(null), serde_json::json!(["owed"])] {
            assert!(serde_json::from_value::<Fate>(other).is_err());
        }
    }
}
