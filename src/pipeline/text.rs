//! Storage format (XHTML) to plain text.
//!
//! Kept is what a reader sees, once, one line per block, white space folded: with the titles of
//! boxes, status words, keys of issues and the names of linked pages, which stand in attributes and
//! parameters. Left out is what none sees: other parameters, attributes, placeholders, scripts, what
//! a fallback says again, characters without width. Of code a page shows no more than a share.
//!
//! A streaming XML reader does well-formed pages; what it refuses goes through a scanner that
//! accepts anything. No input makes either of them fail, and the work grows with the length of the
//! input, whatever it is.

mod element;
mod lines;
mod scanner;
mod sight;

use quick_xml::Reader;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::{BytesRef, Event};

use self::lines::Lines;
use self::sight::Sight;
use crate::pipeline::text::sight::scan;

/// Code and other plain text in macros (logs, markdown, diagrams) takes at most one character in so
/// many of the limit, or what prose leaves free.
pub const CODE_SHARE: usize = 4;

/// The first `limit_chars` characters of the text of a page in storage format.
pub fn extract(storage: &str, limit_chars: usize) -> String {
    let share = limit_chars / CODE_SHARE;
    let lines = read(storage, limit_chars, share);
    match lines.room_for_code() {
        0 => lines.finish(),
        room => read(storage, limit_chars, share + room).finish(),
    }
}

/// The first characters of the text, of which a share may be code.
fn read(storage: &str, limit_chars: usize, code_chars: usize) -> Lines {
    let nothing = || Sight::new(Lines::new(limit_chars, code_chars));
    let mut sight = nothing();
    if read_well_formed(storage, &mut sight).is_none() {
        sight = nothing();
        scan(storage, &mut sight);
    }
    sight.finish()
}

/// Reads a well-formed fragment; gives nothing if it is not well-formed as far as it was read.
fn read_well_formed(storage: &str, sight: &mut Sight) -> Option<()> {
    let mut reader = Reader::from_str(storage);
    let mut open = 0_usize;
    while !sight.is_full() {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                open += 1;
                sight.start(tag.name().0, tag.attributes_raw(), false);
            }
            Event::Empty(tag) => sight.start(tag.name().0, tag.attributes_raw(), true),
            Event::End(tag) => {
                open = open.checked_sub(1)?;
                sight.end(tag.name().0);
            }
            Event::Text(piece) => sight.text(&piece),
            Event::CData(piece) => sight.text(&piece),
            Event::GeneralRef(entity) => entity_text(sight, &entity),
            Event::Eof => return (open == 0).then_some(()),
            _ => {}
        }
    }
    Some(())
}

fn entity_text(sight: &mut Sight, entity: &BytesRef<'_>) {
    if let Ok(Some(c)) = entity.resolve_char_ref() {
        sight.text(c.encode_utf8(&mut [0; 4]));
    } else if let Some(known) = resolve_html5_entity(entity) {
        sight.text(known);
    } else {
        for piece in ["&", entity, ";"] {
            sight.text(piece);
        }
    }
}
