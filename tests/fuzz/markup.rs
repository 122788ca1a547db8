//! Pages: any text becomes lines, as a tokenizer of the HTML standard reads it, in a time that grows
//! with its length alone.

use std::cell::{Cell, RefCell};

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use tagspace::fakes::documents;
use tagspace::pipeline::text;

use crate::engine::{edited, play};

const EXAMPLES: [&str; 6] = [
    "<p>One <strong>two</strong>&nbsp;&ndash; three</p><ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"title\">x</ac:parameter><ac:plain-text-body><![CDATA[if a < b]]></ac:plain-text-body></ac:structured-macro>",
    "<ul><li>a<li>b</ul><table><tr><td a=1 b='2' c=\"3>\">x &amp y &notit; &copy</td></tr><script>var x = '<p>';</script><style>p</style>",
    "<ac:link><ri:page ri:content-title=\"a\" /><ac:plain-text-link-body><![CDATA[link]]></ac:plain-text-link-body></ac:link><br/>end</div>",
    "text <!-- comment -- > --> more <!doctype html> <?php x ?> </ x> </> < a <b",
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
    "<b a=b c d='",
    "é",
    "\u{a0}",
];

/// The reading that the standard's tokenizer gives.
struct Reference {
    pieces: RefCell<String>,
    hidden: RefCell<Vec<String>>,
    in_macro: Cell<usize>,
}

const HIDDEN: [&str; 7] = [
    "script",
    "style",
    "head",
    "ac:parameter",
    "ac:plain-text-body",
    "ac:task-id",
    "ac:task-status",
];

impl TokenSink for Reference {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => {
                let name: &str = &tag.name;
                let mut hidden = self.hidden.borrow_mut();
                match tag.kind {
                    TagKind::StartTag if tag.self_closing => {}
                    TagKind::StartTag => {
                        self.in_macro
                            .set(self.in_macro.get() + usize::from(name.starts_with("ac:")));
                        if HIDDEN.contains(&name) {
                            hidden.push(name.to_owned());
                        }
                    }
                    TagKind::EndTag => {
                        if name.starts_with("ac:") {
                            self.in_macro.set(self.in_macro.get().saturating_sub(1));
                        }
                        if hidden.last().is_some_and(|open| open == name) {
                            hidden.pop();
                        }
                    }
                }
            }
            Token::CharacterTokens(piece) if self.hidden.borrow().is_empty() => {
                self.pieces.borrow_mut().push_str(&piece);
            }
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
        let sink = Reference {
            pieces: RefCell::default(),
            hidden: RefCell::default(),
            in_macro: Cell::new(0),
        };
        let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(page.as_str().into());
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        assert_eq!(letters(&read), letters(&tokenizer.sink.pieces.into_inner()));
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
        let read = documents::read(&path).unwrap();
        // What is a title is no text, and is left out on both sides by asking for the rest of it.
        let sink = Document(RefCell::default());
        let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(page.into());
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        let all = letters(&tokenizer.sink.0.into_inner().0);
        let visible = |text: &str| -> usize {
            text.chars()
                .filter(|c| {
                    !c.is_whitespace() && !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')
                })
                .count()
        };
        let title = if read.title == "page" { 0 } else { visible(&read.title) };
        let total = visible(&read.text) + title;
        assert!(total == visible(&all) || read.title == "page", "{total} of {all:?}: {read:?}");
    });
}
