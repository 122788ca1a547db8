//! What is wrong with a scenario: where, what was got and what was wanted.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// The most problems of one file that are shown.
const MOST_SHOWN: usize = 50;
/// The most characters of a value that are shown.
const VALUE_CHARS: usize = 400;
/// The most characters of a message that are shown.
const MESSAGE_CHARS: usize = 1_000;
/// The most bytes of a line that is shown.
const LINE_BYTES: usize = 4_000;

/// One problem, shown with the line that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, or the flag that the text came from.
    pub origin: String,
    /// The whole text.
    pub text: Arc<str>,
    /// The bytes of it that are wrong.
    pub span: Range<usize>,
    /// What was got and what was wanted.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// A problem whose text is known from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Where it begins, and where it ends.
    pub(super) span: Range<usize>,
    /// What was got and what was wanted.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: Option<String>,
}

/// The problems that these findings make, in the order of their places.
pub(super) fn of_findings(origin: &str, text: &str, findings: Vec<Finding>) -> Vec<Diagnostic> {
    let text: Arc<str> = text.into();
    let problem = |Finding { span, message, help }| {
        let (origin, text) = (origin.to_owned(), Arc::clone(&text));
        Diagnostic { origin, text, span, message, help }
    };
    in_order(findings.into_iter().map(problem).collect())
}

/// The problems of a file in the order of their places, each once.
pub fn in_order(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
    // Several runs may share a table, and what is wrong with it.
    problems.dedup_by(|a, b| a.span == b.span && a.message == b.message);
    problems
}

/// The first fifty problems of a file; the last of them says how many more there are.
pub fn first(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let more = problems.len().saturating_sub(MOST_SHOWN);
    problems.truncate(MOST_SHOWN);
    if let Some(last) = problems.last_mut().filter(|_| more > 0) {
        let text = format!("this file has {more} more problems after this one");
        last.help = Some(last.help.take().map_or(text.clone(), |help| format!("{help}; {text}")));
    }
    problems
}

/// A value that fits into a message: of a long one, its beginning.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    beginning(text, VALUE_CHARS)
}

fn beginning(text: &str, chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl Diagnostic {
    /// The line and column where it begins, both counted from 1.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = &self.text[..self.within(self.span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }

    /// The nearest place at or before this one where a character of the text begins.
    fn within(&self, mut at: usize) -> usize {
        at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The lines that it is about, as a part of the text, with the span within them.
    fn lines(&self) -> (&str, Range<usize>) {
        let start = self.within(self.span.start);
        let end = self.within(self.span.end).max(start);
        let from = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let to = self.text[end..].find('\n').map_or(self.text.len(), |at| end + at);
        (&self.text[from..to], start - from..end - from)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_and_column();
        let (lines, span) = self.lines();
        let mut group = Group::with_level(Level::ERROR);
        if lines.len() <= LINE_BYTES {
            let snippet = Snippet::source(lines)
                .line_start(line)
                .path(&self.origin)
                .annotation(AnnotationKind::Primary.span(span));
            group = group.element(snippet);
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        writeln!(
            f,
            "{}:{line}:{column}: {}",
            self.origin,
            beginning(&self.message, MESSAGE_CHARS)
        )?;
        f.write_str(&Renderer::plain().render(&[group]))
    }
}

impl std::error::Error for Diagnostic {}

/// The known name nearest to a wrong one, as a question.
pub fn did_you_mean<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let got = shortened(got);
    let near = known.into_iter().map(|name| (strsim::damerau_levenshtein(&got, name), name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + got.chars().count() / 3).then(|| format!("did you mean `{name}`?"))
}

/// The finding that an error of TOML's syntax stands for.
pub(super) fn of_toml(error: &toml::de::Error) -> Finding {
    let message = error.message().trim().trim_end_matches('.').replace('\n', ", ");
    Finding {
        span: error.span().unwrap_or_default(),
        message: format!("this is not TOML: {message}"),
        help: None,
    }
}
