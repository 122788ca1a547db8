//! A world that is drawn from its number.

use super::family::Family;
use crate::pipeline::config::LimiterKind;
use crate::rng::{Seed, Sequence};
use crate::sim::scenario::overrides;
use crate::study::experiment::trial::{Trial, TrialError};
use crate::study::league::league::{ALONE, of_kind, with_base};
use crate::units::{float, whole};

/// A world that is drawn from its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomWorld {
    /// Its number.
    pub number: u64,
    /// What kind of service it has.
    pub family: Family,
    /// The pages of the job, each a call of its own.
    pub pages: u64,
    /// The service's keys, as `--set` takes them.
    pub service: Vec<String>,
    /// When the job starts, in seconds of virtual time: fixed windows begin at zero.
    starts_s: u64,
    deadline_s: u64,
}

/// A service as it is drawn.
struct Service {
    /// The `quota`, if it has one; without braces.
    quota: Option<String>,
    /// How many calls it takes in a second, in the long run.
    calls_per_s: f64,
    /// The length of its longest window, in seconds.
    window_s: u64,
    /// Its other keys.
    settings: Vec<String>,
    /// Of one that changes midway: the calls that its window takes until then. The time stands as
    /// [`MIDWAY`] in its keys until the job is known.
    until_then: Option<u64>,
}

/// A time that lies within the job.
const MIDWAY: &str = "MIDWAY";
/// A job in which something changes midway has the calls of three windows at least.
const LEAST_WINDOWS: u64 = 3;

/// The input tokens of a call, about: 1,500 characters of text and the instructions.
const TOKENS_OF_CALL: f64 = 600.0;
/// The calls in a second that a service without a quota takes, about: 64 at once, of a second each.
const UNLIMITED_PER_S: f64 = 60.0;
/// A job takes this time at most at the pace of its service, so that a thousand worlds can be played.
const LONGEST_S: f64 = 1_200.0;
const MOST_PAGES: f64 = 1_500.0;
const FEWEST_PAGES: f64 = 10.0;
/// The deadline of a job: this multiple of its time at the service's pace, and seconds on top.
const DEADLINE_FACTOR: f64 = 30.0;
const DEADLINE_MORE_S: u64 = 1_800;
const DAY_S: u64 = 86_400;

/// Windows and amounts that gateways are configured with.
const GATEWAY_WINDOWS_S: [u64; 6] = [1, 5, 10, 30, 60, 300];
const ROUND: [u64; 14] = [2, 5, 10, 15, 20, 30, 50, 60, 100, 120, 150, 200, 300, 500];
/// Rates of buckets, for each minute.
const BUCKET_RATES: [u64; 12] = [10, 20, 30, 50, 60, 100, 150, 300, 600, 1_000, 1_500, 3_000];

impl RandomWorld {
    /// The world of this number.
    pub fn drawn(number: u64) -> Self {
        let mut luck = Seed(number).draw("a world of the league", 0, 0).sequence();
        let family = Family::drawn(&mut luck);
        let service = service(family, &mut luck);
        let pace = service.calls_per_s;
        let least = float(service.until_then.unwrap_or(0) * LEAST_WINDOWS);
        let least = least.clamp(FEWEST_PAGES, MOST_PAGES);
        let most = (pace * LONGEST_S).clamp(least, MOST_PAGES);
        let pages = whole(between(&mut luck, least, most));
        let ideal_s = float(pages) / pace + 2.0 * float(service.window_s);
        let deadline_s = (whole(DEADLINE_FACTOR * ideal_s) + DEADLINE_MORE_S).min(50 * DAY_S);
        let starts_s = luck.below(service.window_s.max(1));
        let midway_s = service.until_then.map_or(0, |calls| {
            // The first window's calls go at once.
            let windows = float(pages) / float(calls) - 1.0;
            let share = between(&mut luck, 0.2, 0.8);
            starts_s + whole(share * windows.max(0.0) * float(service.window_s)).max(1)
        });
        let median_ms = whole(between(&mut luck, 350.0, 2_500.0));
        let sigma = float(15 + luck.below(36)) / 100.0;
        let refusal_ms = 40 + luck.below(361);
        let mut keys = vec![format!(
            "gemini.latency={{ dist = \"lognormal\", median_ms = {median_ms}, sigma = {sigma}, \
             refusal_ms = {refusal_ms}, ms_per_1k_input_tokens = 18, output_tokens_per_s = 200 }}"
        )];
        if let Some(quota) = service.quota {
            let counts = if one_in(&mut luck, 14) { ", refused_count = true" } else { "" };
            keys.push(format!("gemini.quota={{ {quota}{counts} }}"));
            if one_in(&mut luck, 10) {
                keys.push("gemini.error_429_ratio=0.01".to_owned());
            }
        }
        keys.extend(service.settings);
        for key in &mut keys {
            *key = key.replace(MIDWAY, &midway_s.to_string());
        }
        Self { number, family, pages, service: keys, starts_s, deadline_s }
    }

