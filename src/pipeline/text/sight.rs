//! What a reader sees of a page: text, element by element.
//!
//! Both readers tell it what they meet. It keeps the elements that are open and have a role, and
//! an end that fits none of them changes nothing, so that no markup makes it fail.

use super::element::{KNOWN, Macro, Role, is_block, known, name_of_target};
use super::lines::Lines;
use super::scanner::resolved_value;
use crate::html;
use crate::pipeline::text::scanner::{Piece, Scanner, resolved};

/// How text is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visibility {
    /// As prose.
    Prose,
    /// As code, of which there is a limit.
    Code,
    /// Not at all.
    Never,
    /// When its element ends, which then looks at all of it: the value of a parameter, or HTML.
    Later,
}

/// An element that is open and has a role.
struct Open {
    /// Its place in [`KNOWN`].
    element: usize,
    seen: Visibility,
    /// How many words stand before it.
    words: usize,
    shows: Shows,
}

/// What an element shows beside the text in it.
enum Shows {
    Nothing,
    /// Of a macro, what its name says; and whether its body is hidden.
    Macro(Macro, bool),
    /// Of a link, the name of what it leads to, as far as it is known.
    Target(Option<String>),
}

impl Open {
    fn role(&self) -> Role {
        KNOWN[self.element].1
    }

    /// The macro that it is.
    fn of(&self) -> Option<Macro> {
        match self.shows {
            Shows::Macro(of, _) => Some(of),
            _ => None,
        }
    }
}

/// What was seen so far.
pub(super) struct Sight {
    lines: Lines,
    open: Vec<Open>,
    /// How many elements are open, by their place in [`KNOWN`].
    counts: [usize; KNOWN.len()],
    later: String,
    is_html: bool,
}

impl Sight {
    /// Nothing seen yet.
    pub(super) fn new(lines: Lines) -> Self {
        let (open, later) = (Vec::new(), String::new());
        Self { lines, open, counts: [0; KNOWN.len()], later, is_html: false }
    }

    /// Whether nothing more fits.
    pub(super) fn is_full(&self) -> bool {
        self.lines.is_full()
    }

    /// A tag that begins an element, or is all of it.
    pub(super) fn start(&mut self, name: &str, attributes: &str, is_empty: bool) {
        let known = known(name);
        if self.ignores(name, known) {
            return;
        }
        self.block(name);
        if let Some(element) = known {
            self.open(element, attributes);
            if is_empty {
                self.close();
            }
        } else if let Some(attribute) = name_of_target(name) {
            self.leads_to(attributes, attribute);
        }
    }

    /// A tag that ends an element, and whatever was left open in it.
    pub(super) fn end(&mut self, name: &str) {
        let known = known(name);
        if self.ignores(name, known) {
            return;
        }
        if let Some(element) = known
            && let Some(still_open) = self.counts[element].checked_sub(1)
        {
            while self.counts[element] > still_open {
                self.close();
            }
        }
        self.block(name);
    }

    /// Text, its character references resolved.
    pub(super) fn text(&mut self, piece: &str) {
        match self.seen() {
            Visibility::Prose => self.lines.push(piece),
            Visibility::Code => self.lines.push_code(piece),
            Visibility::Later => self.later.push_str(piece),
            Visibility::Never => {}
        }
    }

    /// All that was seen; what is still open ends here.
    pub(super) fn finish(mut self) -> Lines {
        while !self.open.is_empty() {
            self.close();
        }
        self.lines
    }

    fn seen(&self) -> Visibility {
        self.open.last().map_or(Visibility::Prose, |open| open.seen)
    }

    /// Whether text is seen where it stands.
    fn is_seen(&self) -> bool {
        matches!(self.seen(), Visibility::Prose | Visibility::Code)
    }

    /// Whether a tag of this name is none here.
    fn ignores(&self, name: &str, known: Option<usize>) -> bool {
        let raw = self.open.last().filter(|open| open.role() == Role::Raw);
        raw.is_some_and(|raw| known != Some(raw.element)) || (self.is_html && name.contains(':'))
    }

    /// A line ends here, if this is the name of a block.
    fn block(&mut self, name: &str) {
        if is_block(name) && self.is_seen() {
            self.lines.end_line();
        }
    }

