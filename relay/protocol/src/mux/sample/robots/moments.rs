//! Workflows that cut the film into parts.

use serde_json::{Value, json};

use super::{Job, Work};
use crate::mux::sample::draw::Draw;

pub(super) fn generate_chapters(job: &Job<'_>, draw: &mut Draw) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "language_code": "en",
            "output_steering": { "chapter_granularity": "balanced", "chapter_style": "descriptive" },
            "update_asset_chapters": true,
        }),
        outputs: json!({
            "chapters": [
                { "start_time": 0, "title": "Before the first light" },
                { "start_time": 41.5, "title": "The boats come in" },
                { "start_time": 118.2, "title": "At the fish market" },
                { "start_time": 203.9, "title": "The quay falls quiet" },
            ],
            "asset_update": { "status": "created", "track_id": draw.mux_id() },
        }),
    }
}

pub(super) fn find_key_moments(job: &Job<'_>) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "max_moments": 2,
            "target_duration_ms": { "min": 10_000, "max": 30_000 },
            "output_steering": {
                "selection_strategy": "story_beats",
                "rubric_priorities": ["emotional_intensity", "clarity_in_isolation"],
                "title_style": "punchy",
            },
            "use_shots": true,
        }),
        outputs: json!({ "moments": [
            {
                "start_ms": 44_200,
                "end_ms": 63_800,
                "overall_score": 0.91,
                "title": "Three days at sea",
                "audible_narrative": "A skipper tells how the storm kept him out two nights longer than planned.",
                "visual_narrative": "A trawler ties up while its crew hands crates ashore.",
                "cues": [
                    cue(44_200, 51_600, "We meant to be back on Tuesday."),
                    cue(52_100, 63_800, "Then the wind turned, and nobody slept."),
                ],
                "notable_audible_concepts": ["storm", "waiting"],
                "notable_visual_concepts": [concept("trawler", 0.94, "It fills the frame as it arrives.")],
                "quotable_segment": { "start_ms": 52_100, "text": "Then the wind turned, and nobody slept." },
            },
            {
                "start_ms": 140_300,
                "end_ms": 158_900,
                "overall_score": 0.83,
                "title": "Sold in eleven seconds",
                "audible_narrative": "The auctioneer calls prices faster than they can be followed.",
                "cues": [cue(140_300, 158_900, "Twelve, twelve, thirteen, gone!")],
                "notable_audible_concepts": ["auction"],
            },
        ] }),
    }
}

pub(super) fn find_scenes(job: &Job<'_>) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "language_code": "en",
            "min_scenes": 2,
            "min_scene_duration_ms": 20_000,
            "output_steering": { "segmentation_strategy": "visual_transitions", "narration_detail": "concise" },
        }),
        outputs: json!({ "scenes": [
            {
                "start_ms": 0,
                "end_ms": 118_200,
                "title": "The boats come in",
                "shot_count": 2,
                "shots": [
                    shot(0, 41_500, "Lamps on a dark quay."),
                    shot(41_500, 118_200, "Boats pass the breakwater one by one."),
                ],
                "cues": [cue(44_200, 51_600, "We meant to be back on Tuesday.")],
                "audible_narrative": "A skipper tells of a storm.",
                "visual_narrative": "Night turns to grey morning over the harbour.",
                "notable_visual_concepts": [concept("breakwater", 0.88, "Every boat passes it.")],
            },
            {
                "start_ms": 118_200,
                "end_ms": 252_400,
                "title": "At the fish market",
                "shot_count": 1,
                "shots": [shot(118_200, 252_400, "Buyers crowd round crates of ice.")],
                "cues": [cue(140_300, 158_900, "Twelve, twelve, thirteen, gone!")],
                "blended_narrative": "The catch is sold while the quay empties.",
                "notable_audible_concepts": ["auction"],
            },
        ] }),
    }
}

fn cue(start_ms: u32, end_ms: u32, text: &str) -> Value {
    json!({ "start_ms": start_ms, "end_ms": end_ms, "text": text })
}

fn shot(start_ms: u32, end_ms: u32, description: &str) -> Value {
    json!({ "start_ms": start_ms, "end_ms": end_ms, "visual_description": description })
}

fn concept(concept: &str, score: f64, rationale: &str) -> Value {
    json!({ "concept": concept, "score": score, "rationale": rationale })
}
