//! `data` of the events about an asset's shots: pictures of where its scenes change.

use serde_json::{Value, json};

use super::asset::Asset;

/// `data` of `video.asset.shots.<moment>`.
pub(super) fn of(asset: &Asset, moment: &str) -> Value {
    match moment {
        "created" => json!({ "status": "pending" }),
        "ready" => {
            let url = format!("https://shots.mux.com/{}/manifest.json", asset.id);
            json!({ "status": "completed", "shots_manifest_url": url })
        }
        "errored" => {
            let message = "The picture could not be cut into shots.";
            json!({ "status": "errored", "errors": { "type": "internal_error", "messages": [message] } })
        }
        _ => json!({ "status": moment }),
    }
}
