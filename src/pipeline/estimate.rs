//! How many tokens a prompt will take, told by its length and by what others took.

use crate::units::{float, whole};

/// Tokens per character, corrected by every answer: at once when prompts take more than was
/// thought, slowly when they take less, because to expect too little costs a refusal.
#[derive(Debug, Clone, Copy)]
pub struct Estimator {
    per_char: f64,
}

/// Of prose in Latin or Cyrillic letters, about; code has fewer characters to a token.
const CHARS_PER_TOKEN: f64 = 3.5;
/// How much of a difference is believed when prompts take less.
const SLOWLY: f64 = 0.1;

impl Estimator {
    /// An estimator that has seen nothing.
    pub fn new() -> Self {
        Self { per_char: 1.0 / CHARS_PER_TOKEN }
    }

    /// The tokens of a prompt of so many characters.
    pub fn tokens(&self, chars: u64) -> u64 {
        whole(libm::ceil(float(chars) * self.per_char))
    }

    /// A prompt of so many characters took so many tokens.
    pub fn learn(&mut self, chars: u64, tokens: u64) {
        if chars == 0 || tokens == 0 {
            return;
        }
        let seen = float(tokens) / float(chars);
        let share = if seen > self.per_char { 1.0 } else { SLOWLY };
        self.per_char += share * (seen - self.per_char);
    }
}

impl Default for Estimator {
    fn default() -> Self {
        Self::new()
    }
}