    /// One kind of limiter in it, with this seed for the weather: the primary alone, with attempts
    /// enough.
    pub fn trial(&self, kind: LimiterKind, seed: u64) -> Trial {
        let settings = [of_kind(kind), self.settings()].concat();
        Trial { name: self.name(), text: self.runs(), settings, seed }
    }

    /// Its name.
    pub fn name(&self) -> String {
        format!("random-{}", self.number)
    }

    /// The world as a scenario file, with the limiter that learns.
    pub fn scenario(&self) -> Result<String, TrialError> {
        let folder = std::path::Path::new(".");
        let mut settings = [of_kind(LimiterKind::Quota), self.settings()].concat();
        settings.push(format!("seed={}", self.number));
        let unread = |problem| TrialError::Scenario(Box::new(problem));
        let text = overrides::apply(&self.runs(), &settings, folder).map_err(unread)?;
        let title = format!(
            "# Which limiter fares best in random world {}, {}?",
            self.number,
            self.family.name()
        );
        Ok(text.replacen("# Which limiter fares best?", &title, 1))
    }

    fn settings(&self) -> Vec<String> {
        let mut settings =
            vec![format!("deadline_s={}", self.deadline_s), format!("space.pages={}", self.pages)];
        settings.extend(ALONE.map(str::to_owned));
        settings.extend(self.service.iter().cloned());
        settings
    }

    fn runs(&self) -> String {
        let run = [("run", self.pages, self.starts_s)];
        with_base(if self.starts_s > 0 { &run } else { &[] })
    }
}

fn service(family: Family, luck: &mut Sequence) -> Service {
    match family {
        Family::GeminiFree => gemini_free(luck),
        Family::GeminiPaid => gemini_paid(luck),
        Family::OpenAi => openai(luck),
        Family::Azure => azure(luck),
        Family::Bucket => bucket(luck),
        Family::Gateway => gateway(luck),
        Family::Shared => shared(luck),
        Family::Neighbour => neighbour(luck),
        Family::Changing => changing(luck),
    }
}

/// A service with this quota and no more.
fn with_quota(quota: String, calls_per_s: f64, window_s: u64) -> Service {
    Service { quota: Some(quota), calls_per_s, window_s, settings: Vec::new(), until_then: None }
}

/// The calls in a second that requests and tokens of a minute allow.
fn pace_of(requests: u64, tokens: u64) -> f64 {
    (float(requests) / 60.0).min(float(tokens) / TOKENS_OF_CALL / 60.0)
}

fn gemini_free(luck: &mut Sequence) -> Service {
    let requests = *luck.pick(&[2, 5, 10, 15, 30]);
    let window = *luck.pick(&["sliding", "fixed"]);
    let quota = format!("requests = {requests}, tokens = 250_000, window = \"{window}\"");
    with_quota(quota, pace_of(requests, 250_000), 60)
}

fn gemini_paid(luck: &mut Sequence) -> Service {
    let requests = *luck.pick(&[60, 150, 300, 1_000, 2_000, 4_000]);
    let tokens = *luck.pick(&[1_000_000, 2_000_000, 4_000_000]);
    let window = *luck.pick(&["sliding", "fixed", "bucket"]);
    let quota = format!("requests = {requests}, tokens = {tokens}, window = \"{window}\"");
    with_quota(quota, pace_of(requests, tokens), 60)
}

fn openai(luck: &mut Sequence) -> Service {
    let requests = *luck.pick(&[3, 60, 500, 5_000, 10_000]);
    let tokens = *luck.pick(&[10_000, 30_000, 200_000, 2_000_000]);
    let quota = format!(
        "requests = {requests}, tokens = {tokens}, window = \"bucket\", hint = \"remaining\""
    );
    with_quota(quota, pace_of(requests, tokens), 60)
}

fn azure(luck: &mut Sequence) -> Service {
    let requests: u64 = *luck.pick(&[30, 60, 120, 300, 600, 1_800]);
    let per_s: u64 = *luck.pick(&[1, 10, 10]);
    let beside = (requests * per_s).div_ceil(60);
    let hint = *luck.pick(&["time-only", "remaining"]);
    let quota = format!(
        "requests = {requests}, window = \"fixed\", hint = \"{hint}\", also = [{{ requests = {beside}, per_s = {per_s} }}]"
    );
    with_quota(quota, float(requests) / 60.0, 60)
}

