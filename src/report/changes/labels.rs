//! Labels as people write them into a cell.

use crate::pipeline::printable::{is_break, is_unseen};

/// What no label of Confluence holds.
const ILLEGAL: &str = "!#&()*,.:;?@[]^";
/// The longest label, in characters.
const LABEL_CHARS: usize = 255;

/// The labels of a cell, in order, each once, in the lower case that Confluence gives them.
pub fn of_cell(cell: &str) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    for label in cell.split(is_break).filter(|label| !label.is_empty()) {
        let label = label.to_lowercase();
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

/// What keeps this from being a label, if anything does.
pub fn problem(label: &str) -> Option<String> {
    if let Some(illegal) = label.chars().find(|c| ILLEGAL.contains(*c)) {
        return Some(format!("holds `{illegal}`, which no label of Confluence holds"));
    }
    if label.chars().any(is_unseen) {
        return Some("holds a character that cannot be seen".to_owned());
    }
    let chars = label.chars().count();
    (chars > LABEL_CHARS).then(|| format!("has {chars} characters, and no label more than 255"))
}
