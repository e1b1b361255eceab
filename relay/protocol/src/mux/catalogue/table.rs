//! The facts of the catalogue.

use super::Schema::{
    Asset, AssetWarning, Broadcast, DirectiveRun, HighTraffic, LiveStream, LiveStreamWarning, RobotsJob,
    Shots, SimulcastTarget, Space, StaticRendition, Track, Upload,
};
use super::{EventType, Place, Schema};

/// A type's name, its step in the life, its meaning.
type Row = (&'static str, Option<u8>, &'static str);

/// The types of one schema and life. Those that can come at any time have no step.
const fn life<const N: usize>(life: &'static str, schema: Schema, rows: [Row; N]) -> [EventType; N] {
    let mut types = [EventType::of(schema, rows[0].0, None, rows[0].2); N];
    let mut nth = 0;
    while nth < N {
        let (name, step, meaning) = rows[nth];
        let place = match step {
            Some(step) => Some(Place { life, step }),
            None => None,
        };
        types[nth] = EventType::of(schema, name, place, meaning);
        nth += 1;
    }
    types
}

/// The five types of a workflow of Mux's robots.
macro_rules! job {
    ($workflow:literal, $does:literal) => {
        &life(
            "job",
            RobotsJob,
            [
                job!($workflow, ".pending", 0, $does, " waits to start"),
                job!($workflow, ".processing", 1, $does, " is running"),
                job!($workflow, ".completed", 2, $does, " is done"),
                job!($workflow, ".errored", 2, $does, " failed"),
                job!($workflow, ".cancelled", 2, $does, " was cancelled"),
            ],
        )
    };
    ($workflow:literal, $status:literal, $step:literal, $does:literal, $is:literal) => {
        (concat!("robots.job.", $workflow, $status), Some($step), concat!("A job to ", $does, $is))
    };
}

/// Every type, those of one family side by side and within it those of one group, each group in the order of life.
pub(super) static ALL: [EventType; 127] = join(GROUPS);

const fn join<const N: usize>(groups: &[&[EventType]]) -> [EventType; N] {
    let mut all = [groups[0][0]; N];
    let (mut group, mut nth, mut at) = (0, 0, 0);
    while group < groups.len() {
        while nth < groups[group].len() {
            all[at] = groups[group][nth];
            (nth, at) = (nth + 1, at + 1);
        }
        (group, nth) = (group + 1, 0);
    }
    all
}

