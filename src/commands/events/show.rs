//! `muxhook events show`.

use std::time::Duration;

use muxhook_link::Now;

use super::lines;
use super::place;
use super::stored::Stored;
use super::table::{self, Look};
use super::words::{self, Tone};
use crate::api::events::{Attempt, Row};
use crate::args::EventsShow;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Console, escape, latency, request_lines};

/// Runs `muxhook events show`.
///
/// # Errors
/// Used wrongly, no relay, or refused by it.
pub(super) async fn run(
    args: &EventsShow,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let id = place::id(&args.id)?;
    let place = place::find(&args.place, around, console).await?;
    let (api, endpoint) = (place.api(), &place.endpoint);
    if args.raw {
        let body = api.body(endpoint, id).await.map_err(place::refused)?;
        return Ok(console.raw(&body)?);
    }
    let detail = api.event(endpoint, id).await.map_err(place::refused)?;
    let body = api.body(endpoint, &detail.row.delivery.to_string()).await.map_err(place::refused)?;
    if args.json {
        let line = lines::whole(&detail.row, &detail.headers, &body);
        return Ok(console.out(&line.map_err(|error| Error::failed(error.to_string()))?)?);
    }
    let look = Look::new(console.out_style(), console.columns(), Now::system().unix_millis());
    let stored = Stored { detail, body };
    let mut text = page(&stored, args.show_secrets, &look).join("\n");
    text.push('\n');
    console.raw(text.as_bytes())?;
    let again = format!("send it again: muxhook events replay {}", table::short(stored.detail.row.delivery));
    console.note(&console.err_style().dim(again).to_string());
    Ok(())
}

/// All there is to tell of a delivery, in lines.
fn page(stored: &Stored, show_secrets: bool, look: &Look) -> Vec<String> {
    let (style, row) = (look.style, &stored.detail.row);
    let mut lines = vec![title(row, look)];
    let mut fact =
        |name: &str, text: String| lines.push(format!("{} {text}", style.dim(format!("{name:<9}"))));
    fact("delivery", format!("{}  {}", row.delivery, style.dim(format!("seq {}", row.seq))));
    if let Some(event) = &row.event_id {
        fact("event", escape(event).into_owned());
    }
    if let Some(environment) = &row.environment {
        fact("from", escape(environment).into_owned());
    }
    let ago = format!("{} ago", words::age(row.received_at, look.now));
    fact("received", format!("{}  {}", look.when(row.received_at), style.dim(ago)));
    fact("answered", format!("{}  {}", words::answered(row), style.dim(answer(row))));
    let (tone, became) = words::became(row, look.now);
    let meaning = style.dim(words::meaning(row.fate));
    fact("became", format!("{} {}  {meaning}", tone.sign(style), tone.paint(&became, style)));
    if let Some(first) = row.duplicate_of {
        fact("duplicate", format!("of {}, which brought the same event first", table::short(first)));
    }
    lines.push(String::new());
    lines.extend(request_lines(&stored.delivery(), style, show_secrets).iter().map(|line| indented(line)));
    lines.push(String::new());
    lines.extend(attempts(&row.attempts, look));
    lines
}

fn title(row: &Row, look: &Look) -> String {
    let object = [row.object_type.as_deref(), row.object_id.as_deref()];
    let object: Vec<_> = object.into_iter().flatten().map(escape).collect();
    format!("{}  {}", look.style.bold(table::name(row, look)), object.join(" ")).trim_end().to_owned()
}

fn indented(line: &str) -> String {
    format!("  {line}")
}

/// Who it was that answered the sender.
fn answer(row: &Row) -> &'static str {
    match &*row.answered_by {
        "app" => "the app's own answer",
        "held" => "the relay has it safe, and answered itself",
        "skipped" => "the listener's filters left it out",
        "none" => "nobody forwards to an app",
        "relay" => "an error of the relay's own",
        _ => "",
    }
}

