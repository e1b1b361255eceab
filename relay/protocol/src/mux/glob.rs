//! Patterns over event types and the values of fields.

use std::fmt;

/// Longest glob, in bytes.
const MAX_LENGTH: usize = 256;

/// A pattern: `*` stands for any run of characters (dots included, and none at all), `?` for any one character,
/// everything else for itself, upper and lower case being different. The whole text must match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(String);

/// The text is no glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGlob {
    /// There is no text.
    #[error("an empty glob: name an event type (video.asset.ready), or many (video.asset.*)")]
    Empty,
    /// It is above 256 bytes.
    #[error("a glob above {MAX_LENGTH} bytes")]
    TooLong,
    /// It holds a comma, which stands between globs.
    #[error("a comma inside a glob: globs are parted by commas, so give each one by itself")]
    Comma,
    /// It holds white space or a control character, which no event type does.
    #[error("white space or a control character inside a glob")]
    Space,
    /// It holds a control character.
    #[error("a control character inside a glob")]
    Control,
}

impl Glob {
    /// Reads one glob over event types, as it stands: nothing is trimmed.
    ///
    /// # Errors
    /// When it is empty, above 256 bytes, or holds a comma, white space or a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidGlob> {
        if text.is_empty() {
            Err(InvalidGlob::Empty)
        } else if text.len() > MAX_LENGTH {
            Err(InvalidGlob::TooLong)
        } else if text.contains(',') {
            Err(InvalidGlob::Comma)
        } else if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
            Err(InvalidGlob::Space)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// Reads one glob over the values of a field, as it stands. These may hold commas and white space, and an empty
    /// glob stands for the empty value.
    ///
    /// # Errors
    /// When it is above 256 bytes or holds a control character.
    pub fn for_value(text: &str) -> Result<Self, InvalidGlob> {
        if text.len() > MAX_LENGTH {
            Err(InvalidGlob::TooLong)
        } else if text.contains(char::is_control) {
            Err(InvalidGlob::Control)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The glob as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the glob stands for `text`. Time is at most the product of both lengths.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (mut glob, mut text) = (self.0.chars(), text.chars());
        // Behind the last star: what of the glob follows it, and where the text goes on if the star takes one
        // character more. Earlier stars need no second try, since this one can take whatever they could.
        let mut retry = None;
        loop {
            let rest = text.clone();
            match (glob.next(), text.next()) {
                (Some('*'), _) => {
                    retry = Some((glob.clone(), rest.clone()));
                    text = rest;
                }
                (None, None) => return true,
                (Some('?'), Some(_)) => {}
                (Some(expected), Some(char)) if expected == char => {}
                _ => {
                    let Some((glob_behind, text_behind)) = &mut retry else { return false };
                    if text_behind.next().is_none() {
                        return false;
                    }
                    (glob, text) = (glob_behind.clone(), text_behind.clone());
                }
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Glob, InvalidGlob};

    fn matches(glob: &str, text: &str) -> bool {
        Glob::parse(glob).unwrap().matches(text)
    }

    /// What a glob means, said as plainly as can be.
    fn by_definition(glob: &[char], text: &[char]) -> bool {
        match (glob, text) {
            ([], []) => true,
            (['*', glob @ ..], _) => (0..=text.len()).any(|taken| by_definition(glob, &text[taken..])),
            (['?', glob @ ..], [_, text @ ..]) => by_definition(glob, text),
            ([expected, glob @ ..], [char, text @ ..]) => expected == char && by_definition(glob, text),
            _ => false,
        }
    }

    #[test]
    fn stars_cross_dots() {
        assert!(matches("video.*", "video.asset.track.ready"));
        assert!(matches("*.ready", "video.asset.ready"));
        assert!(matches("video.asset.*", "video.asset."));
        assert!(matches("*", ""));
        assert!(!matches("video.asset.*", "video.asset"));
    }

    #[test]
    fn a_question_mark_is_one_character() {
        assert!(matches("video.?sset.ready", "video.asset.ready"));
        assert!(matches("?", "é"));
        assert!(!matches("video.asset.read?", "video.asset.read"));
    }

    #[test]
    fn the_rest_stands_for_itself() {
        assert!(matches("video.asset.ready", "video.asset.ready"));
        assert!(!matches("video.asset.ready", "video-asset-ready"));
        assert!(!matches("video.asset.ready", "Video.asset.ready"));
        assert!(!matches("video.asset", "video.asset.ready"));
        assert!(matches("[a]{b}\\", "[a]{b}\\"));
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        assert_eq!(Glob::parse(""), Err(InvalidGlob::Empty));
        assert_eq!(Glob::parse("a,b"), Err(InvalidGlob::Comma));
        assert_eq!(Glob::parse("a b"), Err(InvalidGlob::Space));
        assert_eq!(Glob::parse("a\u{1b}"), Err(InvalidGlob::Space));
        assert_eq!(Glob::parse(&"a".repeat(257)), Err(InvalidGlob::TooLong));
        assert_eq!(Glob::parse(&"a".repeat(256)).unwrap().as_str(), "a".repeat(256));
    }

    #[test]
    fn a_value_may_be_anything_that_can_be_typed() {
        let matches = |glob: &str, text: &str| Glob::for_value(glob).unwrap().matches(text);
        assert!(matches("", "") && !matches("", "a"));
        assert!(matches("Doe, *", "Doe, Jane") && matches(" a\u{a0}b", " a\u{a0}b"));
        assert_eq!(Glob::for_value("a\n"), Err(InvalidGlob::Control));
        assert_eq!(Glob::for_value("\u{9b}2J"), Err(InvalidGlob::Control));
        assert_eq!(Glob::for_value(&"a".repeat(257)), Err(InvalidGlob::TooLong));
    }

    #[test]
    fn many_stars_do_not_blow_up() {
        let glob = format!("{}b", "a*".repeat(127));
        assert!(!matches(&glob, &"a".repeat(20_000)));
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(glob in "[ab*?é]{1,9}", text in "[abé]{0,12}") {
            let (globs, texts): (Vec<_>, Vec<_>) = (glob.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&glob, &text), by_definition(&globs, &texts));
        }

        #[test]
        fn a_text_matches_what_it_was_blurred_to(text in "[a-z._é]{1,40}", blur in prop::collection::vec(0..6, 40)) {
            let glob: String = text.chars().zip(blur).map(|(char, blur)| match blur {
                0 => "*".to_owned(),
                1 => "?".to_owned(),
                2 => format!("*{char}"),
                _ => char.to_string(),
            }).collect();
            prop_assert!(matches(&glob, &text));
        }
    }
}
