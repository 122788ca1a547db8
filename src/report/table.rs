//! Tables in Markdown, which read as well in a terminal: the first column to the left, the others to
//! the right.

/// The table with these headings.
pub(super) fn markdown(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        let widths = cells.chain(headings.get(column).copied()).map(|cell| cell.chars().count());
        widths.max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut out = String::new();
    let mut line = |cells: &[&str], fill: &str| {
        out.push('|');
        for (column, width) in widths.iter().enumerate() {
            let cell = cells.get(column).copied().unwrap_or_default();
            let pad = fill.repeat(width - cell.chars().count());
            let (left, right) = if column == 0 { ("", pad.as_str()) } else { (pad.as_str(), "") };
            out.extend([" ", left, cell, right, " |"]);
        }
        out.push('\n');
    };
    line(headings, " ");
    line(&vec![""; headings.len()], "-");
    for row in rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>(), " ");
    }
    out
}
