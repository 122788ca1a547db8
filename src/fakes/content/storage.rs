//! Writes a page twice at once: in storage format, and as the text that a reader sees.
//!
//! Because both come from one call, the fakes know the visible text of a page without ever parsing
//! storage format; whoever parses it is judged against this. The same text stands in ever other
//! elements, by luck of its own, and decoys stand where no reader sees them: a reading that loses
//! an element, reads it twice or shows what is hidden comes to other words.

pub mod elements;

use std::sync::Arc;

use quick_xml::escape::escape;

use self::elements::{Body, LineHolder, MARKS, Mark, PARAGRAPH, PLACES, Spot, UNSEEN};
use crate::rng::Sequence;

/// Code is at most a fifth of the text before it: an extraction that prefers prose may leave out what
/// is more.
const CODE_SHARE: usize = 5;

/// How many elements stand in each other at most.
const DEPTH: usize = 3;

/// A page in the making.
#[derive(Debug)]
pub struct StorageWriter {
    storage: String,
    text: String,
    chars: usize,
    code_chars: usize,
    luck: Sequence,
    decoys: Arc<[String]>,
}

/// A heading's level, or a paragraph: what holds a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextBlock {
    /// `h1` to `h6`.
    Heading(u8),
    /// `p`, or another element that holds a line.
    Paragraph,
}

impl StorageWriter {
    /// An empty page. The luck says in which elements its words will stand, and which of the decoys
    /// beside them.
    pub fn new(luck: Sequence, decoys: Arc<[String]>) -> Self {
        let (storage, text) = (String::new(), String::new());
        Self { storage, text, chars: 0, code_chars: 0, luck, decoys }
    }

    /// A block of text.
    pub fn block(&mut self, block: TextBlock, words: &str) {
        match block {
            TextBlock::Paragraph => self.blocks(words, 0),
            TextBlock::Heading(level) => {
                let level = level.clamp(1, 6).to_string();
                self.extend(&["<h", &level, ">"]);
                self.words(words);
                self.extend(&["</h", &level, ">"]);
            }
        }
        self.line(&[words]);
    }

    /// A line of text in a place of this kind.
    pub fn placed(&mut self, place: &LineHolder, words: &str) {
        self.put_in(place, words, DEPTH);
        self.line(&[words]);
    }

    /// A paragraph with a mark of this kind.
    pub fn marked(&mut self, mark: &Mark, words: &str) {
        self.storage.push_str("<p>");
        self.words_with(mark, words);
        self.storage.push_str("</p>");
        self.line(&[words]);
    }

