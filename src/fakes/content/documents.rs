//! Real documents as pages: a folder tree of HTML files, turned into storage format one by one.
//!
//! Files are taken in byte order of their paths, so that a page has the same id on every machine.
//! A file is read when its page is asked for and not kept.

mod plain;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use walkdir::WalkDir;

use crate::fakes::content::storage::{StorageWriter, TextBlock};

/// The HTML files below a folder, in byte order of their paths. Links are followed, except those
/// that lead nowhere or back to where they came from. Every file can be opened.
pub fn find(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true) {
        let path = match entry {
            Ok(entry) if entry.file_type().is_file() && is_html(entry.path()) => entry.into_path(),
            Ok(_) => continue,
            Err(error) if error.depth() > 0 && leads_nowhere(&error) => continue,
            Err(error) => return Err(unreadable(&error)),
        };
        let opened = fs::File::open(&path);
        opened.map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        found.push(path);
    }
    found.sort();
    Ok(found)
}

/// What the disk said, without the words of the library around it.
fn unreadable(error: &walkdir::Error) -> io::Error {
    let Some(said) = error.io_error() else { return io::Error::other("its links go in circles") };
    let text = match error.path() {
        Some(path) if error.depth() > 0 => format!("{}: {said}", path.display()),
        _ => said.to_string(),
    };
    io::Error::new(said.kind(), text)
}

fn leads_nowhere(error: &walkdir::Error) -> bool {
    let kind = error.io_error().map(io::Error::kind);
    error.loop_ancestor().is_some() || kind == Some(io::ErrorKind::NotFound)
}

/// Whether a name says HTML, also with a language behind it (`index.html.en`).
fn is_html(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.split('.').skip(1).any(|part| matches!(part, "html" | "htm" | "xhtml"))
}

/// Where a page comes from that is not generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An HTML file.
    File(PathBuf),
    /// A text that was read before.
    Text(Arc<PlainText>),
}

/// The text of a page, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainText {
    /// Its title.
    pub title: String,
    /// Its lines.
    pub text: String,
}

impl Source {
    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text(page) => page.title.clone(),
        }
    }

    /// The page. A file that cannot be read is a page that says so.
    pub fn read(&self, mut writer: StorageWriter) -> Document {
        match self {
            Self::File(path) => read(path, writer).unwrap_or_else(|error| Document {
                title: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                storage: format!("<p>{:?}</p>", error.kind()),
                text: format!("{:?}", error.kind()),
            }),
            Self::Text(page) => {
                for line in page.text.lines() {
                    writer.block(TextBlock::Paragraph, line);
                }
                let (storage, text) = writer.finish();
                Document { title: page.title.clone(), storage, text }
            }
        }
    }
}

/// A document as a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its title, or the file's name.
    pub title: String,
    /// In storage format.
    pub storage: String,
    /// The text that a reader sees.
    pub text: String,
}

/// Reads a file and writes it as a page. What is not UTF-8 in it is replaced.
pub fn read(path: &Path, writer: StorageWriter) -> io::Result<Document> {
    let html = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    let sink = Converter(RefCell::new(State::new(writer)));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(plain::without_attributes(&html).into());
    // The sink never asks for a script to run, so one pass reads everything.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut state = tokenizer.sink.0.into_inner();
    state.end_block();
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let title = if state.title.trim().is_empty() { name } else { folded(&state.title) };
    let (storage, text) = state.writer.finish();
    Ok(Document { title, storage, text })
}

struct State {
    writer: StorageWriter,
    title: String,
    in_title: bool,
    hidden: bool,
    heading: Option<u8>,
    line: String,
}

impl State {
    fn new(writer: StorageWriter) -> Self {
        let (title, line) = (String::new(), String::new());
        Self { writer, title, in_title: false, hidden: false, heading: None, line }
    }

    fn end_block(&mut self) {
        let line = folded(&std::mem::take(&mut self.line));
        if !line.is_empty() {
            let block = self.heading.map_or(TextBlock::Paragraph, TextBlock::Heading);
            self.writer.block(block, &line);
        }
    }
}

struct Converter(RefCell<State>);

impl TokenSink for Converter {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let name: &str = &tag.name;
                let opens = tag.kind == TagKind::StartTag;
                match name {
                    "title" if !tag.self_closing => {
                        state.in_title = opens && state.title.is_empty();
                        if opens {
                            return TokenSinkResult::RawData(RawKind::Rcdata);
                        }
                    }
                    // What they hold is no markup, whatever it looks like.
                    "script" | "style" if !tag.self_closing => {
                        state.hidden = opens;
                        if opens {
                            return TokenSinkResult::RawData(RawKind::Rawtext);
                        }
                    }
                    "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                        state.end_block();
                        state.heading = opens.then(|| name.as_bytes()[1] - b'0');
                    }
                    "a" | "abbr" | "b" | "code" | "em" | "i" | "span" | "strong" | "sub"
                    | "sup" | "tt" | "u" | "var" | "kbd" | "samp" | "small" | "cite" | "font" => {}
                    _ => state.end_block(),
                }
            }
            Token::CharacterTokens(text) if state.in_title => state.title.push_str(&text),
            Token::CharacterTokens(text) if !state.hidden => state.line.push_str(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// White space folded, and characters left out that XML forbids or that nobody sees.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        let before = folded.len();
        folded.extend(word.chars().filter(|c| is_seen(*c)));
        if before > 0 && folded.len() > before {
            folded.insert(before, ' ');
        }
    }
    folded
}

fn is_seen(c: char) -> bool {
    let has_no_width = matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !has_no_width && !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')
}
