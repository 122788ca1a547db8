//! The CSV of a dry run, as a person has left it.
//!
//! A spreadsheet may have put a mark before it, semicolons or tabs between its cells, and other ends to
//! its lines. Rows, columns and labels may be gone, and in another order. Nothing is guessed: whatever
//! does not say which labels a page gets is a problem, and all problems are told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord};

use super::cell::plain;
use super::labels;
use crate::pipeline::page::PageId;
use crate::pipeline::printable::shown;
use crate::pipeline::store::LabelChange;
use crate::sim::scenario::diagnostic::{Diagnostic, first, in_order};

/// What may stand between cells.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// The most characters of a cell that are shown.
const CELL_CHARS: usize = 60;
/// What makes a file that cannot be read right again.
const HEADER: &str =
    "the first line names the columns, like the output of `tagspace tag --format csv`";

/// A file of changes.
#[derive(Debug, Clone)]
pub struct ChangesFile {
    /// The file, as it is named.
    origin: String,
    text: Arc<str>,
    /// What is to be done, in the order of the file; pages without a label to change are left out.
    pub changes: Vec<LabelChange>,
    /// Where the row of each page stands.
    rows: BTreeMap<PageId, Range<usize>>,
    /// The labels that the file names as already there, or as dropped.
    pub seen: BTreeSet<String>,
}

/// The columns that are read, by their place.
struct ReadColumns {
    page: usize,
    added: usize,
    removed: Option<usize>,
    /// Those whose labels a dry run has seen.
    seen: Vec<usize>,
    count: usize,
}

/// A row, and where it stands.
struct WrittenRow {
    cells: StringRecord,
    span: Range<usize>,
}

