//! A document whose tags have no attributes.
//!
//! The tokenizer of the HTML standard compares each attribute of a tag with all before it, so that a
//! tag with a hundred thousand of them takes minutes; and nobody looks at them.

/// Elements that hold text and no markup.
const RAW: [&str; 3] = ["title", "script", "style"];

/// The same document without attributes, for a tokenizer that reads the same elements as raw text.
pub(super) fn without_attributes(document: &str) -> String {
    let mut plain = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(open) = rest.find('<') {
        let (before, markup) = rest.split_at(open);
        plain.push_str(before);
        rest = match markup.as_bytes() {
            [_, b'a'..=b'z' | b'A'..=b'Z', ..] => start_tag(markup, &mut plain),
            [_, b'/', b'a'..=b'z' | b'A'..=b'Z', ..] => {
                let (name, _, rest) = tag(&markup[2..]);
                plain.extend(["</", name, if rest.is_some() { ">" } else { "" }]);
                rest.unwrap_or("")
            }
            _ => {
                let hidden = hidden(markup);
                plain.push_str(&markup[..hidden]);
                &markup[hidden..]
            }
        };
    }
    plain.push_str(rest);
    plain
}

/// Writes a tag that opens an element, and the text within it if that is raw; gives what follows.
fn start_tag<'a>(markup: &'a str, plain: &mut String) -> &'a str {
    let (name, is_closed, rest) = tag(&markup[1..]);
    plain.extend(["<", name]);
    let Some(rest) = rest else { return "" };
    plain.push_str(if is_closed { "/>" } else { ">" });
    if is_closed || !RAW.iter().any(|raw| name.eq_ignore_ascii_case(raw)) {
        return rest;
    }
    let is_end = |at: &usize| {
        let tail = &rest.as_bytes()[at + 2..];
        let ends = |byte: u8| is_space(byte) || matches!(byte, b'/' | b'>');
        tail.get(..name.len()).is_some_and(|tail| tail.eq_ignore_ascii_case(name.as_bytes()))
            && tail.get(name.len()).is_some_and(|byte| ends(*byte))
    };
    let end = rest.match_indices("</").map(|(at, _)| at).find(is_end).unwrap_or(rest.len());
    plain.push_str(&rest[..end]);
    &rest[end..]
}

/// How long the thing is that begins with a `<` and is no tag.
fn hidden(markup: &str) -> usize {
    let rest = match markup.strip_prefix("<!--") {
        Some(comment) => after_comment(comment),
        None if matches!(markup.as_bytes(), [_, b'!' | b'?', ..] | [_, b'/', _, ..]) => {
            markup.split_once('>').map_or("", |(_, rest)| rest)
        }
        None => &markup[1..],
    };
    markup.len() - rest.len()
}

/// What follows a comment, of which this is all after `<!--`.
fn after_comment(comment: &str) -> &str {
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

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ')
}

/// The name of a tag of which this is all from its name on, whether it ends with a slash, and what
/// follows it; nothing if it has no end.
fn tag(text: &str) -> (&str, bool, Option<&str>) {
    let bytes = text.as_bytes();
    let find = |from: usize, wanted: fn(u8) -> bool| {
        bytes[from..].iter().position(|byte| wanted(*byte)).map(|at| from + at)
    };
    let ends_name = |byte: u8| is_space(byte) || matches!(byte, b'/' | b'>');
    let Some(name_end) = find(0, ends_name) else { return (text, false, None) };
    let without_end = (&text[..name_end], false, None);
    let mut at = name_end;
    loop {
        // Before an attribute.
        let Some(next) = find(at, |byte| !is_space(byte)) else { return without_end };
        at = next;
        match bytes[at] {
            b'>' => return (&text[..name_end], false, Some(&text[at + 1..])),
            b'/' if bytes.get(at + 1) == Some(&b'>') => {
                return (&text[..name_end], true, Some(&text[at + 2..]));
            }
            b'/' => {
                at += 1;
                continue;
            }
            _ => {}
        }
        // Its name, which may begin with an equals sign.
        let ends = |byte: u8| is_space(byte) || matches!(byte, b'/' | b'>' | b'=');
        let Some(next) = find(at + 1, ends) else { return without_end };
        let Some(next) = find(next, |byte| !is_space(byte)) else { return without_end };
        at = next;
        if bytes[at] != b'=' {
            continue;
        }
        // Its value.
        let Some(next) = find(at + 1, |byte| !is_space(byte)) else { return without_end };
        let end = match bytes[next] {
            b'"' => find(next + 1, |byte| byte == b'"').map(|end| end + 1),
            b'\'' => find(next + 1, |byte| byte == b'\'').map(|end| end + 1),
            _ => find(next, |byte| is_space(byte) || byte == b'>'),
        };
        let Some(end) = end else { return without_end };
        at = end;
    }
}
