//! One row of a terminal, filled from left to right.

use unicode_width::UnicodeWidthStr;

use crate::printer::escape::escape;
use crate::printer::human::units;
use crate::printer::style::Style;

/// From so many columns on there is room for everything.
const WIDE: usize = 100;

/// Fewest columns that are worth a part of a text.
const LEAST: usize = 8;

/// Stands between the parts of a phrase.
const SEPARATOR: &str = " · ";

/// How many columns a line has, and how many its cells usually take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    /// `None`: as many as it takes; the line goes to no terminal.
    all: Option<usize>,
    /// Those of most types.
    pub(crate) event_type: usize,
    /// Those of most objects.
    pub(crate) object: usize,
    /// There is room for everything.
    pub(crate) wide: bool,
}

impl Columns {
    pub(crate) fn of(all: Option<usize>) -> Self {
        match all {
            Some(few) if few < WIDE => Self { all, event_type: 20, object: 9, wide: false },
            _ => Self { all, event_type: 26, object: 20, wide: true },
        }
    }
}

/// A line in the making.
pub(crate) struct Cells {
    text: String,
    style: Style,
    faint: bool,
    /// Columns that are left.
    left: usize,
    /// Spaces that stand before the next cell, if there is one.
    gap: usize,
}

impl Cells {
    pub(crate) fn begin(style: Style, columns: Columns, faint: bool) -> Self {
        let left = columns.all.unwrap_or(usize::MAX);
        Self { text: String::with_capacity(256), style, faint, left, gap: 0 }
    }

    /// What is laid out already and takes `columns`.
    pub(crate) fn raw(&mut self, text: &str, columns: usize) {
        self.text.push_str(text);
        self.left = self.left.saturating_sub(columns);
    }

    /// A cell of at least `columns`, in its colours, cut to what is left; none for an empty text, or when hardly
    /// anything is left.
    pub(crate) fn push(&mut self, text: &str, columns: usize, paint: impl Fn(Style, &str) -> String) {
        if text.is_empty() {
            self.gap += if columns > 0 { columns + 2 } else { 0 };
            return;
        }
        let room = self.left.saturating_sub(self.gap);
        if room < text.width().min(LEAST) {
            return;
        }
        let text = units::clip(text, room, ellipsis(self.style));
        self.text.extend(std::iter::repeat_n(' ', self.gap));
        let painted = if self.faint { self.style.dim(&text).to_string() } else { paint(self.style, &text) };
        self.text.push_str(&painted);
        self.left -= self.gap + text.width();
        self.gap = units::gap(&text, columns) + 2;
    }

    /// Whether there is room for all of these.
    pub(crate) fn hold(&self, texts: &[&str]) -> bool {
        self.left >= (self.gap + columns_of(texts)).saturating_sub(2)
    }

    /// As much of a phrase as leaves room for the cells that follow.
    pub(crate) fn fit(&mut self, phrase: &str, rest: &[&str]) {
        let room = self.left.saturating_sub(self.gap + columns_of(rest));
        if room >= phrase.width().min(LEAST) {
            let text = whole_parts(phrase, room, self.style);
            self.push(&text, 0, |_, text| text.to_owned());
        }
    }

    pub(crate) fn end(mut self, out: &mut Vec<u8>) {
        self.text.push('\n');
        out.extend_from_slice(self.text.as_bytes());
    }
}

/// What these take, each with the space that parts it from another.
fn columns_of(texts: &[&str]) -> usize {
    texts.iter().filter(|text| !text.is_empty()).map(|text| text.width() + 2).sum()
}

/// A phrase from outside, made harmless; what muxhook itself puts into it, in ASCII where need be.
pub(crate) fn phrase(untrusted: &str, style: Style) -> String {
    let safe = escape(untrusted);
    if style.unicode {
        return safe.into_owned();
    }
    safe.replace(SEPARATOR, ", ").replace('×', "x").replace('…', "...")
}

fn ellipsis(style: Style) -> &'static str {
    style.sign("…", "...")
}

/// As many whole parts of `phrase` as fit, else as much of the first.
fn whole_parts(phrase: &str, columns: usize, style: Style) -> String {
    if phrase.width() <= columns {
        return phrase.to_owned();
    }
    let (separator, ellipsis) = (style.sign(SEPARATOR, ", "), ellipsis(style));
    let ends = phrase.rmatch_indices(separator).map(|(end, _)| &phrase[..end]);
    match ends.into_iter().find(|parts| parts.width() + 1 + ellipsis.width() <= columns) {
        Some(parts) => format!("{parts} {ellipsis}"),
        None => units::clip(phrase, columns, ellipsis).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { color: false, unicode: true };

    fn row(width: usize, cells: &[(&str, usize)]) -> String {
        let mut row = Cells::begin(STYLE, Columns::of(Some(width)), false);
        cells.iter().for_each(|(text, columns)| row.push(text, *columns, |_, text| text.to_owned()));
        let mut out = Vec::new();
        row.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_stand_in_columns_and_leave_no_space_at_the_end() {
        assert_eq!(row(80, &[("a", 3), ("b", 2), ("", 0)]), "a    b\n");
        assert_eq!(row(80, &[("a", 3), ("", 2), ("c", 0)]), "a        c\n");
        assert_eq!(row(80, &[("abcd", 3), ("b", 2)]), "abcd  b\n");
    }

    #[test]
    fn what_does_not_fit_is_cut_or_left_out() {
        assert_eq!(row(20, &[("a", 3), ("a long remark at last", 0)]), "a    a long remark …\n");
        assert_eq!(row(12, &[("a", 3), ("a long remark", 0)]), "a\n", "too little to be worth it");
        assert_eq!(row(9, &[("a", 3), ("late", 0)]), "a    late\n");
    }

    #[test]
    fn a_phrase_loses_whole_parts_first() {
        let fit = |columns| whole_parts("2m33s · 1280×544 · 2 tracks", columns, STYLE);
        assert_eq!(fit(27), "2m33s · 1280×544 · 2 tracks");
        assert_eq!(fit(26), "2m33s · 1280×544 …");
        assert_eq!(fit(18), "2m33s · 1280×544 …");
        assert_eq!(fit(17), "2m33s …");
        assert_eq!(fit(5), "2m33…");
    }
}
