//! Cells that a spreadsheet must not run.
//!
//! A spreadsheet takes a cell for a formula that begins with one of a few characters, and titles are
//! written by strangers. As OWASP advises, such a cell gets an apostrophe before it; a cell that begins
//! with apostrophes and one of them gets one more, so that it is known what to take away again.

use std::borrow::Cow;

/// What a formula may begin with, also in the wide forms that East Asian settings take for the same.
const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
const GUARD: char = '\'';

/// A text as a cell that is no formula.
///
/// ```
/// use tagspace::internals::report::changes::cell::{guarded, plain};
///
/// assert_eq!(guarded("=1+1"), "'=1+1");
/// assert_eq!(plain("'=1+1"), "=1+1");
/// ```
pub fn guarded(text: &str) -> Cow<'_, str> {
    if is_guardable(text) { format!("{GUARD}{text}").into() } else { text.into() }
}

/// The text that a cell was made of.
pub fn plain(cell: &str) -> &str {
    cell.strip_prefix(GUARD).filter(|text| is_guardable(text)).unwrap_or(cell)
}

fn is_guardable(text: &str) -> bool {
    text.trim_start_matches(GUARD).starts_with(BEGINNINGS)
}
