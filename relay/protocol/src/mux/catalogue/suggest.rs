//! Did you mean …?

use super::all;
use crate::mux::glob::Glob;

/// The type that the writer of `text`, a type or a glob, most likely meant; `None` when `text` stands for some type
/// of the catalogue as it is, or is like none of them.
///
/// A slip of one letter in four is forgiven, and so is a beginning left out (`asset.ready`). Of types equally
/// near, the one that the catalogue names first is taken.
#[must_use]
pub fn suggest(text: &str) -> Option<&'static str> {
    let glob = Glob::parse(text).ok()?;
    if all().any(|event| glob.matches(event.name)) {
        return None;
    }
    let meant: Vec<char> = text.to_lowercase().chars().collect();
    let literal = meant.iter().filter(|char| !matches!(char, '*' | '?')).count();
    let forgiven = if literal < 3 { 0 } else { (literal / 4).max(1) };
    let (distance, name) = all()
        .map(|event| (distance_to_any_end(&meant, event.name), event.name))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= forgiven).then_some(name)
}

/// How far `meant` is from `name`, or from `name` without its first parts.
fn distance_to_any_end(meant: &[char], name: &str) -> usize {
    let ends = name.match_indices('.').map(|(dot, _)| distance(meant, &name[dot + 1..]));
    ends.chain([distance(meant, name)]).min().unwrap_or(usize::MAX)
}

/// How many characters must be added, removed, replaced or swapped with their neighbour (optimal string alignment)
/// for the glob `from` to stand for `to`.
fn distance(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, &wanted) in from.iter().enumerate() {
        let star = wanted == '*';
        let mut row = vec![last[0] + usize::from(!star)];
        for (j, &char) in to.iter().enumerate() {
            let same = wanted == char || wanted == '?' || star;
            let mut least = (last[j] + usize::from(!same))
                .min(last[j + 1] + usize::from(!star))
                .min(row[j] + usize::from(!star));
            if i > 0 && j > 0 && wanted == to[j - 1] && from[i - 1] == char {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        (before, last) = (last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{all, distance, suggest};
    use crate::mux::catalogue::find;

    fn between(from: &str, to: &str) -> usize {
        distance(&from.chars().collect::<Vec<_>>(), to)
    }

    #[test]
    fn slips_are_recognised() {
        for (text, meant) in [
            ("video.aset.ready", "video.asset.ready"),
            ("video.asset.raedy", "video.asset.ready"),
            ("video.assets.ready", "video.asset.ready"),
            ("Video.Asset.Ready", "video.asset.ready"),
            ("video_asset_ready", "video.asset.ready"),
            ("video.asset.redy*", "video.asset.ready"),
            ("video.aset.*", "video.asset.created"),
            ("vidio.*", "video.asset.created"),
            ("*.redy", "video.asset.ready"),
            ("asset.ready", "video.asset.ready"),
            ("aset.ready", "video.asset.ready"),
            ("ready", "video.asset.ready"),
            ("live_stream.actve", "video.live_stream.active"),
            ("video.livestream.active", "video.live_stream.active"),
            ("video.asset.static_rendition.preparing", "video.asset.static_renditions.preparing"),
            ("robot.job.summarise.completed", "robots.job.summarize.completed"),
        ] {
            assert_eq!(suggest(text), Some(meant), "{text}");
        }
    }

    #[test]
    fn what_is_like_nothing_is_left_alone() {
        for text in ["order.paid", "x", "x*", "??", "zzz", "payment_intent.succeeded", "", "a,b", "video"] {
            assert_eq!(suggest(text), None, "{text}");
        }
    }

    #[test]
    fn what_matches_needs_no_suggestion() {
        for text in ["video.asset.ready", "video.*", "*", "*.read?"] {
            assert_eq!(suggest(text), None, "{text}");
        }
    }

    #[test]
    fn every_type_survives_the_loss_of_one_letter() {
        for (index, event) in all().enumerate() {
            let mut text = event.name.to_owned();
            text.remove(index % event.name.len());
            let meant = suggest(&text).unwrap_or("nothing");
            assert!(between(&text, meant) <= 1 || find(&text).is_some(), "{text}: {meant}");
        }
    }

    #[test]
    fn the_distance_counts_slips() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "axc", 1),
            ("abc", "acb", 1),
            ("abc", "ac", 1),
            ("kitten", "sitting", 3),
            ("a*c", "abbbc", 0),
            ("a*d", "abbbc", 1),
            ("*", "abc", 0),
            ("a?c", "abc", 0),
            ("a?", "a", 1),
        ] {
            assert_eq!(between(from, to), expected, "{from} {to}");
        }
    }
}
