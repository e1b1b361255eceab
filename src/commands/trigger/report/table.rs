//! The rows that people read, and what stands below them.

use std::time::Duration;

use muxhook_protocol::Outcome;

use super::status;
use crate::commands::trigger::sender::Answer;
use crate::commands::trigger::verdict::Refusal;
use crate::printer::{Style, clip, escape, excerpt, shorten, wrap};

/// Columns of an app's words, and of ours, that go to no terminal.
const LINE: usize = 160;

/// How it is to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) style: Style,
    /// Columns of types.
    pub(crate) types: usize,
    /// Columns of the terminal; `None` when there is none.
    pub(crate) columns: Option<usize>,
}

/// One send, and what came of it.
pub(crate) struct Row<'a> {
    pub(crate) event_type: &'a str,
    pub(crate) id: &'a str,
    /// What else there is to say, each with two spaces before it.
    pub(crate) marks: String,
    pub(crate) answer: &'a Answer,
    pub(crate) verdict: &'a Result<(), Refusal>,
}

/// One send, in one row where the terminal has room: the id gives way.
pub(crate) fn row(sent: &Row<'_>, look: Look) -> String {
    let Look { style, types, columns } = look;
    let said = match &sent.answer.outcome {
        Outcome::Failed(failure) => failure.reason.as_str().to_owned(),
        other => status(other).map(|status| status.to_string()).unwrap_or_default(),
    };
    let good = sent.verdict.is_ok();
    let mark = if good { style.sign("✓", "ok") } else { style.sign("✗", "no") };
    let paint = |text: &str| if good { style.good(text).to_string() } else { style.bad(text).to_string() };
    let event_type = format!("{:<types$}", escape(sent.event_type));
    let rest = format!(
        "{:<7} {:>8}",
        escape(sent.answer.by.as_deref().unwrap_or("-")),
        latency(sent.answer.latency)
    );
    let marks = sent.marks.as_str();
    let taken = [mark, &event_type, &rest, marks].map(|cell| cell.chars().count()).iter().sum::<usize>() + 13;
    let id = escape(sent.id);
    let id = fitting(&id, columns.map(|columns| columns.saturating_sub(taken + 2)), style);
    let row = format!("{} {event_type}  {} {rest}", paint(mark), paint(&format!("{said:<9}")));
    [row, style.dim(id).to_string(), style.warn(marks).to_string()].concat()
}

/// `id`, set off; shortened or left out where there is no room for it.
fn fitting(id: &str, room: Option<usize>, style: Style) -> String {
    let short = shorten(id, 8, style.sign("…", "..."));
    let fits = |id: &str| room.is_none_or(|room| id.chars().count() <= room);
    match [id, &short].into_iter().find(|id| fits(id)) {
        Some(id) if !id.is_empty() => format!("  {id}"),
        _ => String::new(),
    }
}

fn latency(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.00995 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{:.0} ms", seconds * 1e3),
    }
}

/// Why it was not accepted, in lines below its row.
pub(crate) fn explain(sent: &Row<'_>, look: Look) -> Vec<String> {
    let Err(refusal) = sent.verdict else { return Vec::new() };
    let style = look.style;
    let mut lines = block("", &refusal.why, look);
    if let (Some("app"), Outcome::Replied(reply)) = (sent.answer.by.as_deref(), &sent.answer.outcome) {
        let (bar, room) = (style.bad(style.sign("│", "|")), room(look).unwrap_or(LINE));
        lines.extend(excerpt(reply, style, false).iter().map(|line| {
            let safe = escape(line);
            format!("{INDENT}{bar} {}", clip(&safe, room - 2, style.sign("…", "...")))
        }));
    }
    if let Some(hint) = &refusal.hint {
        lines.extend(block("hint: ", hint, look));
    }
    lines
}

/// Where what belongs to a row begins.
const INDENT: &str = "    ";

fn room(look: Look) -> Option<usize> {
    look.columns.map(|columns| columns.saturating_sub(INDENT.len()).max(20))
}

