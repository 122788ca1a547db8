//! The pages that a query finds.

use super::body::CREATED;
use super::cql::{Comparison, Condition, Op};
use super::label::Labels;
use super::{Confluence, tree};
use crate::fakes::content::space::{Space, SpacePage};

impl Confluence {
    /// The ids of the pages that a query finds, or what is wrong with it.
    pub(super) fn search(&self, cql: &str, space: &Space) -> Result<Vec<u64>, String> {
        let condition = Condition::read(cql)?;
        let needs_page = condition.names(&["title", "text", "sitesearch", "lastmodified"]);
        let finds = |id: &u64| {
            let page = if needs_page { self.edits.page(*id, space) } else { None };
            condition.is_true(&|test: &Comparison| self.passes(test, *id, page.as_ref(), space))
        };
        Ok(space.ids().filter(finds).collect())
    }

    fn passes(&self, test: &Comparison, id: u64, page: Option<&SpacePage>, space: &Space) -> bool {
        let is = |own: &str| test.values.iter().any(|value| value.eq_ignore_ascii_case(own));
        let has = |own: &str| {
            let own = own.to_lowercase();
            let words = |value: &str| {
                let value = value.to_lowercase();
                let mut words = value.split_whitespace().map(|word| word.trim_matches('*'));
                words.all(|word| own.contains(word))
            };
            test.values.iter().any(|value| words(value))
        };
        let title = page.map_or("", |page| &page.title);
        let found = match &*test.field {
            "space" | "space.key" => is(space.key()),
            "type" => is("page"),
            "title" if test.op == Op::Has => has(title),
            "title" => is(title),
            "text" | "sitesearch" => {
                page.is_some_and(|page| has(&format!("{}\n{}", page.title, page.text)))
            }
            "label" => self.labels.get(&id).is_some_and(|labels| Labels::names(labels).any(is)),
            "parent" => tree::parent(id, space).is_some_and(|parent| is(&parent.to_string())),
            "ancestor" => {
                tree::ancestors(id, space).into_iter().any(|above| is(&above.to_string()))
            }
            "lastmodified" => {
                let is_edited = page.is_some_and(|page| page.version > 1);
                let is_since = test.values.iter().any(|date| is_from(is_edited, date));
                is_since != (test.op == Op::Before)
            }
            _ => is(&id.to_string()),
        };
        found != (test.op == Op::IsNot)
    }
}

/// Whether a page was last changed at this time or later: pages are as old as the space, and edits were made
/// today.
fn is_from(is_edited: bool, time: &str) -> bool {
    is_edited || (!time.starts_with("now(") && CREATED >= time)
}
