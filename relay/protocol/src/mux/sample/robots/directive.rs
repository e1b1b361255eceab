//! Runs of a directive: captions for an asset, and a summary made from them.

use serde_json::{Value, json};

use crate::mux::sample::draw::Draw;

/// How long a run takes, in seconds.
const TAKES: u64 = 184;

/// A run at one moment.
pub(in crate::mux::sample) struct Run<'a> {
    /// As in the event's type: `created`, `completed`, `errored` or `partial`.
    pub(in crate::mux::sample) status: &'a str,
    /// The run's own id.
    pub(in crate::mux::sample) id: &'a str,
    /// The asset it works on.
    pub(in crate::mux::sample) asset: &'a str,
    /// The id of the Mux environment.
    pub(in crate::mux::sample) environment: &'a str,
    /// When it came to this, in seconds since the Unix epoch.
    pub(in crate::mux::sample) at: u64,
}

/// `data` of `robots.directive_run.<status>`.
pub(in crate::mux::sample) fn directive_run(run: &Run<'_>, draw: &mut Draw) -> Value {
    let Run { status, at, .. } = *run;
    let created = status == "created";
    let started = if created { at } else { at.saturating_sub(TAKES) };
    let [directive, captions, summary] = std::array::from_fn(|_| draw.mux_id());
    json!({
        "created_at": started,
        "directive_run": {
            "id": run.id,
            "asset_id": run.asset,
            "directive_id": directive,
            "status": if created { "pending" } else { status },
            "started_at": started,
            "completed_at": (!created).then_some(at),
            "node_states": node_states(status, &captions, &summary),
        },
        "environment_id": run.environment,
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
