//! Headers and bodies, when the user wants to see them; secrets in them masked.

mod tree;

use std::borrow::Cow;

use muxhook_protocol::mux::json::compact;
use muxhook_protocol::{Delivery, Headers, Reply};

use super::mask::is_secret_header;
use super::{Human, push_indented, units};
use crate::printer::Print;
use crate::printer::escape::{escape, escape_bytes};
use tree::Layout;

/// The most that is shown of one body, in bytes.
const SHOWN: usize = 256 * 1024;

/// A delivery's request line, headers and body, as far as they are wanted.
pub(super) fn delivery(human: &Human, delivery: &Delivery, out: &mut Vec<u8>) {
    if matches!(human.print, Print::Headers | Print::All) {
        let query = delivery.query.as_deref().map(|query| format!("?{}", escape(query))).unwrap_or_default();
        let path = if delivery.path.is_empty() { "/" } else { &*delivery.path };
        push_indented(out, format_args!("{} {}{query}", escape(&delivery.method), escape(path)));
        headers(human, &delivery.headers, out);
    }
    if matches!(human.print, Print::Body | Print::All) {
        body(human, &delivery.body, out);
    }
}

/// The app's headers and body, when everything is wanted.
pub(super) fn reply(human: &Human, reply: &Reply, out: &mut Vec<u8>) {
    if human.print == Print::All {
        push_indented(out, format_args!("{} {}", human.out.sign("←", "<-"), reply.status));
        headers(human, &reply.headers, out);
        body(human, &reply.body, out);
    }
}

/// `body` on one line with its secrets masked, when it is JSON.
pub(in crate::printer) fn json_line(mask: Option<&str>, body: &[u8]) -> Option<String> {
    json(mask, body, Layout::Line)
}

/// `text` as it is, save the secrets in what looks like JSON.
pub(in crate::printer) fn masked<'a>(mask: Option<&str>, text: &'a str) -> Cow<'a, str> {
    match mask {
        Some(mask) => Cow::Owned(tree::lay_out(text, Layout::Line, Some(mask), SHOWN)),
        None => Cow::Borrowed(text),
    }
}

fn headers(human: &Human, headers: &Headers, out: &mut Vec<u8>) {
    for (name, value) in headers.iter() {
        let value = match human.mask() {
            Some(mask) if is_secret_header(name) => Cow::Borrowed(mask),
            _ => escape_bytes(value),
        };
        let name = human.out.dim(format_args!("{}:", escape(name))).to_string();
        push_indented(out, format_args!("{name} {value}"));
    }
}

fn body(human: &Human, body: &[u8], out: &mut Vec<u8>) {
    let aside = |out: &mut Vec<u8>, text: &str| push_indented(out, format_args!("{}", human.out.dim(text)));
    if body.is_empty() {
        return aside(out, "(no body)");
    }
    let text = match (json(human.mask(), body, Layout::Tree), std::str::from_utf8(body)) {
        (Some(tree), _) => Cow::Owned(tree),
        (None, Ok(text)) => masked(human.mask(), text),
        (None, Err(_)) => {
            return aside(out, &format!("({}, not text)", units::count(body.len() as u64, "byte")));
        }
    };
    let end = (0..=SHOWN.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let shown = &text[..end];
    shown.lines().for_each(|line| push_indented(out, format_args!("{}", escape(line))));
    if shown.len() < text.len() {
        aside(out, "(cut here; --json shows all of it)");
    }
}

fn json(mask: Option<&str>, body: &[u8], layout: Layout) -> Option<String> {
    let mut one_line = Vec::new();
    if !compact(body, &mut one_line) {
        return None;
    }
    Some(tree::lay_out(&String::from_utf8(one_line).ok()?, layout, mask, SHOWN))
}
