//! Writes a page twice at once: in storage format, and as the text that a reader sees.
//!
//! Because both come from one call, the fakes know the visible text of a page without ever parsing
//! storage format; whoever parses it is judged against this.

use quick_xml::escape::escape;

/// A page in the making.
#[derive(Debug, Default)]
pub struct StorageWriter {
    storage: String,
    text: String,
}

/// A heading's level, a paragraph or a list item: what holds a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// `h1` to `h6`.
    Heading(u8),
    /// `p`.
    Paragraph,
}

impl StorageWriter {
    /// Adds text as XML writes it. Most text needs no escapes, and is not searched piece by piece.
    fn push_escaped(&mut self, text: &str) {
        let special = |byte| matches!(byte, b'<' | b'>' | b'&' | b'\'' | b'"');
        if text.bytes().fold(false, |found, byte| found | special(byte)) {
            self.storage.push_str(&escape(text));
        } else {
            self.storage.push_str(text);
        }
    }

    /// An empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// A block of text.
    pub fn block(&mut self, block: Block, words: &str) {
        match block {
            Block::Paragraph => self.element("p", words),
            Block::Heading(level) => match level {
                1 => self.element("h1", words),
                2 => self.element("h2", words),
                3 => self.element("h3", words),
                4 => self.element("h4", words),
                5 => self.element("h5", words),
                _ => self.element("h6", words),
            },
        }
    }

    /// A paragraph with a bold word, an entity and a link in it.
    pub fn rich_paragraph(&mut self, before: &str, bold: &str, link: &str, after: &str) {
        self.storage.push_str("<p>");
        self.push_escaped(before);
        self.storage.push_str("&nbsp;<strong>");
        self.push_escaped(bold);
        self.storage.push_str("</strong> &ndash; <ac:link><ri:page ri:content-title=\"");
        self.push_escaped(link);
        self.storage.push_str("\" /><ac:plain-text-link-body><![CDATA[");
        self.storage.push_str(link);
        self.storage.push_str("]]></ac:plain-text-link-body></ac:link> ");
        self.push_escaped(after);
        self.storage.push_str("</p>");
        self.line(&[before, " ", bold, " – ", link, " ", after]);
    }

    /// A list, one line an item.
    pub fn list(&mut self, items: &[String]) {
        self.storage.push_str("<ul>");
        for item in items {
            self.storage.push_str("<li>");
            self.element("p", item);
            self.storage.push_str("</li>");
        }
        self.storage.push_str("</ul>");
    }

    /// A table, one line a cell.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        self.storage.push_str("<table data-layout=\"default\"><colgroup><col /></colgroup><tbody>");
        for row in rows {
            self.storage.push_str("<tr>");
            for cell in row {
                self.storage.push_str("<td>");
                self.element("p", cell);
                self.storage.push_str("</td>");
            }
            self.storage.push_str("</tr>\n");
        }
        self.storage.push_str("</tbody></table>");
    }

    /// An info box: its text is seen, its parameter is not.
    pub fn info(&mut self, hidden_title: &str, words: &str) {
        self.storage.push_str(
            "<ac:structured-macro ac:name=\"info\" ac:schema-version=\"1\">\
             <ac:parameter ac:name=\"title\">",
        );
        self.push_escaped(hidden_title);
        self.storage.push_str("</ac:parameter><ac:rich-text-body>");
        self.element("p", words);
        self.storage.push_str("</ac:rich-text-body></ac:structured-macro>");
    }

    /// A code macro, none of which is text.
    pub fn code(&mut self, hidden: &str) {
        self.storage.push_str(
            "<ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">bash\
             </ac:parameter><ac:plain-text-body><![CDATA[if [ 1 -lt 2 ] && ",
        );
        self.storage.push_str(&hidden.replace("]]>", "]] >"));
        self.storage.push_str("; then echo <ok>; fi]]></ac:plain-text-body></ac:structured-macro>");
    }

    /// A script and a style, none of which is text.
    pub fn script(&mut self, hidden: &str) {
        self.storage.push_str("<script type=\"text/javascript\">var note = \"");
        self.push_escaped(hidden);
        self.storage.push_str("\";</script><style>.note { color: red }</style>");
    }

    /// How many characters of text there are so far, at most.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The page in storage format, and its text.
    pub fn finish(self) -> (String, String) {
        (self.storage, self.text)
    }

    fn element(&mut self, name: &str, words: &str) {
        self.storage.push('<');
        self.storage.push_str(name);
        self.storage.push('>');
        self.push_escaped(words);
        self.storage.push_str("</");
        self.storage.push_str(name);
        self.storage.push('>');
        self.line(&[words]);
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
        }
    }
}
