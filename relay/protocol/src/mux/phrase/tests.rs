mod hostile;

use serde_json::{Value, json};

use super::{Told, Tries, tell};

fn phrase(event_type: &str, data: &Value) -> Option<String> {
    tell(event_type, json!({"type": event_type, "data": data}).to_string().as_bytes()).phrase
}

#[track_caller]
fn says(event_type: &str, data: &Value, expected: &str) {
    assert_eq!(phrase(event_type, data).as_deref().unwrap_or_default(), expected, "{event_type} {data}");
}

/// The event that Mux's documentation shows.
fn ready() -> Value {
    json!({
        "tracks": [
            {"type": "video", "max_width": 1280, "max_height": 544, "max_frame_rate": 23.976, "duration": 153.361542},
            {"type": "audio", "max_channels": 2, "duration": 153.361497}
        ],
        "status": "ready", "max_stored_resolution": "SD", "duration": 153.361542, "aspect_ratio": "40:17",
        "id": "0201p02fGKPE7MrbC269XRD7LpcHhrmbu0002", "created_at": "2018-02-15T01:04:45.000Z"
    })
}

#[test]
fn assets() {
    says("video.asset.ready", &ready(), "2m33s · 1280×544 · 2 tracks");
    says(
        "video.asset.ready",
        &json!({
            "status": "ready", "resolution_tier": "720p", "duration": 12.4, "aspect_ratio": "16:9",
            "tracks": [{"type": "audio"}], "upload_id": "not-news",
            "playback_ids": [{"policy": "public"}, {"policy": "drm"}, {"policy": "public"}, {"id": 1}]
        }),
        "12s · 16:9 · 720p · 1 track · public, drm",
    );
    says(
        "video.asset.created",
        &json!({"status": "preparing", "playback_ids": [{"policy": "public", "id": "eSln"}], "mp4_support": "standard",
            "master_access": "none", "id": "8QNt", "created_at": 1_649_777_509}),
        "public · preparing",
    );
    let of_upload =
        json!({"status": "preparing", "upload_id": "HPL7WRiJV01jaMUC02PBLO8VLM3zigAqWYC3bhju8wd7s"});
    says("video.asset.created", &of_upload, "preparing · upload HPL7WRiJ…wd7s");
    says(
        "video.asset.live_stream_completed",
        &json!({"status": "ready", "duration": 3725.0, "live_stream_id": "short"}),
        "1h02m · ready · live stream short",
    );
    says("video.asset.deleted", &json!({"status": "ready", "duration": 4.25}), "4.2s");
    says(
        "video.asset.errored",
        &json!({"status": "errored", "errors": {"type": "invalid_input", "messages": ["The file is no video.", "2nd"]}}),
        "errored: The file is no video.",
    );
    says("video.asset.errored", &json!({"errors": {"type": "invalid_input"}}), "errored: invalid input");
    says(
        "video.asset.non_standard_input_detected",
        &json!({"non_standard_input_reasons": {"video_codec": "hevc", "video_gop_size": "high"}, "duration": 5}),
        "video codec hevc, video gop size high · 5s",
    );
}

