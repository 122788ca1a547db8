//! Which prompts are too large for a quota of tokens, so that no wait helps them.

use super::constants::{ESTIMATE_SHARE, FEW_TOKENS};

/// What is known of prompts that are too large.
#[derive(Debug, Clone, Default)]
pub(super) struct PromptSize {
    /// Prompts of this many tokens are too large.
    never: Option<u64>,
    /// Refusals in a row for tokens of which nothing had been taken.
    refused_alone: u32,
}

impl PromptSize {
    /// A prompt was answered.
    pub(super) fn answered(&mut self) {
        self.refused_alone = 0;
    }

    /// A limit is stated: what it holds is not too large any more.
    pub(super) fn stated(&mut self, limit: u64) {
        self.never = self.never.filter(|never| *never > limit);
    }

    /// A prompt was refused for its tokens, perhaps although nothing else had been taken: twice, and it
    /// counts as too large where it is most of the limit, because estimates may be too small.
    pub(super) fn refused(&mut self, tokens: u64, limit: u64, is_alone: bool) {
        self.refused_alone = if is_alone { self.refused_alone + 1 } else { 0 };
        let is_most = limit - limit / 4 < tokens;
        if limit < tokens || self.refused_alone > 1 && is_most {
            self.is_never(tokens);
        }
    }

    /// A prompt was refused without a word, as all that were sent before; small ones are not too large.
    pub(super) fn refused_in_vain(&mut self, tokens: u64) {
        if tokens > FEW_TOKENS {
            self.is_never(tokens);
        }
    }

    fn is_never(&mut self, tokens: u64) {
        self.never = Some(self.never.map_or(tokens, |never| never.min(tokens)));
    }

    /// Whether a prompt is too large beside this stated limit; its tokens are estimated.
    pub(super) fn is_too_large(&self, tokens: u64, stated: Option<u64>) -> bool {
        stated.is_some_and(|limit| tokens > limit + limit / ESTIMATE_SHARE)
            || self.never.is_some_and(|never| tokens >= never)
    }
}
