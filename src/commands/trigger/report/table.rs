//! The rows that people read, and what stands below them.

use std::time::Duration;

use muxhook_protocol::Outcome;

use super::{Sent, status};
use crate::printer::{Style, escape, escape_bytes};

/// How much of an app's answer is shown: lines, and characters of each.
const LINES: usize = 3;
const LINE: usize = 160;

/// One send; types take `width` columns.
pub(super) fn row(sent: &Sent<'_>, width: usize, style: Style) -> String {
    let said = match &sent.answer.outcome {
        Outcome::Failed(failure) => failure.reason.as_str().to_owned(),
        other => status(other).map(|status| status.to_string()).unwrap_or_default(),
    };
    let good = sent.verdict.is_ok();
    let mark = if good { style.sign("✓", "ok") } else { style.sign("✗", "no") };
    let paint = |text: &str| if good { style.good(text).to_string() } else { style.bad(text).to_string() };
    let by = escape(sent.answer.by.as_deref().unwrap_or("-"));
    let mut row = format!(
        "{} {:<width$}  {} {by:<7} {:>8}  {}",
        paint(mark),
        escape(sent.draft.event_type()),
        paint(&format!("{said:<9}")),
        latency(sent.answer.latency),
        style.dim(escape(sent.draft.id())),
    );
    if sent.number > 1 {
        row.push_str(&format!("  {}", style.warn(format!("try {}", sent.number))));
    }
    if sent.again {
        row.push_str(&format!("  {}", style.dim("again")));
    }
    row
}

fn latency(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.00995 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{:.0} ms", seconds * 1e3),
    }
}

/// Why it was not accepted, in lines below its row.
pub(super) fn explain(sent: &Sent<'_>, style: Style) -> Vec<String> {
    let Err(refusal) = sent.verdict else { return Vec::new() };
    let mut lines = vec![format!("    {}", escape(&refusal.why))];
    if let (Some("app"), Outcome::Replied(reply)) = (sent.answer.by.as_deref(), &sent.answer.outcome) {
        let bar = style.bad(style.sign("│", "|"));
        let said =
            reply.body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        lines.extend(said.take(LINES).map(|line| {
            let safe = escape_bytes(&line[..line.len().min(4 * LINE)]);
            format!("    {bar} {}", safe.chars().take(LINE).collect::<String>())
        }));
    }
    if let Some(hint) = &refusal.hint {
        lines.push(format!("    {} {}", style.accent("hint:"), escape(hint)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::{FailReason, Failure, Headers, Reply};

    use super::*;
    use crate::commands::trigger::draft::Draft;
    use crate::commands::trigger::sender::Answer;
    use crate::commands::trigger::verdict;

    fn told(answer: &Answer, number: u32, again: bool) -> String {
        let text = br#"{"type":"video.asset.\u001b[2Jready","id":"a58b4ba9-284d-40e5-aa2e-8b557ca875d0"}"#;
        let draft = Draft::written(text).unwrap();
        let verdict = verdict::judge(answer);
        let sent = Sent { draft: &draft, again, number, answer, verdict: &verdict };
        let style = Style { color: false, unicode: true };
        let mut lines = vec![row(&sent, 24, style)];
        lines.extend(explain(&sent, style));
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
}