    fn open(&mut self, element: usize, attributes: &str) {
        let role = KNOWN[element].1;
        let name = html::attribute(attributes, "ac:name").map(resolved_value).unwrap_or_default();
        let inside = self.seen_inside(role, &name);
        let seen = if self.is_seen() { inside } else { self.seen() };
        let shows = match role {
            Role::Macro => {
                let of = Macro::named(&name);
                Shows::Macro(of, of == Macro::Unseen)
            }
            Role::Link => Shows::Target(None),
            _ => Shows::Nothing,
        };
        let parent = self.open.last_mut();
        if role == Role::LinkBody
            && let Some(link) = parent.filter(|parent| parent.role() == Role::Link)
        {
            link.shows = Shows::Nothing;
        }
        let open = Open { element, seen, words: self.lines.words(), shows };
        self.counts[element] += 1;
        self.edge(&open);
        self.open.push(open);
    }

    /// How text is seen in an element of this role and name that begins here.
    fn seen_inside(&self, role: Role, name: &str) -> Visibility {
        let parent = self.open.last();
        let of = parent.and_then(Open::of);
        match role {
            Role::Hidden | Role::Raw => Visibility::Never,
            Role::Parameter => match of {
                Some(_) if name == "hidden" => Visibility::Later,
                Some(of) if of.shows(name) => self.seen(),
                _ => Visibility::Never,
            },
            Role::RichBody | Role::PlainBody
                if parent.is_some_and(|parent| matches!(parent.shows, Shows::Macro(_, true))) =>
            {
                Visibility::Never
            }
            Role::PlainBody if of == Some(Macro::Html) => Visibility::Later,
            Role::PlainBody | Role::Preformatted => Visibility::Code,
            Role::Fallback
                if parent.is_some_and(|parent| {
                    parent.role() == Role::Extension && parent.words < self.lines.words()
                }) =>
            {
                Visibility::Never
            }
            _ => self.seen(),
        }
    }

    /// A line ends where a macro begins or ends, and one of its parameters, unless it stands within
    /// a line.
    fn edge(&mut self, open: &Open) {
        let of = match open.role() {
            Role::Macro => open.of(),
            Role::Parameter if open.seen != Visibility::Never => {
                self.open.last().and_then(Open::of)
            }
            _ => None,
        };
        if of.is_some_and(|of| !of.is_inline()) && self.is_seen() {
            self.lines.end_line();
        }
    }

    /// Something of Confluence is named here.
    fn leads_to(&mut self, attributes: &str, attribute: &str) {
        let Some(name) = html::attribute(attributes, attribute).map(resolved_value) else { return };
        match self.open.last_mut() {
            Some(Open { shows: Shows::Target(target @ None), .. }) => {
                *target = Some(name.into_owned());
            }
            Some(open) if open.role() == Role::Parameter => self.text(&name),
            _ => {}
        }
    }

    /// Ends the innermost element.
    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.counts[open.element] -= 1;
        self.edge(&open);
        if let Shows::Target(Some(target)) = &open.shows
            && open.words == self.lines.words()
        {
            self.text(target);
        }
        if open.seen == Visibility::Later && self.seen() != Visibility::Later {
            let value = std::mem::take(&mut self.later);
            match (open.role(), self.open.last_mut()) {
                (Role::Parameter, Some(Open { shows: Shows::Macro(_, hides), .. })) => {
                    *hides |= value.trim() == "true";
                }
                _ => self.html(&value),
            }
        }
    }

    /// The body of an HTML macro. Elements of the storage format mean nothing in it, so that there is
    /// no such body in it again.
    fn html(&mut self, body: &str) {
        let outside = self.open.len();
        self.is_html = true;
        crate::pipeline::text::sight::scan(body, self);
        while self.open.len() > outside {
            self.close();
        }
        self.is_html = false;
    }
}

/// Reads anything that resembles HTML.
pub(super) fn scan(document: &str, sight: &mut Sight) {
    let mut scanner = Scanner::new(document);
    let mut in_macro = 0_usize;
    // Confluence keeps code in CDATA sections; inside its elements they are read as such.
    while !sight.is_full()
        && let Some(piece) = scanner.next_piece(in_macro > 0)
    {
        match piece {
            Piece::Start { name, attributes, is_closed } => {
                in_macro += usize::from(!is_closed && name.starts_with("ac:"));
                sight.start(&name, attributes, is_closed);
            }
            Piece::End { name } => {
                in_macro = in_macro.saturating_sub(usize::from(name.starts_with("ac:")));
                sight.end(&name);
            }
            Piece::Text(piece) => sight.text(&resolved(piece)),
            Piece::Literal(piece) => sight.text(&piece.replace('\0', "")),
        }
    }
}
