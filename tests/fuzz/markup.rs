//! Pages: any text becomes lines, as a tokenizer of the HTML standard reads it, in a time that grows
//! with its length alone.

use std::cell::{Cell, RefCell};

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use tagspace::internals::fakes::content::documents;
use tagspace::internals::fakes::content::storage::StorageWriter;
use tagspace::internals::pipeline::text;
use tagspace::internals::rng::Seed;

use crate::engine::{edited, play};

const EXAMPLES: [&str; 8] = [
    "<p>One <strong>two</strong>&nbsp;&ndash; three</p><ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"title\">x</ac:parameter><ac:plain-text-body><![CDATA[if a < b]]></ac:plain-text-body></ac:structured-macro>",
    "<ul><li>a<li>b</ul><table><tr><td a=1 b='2' c=\"3>\">x &amp y &notit; &copy</td></tr><script>var x = '<p>';</script><style>p</style>",
    "<ac:link><ri:page ri:content-title=\"a\" /><ac:plain-text-link-body><![CDATA[link]]></ac:plain-text-link-body></ac:link><br/>end</div>",
    "<p>x</p><ac:adf-extension><ac:adf-node type=\"panel\"><ac:adf-attribute key=\"a\">b</ac:adf-attribute><ac:adf-content><p>c &notit d</p></ac:adf-content></ac:adf-node><ac:adf-fallback><p>c</p></ac:adf-fallback></ac:adf-extension>",
    "See <ac:link><ri:page ri:content-title=\"Q &amp; A &copy=1 &notit\" /></ac:link> <ac:structured-macro ac:name=\"html\"><ac:plain-text-body><![CDATA[<p>a</p><script>b]]></ac:plain-text-body></ac:structured-macro>",
    "text <!-- comment -- > --> more <!-- a---> b<!---->c <!doctype html> <?php x ?> </ x> </> < a <b",
    "<AC:Structured-Macro><![CDATA[ ]] ]]]]><p>&#x41;&#0;&#xD800;&bogus; &lt;p&gt;",
    "<html><head><title>T &amp; t</title></head><body><h1>H</h1><p>a<a href='x'>b</a></p></body></html>",
];

const WORDS: &[&str] = &[
    "<",
    ">",
    "/",
    "</",
    "<!--",
    "-->",
    "--!>",
    "--->",
    "<!--->",
    "<!",
    "<?",
    "<![CDATA[",
    "]]>",
    "&",
    ";",
    "&amp;",
    "&#",
    "=",
    "\"",
    "'",
    " ",
    "\t",
    "\r",
    "\0",
    "\u{feff}",
    "<p>",
    "</p>",
    "<ac:x>",
    "</ac:x>",
    "<script>",
    "</script>",
    "<style ",
    "</title\n>",
    "<title>",
    "<ac:link>",
    "</ac:link>",
    "<ri:page ri:content-title='&copy;x>'/>",
    "<ri:attachment RI:Filename=y z>",
    "<ac:adf-extension>",
    "</ac:adf-extension>",
    "<ac:adf-fallback>",
    "<ac:structured-macro ac:name=html>",
    "<ac:structured-macro ac:name=\"status\" ac:name='html'>",
    "</ac:structured-macro>",
    "<ac:parameter ac:name='title'>",
    "<ac:parameter ac:name='hidden'>true",
    "</ac:parameter>",
    "<ac:plain-text-body>",
    "</ac:plain-text-body>",
    "<pre>",
    "<b a=b c d='",
    "é",
    "\u{a0}",
];

/// The same page as the standard's tokenizer reads it, written plainly: text and values escaped, no
/// comments and CDATA sections, only the attributes that matter.
struct Reference {
    plain: RefCell<String>,
    in_macro: Cell<usize>,
}

const ATTRIBUTES: [&str; 3] = ["ac:name", "ri:content-title", "ri:filename"];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl TokenSink for Reference {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut plain = self.plain.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                plain.extend(["<", &tag.name]);
                for attribute in &tag.attrs {
                    let name: &str = &attribute.name.local;
                    if ATTRIBUTES.contains(&name) {
                        plain.extend([" ", name, "=\"", &escaped(&attribute.value), "\""]);
                    }
                }
                plain.push_str(if tag.self_closing { "/>" } else { ">" });
                let opens = !tag.self_closing && tag.name.starts_with("ac:");
                self.in_macro.set(self.in_macro.get() + usize::from(opens));
            }
            Token::TagToken(tag) => {
                plain.extend(["</", &tag.name, ">"]);
                let closes = tag.name.starts_with("ac:");
                self.in_macro.set(self.in_macro.get().saturating_sub(usize::from(closes)));
            }
            Token::CharacterTokens(piece) => plain.push_str(&escaped(&piece)),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.in_macro.get() > 0
    }
}

/// The letters of a text without white space: which block ends a line is not at stake here.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

#[test]
fn pages() {
    let examples = EXAMPLES.map(str::to_owned).to_vec();
    play("page", 500, edited("page", examples, WORDS), |page| {
        let cut = text::extract(page, 20);
        assert!(cut.chars().count() <= 20);
        // What no reader of XML takes.
        let page = format!("{page}<x></y>");
        let read = text::extract(&page, usize::MAX);
        let sink = Reference { plain: RefCell::default(), in_macro: Cell::new(0) };
        let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(page.as_str().into());
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        let plain = tokenizer.sink.plain.into_inner() + "<x></y>";
        assert_eq!(letters(&read), letters(&text::extract(&plain, usize::MAX)), "{plain}");
    });
}

/// The letters outside of scripts and styles, as the standard's tokenizer reads a document.
struct Document(RefCell<(String, bool)>);

impl TokenSink for Document {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let opens = tag.kind == TagKind::StartTag;
                match &*tag.name {
                    "title" if !tag.self_closing && opens => {
                        return TokenSinkResult::RawData(RawKind::Rcdata);
                    }
                    "script" | "style" if !tag.self_closing => {
                        state.1 = opens;
                        if opens {
                            return TokenSinkResult::RawData(RawKind::Rawtext);
                        }
                    }
                    _ => {}
                }
            }
            Token::CharacterTokens(text) if !state.1 => state.0.push_str(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[test]
fn files() {
    let examples = EXAMPLES.map(str::to_owned).to_vec();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    play("document", 200, edited("document", examples, WORDS), |page| {
        std::fs::write(&path, page).unwrap();
        let luck = Seed(1).draw("elements", 1, 1).sequence();
        let read = documents::read(&path, StorageWriter::new(luck, [].into())).unwrap();
        let seen = text::extract(&read.storage, usize::MAX);
        assert_eq!(seen, read.text);
        // What is a title is no text, and is left out on both sides by asking for the rest of it.
        let sink = Document(RefCell::default());
        let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(page.into());
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        let all = letters(&tokenizer.sink.0.into_inner().0);
        let visible = |text: &str| -> usize {
            let has_no_width = |c: &char| {
                matches!(
                    c,
                    '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                )
            };
            text.chars()
                .filter(|c| !c.is_whitespace() && !c.is_control() && !has_no_width(c))
                .count()
        };
        let title = if read.title == "page" { 0 } else { visible(&read.title) };
        let total = visible(&read.text) + title;
        assert!(total == visible(&all) || read.title == "page", "{total} of {all:?}: {read:?}");
    });
}
