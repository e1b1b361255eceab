//! What is worth showing of an app's answer that is no 2xx.

use muxhook_protocol::Reply;

use super::human::content;
use super::style::Style;

/// How many lines of an answer are shown.
const LINES: usize = 5;

/// How much of an answer is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// JSON on one line, the title of an error page, else the first lines. Not escaped; its secrets are masked, unless
/// `show_secrets`.
#[must_use]
pub fn excerpt(reply: &Reply, style: Style, show_secrets: bool) -> Vec<String> {
    if reply.truncated {
        return vec!["(the answer was above 1 MiB and was left out)".to_owned()];
    }
    let mask = style.mask(show_secrets);
    if let Some(json) = content::json_line(mask, &reply.body) {
        return vec![json];
    }
    let head = String::from_utf8_lossy(&reply.body[..reply.body.len().min(LOOKED_AT)]);
    if let Some(title) = title(reply, &head) {
        return vec![title.to_owned()];
    }
    let head = content::masked(mask, &head);
    let mut lines = head.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let mut shown: Vec<_> = lines.by_ref().take(LINES).map(str::to_owned).collect();
    shown.extend(lines.next().map(|_| style.sign("…", "...").to_owned()));
    shown
}

/// The title of an error page, which says more than its first lines. By way of a relay it comes as plain text.
fn title<'a>(reply: &Reply, head: &'a str) -> Option<&'a str> {
    let is_html = |value: &[u8]| value.get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"));
    let begins = head.trim_start().get(..5).unwrap_or_default().to_ascii_lowercase();
    if !reply.headers.get("content-type").is_some_and(is_html) && !matches!(&*begins, "<!doc" | "<html") {
        return None;
    }
    let (_, rest) = head.split_once("<title>")?;
    let (title, _) = rest.split_once("</title>")?;
    Some(title.trim()).filter(|title| !title.is_empty())
}
