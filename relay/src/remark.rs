//! What the log says of an answer, beside its status. It travels with the answer as an extension, and is sent to nobody.

use std::fmt::{self, Display, Write};

use http::Response;
use muxhook_protocol::{DeliveryId, EndpointId};

/// What an answer is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remark {
    /// The code of an error of the relay's own.
    pub(crate) code: Option<&'static str>,
    /// The endpoint, where it is known.
    pub(crate) endpoint: Option<EndpointId>,
    /// The delivery, where it came to one.
    pub(crate) delivery: Option<DeliveryId>,
}

impl Remark {
    /// Notes that `response` is an error of the relay's own.
    pub(crate) fn error<B>(response: &mut Response<B>, code: &'static str) {
        Self::of(response).code = Some(code);
    }

    /// Notes what `response` is about, if the log will say anything of it.
    pub(crate) fn about<B>(response: &mut Response<B>, endpoint: &EndpointId, delivery: Option<DeliveryId>) {
        if response.extensions().get::<Self>().is_some() || tracing::enabled!(tracing::Level::DEBUG) {
            let remark = Self::of(response);
            (remark.endpoint, remark.delivery) = (Some(endpoint.clone()), delivery);
        }
    }

    fn of<B>(response: &mut Response<B>) -> &mut Self {
        response.extensions_mut().get_or_insert_default()
    }
}

/// Text that somebody else may have had a hand in, in one line of the log: no control character is left.
pub(crate) struct OneLine<T>(pub(crate) T);

impl<T: Display> Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|char| match char {
            char if char.is_control() => write!(self.0, "{}", char.escape_default()),
            // They turn the direction of what follows.
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                write!(self.0, "{}", char.escape_unicode())
            }
            char => self.0.write_char(char),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_wrote_stays_in_its_line() {
        let text = "a\nINFO forged\u{1b}[2J\u{202e}é".to_owned();
        assert_eq!(OneLine(text).to_string(), r"a\nINFO forged\u{1b}[2J\u{202e}é");
    }
}
