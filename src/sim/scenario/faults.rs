//! Checks faults and spells: what a service does not have, and what could never happen.

use super::reader::{Reader, below};
use super::tree::{Step, path};
use crate::fakes::fault::{FaultReply, FaultRule, When};
use crate::fakes::observation::Operation;
use crate::fakes::spell::SpellConfig;
use crate::fakes::world_event::Service;

/// A service with its name in scenarios.
pub(super) type Named = (&'static str, Service);

pub(super) const CONFLUENCE: Named = ("confluence", Service::Confluence);
pub(super) const GEMINI: Named = ("gemini", Service::Gemini);
pub(super) const OPENAI: Named = ("openai", Service::Openai);

impl Reader<'_> {
    /// Notes what is wrong with the faults and the spells of a service. `pages` is the most that the
    /// space ever has, as far as it is known.
    pub(super) fn troubles(
        &mut self,
        service: Named,
        (rules, spells): (&[FaultRule], &[SpellConfig]),
        pages: Option<u64>,
    ) {
        let kept = self.recovered.kept(&[service.0, "fault"], rules.len());
        for (rule, index) in rules.iter().zip(kept) {
            let at = [path(&[service.0, "fault"]), vec![Step::Entry(index)]].concat();
            if let Some(message) = rule.problem() {
                let span = self.key(&at).unwrap_or_default();
                self.note(&at, span, message, None);
            }
            self.reply(service, &below(&at, &["reply"]), &rule.reply);
            self.when(service, &below(&at, &["when"]), &rule.when, pages);
        }
        let kept = self.recovered.kept(&[service.0, "spell"], spells.len());
        for (spell, index) in spells.iter().zip(kept) {
            let one = path(&[service.0, "spell"]);
            let entry = [one.clone(), vec![Step::Entry(index)]].concat();
            // A single spell stands there without a list around it.
            let at = if self.key(&entry).is_some() { entry } else { one };
            if let Some(message) = spell.problem() {
                let span = self.key(&at).unwrap_or_default();
                self.note(&at, span, message, None);
            }
            self.reply(service, &below(&at, &["reply"]), &spell.reply);
        }
    }

    fn reply(&mut self, (name, service): Named, at: &[Step], reply: &FaultReply) {
        let other = if reply.kind.is_some() { "`kind`" } else { "a slow answer" };
        if reply.retry_after_s.is_some() && reply.status.is_none() {
            let message = format!("expected `retry_after_s` with `status`, found it with {other}");
            self.note_key(at, "retry_after_s", message);
        }
        if service == Service::Confluence && reply.output_tokens_per_s.is_some() {
            let key = "output_tokens_per_s";
            let message = format!("expected `{key}` with a model, found it with {name}");
            self.note_key(at, key, message);
        }
        if let Some(kind) = reply.kind.filter(|kind| !kind.is_of(service)) {
            let message =
                format!("expected a kind of fault that {name} has, found `{}`", kind.name());
            self.note_key(at, "kind", message);
        }
    }

    fn when(&mut self, (name, service): Named, at: &[Step], when: &When, pages: Option<u64>) {
        if when.pages.is_some() && when.page_ratio.is_some() {
            let message = "expected `pages` or `page_ratio`, found both";
            self.note_key(at, "page_ratio", message.to_owned());
        }
        if when.operations.is_some() && service != Service::Confluence {
            let message = format!("expected `operations` with confluence, found it with {name}");
            self.note_key(at, "operations", message);
        }
        if when.operations.as_ref().is_some_and(Vec::is_empty) {
            let message = "expected at least one operation, found none";
            self.note_key(at, "operations", message.to_owned());
            return;
        }
        let only_spaces =
            |listed: &Vec<Operation>| listed.iter().all(|one| *one == Operation::Spaces);
        let is_about_pages = when.pages.is_some() || when.page_ratio.is_some();
        if is_about_pages && when.operations.as_ref().is_some_and(only_spaces) {
            let message = "expected an operation on pages, because of `pages` or `page_ratio`, \
                           found `spaces` alone";
            self.note_key(at, "operations", message.to_owned());
        }
        let Some(places) = &when.pages else { return };
        if places.is_empty() {
            let message = "expected the place of at least one page, found none";
            self.note_key(at, "pages", message.to_owned());
        }
        let last = pages.unwrap_or(u64::MAX);
        if let Some(place) = places.iter().find(|place| place.get() > last) {
            let message = format!("expected places of at most {last} pages, found {place}");
            self.note_key(at, "pages", message);
        }
    }
}