fn attempts(attempts: &[Attempt], look: &Look) -> Vec<String> {
    let style = look.style;
    if attempts.is_empty() {
        return vec![style.dim("no answer of an app is known").to_string()];
    }
    let whens: Vec<_> = attempts.iter().map(|attempt| look.when(attempt.at)).collect();
    let width = whens.iter().map(String::len).max().unwrap_or_default();
    let mut lines = vec![style.dim("attempts").to_string()];
    for (nth, (attempt, when)) in attempts.iter().zip(whens).enumerate() {
        let tone = words::tone(attempt);
        let result = tone.paint(&format!("{:<11}", words::result(attempt)), style);
        let took = latency(Duration::from_millis(attempt.took_ms));
        let mut line = format!("  {:>2}  {when:>width$}  {} {result} {took:>8}", nth + 1, tone.sign(style));
        line.push_str(&format!("  {}", style.dim(format!("session {}", attempt.session))));
        for mark in
            [attempt.late.then_some("late"), attempt.replayed.then_some("replayed")].into_iter().flatten()
        {
            line.push_str(&format!("  {}", Tone::Open.paint(mark, style)));
        }
        lines.push(line);
        if let Some(message) = attempt.message.as_deref().filter(|message| !message.is_empty()) {
            lines.push(format!("      {:width$}    {}", "", escape(message)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::api::events::{Detail, Fate};
    use crate::commands::events::fixture::{self, AT, attempt};
    use crate::printer::Style;

    const BODY: &[u8] =
        br#"{"type":"video.live_stream.created","data":{"stream_key":"hush-hush","id":"\u001b[2J"}}"#;

    fn told(change: impl FnOnce(&mut Row), body: &'static [u8], show_secrets: bool) -> String {
        let headers = [
            ("content-type", &b"application/json"[..]),
            ("authorization", b"Bearer t0ken"),
            ("x-name", b"caf\xe9\x1b[2J"),
        ];
        let detail = Detail { row: fixture::row(1, change), headers: headers.into_iter().collect() };
        let stored = Stored { detail, body: body.into() };
        let style = Style { color: false, unicode: true };
        let look = Look { style, width: None, zone: TimeZone::UTC, now: AT + 61_000, time: 8 };
        page(&stored, show_secrets, &look).join("\n")
    }

    #[test]
    fn a_delivery_is_told_whole_and_its_secrets_are_masked() {
        let told = told(
            |row| {
                (row.fate, row.answered_by) = (Fate::Accepted, "held".to_owned());
                row.duplicate_of = Some(fixture::id(2));
                let gone = Attempt {
                    message: Some("nothing listens\x1b[2J".to_owned()),
                    ..attempt("refused", None)
                };
                let late =
                    Attempt { late: true, replayed: true, took_ms: 6_120, ..attempt("replied", Some(200)) };
                row.attempts = vec![gone, attempt("replied", Some(500)), late];
            },
            BODY,
            false,
        );
        insta::assert_snapshot!(told);
    }

    #[test]
    fn secrets_are_shown_when_asked_for() {
        let shown = told(|_| {}, BODY, true);
        assert!(shown.contains("hush-hush") && shown.contains("t0ken"), "{shown}");
        let masked = told(|_| {}, BODY, false);
        assert!(!masked.contains("hush-hush") && !masked.contains("t0ken"), "{masked}");
    }

    #[test]
    fn what_a_sender_wrote_is_text() {
        let hostile = "\x1b[2J\r\nattempts\u{202e}";
        let told = told(
            |row| {
                (row.event_type, row.event_id) = (Some(hostile.to_owned()), Some(hostile.to_owned()));
                (row.object_type, row.object_id) = (Some(hostile.to_owned()), Some(hostile.to_owned()));
                (row.environment, row.answered_by) = (Some(hostile.to_owned()), hostile.to_owned());
                (row.method, row.path, row.query) =
                    (hostile.to_owned(), hostile.to_owned(), Some(hostile.to_owned()));
                row.attempts = vec![Attempt { message: Some(hostile.to_owned()), ..attempt(hostile, None) }];
            },
            b"\x1b[2Jnot json\r\x07",
            true,
        );
        assert!(!told.contains(['\x1b', '\r', '\u{202e}', '\x07']), "{told:?}");
        assert_eq!(told.lines().filter(|line| line.starts_with("attempts")).count(), 1, "{told}");
    }
}
