//! What the model writes to a call that gets an answer.

use super::{Asked, Decision, LlmService};
use crate::fakes::fault::Kind;
use crate::fakes::llm::json_schema;
use crate::fakes::llm::model::{Matcher, Question};
use crate::fakes::observation::Use;
use crate::units::Count;

impl LlmService {
    /// What the model writes; nothing if the form that is asked for is too large.
    pub(super) fn answer(
        &mut self,
        question: &Question<'_>,
        kind: Option<Kind>,
        asked: Asked<'_>,
        identity: u64,
    ) -> Option<Written> {
        match kind {
            Some(Kind::Blocked) => return Some(Written::withheld(Decision::Blocked)),
            Some(Kind::ContentFilter) => return Some(Written::withheld(Decision::Filtered)),
            _ => {}
        }
        let known = format!("{:?}", question.taxonomy);
        if self.matcher.as_ref().is_none_or(|(taxonomy, _)| *taxonomy != known) {
            let matcher = if question.taxonomy.is_empty() {
                // Clients have their own ways to name a taxonomy; the words to find are these.
                Matcher::new(self.usual.iter().map(|(name, tags)| (name.as_str(), tags.as_slice())))
            } else {
                Matcher::new(question.taxonomy.iter().map(|(name, tags)| (*name, tags.as_slice())))
            };
            self.matcher = matcher.map(|matcher| (known, matcher));
        }
        let Some((_, matcher)) = &self.matcher else {
            return Some(Written::withheld(Decision::Blocked));
        };
        let (mut text, mut whole) = self.writer.write(question, matcher, kind, identity);
        let told =
            (asked.is_json && asked.schema.is_none()).then(|| json_schema::told_in(asked.prompt));
        let told = told.flatten();
        if let Some(schema) = asked.schema.or(told.as_ref()) {
            let value = serde_json::from_str(&text).ok();
            let value = value.map(|value| json_schema::constrained(value, schema));
            if let Some(value) = value.filter(|value| json_schema::fits(value, schema)) {
                text = json_schema::in_order(&value, schema);
            } else {
                let pages = question.pages.iter();
                let seen = pages.map(|(id, text)| json_schema::TaggedPage {
                    id: *id,
                    text,
                    tags: matcher.tags(text),
                });
                let pages: Vec<json_schema::TaggedPage<'_>> = seen.collect();
                text = json_schema::fill(schema, &pages)?;
                whole = true;
            }
        }
        if asked.is_bare
            && let Ok(bare) = serde_json::from_str(&text)
        {
            text = bare;
        }
        let caller_limit = asked.max_output_tokens.unwrap_or(u64::MAX);
        let mut limit = caller_limit.min(self.writer.config().truncate_at_output_tokens.get());
        let budget = asked.thinking_budget.unwrap_or(u64::MAX);
        let thought_tokens =
            self.config.thinking_tokens.map_or(0, Count::get).min(budget).min(limit);
        limit -= thought_tokens;
        match kind {
            Some(Kind::Malformed) => {
                text =
                    format!("Here are the tags you asked for. {}", text.replace(['{', '"'], " "));
            }
            Some(Kind::Truncated) => limit = limit.min(self.tokenizer.count(&text) * 2 / 3),
            _ => {}
        }
        let kept = self.tokenizer.cut(&text, limit).len();
        let truncated = kept < text.len();
        text.truncate(kept);
        let use_of = match kind {
            Some(Kind::Malformed) => Use::Malformed,
            // Of a list of pages a part is of use, of anything else cut off nothing.
            _ if truncated && (text.is_empty() || question.pages.len() < 2) => Use::Malformed,
            _ if truncated || !whole => Use::Part,
            _ => Use::Whole,
        };
        let output_tokens = self.tokenizer.count(&text).saturating_mul(asked.copies);
        let decision = Decision::Answer { text, truncated };
        Some(Written { decision, use_of, output_tokens, thought_tokens })
    }
}

/// What a model wrote.
pub(super) struct Written {
    pub(super) decision: Decision,
    pub(super) use_of: Use,
    pub(super) output_tokens: u64,
    pub(super) thought_tokens: u64,
}

impl Written {
    fn withheld(decision: Decision) -> Self {
        Self { decision, use_of: Use::Blocked, output_tokens: 0, thought_tokens: 0 }
    }
}
