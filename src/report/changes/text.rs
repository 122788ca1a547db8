//! Rows for people, a line a page.

use super::row::ChangeRow;
use crate::pipeline::printable::shown;

/// The most characters of a title that are shown.
const TITLE_CHARS: usize = 80;

/// The line of a page: its labels, then `+` before those that it gets, `-` before those that it loses, and
/// in brackets those that it has already; its title comes last, because strangers write titles.
pub fn row(row: &ChangeRow) -> String {
    let said = row.error.clone().unwrap_or_else(|| labels(row));
    let title = shown(&row.title, TITLE_CHARS);
    let parts = [format!("{}: {said}", row.page), changes(row), title];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("  ") + "\n"
}

/// The labels that the page is to have.
fn labels(row: &ChangeRow) -> String {
    let mut labels: Vec<&str> =
        row.added.iter().chain(&row.already_there).map(String::as_str).collect();
    labels.sort_unstable();
    if labels.is_empty() { "no label".to_owned() } else { labels.join(", ") }
}

/// What is done about them.
fn changes(row: &ChangeRow) -> String {
    if row.error.is_some() {
        return String::new();
    }
    let added = row.added.iter().map(|label| format!("+{label}"));
    let removed = row.removed.iter().map(|label| format!("-{label}"));
    let mut parts: Vec<String> = added.chain(removed).collect();
    if !row.already_there.is_empty() {
        parts.push(format!("(has {})", row.already_there.join(", ")));
    }
    parts.join(" ")
}
