//! Why a delivery was not accepted: the first lines of the app's answer, and a hint when the cause is known.

use super::{Human, push_indented, units};
use crate::event::{Failed, Forwarded, Refused};
use crate::printer::escape::escape;
use crate::printer::excerpt::excerpt;

/// Columns of `hint:`.
const LEAD: usize = 5;

/// What to say of an answer that is not 2xx, or that came too late.
pub(super) fn explain(human: &Human, it: &Forwarded, out: &mut Vec<u8>) {
    if !(200..300).contains(&it.reply.status) {
        excerpt(&it.reply, human.out, human.show_secrets).iter().for_each(|line| quote(human, line, out));
    }
    if let Some(text) = &it.hint {
        hint(human, text, out);
    }
}

/// What to say when there is no answer.
pub(super) fn explain_failure(human: &Human, it: &Failed, out: &mut Vec<u8>) {
    reason(human, &it.failure.message, out);
    if let Some(text) = &it.hint {
        hint(human, text, out);
    }
}

/// What to say when the sender was refused.
pub(super) fn explain_refusal(human: &Human, it: &Refused, out: &mut Vec<u8>) {
    reason(human, &it.message, out);
    if let Some(text) = &it.hint {
        hint(human, text, out);
    }
}

fn reason(human: &Human, text: &str, out: &mut Vec<u8>) {
    let bar = bar(human);
    lines(human, text).iter().for_each(|line| push_indented(out, format_args!("{bar} {line}")));
}

fn hint(human: &Human, text: &str, out: &mut Vec<u8>) {
    for (nth, line) in lines(human, text).iter().enumerate() {
        let lead = if nth == 0 { "hint:" } else { "" };
        push_indented(out, format_args!("{:<LEAD$} {line}", human.out.accent(lead)));
    }
}

/// What is muxhook's own to say, escaped: whole, in lines that fit the terminal, if there is one.
fn lines(human: &Human, text: &str) -> Vec<String> {
    units::wrap(&escape(text), human.width.map_or(usize::MAX, |_| human.room() - LEAD))
}

/// A line of the app's words, cut to fit.
fn quote(human: &Human, line: &str, out: &mut Vec<u8>) {
    let safe = escape(line);
    push_indented(out, format_args!("{} {}", bar(human), units::clip(&safe, human.room(), human.ellipsis())));
}

fn bar(human: &Human) -> String {
    human.out.bad(human.out.sign("│", "|")).to_string()
}