/// Reads the text of a file.
pub fn read(origin: &str, text: &str) -> Result<ChangesFile, Vec<Diagnostic>> {
    // The reader leaves out the mark that spreadsheets put before a text in UTF-8.
    let (origin, text): (String, Arc<str>) = (origin.to_owned(), text.into());
    let (changes, rows, seen) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
    let mut file = ChangesFile { origin, text, changes, rows, seen };
    let mut written = rows_of(&file.text).into_iter();
    let head = written.next().unwrap_or(WrittenRow { cells: StringRecord::new(), span: 0..0 });
    let columns = file.columns(&head).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    for row in written.filter(|row| row.cells.iter().any(|cell| !cell.trim().is_empty())) {
        match file.row(&columns, &row) {
            Ok(()) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(file) } else { Err(first(in_order(problems))) }
}

/// All rows, the header first.
fn rows_of(text: &str) -> Vec<WrittenRow> {
    let rows = |delimiter| {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(delimiter);
        builder.from_reader(text.as_bytes())
    };
    let names_pages = |delimiter: &u8| {
        let mut head = StringRecord::new();
        let is_read = rows(*delimiter).read_record(&mut head).unwrap_or(false);
        is_read && head.iter().any(|cell| name_of(cell) == "page")
    };
    let delimiter = DELIMITERS.into_iter().find(names_pages).unwrap_or(b',');
    let (mut reader, mut found) = (rows(delimiter), Vec::new());
    let mut cells = StringRecord::new();
    // A text is UTF-8, and rows may have any length, so that nothing can fail.
    while reader.read_record(&mut cells).unwrap_or(false) {
        let end = usize::try_from(reader.position().byte()).unwrap_or(text.len());
        let start = cells.position().map_or(0, |at| usize::try_from(at.byte()).unwrap_or(0));
        let written = &text[start..end];
        let start = start + written.len() - written.trim_start_matches(['\r', '\n']).len();
        let end = start + text[start..end].trim_end_matches(['\r', '\n']).len();
        found.push(WrittenRow { cells: std::mem::take(&mut cells), span: start..end });
    }
    found
}

/// A cell of the header as the name of a column.
fn name_of(cell: &str) -> String {
    plain(cell).trim().to_lowercase()
}

impl ChangesFile {
    /// A problem with a part of the file, and what to do about it.
    pub fn problem(&self, span: Range<usize>, message: String, help: &str) -> Diagnostic {
        let (origin, text) = (self.origin.clone(), Arc::clone(&self.text));
        Diagnostic { origin, text, span, message, help: Some(help.to_owned()) }
    }

    /// A problem with the row of a page.
    pub fn problem_of(&self, page: PageId, message: String, help: &str) -> Diagnostic {
        self.problem(self.rows.get(&page).cloned().unwrap_or(0..0), message, help)
    }

    /// A problem with a label of a page.
    pub fn problem_of_label(
        &self,
        page: PageId,
        label: &str,
        message: String,
        help: &str,
    ) -> Diagnostic {
        let row = self.rows.get(&page).cloned().unwrap_or(0..0);
        self.problem(self.part(row, label), message, help)
    }

    /// The place of a word in a row; the row where it is written in other letters.
    fn part(&self, row: Range<usize>, word: &str) -> Range<usize> {
        let found = self.text[row.clone()].find(word).filter(|_| !word.is_empty());
        found.map_or(row.clone(), |at| row.start + at..row.start + at + word.len())
    }

    fn columns(&self, head: &WrittenRow) -> Result<ReadColumns, Diagnostic> {
        let names: Vec<String> = head.cells.iter().map(name_of).collect();
        let wrong = |message: String| self.problem(head.span.clone(), message, HEADER);
        let place = |wanted: &str| {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == wanted);
            let place = found.next().map(|(place, _)| place);
            match found.next() {
                None => Ok(place),
                Some(_) => Err(wrong(format!("expected one column `{wanted}`, found two"))),
            }
        };
        let needed = |wanted: &str| {
            place(wanted)?.ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let found = match known.join(", ") {
                    found if found.is_empty() => "nothing".to_owned(),
                    found => shown(&found, 2 * CELL_CHARS),
                };
                wrong(format!("expected a column `{wanted}`, found {found}"))
            })
        };
        let (page, added) = (needed("page")?, needed("added")?);
        let seen = ["already_there", "dropped"].into_iter().filter_map(|name| place(name).ok()?);
        let seen = seen.collect();
        Ok(ReadColumns { page, added, removed: place("removed")?, seen, count: names.len() })
    }

    /// Takes a row.
    fn row(&mut self, columns: &ReadColumns, row: &WrittenRow) -> Result<(), Diagnostic> {
        let WrittenRow { cells, span } = row;
        let wrong = |message: String, help: &str| self.problem(span.clone(), message, help);
        if self.text[span.clone()].matches('"').count() % 2 == 1 {
            let help =
                "a cell that begins with a quote ends with one, and a quote in it is doubled";
            return Err(wrong("expected the end of a quote, found none".to_owned(), help));
        }
        if cells.len() != columns.count {
            let help =
                "a cell that holds a comma or what else stands between cells stands in quotes";
            let message = format!(
                "expected {} cells, as the header has, found {}",
                columns.count,
                cells.len()
            );
            return Err(wrong(message, help));
        }
        let cell = |place: usize| plain(cells.get(place).unwrap_or_default()).trim();
        let page = page_of(cell(columns.page)).ok_or_else(|| {
            let help = "a spreadsheet shortens long numbers: take the ids of the dry run's file, and \
                        let the column be text";
            let found = shown(cell(columns.page), CELL_CHARS);
            let message = format!("expected the id of a page, found `{found}`");
            self.problem(self.part(span.clone(), cell(columns.page)), message, help)
        })?;
        if let Some(first) = self.rows.get(&page) {
            let line = self.text[..first.start].matches('\n').count() + 1;
            let message = format!("the page {page} has a row already, in line {line}");
            return Err(wrong(message, "one row says all labels of a page: delete the other"));
        }
        let added = self.labels(span, cell(columns.added))?;
        let removed = self.labels(span, columns.removed.map_or("", cell))?;
        if let Some(both) = added.iter().find(|label| removed.contains(label)) {
            let message = format!("the label `{both}` is to be added and to be removed");
            return Err(wrong(message, "leave it in one of the columns"));
        }
        let seen: Vec<String> =
            columns.seen.iter().flat_map(|place| labels::of_cell(cell(*place))).collect();
        self.seen.extend(seen);
        self.rows.insert(page, span.clone());
        if !added.is_empty() || !removed.is_empty() {
            self.changes.push(LabelChange { page, added, removed });
        }
        Ok(())
    }

    /// The labels of a cell.
    fn labels(&self, row: &Range<usize>, cell: &str) -> Result<Vec<String>, Diagnostic> {
        let labels = labels::of_cell(cell);
        for label in &labels {
            if let Some(problem) = labels::problem(label) {
                let message = format!("`{}` {problem}", shown(label, CELL_CHARS));
                let help = "labels of one cell stand with a space between them";
                return Err(self.problem(self.part(row.clone(), label), message, help));
            }
        }
        Ok(labels)
    }
}

/// The id that a cell holds.
fn page_of(cell: &str) -> Option<PageId> {
    let is_number = !cell.is_empty() && cell.chars().all(|digit| digit.is_ascii_digit());
    // An id is an int64.
    let id = cell.parse().ok().filter(|id: &i64| is_number && *id > 0)?;
    u64::try_from(id).ok().map(PageId)
}
