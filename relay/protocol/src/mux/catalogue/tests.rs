use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{EventType, Place, Schema, all, find, groups, schema};

/// Every type Mux is known to send or to have sent, by group.
const KNOWN: &[(&str, &str)] = &[
    (
        "video.asset",
        "created deleted errored live_stream_completed non_standard_input_detected ready updated warning",
    ),
    ("video.asset.master", "deleted errored preparing ready"),
    ("video.asset.shots", "created deleted errored ready skipped"),
    ("video.asset.static_rendition", "created deleted errored ready skipped"),
    ("video.asset.static_renditions", "deleted errored preparing ready"),
    ("video.asset.track", "created deleted errored ready skipped"),
    ("video.upload", "asset_created cancelled created errored"),
    (
        "video.live_stream",
        "active connected created deleted disabled disconnected enabled idle recording updated warning",
    ),
    ("video.live_stream.simulcast_target", "broadcasting created deleted errored idle starting updated"),
    ("video.delivery", "high_traffic"),
    ("robots.directive_run", "completed created errored partial"),
    ("robots.job.ask_questions", JOB),
    ("robots.job.edit_captions", JOB),
    ("robots.job.find_best_thumbnails", JOB),
    ("robots.job.find_key_moments", JOB),
    ("robots.job.find_scenes", JOB),
    ("robots.job.generate_chapters", JOB),
    ("robots.job.generate_engagement_insights", JOB),
    ("robots.job.generate_premium_captions", JOB),
    ("robots.job.moderate", JOB),
    ("robots.job.summarize", JOB),
    ("robots.job.translate_audio", JOB),
    ("robots.job.translate_captions", JOB),
    ("video.space", "active created deleted idle updated"),
    ("video.space.broadcast", "active created deleted idle"),
];

const JOB: &str = "cancelled completed errored pending processing";

fn place(name: &str) -> Option<Place> {
    find(name).unwrap().place
}

#[test]
fn the_table_holds_what_is_known_and_nothing_else() {
    let known: BTreeSet<String> = KNOWN
        .iter()
        .flat_map(|(group, ends)| ends.split(' ').map(move |end| format!("{group}.{end}")))
        .collect();
    let table: BTreeSet<String> = all().map(|event| event.name.to_owned()).collect();
    assert_eq!(table, known);
    assert_eq!((all().len(), table.len()), (127, 127));
}

#[test]
fn every_name_has_three_to_five_plain_parts() {
    for event in all() {
        let parts: Vec<_> = event.name.split('.').collect();
        let plain = |part: &&str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        assert!((3..=5).contains(&parts.len()) && parts.iter().all(plain), "{}", event.name);
    }
}

#[test]
fn every_family_stands_in_one_place() {
    let families: Vec<_> = all().map(EventType::family).collect();
    let names: Vec<_> = families.chunk_by(|one, next| one == next).map(|same| same[0]).collect();
    assert_eq!(
        names,
        [
            "video.asset",
            "video.upload",
            "video.live_stream",
            "video.delivery",
            "robots.directive_run",
            "robots.job",
            "video.space"
        ]
    );
}

#[test]
fn every_group_stands_once_and_whole_and_in_the_order_of_life() {
    let names: Vec<_> = groups().map(|(group, _)| group).collect();
    let known: HashSet<_> = KNOWN.iter().map(|(group, _)| *group).collect();
    assert_eq!((names.len(), names.iter().copied().collect()), (known.len(), known));
    assert_eq!(groups().flat_map(|(_, types)| types).collect::<Vec<_>>(), all().collect::<Vec<_>>());
    for (group, types) in groups() {
        let steps: Vec<_> =
            types.iter().map(|event| event.place.map_or(u8::MAX, |place| place.step)).collect();
        assert!(steps.is_sorted(), "{group}: {steps:?}");
    }
}

