//! A list for people: columns as wide as what stands in them.

use std::io::{self, Write};

/// Writes the head and the rows, the columns two spaces apart and none behind the last.
pub(super) fn write<const N: usize>(
    out: &mut impl Write,
    head: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut line = |cells: [&str; N]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())
    };
    line(head)?;
    rows.iter().try_for_each(|row| line(std::array::from_fn(|column| row[column].as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows =
            [["a", "münchen", "1"], ["longer", "", "22"], ["", "x", ""]].map(|row| row.map(str::to_owned));
        let mut out = Vec::new();
        write(&mut out, ["ID", "PLACE", "N"], &rows).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        ID      PLACE    N
        a       münchen  1
        longer           22
                x
        ");
    }
}
