//! Workflows that say what the film is about.

use serde_json::json;

use super::{Job, Work};

pub(super) fn ask_questions(job: &Job<'_>) -> Work {
    let (boats, port) = ("Are there boats in the film?", "Which port is it?");
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "questions": [
                { "question": boats, "answer_options": ["yes", "no"] },
                { "question": port, "free_form_reply": true },
            ],
            "language_code": "en",
            "max_free_form_answer_length": 120,
        }),
        outputs: json!({ "answers": [
            {
                "question": boats,
                "answer": "yes",
                "confidence": 0.97,
                "reasoning": "Several trawlers come in between 0:41 and 1:58.",
                "skipped": false,
            },
            {
                "question": port,
                "answer": null,
                "confidence": 0,
                "reasoning": "Nobody names the port, and no sign shows it.",
                "skipped": true,
            },
        ] }),
    }
}

pub(super) fn summarize(job: &Job<'_>) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "language_code": "en",
            "output_language_code": "en",
            "tone": "neutral",
            "title_length": 60,
            "description_length": 200,
            "tag_count": 4,
            "output_steering": { "summary_style": "concise" },
            "update_asset_meta": false,
        }),
        outputs: json!({
            "title": "A harbour wakes",
            "description": "Boats come in after three days at sea, and their catch is sold before the town is up.",
            "tags": ["harbour", "fishing", "auction", "dawn"],
        }),
    }
}

pub(super) fn generate_engagement_insights(job: &Job<'_>) -> Work {
    Work {
        parameters: json!({ "asset_id": job.asset }),
        outputs: json!({
            "moment_insights": [
                {
                    "start_ms": 44_000,
                    "end_ms": 64_000,
                    "engagement_score": 0.89,
                    "insight": "Many go back to hear the skipper's story twice.",
                },
                {
                    "start_ms": 203_900,
                    "end_ms": 252_400,
                    "engagement_score": 0.31,
                    "insight": "Half of the viewers leave once the market has closed.",
                },
            ],
            "overall_insight": {
                "summary": "People hold the attention; empty quays lose it.",
                "trends": ["Interviews are watched twice", "Few stay for the last minute"],
            },
        }),
    }
}
