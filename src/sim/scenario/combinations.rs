//! Values that are valid alone, and make no sense together: a key that nothing uses would be a belief
//! that does not hold.

use super::file::{RunFile, ScenarioFile};
use super::reader::{Reader, below};
use super::tree::{Step, path};
use crate::fakes::ai::AiConfig;
use crate::fakes::fault::FaultRule;
use crate::fakes::quota::{QuotaConfig, WindowKind};
use crate::fakes::space::Chars;
use crate::pipeline::config::{LimiterKind, Overrides};
use crate::units::Whole;

/// Five times what a million pages of the usual length have.
const MOST_CHARS: u64 = 50_000_000_000;

impl Reader<'_> {
    /// Notes what makes no sense together.
    pub(super) fn combinations(&mut self, file: &ScenarioFile) {
        self.chars(&file.space.get_ref().chars);
        self.volume(file);
        self.faults("confluence", &file.confluence.get_ref().fault);
        self.service("gemini", file.gemini.get_ref());
        if let Some(openai) = &file.openai {
            self.service("openai", openai.get_ref());
        }
        self.pace(&path(&["pipeline"]), file.pipeline.get_ref());
        let kept = self.recovered.kept(&["run"], file.run.len());
        for (run, index) in file.run.iter().zip(kept) {
            let at = [Step::Key("run".to_owned()), Step::Entry(index)];
            self.run(&at, run);
            self.pace(&below(&at, &["pipeline"]), run.pipeline.get_ref());
        }
    }

    /// Notes a problem at a key of a table, unless something in the table is known to be wrong.
    fn note_key(&mut self, table: &[Step], key: &str, message: String) {
        let span = self.key(&below(table, &[key])).or_else(|| self.key(table));
        self.note(table, span.unwrap_or_default(), message, None);
    }

    fn chars(&mut self, chars: &Chars) {
        let (median, max) = (chars.median, chars.max);
        if median.get() > max.get() {
            let message =
                format!("expected a `median` of at most `max`, found {median} above {max}");
            self.note_key(&path(&["space", "chars"]), "median", message);
        }
    }

    /// A space that nobody could wait for: its pages are made anew whenever they are listed.
    fn volume(&mut self, file: &ScenarioFile) {
        let space = file.space.get_ref();
        if space.dir.is_some() {
            return;
        }
        let mut pages = space.pages.map_or(100, Whole::get);
        let mut listed = if file.run.is_empty() { pages } else { 0 };
        for run in &file.run {
            pages = run.pages.map_or(pages, Whole::get);
            listed = listed.saturating_add(pages);
        }
        let found = listed.saturating_mul(space.chars.mean());
        if found > MOST_CHARS {
            let message = format!(
                "expected at most {MOST_CHARS} characters in the pages of all runs, found about {found}"
            );
            self.note_key(&path(&["space"]), "pages", message);
        }
    }

    fn service(&mut self, service: &str, config: &AiConfig) {
        self.faults(service, &config.fault);
        if let Some(quota) = &config.quota {
            self.quota(&path(&[service, "quota"]), quota);
        }
    }

    fn quota(&mut self, at: &[Step], quota: &QuotaConfig) {
        let QuotaConfig { requests, tokens, per_day, tokens_per_day, .. } = quota;
        let amounts = [requests, tokens, per_day, tokens_per_day];
        if amounts.iter().all(|amount| amount.is_none()) {
            let wanted = "expected `requests`, `tokens`, `per_day` or `tokens_per_day`";
            let span = self.key(at).unwrap_or_default();
            self.note(at, span, format!("{wanted}, found a quota of nothing"), None);
        }
        if quota.burst.is_some() && quota.window != WindowKind::Bucket {
            let message = "expected `burst` with window = \"bucket\", found it with another window";
            self.note_key(at, "burst", message.to_owned());
        }
        if quota.burst.is_some() && requests.is_none() {
            let message = "expected `burst` with `requests`, found it without";
            self.note_key(at, "burst", message.to_owned());
        }
    }

    fn faults(&mut self, service: &str, rules: &[FaultRule]) {
        let kept = self.recovered.kept(&[service, "fault"], rules.len());
        for (rule, index) in rules.iter().zip(kept) {
            if rule.reply.retry_after_s.is_some() && rule.reply.kind.is_some() {
                let mut at = path(&[service, "fault"]);
                at.push(Step::Entry(index));
                let message = "expected `retry_after_s` with `status`, found it with `kind`";
                self.note_key(&below(&at, &["reply"]), "retry_after_s", message.to_owned());
            }
        }
    }

    fn run(&mut self, at: &[Step], run: &RunFile) {
        if run.fresh && run.changed_ratio.get() > 0.0 {
            let message = format!(
                "expected no `changed_ratio` in a run that is `fresh`, found {}: in a new world \
                 nothing has changed",
                run.changed_ratio.get()
            );
            self.note_key(at, "changed_ratio", message);
        }
    }

    /// A limiter that paces calls by a quota that it is told.
    fn pace(&mut self, at: &[Step], pipeline: &Overrides) {
        let is_nothing = |quota: &crate::pipeline::config::ToldQuota| {
            quota.requests.is_none() && quota.tokens.is_none()
        };
        if pipeline.limiter == Some(LimiterKind::Pace)
            && pipeline.quota.as_ref().is_some_and(is_nothing)
        {
            let message = "expected `requests` or `tokens`, found a quota of nothing";
            self.note_key(at, "quota", message.to_owned());
        }
    }
}