#[test]
fn what_belongs_to_an_asset() {
    says(
        "video.asset.warning",
        &json!({"status": "ready", "live_stream_id": "live-1", "warning": {"type": "x", "message": "No slate."}}),
        "No slate. · ready · live stream live-1",
    );
    let master =
        json!({"status": "ready", "duration": 61, "master": {"status": "ready", "url": "https://m/x?s=1"}});
    says("video.asset.master.ready", &master, "URL good for 24h · 1m01s");
    says("video.asset.master.preparing", &json!({"master": {"status": "preparing"}}), "");
    says("video.asset.master.deleted", &json!({"status": "ready"}), "");
    says(
        "video.asset.static_renditions.ready",
        &json!({"static_renditions": {"status": "ready", "files": [
            {"name": "low.mp4", "filesize": 218_013, "width": 640, "height": 360, "ext": "mp4", "bitrate": 1},
            {"name": "medium.mp4", "filesize": "1500000"},
            {"name": "high.mp4"},
            {"name": "a.mp4"}, {"name": "b.mp4"}, {"name": "c.mp4"}
        ]}}),
        "low.mp4 218 kB, medium.mp4 1.5 MB, high.mp4, a.mp4, 2 more",
    );
    let file =
        json!({"name": "720p.mp4", "status": "ready", "filesize": 1_048_576, "width": 1280, "height": 720});
    says("video.asset.static_rendition.ready", &file, "720p.mp4 · 1280×720 · 1.0 MB");
    let file = json!({"resolution": "highest", "status": "preparing", "filesize": "218013"});
    says("video.asset.static_rendition.created", &file, "highest · 218 kB · preparing");
    says(
        "video.asset.static_rendition.errored",
        &json!({"name": "audio.m4a", "status": "errored", "error": {"messages": ["No audio"]}}),
        "errored: No audio · audio.m4a",
    );
    says(
        "video.asset.track.ready",
        &json!({"type": "text", "text_type": "subtitles", "text_source": "generated_vod", "status": "ready",
            "name": "English", "language_code": "en", "id": "i", "asset_id": "a"}),
        "subtitles · en · English · generated vod",
    );
    says(
        "video.asset.track.errored",
        &json!({"type": "audio", "status": "errored", "error": {"type": "t", "messages": ["Not found"]}}),
        "errored: Not found · audio",
    );
    says(
        "video.asset.shots.ready",
        &json!({"status": "completed", "shots_manifest_url": "https://x/y"}),
        "completed",
    );
    says(
        "video.asset.shots.errored",
        &json!({"status": "errored", "errors": {"messages": ["Oh"]}}),
        "errored: Oh",
    );
}

#[test]
fn uploads() {
    says(
        "video.upload.asset_created",
        &json!({"timeout": 3600, "test": true, "status": "asset_created", "cors_origin": "*", "id": "HPL7",
            "new_asset_settings": {"playback_policies": ["public"]},
            "asset_id": "MYPDwHNwvPG11AtxzY9Oz01MP4XPs01r83OGBIfnholk"}),
        "asset MYPDwHNw…holk",
    );
    let waiting = json!({"status": "waiting", "timeout": 3600, "url": "https://storage.example/signed?x=1"});
    says("video.upload.created", &waiting, "waiting · times out in 1h00m");
    says("video.upload.errored", &json!({"status": "timed_out", "timeout": 60}), "timed out");
    let errored = json!({"status": "errored", "error": {"type": "t", "message": "Gone"}});
    says("video.upload.errored", &errored, "errored: Gone");
}

#[test]
fn live_streams() {
    let live = json!({"status": "active", "latency_mode": "low", "reconnect_window": 60, "stream_key": "key-0815",
        "active_ingest_protocol": "srt", "active_asset_id": "as"});
    says("video.live_stream.active", &live, "low latency · srt · 1m00s to reconnect · asset as");
    says(
        "video.live_stream.disconnected",
        &live,
        "low latency · srt · active · goes idle in 1m00s unless it reconnects · asset as",
    );
    let idle = json!({"status": "idle", "latency_mode": "standard", "reconnect_window": 12.5});
    says("video.live_stream.idle", &idle, "standard latency");
    says("video.live_stream.created", &idle, "standard latency · idle · 13s to reconnect");
    let at_once = json!({"status": "active", "reconnect_window": 0});
    says("video.live_stream.disconnected", &at_once, "active · goes idle at once");
    let unknown = json!({"status": "active"});
    says("video.live_stream.disconnected", &unknown, "active · goes idle unless it reconnects in time");
    says(
        "video.live_stream.warning",
        &json!({"warning": {"type": "custom_slate_unavailable", "message":
            "Unable to download custom reconnect slate image from URL 'https://x.example/i.png?k=1' -- using black"},
            "stream_key": "key-0815", "status": "idle", "id": "i"}),
        "Unable to download custom reconnect slate image from URL 'https://x.example/…' -- using black · idle",
    );
    says(
        "video.live_stream.simulcast_target.errored",
        &json!({"url": "rtmp://a.rtmp.youtube.com/live2/abcd-1234", "stream_key": "abcd-1234", "status": "errored",
            "error_severity": "fatal", "live_stream_id": "ls"}),
        "a.rtmp.youtube.com · fatal error · live stream ls",
    );
    says(
        "video.space.updated",
        &json!({"status": "idle", "type": "server", "broadcasts": [{}]}),
        "idle · server · 1 broadcast",
    );
    says(
        "video.space.broadcast.created",
        &json!({"layout": "gallery", "resolution": "1920x1080", "status": "idle", "live_stream_id": "ls"}),
        "gallery · 1920x1080 · idle · live stream ls",
    );
}

