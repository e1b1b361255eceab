//! `data` of the events of Mux's robots: one film of 252 seconds, and what each workflow makes of it.

mod captions;
mod directive;
mod moments;
mod pictures;
mod words;

use serde_json::{Value, json};

use super::asset::{PASSTHROUGH, meta};
use super::draw::Draw;

pub(super) use directive::{Run, directive_run};

/// A job at one moment.
pub(super) struct Job<'a> {
    /// As in the event's type: `ask_questions`.
    pub(super) workflow: &'a str,
    /// `pending`, `processing`, `completed`, `errored` or `cancelled`.
    pub(super) status: &'a str,
    /// The job's own id.
    pub(super) id: &'a str,
    /// The asset it works on.
    pub(super) asset: &'a str,
    /// When it was made and when it came to this, in seconds since the Unix epoch.
    pub(super) created: u64,
    pub(super) updated: u64,
}

/// Every workflow, as in the events' types.
pub(super) const WORKFLOWS: [&str; 12] = [
    "ask_questions",
    "edit_captions",
    "find_best_thumbnails",
    "find_key_moments",
    "find_scenes",
    "generate_chapters",
    "generate_engagement_insights",
    "generate_premium_captions",
    "moderate",
    "summarize",
    "translate_audio",
    "translate_captions",
];

/// What a workflow is asked for, and what it makes of it.
struct Work {
    parameters: Value,
    outputs: Value,
}

/// `data` of `robots.job.<workflow>.<status>`. The same draws at each status.
pub(super) fn job(job: &Job<'_>, draw: &mut Draw) -> Value {
    let work = work(job, draw);
    let mut data = json!({
        "id": job.id,
        "workflow": job.workflow.replace('_', "-"),
        "status": job.status,
        "units_consumed": if job.status == "completed" { 4 } else { 0 },
        "created_at": job.created,
        "updated_at": job.updated,
        "parameters": work.parameters,
        "passthrough": "review-318",
        "resources": { "assets": [asset(job.asset)] },
    });
    match job.status {
        "completed" => data["outputs"] = work.outputs,
        "errored" => data["errors"] = errors(),
        _ => {}
    }
    data
}

fn work(job: &Job<'_>, draw: &mut Draw) -> Work {
    match job.workflow {
        "ask_questions" => words::ask_questions(job),
        "edit_captions" => captions::edit_captions(job, draw),
        "find_best_thumbnails" => pictures::find_best_thumbnails(job),
        "find_key_moments" => moments::find_key_moments(job),
        "find_scenes" => moments::find_scenes(job),
        "generate_chapters" => moments::generate_chapters(job, draw),
        "generate_engagement_insights" => words::generate_engagement_insights(job),
        "generate_premium_captions" => captions::generate_premium_captions(job, draw),
        "moderate" => pictures::moderate(job),
        "summarize" => words::summarize(job),
        "translate_audio" => captions::translate_audio(job, draw),
        "translate_captions" => captions::translate_captions(job, draw),
        _ => Work { parameters: json!({ "asset_id": job.asset }), outputs: json!({}) },
    }
}

/// The asset as a job names it among its resources.
fn asset(id: &str) -> Value {
    json!({
        "id": id,
        "passthrough": PASSTHROUGH,
        "meta": meta(),
        "_links": { "self": { "href": format!("https://api.mux.com/video/v1/assets/{id}") } },
    })
}

fn errors() -> Value {
    json!([{
        "type": "processing_error",
        "message": "The asset could not be read while the job was working on it.",
        "retryable": true,
    }])
}

/// An address from which a file can be had for a while.
fn temporary(job: &Job<'_>, file: &str) -> String {
    format!("https://robots.example.com/{}/{file}", job.id)
}

#[cfg(test)]
mod tests;
