//! `data` of the events about what viewers are sent.

use serde_json::{Value, json};

use super::asset::{Asset, PASSTHROUGH};

/// `data` of `video.delivery.high_traffic`: assets that were watched for more than a threshold of seconds in an
/// hour up to `until` (seconds since the Unix epoch).
pub(super) fn high_traffic(id: &str, asset: &Asset, until: u64) -> Value {
    json!({
        "id": id,
        "threshold": 50_000,
        "timeframe": [until.saturating_sub(3600), until],
        "data": [{
            "asset_id": asset.id,
            "asset_duration": asset.duration,
            "asset_encoding_tier": "smart",
            "asset_video_quality": "plus",
            "asset_resolution_tier": "1080p",
            "asset_state": "ready",
            "created_at": asset.made,
            "passthrough": PASSTHROUGH,
            "delivered_seconds": 81_340.5,
            "delivered_seconds_by_resolution": { "tier_1080p": 61_200.25, "tier_720p": 20_140.25 },
        }],
    })
}
