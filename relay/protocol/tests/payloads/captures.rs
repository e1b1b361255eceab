//! Events that Mux really sent, as people published them (ids altered or filled in where they were cut short).
//! What the tables refuse in them is what Mux has added since.

use serde_json::{Value, json};

use super::checker::check;

const ASSET: &str = "8QNtZpXk2mWv5rLd9sGh3cBy7nTf4jKq6wEu1aPx0iRo";

fn event(event_type: &str, object: Value, created_at: &str, data: Value, attempts: Value) -> Value {
    json!({
        "type": event_type, "request_id": null, "object": object,
        "id": "a58b4ba9-284d-40e5-aa2e-8b557ca875d0",
        "environment": {"name": "Production", "id": "nf29e9"},
        "data": data, "created_at": created_at, "attempts": attempts,
        "accessor_source": null, "accessor": null
    })
}

#[test]
fn an_asset_s_second_delivery_in_2022_lacks_only_newer_fields() {
    let attempt = json!({
        "webhook_id": 12345, "response_status_code": 400,
        "response_headers": {"date": "Tue,12Apr202215:31:51GMT", "content-length": "13"},
        "response_body": "Badrequest", "max_attempts": 30,
        "id": "995f1e26-5164-40f9-8b74-972d8aaab5c7", "created_at": "2022-04-12T15:31:51.000000Z",
        "address": "https://example.com/mux-example-endpoint"
    });
    let data = json!({
        "status": "preparing", "playback_ids": [{"policy": "public", "id": ASSET}],
        "mp4_support": "standard", "master_access": "none", "id": ASSET, "created_at": 1_649_777_509
    });
    let object = json!({"type": "asset", "id": ASSET});
    let event = event("video.asset.created", object, "2022-04-12T15:31:50.000000Z", data, json!([attempt]));
    let newer = ["data.encoding_tier", "data.max_resolution_tier", "data.progress"];
    assert_eq!(check(&event), newer.map(|field| format!("{field} is missing")));
}

#[test]
fn an_upload_of_2021_passes() {
    let event = r#"{"type":"video.upload.asset_created","request_id":null,"object":{"type":"upload","id":"HPL7WRiJV01jaMUC02PBLO8VLM3zigAqWYC3bhju8wd7s"},"id":"fe518ca9-6845-4685-9f3b-d44d62462c14","environment":{"name":"Development","id":"km8j7v"},"data":{"timeout":3600,"test":true,"status":"asset_created","new_asset_settings":{"playback_policies":["public"]},"id":"HPL7WRiJV01jaMUC02PBLO8VLM3zigAqWYC3bhju8wd7s","cors_origin":"*","asset_id":"MYPDwHNwvPG11AtxzY9Oz01MP4XPs01r83OGBIfnholuk"},"created_at":"2021-06-10T04:02:13.000000Z","attempts":[],"accessor_source":null,"accessor":null}"#;
    assert_eq!(check(&serde_json::from_str(event).unwrap()), [""; 0]);
}

/// Its keys are captured, most values are not.
#[test]
fn an_asset_that_became_ready_in_2024_lacks_only_newer_fields() {
    let data = json!({
        "upload_id": "u1", "status": "ready", "resolution_tier": "1080p", "passthrough": "p",
        "tracks": [
            {"type": "video", "max_width": 1920, "max_height": 1080, "max_frame_rate": 29.97, "id": "t1", "duration": 10.5},
            {"type": "audio", "status": "ready", "primary": true, "name": "Default", "max_channels": 2, "language_code": "und", "id": "t2"}
        ],
        "playback_ids": [{"policy": "public", "id": "p1"}],
        "non_standard_input_reasons": {"video_codec": "hevc"}, "mp4_support": "none",
        "max_stored_resolution": "HD", "max_stored_frame_rate": 29.97, "max_resolution_tier": "1080p",
        "master_access": "none", "ingest_type": "on_demand_direct_upload", "id": ASSET,
        "encoding_tier": "smart", "duration": 10.5, "created_at": 1_718_058_151, "aspect_ratio": "16:9"
    });
    let attempt = json!({
        "webhook_id": 44699, "response_status_code": 403, "response_headers": {"server": "x"},
        "response_body": "Forbidden", "max_attempts": 30
    });
    let object = json!({"type": "asset", "id": ASSET});
    let event = event("video.asset.ready", object, "2024-06-10T22:22:41.488000Z", data, json!([attempt]));
    assert_eq!(check(&event), ["data.progress is missing"]);
}

#[test]
fn a_text_track_of_2023_passes() {
    let data = json!({
        "type": "text", "text_type": "subtitles", "text_source": "generated_vod", "status": "ready",
        "name": "English", "language_code": "en", "id": "t1", "asset_id": ASSET
    });
    let object = json!({"type": "track", "id": "t1"});
    let event = event("video.asset.track.ready", object, "2023-12-01T00:00:00.000000Z", data, json!([]));
    assert_eq!(check(&event), [""; 0]);
}

/// Of the event no more than this part is captured, and of the other two files only their names.
#[test]
fn static_renditions_of_2022_pass() {
    let file = |name| json!({"width": 640, "name": name, "height": 360, "filesize": 218_013, "ext": "mp4", "bitrate": 500_000});
    let data = json!({
        "id": ASSET, "status": "ready", "created_at": 1_649_777_509, "encoding_tier": "smart",
        "master_access": "none", "max_resolution_tier": "1080p", "progress": {"state": "completed", "progress": 100},
        "static_renditions": {"status": "ready", "files": [file("low.mp4"), file("medium.mp4"), file("high.mp4")]}
    });
    let object = json!({"type": "asset", "id": ASSET});
    let event =
        event("video.asset.static_renditions.ready", object, "2022-04-12T15:31:50.000000Z", data, json!([]));
    assert_eq!(check(&event), [""; 0]);
}

/// Its keys are captured, and that `filesize` is a number.
#[test]
fn a_static_rendition_of_2025_passes() {
    let data = json!({
        "width": 1280, "type": "standard", "status": "ready", "resolution_tier": "720p", "resolution": "720p",
        "name": "720p.mp4", "id": "r1", "height": 720, "filesize": 218_013, "ext": "mp4", "bitrate": 500_000,
        "asset_id": ASSET
    });
    let object = json!({"type": "static_rendition", "id": "r1"});
    let event =
        event("video.asset.static_rendition.ready", object, "2025-07-01T00:00:00.000000Z", data, json!([]));
    assert_eq!(check(&event), [""; 0]);
}

#[test]
fn the_warning_of_a_live_stream_passes() {
    let data = json!({
        "warning": {
            "type": "custom_slate_unavailable",
            "message": "Unable to download custom reconnect slate image from URL 'https://example.com/s.png' -- using black frames for slate if needed."
        },
        "stream_key": "k1", "status": "idle", "id": "l1"
    });
    let object = json!({"type": "live", "id": "l1"});
    let event = event("video.live_stream.warning", object, "2024-06-10T22:22:41.488000Z", data, json!([]));
    assert_eq!(check(&event), [""; 0]);
}
