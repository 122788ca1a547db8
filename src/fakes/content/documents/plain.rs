//! A document whose tags have no attributes.
//!
//! The tokenizer of the HTML standard compares each attribute of a tag with all before it, so that a
//! tag with a hundred thousand of them takes minutes; and nobody looks at them.

use crate::html;
use crate::html::Tag;

/// Elements that hold text and no markup.
const RAW: [&str; 3] = ["title", "script", "style"];

/// The same document without attributes, for a tokenizer that reads the same elements as raw text.
pub(super) fn without_attributes(document: &str) -> String {
    let mut plain = String::with_capacity(document.len());
    let mut rest = document;
    loop {
        let (text, markup) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        plain.push_str(text);
        // A document ends within a tag that has no end.
        rest = match markup.as_bytes() {
            [] => break,
            [_, b'a'..=b'z' | b'A'..=b'Z', ..] => {
                let Some(tag) = html::tag(&markup[1..]) else { break };
                start_tag(tag, &mut plain)
            }
            [_, b'/', b'a'..=b'z' | b'A'..=b'Z', ..] => {
                let Some(Tag { name, rest, .. }) = html::tag(&markup[2..]) else { break };
                plain.extend(["</", name, ">"]);
                rest
            }
            _ => {
                let hidden = hidden(markup);
                plain.push_str(&markup[..hidden]);
                &markup[hidden..]
            }
        };
    }
    plain
}

/// Writes a tag that opens an element, and the text within it if that is raw; gives what follows.
fn start_tag<'a>(tag: Tag<'a>, plain: &mut String) -> &'a str {
    let Tag { name, is_closed, rest, .. } = tag;
    plain.extend(["<", name, if is_closed { "/>" } else { ">" }]);
    if is_closed || !RAW.iter().any(|raw| name.eq_ignore_ascii_case(raw)) {
        return rest;
    }
    let is_end = |at: &usize| {
        let tail = &rest.as_bytes()[at + 2..];
        let ends = |byte: u8| html::is_space(byte) || matches!(byte, b'/' | b'>');
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
        Some(comment) => html::after_comment(comment),
        None if matches!(markup.as_bytes(), [_, b'!' | b'?', ..] | [_, b'/', _, ..]) => {
            markup.split_once('>').map_or("", |(_, rest)| rest)
        }
        None => &markup[1..],
    };
    markup.len() - rest.len()
}
