//! Text in lines, white space folded, up to a number of characters.

/// The text so far, and how much more fits.
pub(super) struct Lines {
    text: String,
    chars_left: usize,
    code_left: usize,
    gap: Gap,
    words: usize,
    is_code_cut: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
}

impl Lines {
    /// No text yet, with a limit on its characters and one on its code.
    pub(super) fn new(limit_chars: usize, code_chars: usize) -> Self {
        Self {
            text: String::new(),
            chars_left: limit_chars,
            code_left: code_chars,
            gap: Gap::None,
            words: 0,
            is_code_cut: false,
        }
    }

    /// Whether nothing more fits.
    pub(super) fn is_full(&self) -> bool {
        self.chars_left == 0
    }

    /// How many pieces of words there were, those included that did not fit.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// How many characters are left, if code had to be left out for its share.
    pub(super) fn room_for_code(&self) -> usize {
        if self.is_code_cut { self.chars_left } else { 0 }
    }

    /// What follows begins a line.
    pub(super) fn end_line(&mut self) {
        self.gap = Gap::Line;
    }

    /// Adds prose.
    pub(super) fn push(&mut self, piece: &str) {
        self.push_words(piece, false);
    }

    /// Adds code, whose lines stay lines.
    pub(super) fn push_code(&mut self, piece: &str) {
        for line in piece.split_inclusive('\n') {
            self.push_words(line, true);
            if line.ends_with('\n') {
                self.end_line();
            }
        }
    }

    fn push_words(&mut self, piece: &str, is_code: bool) {
        if !piece.is_ascii() && piece.contains(is_unseen) {
            let seen: String = piece.chars().filter(|c| !is_unseen(*c)).collect();
            return self.push_words(&seen, is_code);
        }
        if piece.starts_with(char::is_whitespace) {
            self.gap = self.gap.max(Gap::Space);
        }
        for word in piece.split_whitespace() {
            self.words += 1;
            if is_code && self.code_left == 0 {
                self.is_code_cut = true;
                return;
            }
            if self.gap != Gap::None && !self.text.is_empty() {
                self.put(if self.gap == Gap::Line { "\n" } else { " " }, is_code);
            }
            self.put(word, is_code);
            self.gap = Gap::Space;
        }
        if !piece.ends_with(char::is_whitespace) && !piece.is_empty() {
            self.gap = Gap::None;
        }
    }

    fn put(&mut self, piece: &str, is_code: bool) {
        let room = if is_code { self.chars_left.min(self.code_left) } else { self.chars_left };
        let mut chars = if piece.is_ascii() { piece.len() } else { piece.chars().count() };
        if chars <= room {
            self.text.push_str(piece);
        } else {
            self.is_code_cut |= room < self.chars_left;
            chars = room;
            self.text.extend(piece.chars().take(room));
        }
        self.chars_left -= chars;
        if is_code {
            self.code_left -= chars;
        }
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Whether a character takes no room and means nothing to a reader: soft hyphens, spaces and
/// joiners without width, marks of direction, byte order marks. Within a word they hide it.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}
