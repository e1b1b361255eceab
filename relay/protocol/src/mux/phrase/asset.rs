//! Assets, what belongs to them and what makes them.

use serde_json::Value;

use super::subject::{Pieces, Subject, get, list, number, pixels, text, words};
use super::units::{count, size};

/// Most files that are named.
const MOST_FILES: usize = 4;

pub(super) fn asset(asset: &Subject<'_>) -> Pieces {
    if asset.is_of("master") {
        return vec![
            asset.trouble(),
            asset.status_at("master.status"),
            master_url(asset),
            asset.duration("duration"),
        ];
    } else if asset.is_of("static_renditions") {
        return vec![asset.trouble(), asset.status_at("static_renditions.status"), files(asset)];
    }
    vec![
        asset.trouble(),
        unusual(asset),
        asset.duration("duration"),
        picture(asset),
        asset.owned("resolution_tier"),
        count(asset.list("tracks").len(), "track"),
        policies(asset),
        asset.status(),
        origin(asset),
    ]
}

pub(super) fn warning(of: &Subject<'_>) -> Pieces {
    vec![of.warning(), of.status(), of.other("live stream", "live_stream_id")]
}

pub(super) fn track(track: &Subject<'_>) -> Pieces {
    vec![
        track.trouble(),
        track.text("text_type").or_else(|| track.text("type")).map(words),
        track.owned("language_code"),
        track.owned("name"),
        track.text("text_source").map(words),
        track.duration("duration"),
        pixels(track.data, "max_width", "max_height"),
        track.status(),
    ]
}

pub(super) fn static_rendition(file: &Subject<'_>) -> Pieces {
    vec![
        file.trouble(),
        file.owned("name").or_else(|| file.owned("resolution")),
        pixels(file.data, "width", "height"),
        number(file.data, "filesize").and_then(size),
        file.status(),
    ]
}

pub(super) fn upload(upload: &Subject<'_>) -> Pieces {
    let waits = upload.text("status") == Some("waiting");
    vec![
        upload.trouble(),
        upload.status(),
        upload.duration("timeout").filter(|_| waits).map(|time| format!("times out in {time}")),
        upload.other("asset", "asset_id"),
    ]
}

pub(super) fn high_traffic(traffic: &Subject<'_>) -> Pieces {
    let delivered = |asset: &Value| number(asset, "delivered_seconds").unwrap_or_default();
    let most = traffic.list("data").iter().max_by(|one, other| delivered(one).total_cmp(&delivered(other)));
    let most = most.map(|asset| Subject::new(traffic.event_type, asset));
    vec![
        count(traffic.list("data").len(), "asset"),
        most.as_ref()
            .and_then(|asset| asset.duration("delivered_seconds"))
            .map(|time| format!("{time} delivered")),
        most.as_ref().and_then(|asset| asset.other("asset", "asset_id")),
        number(traffic.data, "threshold")
            .filter(|threshold| *threshold < 1e12)
            .map(|threshold| format!("threshold {threshold}")),
    ]
}

/// Width and height of the video track, or the aspect ratio.
fn picture(asset: &Subject<'_>) -> Option<String> {
    let video = asset.list("tracks").iter().find(|track| text(track, "type") == Some("video"));
    video.and_then(|track| pixels(track, "max_width", "max_height")).or_else(|| asset.owned("aspect_ratio"))
}

/// Each policy once: `public, signed`.
fn policies(asset: &Subject<'_>) -> Option<String> {
    let mut policies: Vec<&str> = Vec::new();
    for policy in asset.list("playback_ids").iter().filter_map(|id| text(id, "policy")) {
        if !policies.contains(&policy) && policies.len() < MOST_FILES {
            policies.push(policy);
        }
    }
    (!policies.is_empty()).then(|| policies.join(", "))
}

/// What the asset was made from, as long as that is news.
fn origin(asset: &Subject<'_>) -> Option<String> {
    if !(asset.is("created") || asset.is("live_stream_completed")) {
        return None;
    }
    asset
        .other("live stream", "live_stream_id")
        .or_else(|| asset.other("upload", "upload_id"))
        .or_else(|| asset.other("clip of asset", "source_asset_id"))
}

/// The master file can be fetched. Its URL is signed: who has it, has the file.
fn master_url(asset: &Subject<'_>) -> Option<String> {
    let there = asset.text("master.url").is_some() && asset.text("master.status") != Some("errored");
    there.then(|| "URL good for 24h".to_owned())
}

/// `low.mp4 218 kB, high.mp4 1.2 MB`.
fn files(asset: &Subject<'_>) -> Option<String> {
    let files = list(asset.data, "static_renditions.files");
    let named = files.iter().filter_map(|file| {
        let name = text(file, "name")?;
        Some(number(file, "filesize").and_then(size).map_or(name.to_owned(), |size| format!("{name} {size}")))
    });
    let mut said: Vec<String> = named.take(MOST_FILES).collect();
    if !said.is_empty() && files.len() > MOST_FILES {
        said.push(format!("{} more", files.len() - MOST_FILES));
    }
    (!said.is_empty()).then(|| said.join(", "))
}

/// What makes the input unusual: `video codec hevc, video gop size high`.
fn unusual(asset: &Subject<'_>) -> Option<String> {
    if !asset.is("non_standard_input_detected") {
        return None;
    }
    let reasons = get(asset.data, "non_standard_input_reasons")?.as_object()?;
    let said: Vec<String> = reasons
        .iter()
        .take(MOST_FILES)
        .filter_map(|(reason, value)| Some(format!("{} {}", words(reason), value.as_str()?)))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}
