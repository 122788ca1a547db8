//! How deep a TOML text nests, known before anything recursive reads it.

/// The most levels of keys, and of lists and tables, that are taken.
pub(super) const MOST_LEVELS: usize = 32;

/// Where a text goes deeper than that: at a bracket, or at the dot of a key.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut levels, mut dots, mut at) = (0_usize, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'#' => (at, dots) = (line_end(bytes, at), 0),
            b'"' | b'\'' => {
                at = after_string(bytes, at);
                continue;
            }
            b'[' | b'{' => (levels, dots) = (levels + 1, 0),
            b']' | b'}' => (levels, dots) = (levels.saturating_sub(1), 0),
            b'.' => dots += 1,
            b'=' | b',' | b'\n' => dots = 0,
            _ => {}
        }
        if levels > MOST_LEVELS || dots >= MOST_LEVELS {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Where the line ends.
fn line_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| from + at)
}

/// The place after the string that begins here.
fn after_string(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let triple = [quote; 3];
    let end: &[u8] = if bytes[start..].starts_with(&triple) { &triple } else { &triple[..1] };
    let mut at = start + end.len();
    while at < bytes.len() {
        if quote == b'"' && bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at..].starts_with(end) {
            return at + end.len();
        } else if end.len() == 1 && bytes[at] == b'\n' {
            // It is never closed; whoever reads the text says so.
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}
