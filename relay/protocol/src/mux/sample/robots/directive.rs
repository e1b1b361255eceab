//! Runs of a directive: captions for an asset, and a summary made from them.

use serde_json::{Value, json};

use crate::mux::sample::draw::Draw;

/// How long a run takes, in seconds.
const TAKES: i64 = 184;

/// `data` of `robots.directive_run.<status>`, status being `created`, `completed`, `errored` or `partial`.
///
/// `environment_id` is drawn like the rest: whoever knows the event's environment puts that in its place.
pub(in crate::mux::sample) fn directive_run(status: &str, asset: &str, at: i64, draw: &mut Draw) -> Value {
    let created = status == "created";
    let started = if created { at } else { at.saturating_sub(TAKES) };
    let [run, directive, captions, summary] = std::array::from_fn(|_| draw.mux_id());
    json!({
        "created_at": started,
        "directive_run": {
            "id": run,
            "asset_id": asset,
            "directive_id": directive,
            "status": if created { "pending" } else { status },
            "started_at": started,
            "completed_at": (!created).then_some(at),
            "node_states": node_states(status, &captions, &summary),
        },
        "environment_id": draw.mux_id()[..6].to_ascii_lowercase(),
        "internal_id": draw.uuid(),
    })
}

fn node_states(status: &str, captions: &str, summary: &str) -> Value {
    const CAPTIONS: &str = "generate-premium-captions";
    const SUMMARY: &str = "summarize";
    let dispatched = |reference: &str, workflow: &str, job: &str| json!({ "reference_id": reference, "status": "dispatched", "workflow_name": workflow, "job_id": job });
    let failed = |reference: &str, reason: &str| json!({ "reference_id": reference, "status": "failed", "reason": reason });
    match status {
        "created" => json!([
            { "reference_id": "captions", "status": "waiting_for_resources", "workflow_name": CAPTIONS },
            {
                "reference_id": "summary",
                "status": "waiting_for_source_workflow",
                "workflow_name": SUMMARY,
                "source_workflows": [CAPTIONS],
            },
        ]),
        "partial" => json!([
            dispatched("captions", CAPTIONS, captions),
            failed("summary", "The captions hold too little speech to sum up."),
        ]),
        "errored" => json!([
            failed("captions", "The asset has no audio track."),
            failed("summary", "The captions that it is made from failed."),
        ]),
        _ => json!([dispatched("captions", CAPTIONS, captions), dispatched("summary", SUMMARY, summary)]),
    }
}
