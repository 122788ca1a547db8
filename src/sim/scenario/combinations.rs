//! Values that are valid alone, and make no sense together: a key that nothing uses would be a belief
//! that does not hold.

use super::faults::{CONFLUENCE, GEMINI, Named, OPENAI};
use super::file::{RunFile, ScenarioFile};
use super::reader::{Reader, below};
use super::tree::{Step, path};
use crate::fakes::confluence::LimitHint;
use crate::fakes::content::space::Chars;
use crate::fakes::llm::AiConfig;
use crate::fakes::quota::{QuotaConfig, WindowKind};
use crate::units::Whole;

/// Five times what a million pages of the usual length have.
const MOST_CHARS: u64 = 50_000_000_000;

impl Reader<'_> {
    /// Notes what makes no sense together.
    pub(super) fn combinations(&mut self, file: &ScenarioFile) {
        self.chars(&file.space.get_ref().chars);
        self.volume(file);
        let pages = most_pages(file);
        let confluence = file.confluence.get_ref();
        self.troubles(CONFLUENCE, (&confluence.fault, &confluence.spell), pages);
        if let Some(limit) = &confluence.rate_limit
            && limit.said() != LimitHint::RetryAfter
            && limit.retry_after_s.is_some()
        {
            let message =
                "expected `retry_after_s` with hint = \"retry-after\", found it with another";
            let at = path(&["confluence", "rate_limit"]);
            self.note_key(&at, "retry_after_s", message.to_owned());
        }
        self.service(GEMINI, file.gemini.get_ref(), pages);
        if let Some(openai) = &file.openai {
            self.service(OPENAI, openai.get_ref(), pages);
        }
        let kept = self.recovered.kept(&["run"], file.run.len());
        for (run, index) in file.run.iter().zip(kept) {
            let at = [Step::Key("run".to_owned()), Step::Entry(index)];
            self.run(&at, run);
        }
    }

    /// Notes a problem at a key of a table, unless something in the table is known to be wrong.
    pub(super) fn note_key(&mut self, table: &[Step], key: &str, message: String) {
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

    fn service(&mut self, service: Named, config: &AiConfig, pages: Option<u64>) {
        self.troubles(service, (&config.fault, &config.spell), pages);
        if let Some(quota) = &config.quota {
            self.quota(&path(&[service.0, "quota"]), quota);
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
        self.parts_of_quota(at, quota);
        if quota.burst.is_some() && quota.window != WindowKind::Bucket {
            let message = "expected `burst` with window = \"bucket\", found it with another window";
            self.note_key(at, "burst", message.to_owned());
        }
        if quota.burst.is_some() && requests.is_none() {
            let message = "expected `burst` with `requests`, found it without";
            self.note_key(at, "burst", message.to_owned());
        }
    }

    /// What is used, or counted loosely, of a limit that is not there.
    fn parts_of_quota(&mut self, at: &[Step], quota: &QuotaConfig) {
        if quota.looseness.is_some() && quota.requests.is_none() && quota.per_day.is_none() {
            let message = "expected `looseness` with `requests` or `per_day`, found it without";
            self.note_key(at, "looseness", message.to_owned());
        }
        let Some(used) = &quota.used else { return };
        let at = below(at, &["used"]);
        let held = quota.burst.filter(|_| quota.window == WindowKind::Bucket).or(quota.requests);
        for (key, used, limit) in [
            ("requests", used.requests, held),
            ("tokens", used.tokens, quota.tokens),
            ("per_day", used.per_day, quota.per_day),
            ("tokens_per_day", used.tokens_per_day, quota.tokens_per_day),
        ] {
            let message = match (used, limit) {
                (Some(_), None) => format!("expected `{key}` in the quota as well, found none"),
                (Some(used), Some(limit)) if used.get() > limit.get() => {
                    format!("expected at most {limit} to be used, found {used}")
                }
                _ => continue,
            };
            self.note_key(&at, key, message);
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
}

/// The most pages that the space ever has; of a folder it is not known here.
fn most_pages(file: &ScenarioFile) -> Option<u64> {
    let space = file.space.get_ref();
    let first = space.pages.map_or(100, Whole::get);
    let of_runs = file.run.iter().filter_map(|run| run.pages.map(Whole::get));
    space.dir.is_none().then(|| of_runs.fold(first, u64::max))
}
