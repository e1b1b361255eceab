//! Jobs of Mux's robots, and the directives that start them.

use serde_json::Value;

use super::subject::{Pieces, Subject, number, text, words};
use super::units::count;

pub(super) fn job(event: &Subject<'_>) -> Pieces {
    let job = Subject::new(event.event_type, body(event));
    let retry = job.list("errors").first().and_then(|error| error.get("retryable")).and_then(Value::as_bool);
    vec![
        job.owned("workflow").or_else(|| workflow(event.event_type)),
        job.trouble(),
        retry.map(|retry| if retry { "can be retried" } else { "no use to retry" }.to_owned()),
        job.status(),
        number(job.data, "units_consumed").and_then(units),
        job.other("asset", "parameters.asset_id"),
    ]
}

pub(super) fn directive_run(event: &Subject<'_>) -> Pieces {
    let run = event.data.get("directive_run").unwrap_or(event.data);
    let run = Subject::new(event.event_type, run);
    let nodes = run.list("node_states");
    let failed = || nodes.iter().filter(|node| text(node, "status") == Some("failed"));
    vec![
        run.status(),
        done(nodes),
        count(failed().count(), "failure"),
        failed().find_map(|node| text(node, "reason")).map(words),
        run.other("asset", "asset_id"),
    ]
}

/// The job itself. Mux's SDK tells of a job that stands under its event's type in `data`.
fn body<'a>(event: &Subject<'a>) -> &'a Value {
    let nested = |data: &'a Value| {
        let fields = data.as_object()?;
        fields.iter().find(|(key, job)| key.starts_with("robots.job.") && job.is_object()).map(|(_, job)| job)
    };
    event.data.get(event.event_type).or_else(|| nested(event.data)).unwrap_or(event.data)
}

/// `ask-questions`, by the type `robots.job.ask_questions.pending`.
fn workflow(event_type: &str) -> Option<String> {
    let (workflow, _) = event_type.strip_prefix("robots.job.")?.split_once('.')?;
    Some(workflow.replace('_', "-"))
}

fn units(consumed: f64) -> Option<String> {
    (consumed > 0.0 && consumed < 1e12).then(|| {
        let plural = if consumed == 1.0 { "" } else { "s" };
        format!("{consumed} unit{plural}")
    })
}

/// How many of the nodes have become jobs: `2 of 3 jobs started`.
fn done(nodes: &[Value]) -> Option<String> {
    let started = nodes.iter().filter(|node| text(node, "status") == Some("dispatched")).count();
    Some(format!("{started} of {} started", count(nodes.len(), "job")?))
}
