//! How things look on one stream: colours or none, signs in Unicode or ASCII.

use std::fmt::{self, Display};

use colored::Color;

/// The looks of one stream. Pass what is to be shown; what comes back writes itself with the colour, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences may be written.
    pub color: bool,
    /// Whether signs outside of ASCII may be written.
    pub unicode: bool,
}

/// A look: SGR parameters (ECMA-48 §8.3.117).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Bold,
    Dim,
    In(Color),
    BoldIn(Color),
}

/// Something with a look; see [`Style`].
#[derive(Clone, Copy, Debug)]
pub struct Painted<T> {
    what: T,
    look: Option<Look>,
}

impl Style {
    /// The style for a stream with or without colours; signs follow `env`: `LC_ALL`, else `LC_CTYPE`, else `LANG`
    /// says whether the locale is UTF-8 (POSIX.1-2017 §8.2). Windows writes UTF-16 and needs no locale.
    pub fn new(color: bool, env: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| env(name).filter(|value| !value.is_empty()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        #[cfg(windows)]
        if color {
            // Older consoles take no escape sequences until they are told to; this never fails.
            let _ = colored::control::set_virtual_terminal(true);
        }
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        Self { color, unicode: utf8 || cfg!(windows) }
    }

    /// What stands in place of a secret; `None` when secrets are shown.
    pub(in crate::printer) fn mask(self, show_secrets: bool) -> Option<&'static str> {
        (!show_secrets).then(|| self.sign("••••", "****"))
    }

    /// What stands out.
    pub fn bold<T: Display>(self, what: T) -> Painted<T> {
        self.paint(what, Look::Bold)
    }

    /// What may be overlooked.
    pub fn dim<T: Display>(self, what: T) -> Painted<T> {
        self.paint(what, Look::Dim)
    }

    /// What went well.
    pub fn good<T: Display>(self, what: T) -> Painted<T> {
        self.paint(what, Look::In(Color::Green))
    }

    /// What wants attention.
    pub fn warn<T: Display>(self, what: T) -> Painted<T> {
        self.paint(what, Look::In(Color::Yellow))
    }

    /// What failed.
    pub fn bad<T: Display>(self, what: T) -> Painted<T> {
        self.paint(what, Look::BoldIn(Color::Red))
    }

    /// What can be copied and used: an address, a command.
    pub fn accent<T: Display>(self, what: T) -> Painted<T> {
        self.paint(what, Look::BoldIn(Color::Cyan))
    }

    /// `unicode` where it can be shown, else `ascii`.
    #[must_use]
    pub fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    fn paint<T>(self, what: T, look: Look) -> Painted<T> {
        Painted { what, look: self.color.then_some(look) }
    }
}

impl<T: Display> Display for Painted<T> {
    /// Width and alignment count what is seen, not the escape sequences.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.look {
            None => return self.what.fmt(f),
            Some(Look::Bold) => f.write_str("\x1b[1m")?,
            Some(Look::Dim) => f.write_str("\x1b[2m")?,
            Some(Look::In(color)) => write!(f, "\x1b[{}m", color.to_fg_str())?,
            Some(Look::BoldIn(color)) => write!(f, "\x1b[1;{}m", color.to_fg_str())?,
        }
        self.what.fmt(f)?;
        f.write_str("\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_they_are_wanted() {
        let colour = Style { color: true, unicode: true };
        assert_eq!(colour.bad("no").to_string(), "\x1b[1;31mno\x1b[0m");
        assert_eq!(format!("{:>4}|", colour.good(200)), "\x1b[32m 200\x1b[0m|");
        assert_eq!(Style::default().bad("no").to_string(), "no");
    }

    #[test]
    fn the_first_locale_that_is_set_decides_on_signs() {
        let with = |pairs: &'static [(&str, &str)]| {
            let get = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
            Style::new(false, get).unicode || cfg!(windows)
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]));
        assert!(with(&[("LC_ALL", "C.utf8"), ("LANG", "C")]));
        #[cfg(not(windows))]
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        #[cfg(not(windows))]
        assert!(!with(&[]));
    }
}
