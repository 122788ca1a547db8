//! Titles and texts on their way into a prompt, where none may open the section of a page.
//!
//! A section begins with a line `=== page <id> ===`. What a model might take for one is quoted with
//! `> `: a run of two or more signs like `=` at the start of a line, and anywhere else one that
//! `page` follows. Lines end wherever any reader may see an end; white space, signs that are not
//! seen, and look-alikes of the letters make no difference. Every other text stays as it is.

use crate::pipeline::printable::{is_break, is_unseen};

const MARK: &str = "> ";

/// Appends a text, quoted where it has to be.
pub(crate) fn push(prompt: &mut String, text: &str) {
    if !text.chars().any(|c| equals_signs(c) > 0) {
        prompt.push_str(text);
        return;
    }
    let mut copied = 0;
    let mut starts_line = true;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if equals_signs(c) == 0 {
            starts_line = ends_line(c) || starts_line && is_skipped(c);
            continue;
        }
        let mut signs = equals_signs(c);
        while let Some((_, c)) = chars.next_if(|(_, c)| equals_signs(*c) > 0 || is_gap(*c)) {
            signs += equals_signs(c);
        }
        let rest = chars.peek().map_or("", |(next, _)| &text[*next..]);
        if signs >= 2 && (starts_line || names_page(rest)) {
            prompt.push_str(&text[copied..at]);
            prompt.push_str(MARK);
            copied = at;
        }
        starts_line = false;
    }
    prompt.push_str(&text[copied..]);
}

/// The signs like `=` that a character shows; two of three strokes and more are a run by itself.
fn equals_signs(c: char) -> u32 {
    const ONE: &str = "\u{1400}\u{207c}\u{208c}\u{22cd}\u{2550}\u{2a77}\u{2e40}\u{3013}\u{30a0}\
                       \u{a78a}\u{fe66}\u{ff1d}\u{1f7f0}";
    match c {
        ..'\u{1400}' => u32::from(c == '='),
        '\u{2261}'..='\u{2263}' | '\u{2a75}' | '\u{2a76}' => 2,
        '\u{224d}'..='\u{2260}' | '\u{2a6c}'..='\u{2a74}' => 1,
        _ => u32::from(ONE.contains(c)),
    }
}

/// Whether some reader sees the end of a line here.
fn ends_line(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a line still has not begun after this character.
fn is_skipped(c: char) -> bool {
    is_break(c) || is_unseen(c)
}

/// Whether a run goes on behind this character.
fn is_gap(c: char) -> bool {
    is_skipped(c) && !ends_line(c)
}

/// Whether a text begins with `page`, in any letters that look like it.
fn names_page(text: &str) -> bool {
    let mut letters = text.chars().filter(|c| !is_skipped(*c)).map(latin);
    "page".chars().all(|letter| letters.next() == Some(letter))
}

/// The small Latin letter of `page` that a character looks like, if it does.
fn latin(c: char) -> char {
    let folded = match c {
        '\u{ff21}'..='\u{ff3a}' => Some(u32::from(c) - 0xff21),
        '\u{ff41}'..='\u{ff5a}' => Some(u32::from(c) - 0xff41),
        // Mathematical alphabets: bold, italic, script and so on, capitals before small letters.
        '\u{1d400}'..='\u{1d6a3}' => Some((u32::from(c) - 0x1d400) % 26),
        '\u{24b6}'..='\u{24cf}' => Some(u32::from(c) - 0x24b6),
        '\u{24d0}'..='\u{24e9}' => Some(u32::from(c) - 0x24d0),
        '\u{1f130}'..='\u{1f149}' => Some(u32::from(c) - 0x1f130),
        _ => None,
    };
    if let Some(letter) = folded.and_then(|index| char::from_u32(u32::from('a') + index)) {
        return letter;
    }
    match c {
        'р' | 'Р' | 'ρ' | 'Ρ' | 'ᴘ' => 'p',
        'а' | 'А' | 'α' | 'Α' | 'ɑ' | 'ᴀ' => 'a',
        'ɡ' | 'ɢ' | 'ց' | 'ԍ' => 'g',
        'е' | 'Е' | 'Ε' | 'ҽ' | 'ε' | 'ᴇ' => 'e',
        _ => c.to_ascii_lowercase(),
    }
}
