//! Rows for people, a line a page.

use super::row::ChangeRow;
use crate::pipeline::printable::shown;

/// The most characters of a title that are shown.
const TITLE_CHARS: usize = 80;

/// The line of a page: `+` before labels that it gets, `-` before those that it loses, and those that it
/// has already in brackets.
pub fn row(row: &ChangeRow) -> String {
    let mut line = format!("{}: ", row.page);
    if !row.title.is_empty() {
        line += &shown(&row.title, TITLE_CHARS);
        line += "  ";
    }
    if let Some(error) = &row.error {
        return line + error + "\n";
    }
    let added = row.added.iter().map(|label| format!("+{label}"));
    let removed = row.removed.iter().map(|label| format!("-{label}"));
    let mut parts: Vec<String> = added.chain(removed).collect();
    if !row.already_there.is_empty() {
        parts.push(format!("(has {})", row.already_there.join(", ")));
    }
    line + &if parts.is_empty() { "no label".to_owned() } else { parts.join(" ") } + "\n"
}
