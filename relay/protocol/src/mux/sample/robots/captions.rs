//! Workflows that write or translate what is said.

use serde_json::json;

use super::{Job, Work, temporary};
use crate::mux::sample::draw::Draw;

pub(super) fn edit_captions(job: &Job<'_>, draw: &mut Draw) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "track_id": draw.mux_id(),
            "auto_censor_profanity": { "mode": "mask", "detection_method": "llm", "never_censor": ["dam"] },
            "replacements": [{ "find": "harbor", "replace": "harbour", "case_sensitive": false }],
            "track_name_suffix": "edited",
            "upload_to_mux": true,
            "delete_original_track": false,
        }),
        outputs: json!({
            "total_replacement_count": 7,
            "temporary_vtt_url": temporary(job, "edited.vtt"),
            "uploaded_track_id": draw.mux_id(),
        }),
    }
}

pub(super) fn generate_premium_captions(job: &Job<'_>, draw: &mut Draw) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "language_code": "en",
            "include_speakers": true,
            "phrases": ["Molo Vecchio", "trawler"],
            "replace_existing": true,
            "track_name": "English",
            "upload_to_mux": true,
        }),
        outputs: json!({
            "language_code": "en",
            "detected_language": "en",
            "auto_language_confidence": 0.98,
            "temporary_srt_url": temporary(job, "captions.srt"),
            "track_id": draw.mux_id(),
            "replaced_track_id": draw.mux_id(),
        }),
    }
}

pub(super) fn translate_captions(job: &Job<'_>, draw: &mut Draw) -> Work {
    Work {
        parameters: json!({
            "asset_id": job.asset,
            "track_id": draw.mux_id(),
            "to_language_code": "it",
            "never_translate": ["Molo Vecchio"],
            "upload_to_mux": true,
        }),
        outputs: json!({
            "never_translate_terms_preserved": true,
            "temporary_vtt_url": temporary(job, "captions-it.vtt"),
            "uploaded_track_id": draw.mux_id(),
        }),
    }
}

pub(super) fn translate_audio(job: &Job<'_>, draw: &mut Draw) -> Work {
    Work {
        parameters: json!({ "asset_id": job.asset, "to_language_code": "it", "upload_to_mux": true }),
        outputs: json!({
            "temporary_audio_url": temporary(job, "audio-it.m4a"),
            "uploaded_track_id": draw.mux_id(),
        }),
    }
}
