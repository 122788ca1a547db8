//! What is wrong with a scenario: where, what was got and what was wanted.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// One problem, shown with the line that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the flag that the text came from.
    pub origin: String,
    /// The whole text.
    pub text: String,
    /// The bytes of it that are wrong.
    pub span: Range<usize>,
    /// What was got and what was wanted.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// The line and column where it begins, both counted from 1.
    pub fn line_and_column(&self) -> (usize, usize) {
        let at = self.span.start.min(self.text.len());
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.text.len();
        let start = self.span.start.min(end);
        let span = start..self.span.end.clamp(start, end);
        let snippet = Snippet::source(&self.text)
            .path(&self.origin)
            .annotation(AnnotationKind::Primary.span(span));
        let mut group = Group::with_level(Level::ERROR).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let (line, column) = self.line_and_column();
        writeln!(f, "{}:{line}:{column}: {}", self.origin, self.message)?;
        f.write_str(&Renderer::plain().render(&[group]))
    }
}

impl std::error::Error for Problem {}

/// The known name nearest to a wrong one, as a question.
pub fn did_you_mean<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = known.into_iter().map(|name| (strsim::damerau_levenshtein(got, name), name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + got.chars().count() / 3).then(|| format!("did you mean `{name}`?"))
}

/// The problem that a TOML or type error stands for.
pub(super) fn of_toml(origin: &str, text: &str, error: &toml::de::Error) -> Problem {
    let message = error.message().trim().trim_end_matches('.').replace('\n', ", ");
    let mut names = message.split('`').skip(1).step_by(2);
    let help = if message.starts_with("missing field") {
        Some("`tagspace new NAME` writes a scenario with everything that is needed".to_owned())
    } else if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let got = names.next().unwrap_or("").to_owned();
        let known: Vec<&str> = names.collect();
        let nearest = did_you_mean(&got, known.iter().copied());
        let allowed = format!("allowed here: {}", known.join(", "));
        Some(nearest.map_or_else(|| allowed.clone(), |nearest| format!("{nearest} {allowed}")))
    } else {
        None
    };
    let message = match message.split_once(", expected") {
        Some((what, _)) if what.starts_with("unknown field") => {
            what.replacen("unknown field", "got the unknown key", 1) + ", wanted a known one"
        }
        Some((what, rest)) if what.starts_with("unknown variant") => {
            let got = what.replacen("unknown variant", "got", 1);
            format!("{got}, wanted{}", rest.replacen(" one of", "", 1))
        }
        Some((what, rest)) if what.starts_with("invalid type") => {
            // serde knows a table by the name of the type that it fills.
            let rest = if rest.starts_with(" struct ") { " a table" } else { rest };
            format!("{}, wanted{rest}", what.replacen("invalid type:", "got", 1))
        }
        None if message.starts_with("missing field") => {
            message.replacen("missing field", "got no", 1) + ", wanted it set"
        }
        _ if text.parse::<toml::Table>().is_err() => {
            format!("got text that is not TOML: {message}")
        }
        _ => message.clone(),
    };
    let span = error.span().unwrap_or(0..0);
    Problem { origin: origin.to_owned(), text: text.to_owned(), span, message, help }
}