/// `text` behind `lead`, whole, in lines that fit the terminal, if there is one.
fn block(lead: &str, text: &str, look: Look) -> Vec<String> {
    let columns = room(look).map_or(usize::MAX, |room| room - lead.len());
    let line = |(nth, line): (usize, &String)| match nth {
        0 => format!("{INDENT}{}{line}", look.style.accent(lead)),
        _ => format!("{INDENT}{:1$}{line}", "", lead.len()),
    };
    wrap(&escape(text), columns).iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::{FailReason, Failure, Headers, Reply};

    use super::*;
    use crate::commands::trigger::draft::Draft;
    use crate::commands::trigger::report::Sent;
    use crate::commands::trigger::verdict;

    fn told(answer: &Answer, number: u32, again: bool) -> String {
        at(None, answer, number, again)
    }

    fn at(columns: Option<usize>, answer: &Answer, number: u32, again: bool) -> String {
        let text = br#"{"type":"video.asset.\u001b[2Jready","id":"a58b4ba9-284d-40e5-aa2e-8b557ca875d0"}"#;
        let draft = Draft::written(text).unwrap();
        let verdict = verdict::judge(answer, false);
        let sent = Sent { draft: &draft, again, number, answer, verdict: &verdict };
        let sent = sent.row();
        let look = Look { style: Style { color: false, unicode: true }, types: 24, columns };
        let mut lines = vec![row(&sent, look)];
        lines.extend(explain(&sent, look));
        lines.join("\n")
    }

    fn replied(by: &str, status: u16, body: &'static str) -> Answer {
        let reply = Reply { status, headers: Headers::new(), body: body.into(), truncated: false };
        Answer {
            outcome: Outcome::Replied(reply),
            by: Some(by.to_owned()),
            latency: Duration::from_micros(1234),
            hint: None,
            notices: Vec::new(),
        }
    }

    #[test]
    fn a_row_says_what_came_of_a_send_and_what_is_below_why() {
        let failure =
            Failure { reason: FailReason::Refused, message: "nothing listens on localhost:3000".to_owned() };
        let failed = Answer {
            outcome: Outcome::Failed(failure),
            by: None,
            hint: Some("start the app".to_owned()),
            ..replied("", 200, "")
        };
        let long = "x".repeat(500) + "\n\n  second\r\nthird\nfourth";
        let said: &'static str = Box::leak(long.into_boxed_str());
        let told = [
            told(&replied("app", 204, ""), 1, false),
            told(&replied("app", 200, ""), 3, true),
            told(&replied("app", 500, said), 1, false),
            told(&replied("app", 400, "\u{1b}[31mno"), 1, false),
            told(&replied("none", 200, ""), 1, false),
            told(&replied("skipped", 200, ""), 1, false),
            told(
                &replied("relay", 503, r#"{"error":"no_listener","message":"nobody\u0007 listens"}"#),
                1,
                false,
            ),
            told(&failed, 30, false),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }
    #[test]
    fn on_a_terminal_rows_fit_and_words_stay_whole() {
        let answer = Answer { hint: Some("look at the route ".repeat(6)), ..replied("app", 500, "no") };
        for columns in [40, 60, 80, 100, 120] {
            let told = at(Some(columns), &answer, 2, true);
            let widest = told.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= columns.max(69), "{columns}: {told}");
        }
        insta::assert_snapshot!(at(Some(80), &answer, 2, true));
    }

    #[test]
    fn an_error_page_is_told_by_its_title_and_secrets_are_masked() {
        let said = |content_type: &'static str, body| {
            let mut answer = replied("app", 500, body);
            if let Outcome::Replied(reply) = &mut answer.outcome {
                reply.headers.push("content-type", content_type);
            }
            told(&answer, 1, false)
        };
        assert!(said("text/plain", " <!DOCTYPE html>\n<title>Oops</title>").ends_with("\n    │ Oops"));
        assert!(said("text/html", "<html>\n<head><title>Oops</title>").ends_with("\n    │ Oops"),);
        assert!(said("application/json", r#"{"stream_key":"abc"}"#).ends_with(r#"{"stream_key":"••••"}"#));
    }
}
