//! Workflows that look at single pictures.

use serde_json::{Value, json};

use super::{Job, Work};

pub(super) fn find_best_thumbnails(job: &Job<'_>) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "max_thumbnails": 2,
            "output_steering": {
                "looking_for": "people at work by the water",
                "selection_strategy": "clean_composition",
                "scoring_priorities": ["composition", "focus"],
            },
            "update_asset_thumbnail": false,
        }),
        outputs: json!({ "best_thumbnails": [
            {
                "timestamp_ms": 57_400,
                "overall": 0.92,
                "subscores": subscores([0.81, 0.96, 0.9, 0.93, 0.97]),
                "description": "A crew hands crates from a trawler up to the quay.",
                "alt_text": "Fishermen unload a trawler at dawn",
            },
            {
                "timestamp_ms": 131_000,
                "overall": 0.84,
                "subscores": subscores([0.78, 0.88, 0.79, 0.9, 0.86]),
                "description": "An auctioneer lifts one hand above crates of ice.",
            },
        ] }),
    }
}

fn subscores([brand_fit, composition, contrast_color, face_or_action, focus]: [f64; 5]) -> Value {
    json!({
        "brand_fit": brand_fit,
        "composition": composition,
        "contrast_color": contrast_color,
        "face_or_action": face_or_action,
        "focus": focus,
    })
}

pub(super) fn moderate(job: &Job<'_>) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "max_samples": 3,
            "sampling_interval": 100,
            "thresholds": { "sexual": 0.7, "violence": 0.8 },
            "on_flagged": { "action": "delete_playback_ids" },
        }),
        outputs: json!({
            "exceeds_threshold": false,
            "max_scores": { "sexual": 0.01, "violence": 0.12 },
            "thumbnail_scores": [
                { "time": 0, "sexual": 0.01, "violence": 0.02 },
                { "time": 100, "sexual": 0.0, "violence": 0.12 },
                { "time": 200, "sexual": 0.01, "violence": 0.03 },
            ],
        }),
    }
}
