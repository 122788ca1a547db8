//! Text of services, made fit to be shown: on one line, without what moves a cursor or turns the
//! direction of writing, and cut.

/// A text as it may be shown: at most `most` characters, and `…` if there were more.
pub fn shown(text: &str, most: usize) -> String {
    let mut kept = String::new();
    let mut chars = 0;
    let mut has_gap = false;
    for c in text.chars() {
        if is_break(c) {
            has_gap = true;
        } else if !is_unseen(c) {
            let is_spaced = has_gap && !kept.is_empty();
            if chars + usize::from(is_spaced) >= most {
                kept.push('…');
                break;
            }
            if is_spaced {
                kept.push(' ');
                chars += 1;
            }
            has_gap = false;
            kept.push(c);
            chars += 1;
        }
    }
    kept
}

/// Whether a character is white space, ends a line, or controls a terminal.
pub fn is_break(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// Whether a character takes no room of its own: it joins, separates or turns others, selects
/// their look, or is a tag.
pub fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// How far into a body its title is looked for.
const TITLE_BYTES: usize = 16 * 1024;

/// The title of an HTML page, if it is one.
pub(crate) fn title(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(TITLE_BYTES)]);
    let lower = text.to_ascii_lowercase();
    let start = lower.trim_start();
    if !start.starts_with("<!doctype html") && !start.starts_with("<html") {
        return None;
    }
    let from = lower.find("<title").and_then(|at| Some(at + lower[at..].find('>')? + 1));
    let between = from.and_then(|from| Some(&text[from..from + lower[from..].find("</title")?]));
    Some(shown(between.unwrap_or_default(), 80))
}
