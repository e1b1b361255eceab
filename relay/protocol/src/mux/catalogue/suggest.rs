//! Did you mean …?

use std::iter;

use super::all;
use crate::mux::glob::Glob;

/// What the writer of `text`, a type or a glob, most likely meant: a type, or with its stars and question marks where
/// they were a glob that stands for some type. `None` when `text` stands for a type of the catalogue as it is, or is
/// like none of them.
///
/// A slip of one letter in four is forgiven, and so is a beginning left out (`asset.ready`). Of types equally
/// near, the one that the catalogue names first is taken.
#[must_use]
pub fn suggest(text: &str) -> Option<String> {
    let glob = Glob::parse(text).ok()?;
    if all().any(|event| glob.matches(event.name)) {
        return None;
    }
    let meant: Vec<char> = text.to_lowercase().chars().collect();
    let literal = meant.iter().filter(|char| !is_wild(**char)).count();
    let forgiven = if literal < 3 { 0 } else { (literal / 4).max(1) };
    let stars = meant.iter().filter(|char| **char == '*').count();
    let shortest = (meant.len() - stars).saturating_sub(forgiven);
    let longest = if stars > 0 { usize::MAX } else { meant.len() + forgiven };
    let (slips, name, end) = all()
        .flat_map(|event| ends(event.name).map(|end| (event.name, end)))
        .filter(|(_, end)| (shortest..=longest).contains(&end.len()))
        .map(|(name, end)| (Slips::between(&meant, end), name, end))
        .min_by_key(|(slips, ..)| slips.count())?;
    let beginning = &name[..name.len() - end.len()];
    (slips.count() <= forgiven).then(|| format!("{beginning}{}", slips.mended()))
}

fn is_wild(char: char) -> bool {
    matches!(char, '*' | '?')
}

/// A name, and what is left of it without its first parts.
fn ends(name: &str) -> impl Iterator<Item = &str> {
    iter::once(name).chain(name.match_indices('.').map(|(dot, _)| &name[dot + 1..]))
}

/// How a glob must be changed to stand for a name: by characters added, removed, replaced or swapped with their
/// neighbour (optimal string alignment).
struct Slips<'a> {
    from: &'a [char],
    to: Vec<char>,
    /// `least[i][j]`: how many for the first `i` of the glob to stand for the first `j` of the name.
    least: Vec<Vec<usize>>,
}

impl<'a> Slips<'a> {
    fn between(from: &'a [char], to: &str) -> Self {
        let to: Vec<char> = to.chars().collect();
        let mut slips = Self { from, least: vec![(0..=to.len()).collect()], to };
        for i in 1..=from.len() {
            slips.least.push(Vec::with_capacity(slips.to.len() + 1));
            for j in 0..=slips.to.len() {
                let least = slips.ways(i, j).map(|(count, ..)| count).min().unwrap_or(0);
                slips.least[i].push(least);
            }
        }
        slips
    }

    fn count(&self) -> usize {
        self.least[self.from.len()][self.to.len()]
    }

    /// From where, and at which count, the place `(i, j)` is reached.
    fn ways(&self, i: usize, j: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let (from, to) = (&self.from[..i], &self.to[..j]);
        let (wanted, char) = (from.last(), to.last());
        let star = wanted == Some(&'*');
        let same = star || wanted == Some(&'?') || wanted == char;
        let swapped = i > 1 && j > 1 && wanted == Some(&to[j - 2]) && char == Some(&from[i - 2]);
        let step = |allowed: bool, back: (usize, usize), cost: bool| {
            let (i, j) = (i.checked_sub(back.0)?, j.checked_sub(back.1)?);
            allowed.then(|| (self.least[i][j] + usize::from(cost), i, j))
        };
        // A star that takes one character more costs nothing and stays where it is.
        let ways = [
            step(true, (1, 1), !same),
            step(true, (0, 1), !star),
            step(true, (1, 0), !star),
            step(swapped, (2, 2), true),
        ];
        ways.into_iter().flatten()
    }

    /// The glob with its slips mended.
    fn mended(&self) -> String {
        let (mut i, mut j) = (self.from.len(), self.to.len());
        let mut backwards = String::new();
        while let Some((_, before_i, before_j)) = self.ways(i, j).min_by_key(|(count, ..)| *count) {
            match (&self.from[before_i..i], &self.to[before_j..j]) {
                ([wild], _) if *wild == '*' => backwards.push('*'),
                ([wild], [_]) if *wild == '?' => backwards.push('?'),
                ([], [_]) if i > 0 && self.from[i - 1] == '*' => {}
                (_, of_name) => backwards.extend(of_name.iter().rev()),
            }
            (i, j) = (before_i, before_j);
        }
        backwards.chars().rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Slips, all, suggest};
    use crate::mux::catalogue::find;
    use crate::mux::glob::Glob;

    fn between(from: &str, to: &str) -> usize {
        Slips::between(&from.chars().collect::<Vec<_>>(), to).count()
    }

    #[test]
    fn slips_are_recognised() {
        for (text, meant) in [
            ("video.aset.ready", "video.asset.ready"),
            ("video.asset.raedy", "video.asset.ready"),
            ("video.assets.ready", "video.asset.ready"),
            ("Video.Asset.Ready", "video.asset.ready"),
            ("video_asset_ready", "video.asset.ready"),
            ("asset.ready", "video.asset.ready"),
            ("aset.ready", "video.asset.ready"),
            ("ready", "video.asset.ready"),
            ("live_stream.actve", "video.live_stream.active"),
            ("video.livestream.active", "video.live_stream.active"),
            ("video.asset.static_rendition.preparing", "video.asset.static_renditions.preparing"),
            ("robot.job.summarise.completed", "robots.job.summarize.completed"),
        ] {
            assert_eq!(suggest(text).as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn a_glob_is_mended_to_a_glob() {
        for (text, meant) in [
            ("video.aset.*", "video.asset.*"),
            ("vidio.*", "video.*"),
            ("Video.*", "video.*"),
            ("*.redy", "*.ready"),
            ("*.aset.*", "*.asset.*"),
            ("video.asset.redy*", "video.asset.ready*"),
            ("video.aset.read?", "video.asset.read?"),
            ("video.livestream.*", "video.live_stream.*"),
            ("robot.job.*.completed", "robots.job.*.completed"),
            ("asset.*", "video.asset.*"),
            ("aset.track.*", "video.asset.track.*"),
        ] {
            let suggested = suggest(text).unwrap_or_default();
            assert_eq!(suggested, meant, "{text}");
            let glob = Glob::parse(&suggested).unwrap();
            assert!(all().any(|event| glob.matches(event.name)), "{suggested}");
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
    fn types_survive_the_loss_of_one_letter() {
        for (index, event) in all().enumerate().step_by(4) {
            let mut text = event.name.to_owned();
            text.remove(index % event.name.len());
            let meant = suggest(&text).unwrap_or_default();
            assert!(between(&text, &meant) <= 1 || find(&text).is_some(), "{text}: {meant}");
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
