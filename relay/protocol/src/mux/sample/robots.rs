//! `data` of the events of Mux's robots.

use serde_json::{Value, json};

use super::draw::Draw;

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
    pub(super) created: i64,
    pub(super) updated: i64,
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

/// `data` of `robots.job.<workflow>.<status>`.
pub(super) fn job(job: &Job<'_>, _draw: &mut Draw) -> Value {
    json!({ "id": job.id, "workflow": job.workflow, "status": job.status })
}

/// `data` of `robots.directive_run.<status>`, status being `created`, `completed`, `errored` or `partial`.
pub(super) fn directive_run(status: &str, _asset: &str, _at: i64, _draw: &mut Draw) -> Value {
    json!({ "status": status })
}
