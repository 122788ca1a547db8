//! Pieces of anything that resembles HTML: tags by their names, and the text between them.
//!
//! It reads what the tokenizer of the HTML standard reads, but keeps attributes as they are written:
//! that tokenizer compares each attribute of a tag with all before it, so that a tag with a hundred
//! thousand of them takes minutes. Here every byte is looked at a fixed number of times.

use std::borrow::Cow;
use std::cell::RefCell;

use html5ever::tokenizer::{
    BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use crate::html;
use crate::html::Tag;

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text in which character references stand as they are written.
    Text(&'a str),
    /// Text that is meant literally, of a CDATA section.
    Literal(&'a str),
    /// A tag that opens an element; its name is in lower case.
    Start {
        /// The name.
        name: Cow<'a, str>,
        /// The attributes, as they are written.
        attributes: &'a str,
        /// Whether it ends with a slash.
        is_closed: bool,
    },
    /// A tag that ends an element.
    End {
        /// The name.
        name: Cow<'a, str>,
    },
}

/// Takes a document apart, piece by piece.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    rest: &'a str,
}

/// What stands at a `<`.
enum Markup<'a> {
    /// A piece, and what follows it.
    Piece(Piece<'a>, &'a str),
    /// Something that nobody sees, and what follows it.
    Hidden(&'a str),
    /// Text after all.
    Text,
}

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of a document.
    pub(super) fn new(document: &'a str) -> Self {
        Self { rest: document.strip_prefix('\u{feff}').unwrap_or(document) }
    }

    /// The next piece. CDATA sections are read as such only where `has_cdata` says so; elsewhere
    /// they are comments.
    pub(super) fn next_piece(&mut self, has_cdata: bool) -> Option<Piece<'a>> {
        loop {
            let text = self.rest;
            if text.is_empty() {
                return None;
            }
            let mut at = 0;
            let found = loop {
                let Some(open) = text[at..].find('<') else { break None };
                at += open;
                match markup(&text[at..], has_cdata) {
                    Markup::Text => at += 1,
                    found => break Some(found),
                }
            };
            match found {
                None => {
                    self.rest = "";
                    return Some(Piece::Text(text));
                }
                // The text before it first; it is found again at once.
                Some(_) if at > 0 => {
                    self.rest = &text[at..];
                    return Some(Piece::Text(&text[..at]));
                }
                Some(Markup::Piece(piece, rest)) => {
                    self.rest = rest;
                    return Some(piece);
                }
                Some(Markup::Hidden(rest)) => self.rest = rest,
                Some(Markup::Text) => {}
            }
        }
    }
}

/// What stands at the `<` with which this text begins.
fn markup(text: &str, has_cdata: bool) -> Markup<'_> {
    let inside = &text[1..];
    let after = |end: &str, rest: &'_ str| rest.find(end).map(|at| at + end.len());
    let hidden = |text| match after(">", text) {
        Some(end) => Markup::Hidden(&text[end..]),
        None => Markup::Hidden(""),
    };
    match inside.as_bytes() {
        [b'a'..=b'z' | b'A'..=b'Z', ..] => tag(inside, true),
        [b'/', b'a'..=b'z' | b'A'..=b'Z', ..] => tag(&inside[1..], false),
        [b'/'] => Markup::Text,
        [b'/' | b'?' | b'!', ..] => {
            if let Some(comment) = inside.strip_prefix("!--") {
                return Markup::Hidden(html::after_comment(comment));
            }
            match inside.strip_prefix("![CDATA[").filter(|_| has_cdata) {
                Some(literal) => {
                    let end = literal.find("]]>").unwrap_or(literal.len());
                    let rest = literal.get(end + 3..).unwrap_or("");
                    Markup::Piece(Piece::Literal(&literal[..end]), rest)
                }
                None => hidden(&inside[1..]),
            }
        }
        _ => Markup::Text,
    }
}

/// A tag from its name on. A tag without an end is left out.
fn tag(text: &str, is_start: bool) -> Markup<'_> {
    let Some(Tag { name, attributes, is_closed, rest }) = html::tag(text) else {
        return Markup::Hidden("");
    };
    let is_plain = name.bytes().all(|byte| !byte.is_ascii_uppercase() && byte != 0);
    let name = if is_plain {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.to_ascii_lowercase().replace('\0', "\u{fffd}"))
    };
    let piece =
        if is_start { Piece::Start { name, attributes, is_closed } } else { Piece::End { name } };
    Markup::Piece(piece, rest)
}

/// The text with its character references resolved, as the HTML standard has it; what the standard
/// drops is dropped.
pub(super) fn resolved(text: &str) -> Cow<'_, str> {
    if is_plain(text) { Cow::Borrowed(text) } else { Cow::Owned(tokenized(text)) }
}

/// The same of the value of an attribute, where fewer references are meant as such.
pub(super) fn resolved_value(value: &str) -> Cow<'_, str> {
    if is_plain(value) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(tokenized(&format!("<a a='{}'>", value.replace('\'', "&#39;"))))
}

fn is_plain(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'&' | b'\0'))
}

/// The text and the values of attributes that the standard's tokenizer finds.
fn tokenized(markup: &str) -> String {
    struct Sink(RefCell<String>);
    impl TokenSink for Sink {
        type Handle = ();
        fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
            let mut found = self.0.borrow_mut();
            match token {
                Token::CharacterTokens(piece) => found.push_str(&piece),
                Token::TagToken(tag) => tag.attrs.iter().for_each(|a| found.push_str(&a.value)),
                _ => {}
            }
            TokenSinkResult::Continue
        }
    }
    let options = TokenizerOpts { discard_bom: false, ..TokenizerOpts::default() };
    let tokenizer = Tokenizer::new(Sink(RefCell::default()), options);
    let input = BufferQueue::default();
    input.push_back(markup.into());
    // The sink never asks for a script to run, so one pass reads everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}
