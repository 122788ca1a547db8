//! Storage format (XHTML) to plain text.
//!
//! Kept: what a reader sees, one line per block, white space folded. Left out: scripts, styles,
//! macro parameters and plain-text macro bodies (code, raw HTML), comments. A streaming XML reader
//! does well-formed pages; what it refuses goes through a scanner that accepts anything. No input
//! makes either of them fail, and the work grows with the length of the input, whatever it is.

mod scanner;

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::{BytesRef, Event};

use self::scanner::{Piece, Scanner, resolved};

/// The first `limit_chars` characters of the text of a page in storage format.
pub fn extract(storage: &str, limit_chars: usize) -> String {
    extract_well_formed(storage, limit_chars)
        .unwrap_or_else(|| extract_leniently(storage, limit_chars))
}

/// The text of a well-formed fragment, or `None` if it is not well-formed as far as it was read.
fn extract_well_formed(storage: &str, limit_chars: usize) -> Option<String> {
    let mut reader = Reader::from_str(storage);
    let mut text = Lines::new(limit_chars);
    let mut open = 0_usize;
    let mut hidden_at = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                open += 1;
                let name: &str = tag.name().0;
                if hidden_at.is_none() && is_hidden(name) {
                    hidden_at = Some(open);
                }
                if is_block(name) {
                    text.end_line();
                }
            }
            Event::End(tag) => {
                if hidden_at == Some(open) {
                    hidden_at = None;
                }
                open = open.checked_sub(1)?;
                if is_block(tag.name().0) {
                    text.end_line();
                }
            }
            Event::Empty(tag) if is_block(tag.name().0) => text.end_line(),
            Event::Text(piece) if hidden_at.is_none() => text.push(&piece),
            Event::CData(piece) if hidden_at.is_none() => text.push(&piece),
            Event::GeneralRef(entity) if hidden_at.is_none() => push_entity(&mut text, &entity),
            Event::Eof => return (open == 0).then(|| text.finish()),
            _ => {}
        }
        if text.is_full() {
            return Some(text.finish());
        }
    }
}

fn push_entity(text: &mut Lines, entity: &BytesRef<'_>) {
    if let Ok(Some(c)) = entity.resolve_char_ref() {
        text.push(c.encode_utf8(&mut [0; 4]));
    } else if let Some(known) = resolve_html5_entity(entity) {
        text.push(known);
    } else {
        text.push("&");
        text.push(entity);
        text.push(";");
    }
}

/// The text of anything that resembles HTML.
fn extract_leniently(storage: &str, limit_chars: usize) -> String {
    let mut text = Lines::new(limit_chars);
    let mut scanner = Scanner::new(storage);
    let (mut hidden, mut in_macro): (Vec<Cow<'_, str>>, usize) = (Vec::new(), 0);
    // Confluence keeps code in CDATA sections; inside its elements they are read as such.
    while let Some(piece) = scanner.next_piece(in_macro > 0) {
        match piece {
            Piece::Start { name, is_closed } => {
                if is_block(&name) {
                    text.end_line();
                }
                if !is_closed && name.starts_with("ac:") {
                    in_macro += 1;
                }
                if !is_closed && is_hidden(&name) {
                    hidden.push(name);
                }
            }
            Piece::End { name } => {
                if is_block(&name) {
                    text.end_line();
                }
                if name.starts_with("ac:") {
                    in_macro = in_macro.saturating_sub(1);
                }
                hidden.pop_if(|open| *open == name);
            }
            Piece::Text(piece) if hidden.is_empty() => text.push(&resolved(piece)),
            Piece::Literal(piece) if hidden.is_empty() => text.push(&piece.replace('\0', "")),
            Piece::Text(_) | Piece::Literal(_) => {}
        }
        if text.is_full() {
            break;
        }
    }
    text.finish()
}

fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "head"
            | "ac:parameter"
            | "ac:plain-text-body"
            | "ac:task-id"
            | "ac:task-status"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "li"
            | "ul"
            | "ol"
            | "table"
            | "tbody"
            | "tr"
            | "td"
            | "th"
            | "pre"
            | "div"
            | "br"
            | "hr"
            | "blockquote"
            | "dt"
            | "dd"
            | "dl"
            | "ac:structured-macro"
            | "ac:rich-text-body"
            | "ac:task"
            | "ac:task-body"
            | "ac:layout-section"
            | "ac:layout-cell"
    )
}

/// Text in lines, white space folded, up to a number of characters.
struct Lines {
    text: String,
    chars_left: usize,
    gap: Gap,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
}

impl Lines {
    fn new(limit_chars: usize) -> Self {
        Self { text: String::new(), chars_left: limit_chars, gap: Gap::None }
    }

    fn is_full(&self) -> bool {
        self.chars_left == 0
    }

    fn end_line(&mut self) {
        self.gap = Gap::Line;
    }

    fn push(&mut self, piece: &str) {
        if piece.starts_with(char::is_whitespace) {
            self.gap = self.gap.max(Gap::Space);
        }
        for word in piece.split_whitespace() {
            if self.gap != Gap::None && !self.text.is_empty() {
                self.put(if self.gap == Gap::Line { "\n" } else { " " });
            }
            self.put(word);
            self.gap = Gap::Space;
        }
        if !piece.ends_with(char::is_whitespace) && !piece.is_empty() {
            self.gap = Gap::None;
        }
    }

    fn put(&mut self, piece: &str) {
        let chars = piece.chars().count();
        if chars <= self.chars_left {
            self.text.push_str(piece);
        } else {
            self.text.extend(piece.chars().take(self.chars_left));
        }
        self.chars_left = self.chars_left.saturating_sub(chars);
    }

    fn finish(self) -> String {
        self.text
    }
}
