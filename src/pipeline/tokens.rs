//! How many tokens a text takes, roughly: what a client can tell without the provider's tokenizer.
//!
//! A letter of English is about a fifth of a token, one of Ukrainian a third, a Chinese character
//! two thirds. What a provider reports corrects it (`estimate.rs`).

/// Thousandths of a token: of an ASCII letter, a digit, the end of a line, and of any other ASCII character
/// but a blank.
const LETTER: u64 = 225;
const DIGIT: u64 = 900;
const LINE: u64 = 300;
const OTHER: u64 = 750;

/// The tokens of a text, about.
pub fn count(text: &str) -> u64 {
    let of = |line: &str| {
        if line.is_ascii() { of_ascii(line) } else { line.chars().map(of_char).sum() }
    };
    text.split_inclusive('\n').map(of).sum::<u64>().div_ceil(1_000)
}

/// What ASCII characters add, in thousandths of a token. Each kind is counted by itself, in stretches whose
/// counts fit into a byte, so that the compiler can look at many bytes at once.
fn of_ascii(text: &str) -> u64 {
    const STRETCH: usize = 255;
    let (mut letters, mut digits, mut blanks, mut lines) = (0, 0, 0, 0);
    for stretch in text.as_bytes().chunks(STRETCH) {
        letters += count_of(stretch, |byte| byte.is_ascii_alphabetic());
        digits += count_of(stretch, |byte| byte.is_ascii_digit());
        blanks += count_of(stretch, |byte| byte == b' ');
        lines += count_of(stretch, |byte| byte == b'\n');
    }
    let others = text.len() as u64 - letters - digits - blanks - lines;
    LETTER * letters + DIGIT * digits + LINE * lines + OTHER * others
}

/// How many of these bytes, 255 at most, are such ones.
fn count_of(bytes: &[u8], is_one: impl Fn(u8) -> bool) -> u64 {
    let count = bytes.iter().fold(0_u8, |count, byte| count.wrapping_add(is_one(*byte).into()));
    count.into()
}

/// What a character adds, in thousandths of a token.
fn of_char(c: char) -> u64 {
    match c {
        'a'..='z' | 'A'..='Z' => LETTER,
        ' ' => 0,
        '0'..='9' => DIGIT,
        '\n' => LINE,
        _ if c.is_ascii() => OTHER,
        // Words of Ukrainian, which alone has these letters, are cut into more pieces.
        'і' | 'ї' | 'є' | 'ґ' | 'І' | 'Ї' | 'Є' | 'Ґ' => 1_700,
        '\u{400}'..='\u{52f}' => 250,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => 650,
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => 750,
        _ => 450,
    }
}