fn bucket(luck: &mut Sequence) -> Service {
    let requests: u64 = *luck.pick(&BUCKET_RATES);
    let burst = *luck.pick(&[1, 2, 5, 10, requests.div_ceil(60)]);
    let hint = *luck.pick(&["none", "none", "time-only", "time-only", "retry-info"]);
    let quota =
        format!("requests = {requests}, window = \"bucket\", burst = {burst}, hint = \"{hint}\"");
    with_quota(quota, float(requests) / 60.0, 60)
}

/// The requests and the length of a gateway's window: never less than two calls a minute.
fn gateway_window(luck: &mut Sequence) -> (u64, u64) {
    let per_s = *luck.pick(&GATEWAY_WINDOWS_S);
    let least = per_s.div_ceil(30);
    let fitting: Vec<u64> = ROUND.into_iter().filter(|limit| *limit >= least).collect();
    (*luck.pick(&fitting), per_s)
}

fn gateway(luck: &mut Sequence) -> Service {
    let (requests, per_s) = gateway_window(luck);
    let window = *luck.pick(&["fixed", "sliding"]);
    let hint = *luck.pick(&["time-only", "time-only", "none"]);
    let quota =
        format!("requests = {requests}, per_s = {per_s}, window = \"{window}\", hint = \"{hint}\"");
    with_quota(quota, float(requests) / float(per_s), per_s)
}

fn shared(luck: &mut Sequence) -> Service {
    let mut settings = Vec::new();
    let weather = luck.below(3);
    if weather != 1 {
        let share = between(luck, 0.005, 0.2);
        settings.push(format!("gemini.error_429_ratio={share:.3}"));
    }
    if weather != 0 {
        let status = *luck.pick(&[429, 429, 503]);
        let every_s = whole(between(luck, 30.0, 300.0));
        let most_s = 4 + luck.below(37);
        settings.push(format!(
            "gemini.spell={{ every_s = {every_s}, min_s = 3, max_s = {most_s}, reply = {{ status = {status} }} }}"
        ));
    }
    let calls_per_s = UNLIMITED_PER_S;
    Service { quota: None, calls_per_s, window_s: 0, settings, until_then: None }
}

/// A service of another family, one of those whose quota others may use as well.
fn usual(luck: &mut Sequence) -> Service {
    match luck.below(3) {
        0 => gemini_free(luck),
        1 => gemini_paid(luck),
        _ => gateway(luck),
    }
}

fn neighbour(luck: &mut Sequence) -> Service {
    let mut service = usual(luck);
    let share = between(luck, 0.2, 0.6);
    let requests = whole(share * service.calls_per_s * 600.0).max(1);
    let comes = match luck.below(4) {
        0 => format!(", from_s = {MIDWAY}"),
        1 => format!(", until_s = {MIDWAY}"),
        _ => String::new(),
    };
    if !comes.is_empty() {
        let of_window = service.calls_per_s * float(service.window_s);
        service.until_then = Some(whole(of_window).max(1));
    }
    service.settings.push(format!(
        "gemini.neighbour={{ requests = {requests}, per_s = 600, tokens = 1_000{comes} }}"
    ));
    service.calls_per_s *= 1.0 - share;
    service
}

fn changing(luck: &mut Sequence) -> Service {
    let (requests, per_s) = if one_in(luck, 2) {
        (*luck.pick(&[15, 30, 60, 150, 600]), 60)
    } else {
        gateway_window(luck)
    };
    let window = *luck.pick(&["fixed", "sliding", "bucket"]);
    let hint = *luck.pick(&["retry-info", "time-only", "none"]);
    let times = between(luck, 2.0, 4.0);
    let rises = one_in(luck, 2);
    let other = if rises { float(requests) * times } else { float(requests) / times };
    let other = whole(other).max(1);
    let quota = format!(
        "requests = {requests}, per_s = {per_s}, window = \"{window}\", hint = \"{hint}\", change = [{{ at_s = {MIDWAY}, requests = {other} }}]"
    );
    let service = with_quota(quota, float(requests.min(other)) / float(per_s), per_s);
    Service { until_then: Some(requests), ..service }
}

/// A number between two, as likely to double as to halve.
fn between(luck: &mut Sequence, least: f64, most: f64) -> f64 {
    least * libm::pow(most / least, luck.next_draw().unit())
}

fn one_in(luck: &mut Sequence, count: u64) -> bool {
    luck.below(count) == 0
}
