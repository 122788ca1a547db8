//! How many tokens a text takes, roughly: what a client can tell without the provider's tokenizer.
//!
//! A letter of English is about a fifth of a token, one of Ukrainian a third, a Chinese character
//! two thirds. What a provider reports corrects it (`estimate.rs`).

/// The tokens of a text, about.
pub fn count(text: &str) -> u64 {
    let add =
        |c: char| ASCII.get(c as usize).map_or_else(|| thousandths(c), |known| (*known).into());
    text.chars().map(add).sum::<u64>().div_ceil(1_000)
}

/// What each ASCII character adds: a job reads every text of a space several times.
static ASCII: [u16; 128] = ascii();

const fn ascii() -> [u16; 128] {
    let mut adds = [750; 128];
    let mut c = 0;
    while c < 128 {
        match c {
            b'a'..=b'z' | b'A'..=b'Z' => adds[c as usize] = 225,
            b' ' => adds[c as usize] = 0,
            b'0'..=b'9' => adds[c as usize] = 900,
            b'\n' => adds[c as usize] = 300,
            _ => {}
        }
        c += 1;
    }
    adds
}

/// What any other character adds, in thousandths of a token.
fn thousandths(c: char) -> u64 {
    match c {
        // Words of Ukrainian, which alone has these letters, are cut into more pieces.
        'і' | 'ї' | 'є' | 'ґ' | 'І' | 'Ї' | 'Є' | 'Ґ' => 1_700,
        '\u{400}'..='\u{52f}' => 250,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' => 650,
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => 750,
        _ => 450,
    }
}