#[test]
fn every_life_has_its_steps_from_0_without_a_gap_and_more_than_one() {
    let mut lives: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
    for Place { life, step } in all().filter_map(|event| event.place) {
        lives.entry(life).or_default().insert(step);
    }
    for (life, steps) in &lives {
        assert!(steps.len() > 1, "{life} orders nothing");
        assert!(steps.iter().copied().eq(0..steps.len() as u8), "{life}: {steps:?}");
    }
    let names: Vec<_> = lives.keys().copied().collect();
    assert_eq!(
        names,
        [
            "asset",
            "broadcast",
            "directive_run",
            "job",
            "live_stream",
            "simulcast_target",
            "space",
            "static_rendition",
            "track",
            "upload"
        ]
    );
}

#[test]
fn lives_go_the_way_that_mux_s_objects_go() {
    for way in [
        &["video.asset.created", "video.asset.ready", "video.asset.deleted"][..],
        &["video.upload.created", "video.upload.asset_created", "video.upload.errored"],
        &["video.live_stream.created", "video.live_stream.idle", "video.live_stream.deleted"],
        &["video.asset.static_rendition.created", "video.asset.static_rendition.skipped"],
        &["robots.job.moderate.pending", "robots.job.moderate.processing", "robots.job.moderate.cancelled"],
    ] {
        let places: Vec<_> = way.iter().map(|name| place(name).unwrap()).collect();
        assert!(
            places.windows(2).all(|two| two[0].life == two[1].life && two[0].step < two[1].step),
            "{way:?}"
        );
    }
    assert_eq!(place("video.live_stream.active"), place("video.live_stream.idle"));
    // A recording too short to play before its stream has ended becomes ready afterwards.
    assert_eq!(place("video.asset.ready"), place("video.asset.live_stream_completed"));
    for free in ["video.asset.updated", "video.live_stream.warning", "video.asset.master.ready"] {
        assert_eq!(place(free), None, "{free}");
    }
}

#[test]
fn every_meaning_is_short_plain_and_its_own() {
    let mut met = HashSet::new();
    for EventType { name, meaning, .. } in all() {
        assert!((10..=90).contains(&meaning.chars().count()), "{name}: {meaning}");
        assert!(meaning.starts_with(|first: char| first.is_uppercase()), "{name}: {meaning}");
        assert!(!meaning.ends_with(['.', ' ', '!']) && meaning.is_ascii(), "{name}: {meaning}");
        assert!(met.insert(meaning), "{name}: {meaning} stands twice");
    }
}

#[test]
fn a_guess_agrees_with_what_was_seen() {
    for event in all() {
        assert!(event.object.is_none_or(|seen| seen == event.object_type()), "{}", event.name);
        assert_eq!(event.legacy, event.name.starts_with("video.space."), "{}", event.name);
    }
    let object = |name| (find(name).unwrap().object, find(name).unwrap().object_type());
    assert_eq!(object("video.live_stream.active"), (Some("live"), "live"));
    assert_eq!(object("video.asset.static_rendition.ready"), (None, "static_rendition"));
    assert_eq!(object("video.space.broadcast.idle"), (None, "space_broadcast"));
}

#[test]
fn types_are_found_by_their_whole_name() {
    assert_eq!(find("video.asset.track.ready").unwrap().object, Some("track"));
    assert_eq!(find("video.asset.ready").unwrap().family(), "video.asset");
    assert_eq!(find("video.asset.track.ready").unwrap().group(), "video.asset.track");
    assert_eq!(find("video.asset"), None);
    assert_eq!(find("Video.asset.ready"), None);
}

#[test]
fn a_new_type_has_the_schema_of_its_group() {
    for (name, expected) in [
        ("video.asset.ready", Some(Schema::Asset)),
        ("video.asset.warning", Some(Schema::AssetWarning)),
        ("video.asset.track.moved", Some(Schema::Track)),
        ("robots.job.dream.completed", Some(Schema::RobotsJob)),
        ("video.hologram.ready", None),
        ("video.asset", None),
        ("", None),
    ] {
        assert_eq!(schema(name), expected, "{name}");
    }
}