// What has no step may come at any time. Master files, the renditions of `mp4_support` and shots can be asked for
// again once they are gone, under the same asset: no order of their types is wrong.
#[rustfmt::skip]
const GROUPS: &[&[EventType]] = &[
    &life("asset", Asset, [
        ("video.asset.created", Some(0), "An asset exists; its media is still being prepared"),
        ("video.asset.ready", Some(1), "The asset can be played"),
        ("video.asset.errored", Some(1), "The asset failed: its input could not be fetched or used"),
        ("video.asset.live_stream_completed", Some(1), "The live stream that this asset records has ended"),
        ("video.asset.deleted", Some(2), "The asset is gone and no longer plays"),
        ("video.asset.updated", None, "Something about the asset was changed"),
        ("video.asset.non_standard_input_detected", None, "The input is of an unusual kind and takes longer to prepare"),
    ]),
    &life("warning", AssetWarning, [
        ("video.asset.warning", None, "A live stream's recording met a problem that did not stop it"),
    ]),
    &life("track", Track, [
        ("video.asset.track.created", Some(0), "A track, such as subtitles, is being added to an asset"),
        ("video.asset.track.ready", Some(1), "The track is part of the stream now"),
        ("video.asset.track.errored", Some(1), "The track could not be made"),
        ("video.asset.track.skipped", Some(1), "The track was not made, since there is no audio to make it from"),
        ("video.asset.track.deleted", Some(2), "The track is gone"),
    ]),
    &life("static_rendition", StaticRendition, [
        ("video.asset.static_rendition.created", Some(0), "A file for download is being made from an asset"),
        ("video.asset.static_rendition.ready", Some(1), "The file can be downloaded"),
        ("video.asset.static_rendition.errored", Some(1), "The file could not be made"),
        ("video.asset.static_rendition.skipped", Some(1), "The file was not made, since it does not fit the asset"),
        ("video.asset.static_rendition.deleted", Some(2), "The file is gone"),
    ]),
    &life("static_renditions", Asset, [
        ("video.asset.static_renditions.preparing", None, "The MP4 files of mp4_support are being made"),
        ("video.asset.static_renditions.ready", None, "The MP4 files of mp4_support can be downloaded"),
        ("video.asset.static_renditions.errored", None, "The MP4 files of mp4_support could not be made"),
        ("video.asset.static_renditions.deleted", None, "The MP4 files of mp4_support are gone"),
    ]),
    &life("master", Asset, [
        ("video.asset.master.preparing", None, "The asset's master file is being made"),
        ("video.asset.master.ready", None, "The master file can be downloaded for 24 hours"),
        ("video.asset.master.errored", None, "The master file could not be made"),
        ("video.asset.master.deleted", None, "The master file is gone; it can be asked for again"),
    ]),
    &life("shots", Shots, [
        ("video.asset.shots.created", None, "The asset is being split into shots"),
        ("video.asset.shots.ready", None, "The list of shots can be fetched"),
        ("video.asset.shots.errored", None, "The shots could not be found"),
        ("video.asset.shots.skipped", None, "No shots were looked for"),
        ("video.asset.shots.deleted", None, "The list of shots is gone"),
    ]),
    &life("upload", Upload, [
        ("video.upload.created", Some(0), "A direct upload waits for its file"),
        ("video.upload.asset_created", Some(1), "The file has arrived and became an asset"),
        ("video.upload.cancelled", Some(1), "The upload was called off"),
        ("video.upload.errored", Some(2), "The upload, or the asset made of it, failed"),
    ]),
    &life("live_stream", LiveStream, [
        ("video.live_stream.created", Some(0), "A live stream exists; an encoder can be pointed at it"),
        ("video.live_stream.connected", Some(1), "An encoder has connected"),
        ("video.live_stream.recording", Some(1), "The first frames have been recorded"),
        ("video.live_stream.active", Some(1), "The stream is live and can be watched"),
        ("video.live_stream.disconnected", Some(1), "The encoder has gone; the stream stays active for a while"),
        ("video.live_stream.idle", Some(1), "The reconnect window has passed: the broadcast is over"),
        ("video.live_stream.enabled", Some(1), "The live stream accepts encoders again"),
        ("video.live_stream.disabled", Some(1), "The live stream refuses encoders"),
        ("video.live_stream.deleted", Some(2), "The live stream is gone"),
        ("video.live_stream.updated", None, "Something about the live stream was changed, perhaps its stream key"),
    ]),
    &life("warning", LiveStreamWarning, [
        ("video.live_stream.warning", None, "The live stream met a problem that does not stop it"),
    ]),
    &life("simulcast_target", SimulcastTarget, [
        ("video.live_stream.simulcast_target.created", Some(0), "A live stream is to be sent on to another service"),
        ("video.live_stream.simulcast_target.starting", Some(1), "Mux is connecting to the other service"),
        ("video.live_stream.simulcast_target.broadcasting", Some(1), "The other service receives the stream"),
        ("video.live_stream.simulcast_target.errored", Some(1), "The other service cannot be reached; Mux may try again"),
        ("video.live_stream.simulcast_target.idle", Some(1), "Nothing is sent on, since the stream is not live"),
        ("video.live_stream.simulcast_target.deleted", Some(2), "The stream is no longer to be sent on"),
        ("video.live_stream.simulcast_target.updated", None, "Something about the target was changed"),
    ]),
    &life("delivery", HighTraffic, [
        ("video.delivery.high_traffic", None, "Assets are watched more than the threshold that was set"),
    ]),
    &life("directive_run", DirectiveRun, [
        ("robots.directive_run.created", Some(0), "A directive has begun to run on an asset"),
        ("robots.directive_run.completed", Some(1), "The directive has run"),
        ("robots.directive_run.partial", Some(1), "The directive has run, but not all of its jobs"),
        ("robots.directive_run.errored", Some(1), "The directive could not run"),
    ]),
    job!("ask_questions", "answer questions about an asset"),
    job!("edit_captions", "edit captions"),
    job!("find_best_thumbnails", "pick the best thumbnails"),
    job!("find_key_moments", "find the key moments"),
    job!("find_scenes", "find the scenes"),
    job!("generate_chapters", "write chapters"),
    job!("generate_engagement_insights", "explain how viewers engage"),
    job!("generate_premium_captions", "write premium captions"),
    job!("moderate", "check for unwanted content"),
    job!("summarize", "summarise an asset"),
    job!("translate_audio", "translate the audio"),
    job!("translate_captions", "translate captions"),
    &life("space", Space, [
        ("video.space.created", Some(0), "A space for live video exists"),
        ("video.space.active", Some(1), "Somebody is in the space"),
        ("video.space.idle", Some(1), "Nobody is in the space any more"),
        ("video.space.deleted", Some(2), "The space is gone"),
        ("video.space.updated", None, "Something about the space was changed"),
    ]),
    &life("broadcast", Broadcast, [
        ("video.space.broadcast.created", Some(0), "A space has a broadcast"),
        ("video.space.broadcast.active", Some(1), "The space is being broadcast"),
        ("video.space.broadcast.idle", Some(1), "The space is not being broadcast"),
        ("video.space.broadcast.deleted", Some(2), "The broadcast is gone"),
    ]),
];
