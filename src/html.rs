//! Where a tag and a comment of HTML end, and an attribute, as the tokenizer of the standard has it
//! (<https://html.spec.whatwg.org/multipage/parsing.html#tokenization>). Attributes are stepped
//! over in one pass, however many a tag has.

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// Its name, as it is written.
    pub name: &'a str,
    /// What stands behind the name, as it is written.
    pub attributes: &'a str,
    /// Whether it ends with a slash.
    pub is_closed: bool,
    /// What follows it.
    pub rest: &'a str,
}

/// The tag whose name begins here; nothing if it has no end.
#[must_use]
pub fn tag(text: &str) -> Option<Tag<'_>> {
    let bytes = text.as_bytes();
    let name_end = find(bytes, 0, |byte| is_space(byte) || matches!(byte, b'/' | b'>'))?;
    let mut at = name_end;
    loop {
        at = before_attribute(bytes, at)?;
        let end = match bytes[at] {
            b'>' => at + 1,
            b'/' => at + 2,
            _ => {
                at = attribute_at(text, at).end;
                continue;
            }
        };
        let (name, attributes) = (&text[..name_end], &text[name_end..at]);
        return Some(Tag { name, attributes, is_closed: end == at + 2, rest: &text[end..] });
    }
}

/// The value, as it is written, of the first attribute of this name.
#[must_use]
pub fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut at = 0;
    loop {
        at = before_attribute(attributes.as_bytes(), at)?;
        let attribute = attribute_at(attributes, at);
        if attribute.name.eq_ignore_ascii_case(name) {
            return Some(attribute.value);
        }
        at = attribute.end;
    }
}

struct Attribute<'a> {
    name: &'a str,
    value: &'a str,
    end: usize,
}

/// Where the next attribute begins, or where the tag ends; nothing if the text ends before.
fn before_attribute(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = find(bytes, at, |byte| !is_space(byte))?;
        if bytes[at] != b'/' || bytes.get(at + 1) == Some(&b'>') {
            return Some(at);
        }
        at += 1;
    }
}

/// The attribute that begins here, perhaps with an equals sign; it ends with the text at the latest.
fn attribute_at(text: &str, at: usize) -> Attribute<'_> {
    let bytes = text.as_bytes();
    let find =
        |from: usize, wanted: fn(u8) -> bool| find(bytes, from, wanted).unwrap_or(text.len());
    let end = find(at + 1, |byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='));
    let name = &text[at..end];
    let equals = find(end, |byte| !is_space(byte));
    if bytes.get(equals) != Some(&b'=') {
        return Attribute { name, value: "", end: equals };
    }
    let value = find(equals + 1, |byte| !is_space(byte));
    let (value, value_end, quotes) = match bytes.get(value) {
        Some(b'"') => (value + 1, find(value + 1, |byte| byte == b'"'), 1),
        Some(b'\'') => (value + 1, find(value + 1, |byte| byte == b'\''), 1),
        _ => (value, find(value, |byte| is_space(byte) || byte == b'>'), 0),
    };
    let end = (value_end + quotes).min(text.len());
    Attribute { name, value: &text[value..value_end], end }
}

fn find(bytes: &[u8], from: usize, wanted: fn(u8) -> bool) -> Option<usize> {
    bytes.get(from..)?.iter().position(|byte| wanted(*byte)).map(|at| from + at)
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