#[test]
fn robots_and_traffic() {
    let job = json!({"id": "j", "workflow": "ask-questions", "status": "completed", "units_consumed": 12,
        "parameters": {"asset_id": "as"}, "outputs": {"answers": []}});
    let event_type = "robots.job.ask_questions.completed";
    says(event_type, &job, "ask-questions · 12 units · asset as");
    says(event_type, &json!({ (event_type): job }), "ask-questions · 12 units · asset as");
    says("robots.job.dream.completed", &json!({ (event_type): job }), "ask-questions · 12 units · asset as");
    says("robots.job.find_scenes.pending", &json!({"status": "pending", "units_consumed": 0}), "find-scenes");
    says(
        "robots.job.moderate.errored",
        &json!({"workflow": "moderate", "status": "errored", "units_consumed": 1,
            "errors": [{"type": "timeout", "message": "Took too long", "retryable": true}]}),
        "moderate · errored: Took too long · can be retried · 1 unit",
    );
    says(
        "robots.directive_run.partial",
        &json!({"created_at": 1, "directive_run": {"status": "partial", "asset_id": "as", "node_states": [
            {"status": "dispatched"}, {"status": "failed", "reason": "no_captions"}, {"status": "waiting_for_resources"}
        ]}}),
        "1 of 3 jobs started · 1 failure · no captions · asset as",
    );
    says(
        "video.delivery.high_traffic",
        &json!({"threshold": 50_000, "timeframe": [1, 2], "data": [
            {"asset_id": "cold", "delivered_seconds": 10}, {"asset_id": "hot", "delivered_seconds": 432_000.5}]}),
        "2 assets · 120h00m delivered · asset hot · threshold 50000",
    );
}

#[test]
fn a_type_that_is_new_tells_its_status_and_error() {
    says(
        "video.hologram.errored",
        &json!({"status": "idle", "errors": {"messages": ["Fog"]}}),
        "errored: Fog · idle",
    );
    says("video.asset.track.moved", &json!({"type": "audio", "status": "ready"}), "audio · ready");
    says("", &json!({"status": "ready"}), "ready");
}

#[test]
fn tries_are_counted() {
    let tries = |attempts: Value| tell("x", json!({ "attempts": attempts }).to_string().as_bytes()).tries;
    let first = json!({"webhook_id": 12345, "response_status_code": 400, "max_attempts": 30});
    let second = json!({"response_status_code": 500, "max_attempts": 30, "response_body": null});
    assert_eq!(
        tries(json!([first, second])),
        Some(Tries { number: 3, most: Some(30), last_status: Some(500) })
    );
    assert_eq!(tries(json!([{}])), Some(Tries { number: 2, most: None, last_status: None }));
    assert_eq!(
        tries(json!([{"max_attempts": -1, "response_status_code": 70_000}])),
        Some(Tries { number: 2, most: None, last_status: None })
    );
    for none in [json!([]), json!(null), json!([1]), json!({"0": {}}), json!("[{}]")] {
        assert_eq!(tries(none.clone()), None, "{none}");
    }
    assert_eq!(tell("x", b"{}"), Told::default());
}
