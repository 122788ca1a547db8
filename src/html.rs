//! Where a tag and a comment of HTML end, as the tokenizer of the standard has it
//! (<https://html.spec.whatwg.org/multipage/parsing.html#tokenization>). Attributes are stepped
//! over in one pass, however many a tag has.

/// A tag without its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// As it is written.
    pub name: &'a str,
    /// Whether it ends with a slash.
    pub is_closed: bool,
    /// What follows it.
    pub rest: &'a str,
}

/// The tag whose name begins here; nothing if it has no end.
#[must_use]
pub fn tag(text: &str) -> Option<Tag<'_>> {
    let bytes = text.as_bytes();
    let find = |from: usize, wanted: fn(u8) -> bool| {
        bytes[from..].iter().position(|byte| wanted(*byte)).map(|at| from + at)
    };
    let name_end = find(0, |byte| is_space(byte) || matches!(byte, b'/' | b'>'))?;
    let name = &text[..name_end];
    let mut at = name_end;
    loop {
        // Before an attribute.
        at = find(at, |byte| !is_space(byte))?;
        match bytes[at] {
            b'>' => return Some(Tag { name, is_closed: false, rest: &text[at + 1..] }),
            b'/' if bytes.get(at + 1) == Some(&b'>') => {
                return Some(Tag { name, is_closed: true, rest: &text[at + 2..] });
            }
            b'/' => {
                at += 1;
                continue;
            }
            _ => {}
        }
        // Its name, which may begin with an equals sign.
        let end = find(at + 1, |byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='))?;
        at = find(end, |byte| !is_space(byte))?;
        if bytes[at] != b'=' {
            continue;
        }
        // Its value.
        let value = find(at + 1, |byte| !is_space(byte))?;
        at = match bytes[value] {
            b'"' => find(value + 1, |byte| byte == b'"')? + 1,
            b'\'' => find(value + 1, |byte| byte == b'\'')? + 1,
            _ => find(value, |byte| is_space(byte) || byte == b'>')?,
        };
    }
}

/// What follows a comment, of which this is all after `<!--`.
#[must_use]
pub fn after_comment(comment: &str) -> &str {
    if let Some(rest) = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->")) {
        return rest;
    }
    let ends = |at: usize| {
        let tail = &comment[at + 2..];
        tail.strip_prefix('>').or_else(|| tail.strip_prefix("!>"))
    };
    let mut from = 0;
    while let Some(dashes) = comment[from..].find("--") {
        if let Some(rest) = ends(from + dashes) {
            return rest;
        }
        from += dashes + 1;
    }
    ""
}

/// Whether a byte is white space of HTML.
#[must_use]
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}