    /// Something that nobody sees, with this word in it.
    pub fn unseen(&mut self, kind: &str, word: &str) {
        let mut pieces = kind.split("{}");
        self.storage.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.push_escaped(word);
            self.storage.push_str(piece);
        }
    }

    /// The same, of any kind.
    pub fn hidden(&mut self, word: &str) {
        let kind = *self.luck.pick(UNSEEN);
        self.unseen(kind, word);
    }

    /// A paragraph with a bold word, an entity and a link in it.
    pub fn rich_paragraph(&mut self, before: &str, bold: &str, link: &str, after: &str) {
        self.storage.push_str("<p>");
        self.words(before);
        self.storage.push_str("&nbsp;<strong>");
        self.push_escaped(bold);
        self.storage.push_str("</strong> &ndash; ");
        match self.luck.below(3) {
            0 => {
                self.with_decoys(
                    "<ac:link><ri:page ri:content-title=\"{}\" /><ac:plain-text-link-body>",
                );
                self.literal(link);
                self.storage.push_str("</ac:plain-text-link-body></ac:link> ");
            }
            1 => {
                self.with_decoys("<ac:link><ri:page ri:content-title=\"{}\" /><ac:link-body>");
                self.words(link);
                self.storage.push_str("</ac:link-body></ac:link> ");
            }
            _ => {
                self.storage.push_str("<ac:link><ri:page ri:content-title=\"");
                self.push_escaped(link);
                self.storage.push_str("\" /></ac:link> ");
            }
        }
        self.words(after);
        self.storage.push_str("</p>");
        self.line(&[before, " ", bold, " – ", link, " ", after]);
    }

    /// A list, one line an item: of points, tasks, terms or decisions.
    pub fn list(&mut self, items: &[String]) {
        let (list, item) = match self.luck.below(5) {
            0 => return self.decisions(items),
            1 => (("<ol>", "</ol>"), ("<li>", "</li>")),
            2 => (("<dl>", "</dl>"), ("<dt></dt><dd>", "</dd>")),
            3 => (
                ("<ac:task-list>", "</ac:task-list>"),
                (
                    "<ac:task><ac:task-id>{}</ac:task-id><ac:task-status>complete</ac:task-status>\
                     <ac:task-body>",
                    "</ac:task-body></ac:task>\n",
                ),
            ),
            _ => (("<ul>", "</ul>"), ("<li>", "</li>")),
        };
        self.storage.push_str(list.0);
        for words in items {
            self.with_decoys(item.0);
            self.blocks(words, 1);
            self.storage.push_str(item.1);
            self.line(&[words]);
        }
        self.storage.push_str(list.1);
    }

    /// A list of decisions, which the Cloud editor stores twice.
    pub fn decisions(&mut self, items: &[String]) {
        self.storage.push_str("<ac:adf-extension><ac:adf-node type=\"decision-list\">");
        let mut again = String::new();
        for words in items {
            self.with_decoys(
                "<ac:adf-node type=\"decision-item\"><ac:adf-attribute key=\"state\">{}\
                 </ac:adf-attribute><ac:adf-content>",
            );
            let from = self.storage.len();
            self.words(words);
            again.extend(["<li>", &self.storage[from..], "</li>"]);
            self.storage.push_str("</ac:adf-content></ac:adf-node>");
            self.line(&[words]);
        }
        self.extend(&[
            "</ac:adf-node><ac:adf-fallback><ul class=\"decision-list\">",
            &again,
            "</ul></ac:adf-fallback></ac:adf-extension>",
        ]);
    }

    /// A table, one line a cell.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        self.storage.push_str("<table data-layout=\"default\"><colgroup><col /></colgroup><tbody>");
        for row in rows {
            self.storage.push_str("<tr>");
            for cell in row {
                let name = if self.luck.below(3) == 0 { "th>" } else { "td>" };
                self.extend(&["<", name]);
                self.blocks(cell, 1);
                self.extend(&["</", name]);
                self.line(&[cell]);
            }
            self.storage.push_str("</tr>\n");
        }
        self.storage.push_str("</tbody></table>");
    }

    /// An info box: its text is seen, its parameter is not.
    pub fn info(&mut self, hidden: &str, words: &str) {
        self.storage.push_str(
            "<ac:structured-macro ac:name=\"info\" ac:schema-version=\"1\">\
             <ac:parameter ac:name=\"icon\">",
        );
        self.push_escaped(hidden);
        self.storage.push_str("</ac:parameter><ac:rich-text-body>");
        self.blocks(words, 1);
        self.storage.push_str("</ac:rich-text-body></ac:structured-macro>");
        self.line(&[words]);
    }

    /// How many bytes of text there are so far.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The page in storage format, and its text.
    pub fn finish(self) -> (String, String) {
        (self.storage, self.text)
    }

    /// Words as a block: half of the time a paragraph, or else in any place.
    fn blocks(&mut self, words: &str, depth: usize) {
        let is_plain = depth >= DEPTH || self.luck.below(2) == 0;
        let place = if is_plain { &PARAGRAPH } else { self.luck.pick(PLACES) };
        self.put_in(place, words, depth);
    }

    fn put_in(&mut self, place: &LineHolder, words: &str, depth: usize) {
        let is_code = place.body == Body::Code;
        // With the line's end.
        let chars = if is_code { words.chars().count() + 1 } else { 0 };
        let place = if (self.code_chars + chars) * CODE_SHARE > self.chars && is_code {
            &PARAGRAPH
        } else {
            self.code_chars += chars;
            place
        };
        self.with_decoys(place.before);
        match place.body {
            Body::Blocks => self.blocks(words, depth + 1),
            Body::Twice(between) => {
                let from = self.storage.len();
                self.blocks(words, depth + 1);
                let again = self.storage[from..].to_owned();
                self.extend(&[between, &again]);
            }
            Body::Line => self.words(words),
            Body::Plain => self.push_escaped(words),
            Body::Code => self.literal(words),
            Body::Html => self.literal(&format!("<p class=x>{}<br></p>", escape(words))),
        }
        self.with_decoys(place.after);
    }

    /// Words as text: half of the time, eight in a row have a mark.
    fn words(&mut self, words: &str) {
        let mut rest = words;
        while !rest.is_empty() {
            let end = rest.match_indices(' ').nth(7).map_or(rest.len(), |(space, _)| space + 1);
            let (row, after) = rest.split_at(end);
            if self.luck.below(2) == 0 {
                self.push_escaped(row);
            } else {
                let mark = self.luck.pick(MARKS);
                self.words_with(mark, row);
            }
            rest = after;
        }
    }

    fn words_with(&mut self, mark: &Mark, words: &str) {
        let at = usize::try_from(self.luck.below(words.len() as u64)).unwrap_or(0);
        let at = words.floor_char_boundary(at);
        let start = words[..at].rfind(' ').map_or(0, |space| space + 1);
        let end = words[start..].find(' ').map_or(words.len(), |space| start + space);
        let (word, rest) = (&words[start..end], &words[end..]);
        self.push_escaped(&words[..start]);
        match mark.spot {
            Spot::Around | Spot::Literal if !word.is_empty() => {
                self.with_decoys(mark.before);
                if mark.spot == Spot::Around {
                    self.push_escaped(word);
                } else {
                    self.literal(word);
                }
                self.with_decoys(mark.after);
                self.push_escaped(rest);
            }
            Spot::Within => {
                let middle = word.floor_char_boundary(word.len() / 2);
                self.push_escaped(&word[..middle]);
                self.with_decoys(mark.before);
                self.push_escaped(&word[middle..]);
                self.push_escaped(rest);
            }
            Spot::Between if !rest.is_empty() => {
                self.push_escaped(word);
                self.with_decoys(mark.before);
                self.push_escaped(&rest[1..]);
            }
            Spot::Before => {
                self.with_decoys(mark.before);
                self.push_escaped(word);
                self.push_escaped(rest);
            }
            Spot::Around | Spot::Literal | Spot::Between => {
                self.push_escaped(word);
                self.push_escaped(rest);
            }
        }
    }

    /// Markup with decoys in it.
    fn with_decoys(&mut self, markup: &str) {
        let mut pieces = markup.split("{}");
        self.storage.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let decoys = Arc::clone(&self.decoys);
            if !decoys.is_empty() {
                let decoy = self.luck.pick::<String>(&decoys);
                self.push_escaped(decoy);
            }
            self.storage.push_str(piece);
        }
    }

    /// Text that is meant literally. A section cannot hold its own end, so there are two.
    fn literal(&mut self, text: &str) {
        self.extend(&["<![CDATA[", &text.replace("]]>", "]]]]><![CDATA[>"), "]]>"]);
    }

    /// Adds text as XML writes it. Most text needs no escapes, and is not searched piece by piece.
    fn push_escaped(&mut self, text: &str) {
        let special = |byte| matches!(byte, b'<' | b'>' | b'&' | b'\'' | b'"');
        if text.bytes().fold(false, |found, byte| found | special(byte)) {
            self.storage.push_str(&escape(text));
        } else {
            self.storage.push_str(text);
        }
    }

    fn extend(&mut self, pieces: &[&str]) {
        self.storage.extend(pieces.iter().copied());
    }

    fn line(&mut self, pieces: &[&str]) {
        if pieces.iter().all(|piece| piece.is_empty()) {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        for piece in pieces {
            self.text.push_str(piece);
            self.chars += piece.chars().count();
        }
    }
}
