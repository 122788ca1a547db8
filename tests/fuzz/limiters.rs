//! Limiters, windows and latencies: every algorithm, driven with times and amounts that no service
//! names.

use std::collections::VecDeque;
use std::time::Duration;

use tagspace::internals::fakes::calendar::Calendar;
use tagspace::internals::fakes::quota::{Quota, QuotaConfig};
use tagspace::internals::pipeline::config::{LimiterKind, SettingsPatch};
use tagspace::internals::pipeline::learned_quotas::LearnedQuotas;
use tagspace::internals::pipeline::limiter::algorithm::{
    CallReport, EndedCall, Limit, Outcome, Start,
};
use tagspace::internals::pipeline::limiter::quota::QuotaLimiter;
use tagspace::internals::pipeline::provider::stated_quota::{Dimension, Stated};
use tagspace::internals::rng::Seed;

use crate::engine::{edited, play};

/// A limiter that starts from a memory, driven for a while.
pub(crate) fn from_memory(memory: &LearnedQuotas) {
    for known in memory.providers.values() {
        let mut limiter = QuotaLimiter::new(3, 64, Duration::from_mins(2), None);
        limiter.recall(known);
        for closed in memory.closed_ms.values() {
            limiter.keep_closed(Duration::from_millis(*closed));
        }
        drive(&mut limiter, "s7 w1 k w100 s9 r5 w9999 s1 k f w100000 s3 u w5 s2 n5 k r");
        limiter.remember(Duration::MAX);
    }
}

/// Drives a limit by a script: `sN` starts a call of N tokens, `k` ends one well, `r` and `rN`
/// refuse one without and with a wait, `q` and `qN` with a quota of N tokens or requests, `d` for
/// the day, `f` fails one, `i` ends one that says nothing, `uN` ends one that took N tokens, `wN`
/// lets that number of milliseconds pass.
fn drive(limit: &mut dyn Limit, script: &str) {
    let mut now = Duration::ZERO;
    let mut open: VecDeque<(Duration, u64)> = VecDeque::new();
    for step in script.split_whitespace().take(400) {
        let Some(what) = step.chars().next() else { continue };
        let number = step[what.len_utf8()..].parse::<u64>().ok();
        let mut verdict = CallReport::from(Outcome::Success);
        match what {
            'w' => {
                now = now
                    .saturating_add(Duration::from_millis(number.unwrap_or(1) % 8_640_000_000_000));
                continue;
            }
            's' => {
                let tokens = number.unwrap_or(100);
                let room = (open.len() as u64) < limit.current();
                if room && limit.next_start(now, tokens) == Start::Now {
                    limit.on_start(now, tokens);
                    open.push_back((now, tokens));
                }
                continue;
            }
            'k' => {}
            'u' => verdict.input_tokens = number,
            'r' => {
                verdict.outcome = Outcome::RateLimited;
                verdict.hint = number.map(Duration::from_millis);
            }
            'q' => {
                verdict.outcome = Outcome::RateLimited;
                verdict.hint = Some(Duration::from_millis(number.unwrap_or(0) % 100_000));
                let dimension = if number.unwrap_or(0) % 2 == 0 {
                    Dimension::Requests
                } else {
                    Dimension::Tokens
                };
                verdict.quotas = vec![Stated { limit: number, ..Stated::of(dimension) }];
            }
            'n' => verdict.quotas = vec![Stated { limit: number, ..Stated::of(Dimension::Tokens) }],
            'd' => {
                verdict.outcome = Outcome::RateLimited;
                verdict.exhausted = true;
                verdict.hint = number.map(Duration::from_millis);
            }
            'f' => {
                verdict.outcome = Outcome::Failed;
                verdict.hint = number.map(Duration::from_millis);
            }
            _ => verdict.outcome = Outcome::Ignored,
        }
        let Some((sent, tokens)) = open.pop_front() else { continue };
        let in_flight = open.len() as u64 + 1;
        limit.on_end(now, &EndedCall { sent, tokens, in_flight, verdict });
        assert!(limit.current() >= 1);
        limit.learned();
        limit.remember(now);
        limit.closed_for(now);
    }
}

#[test]
fn limits() {
    let kinds = [
        "limiter = \"fixed\"",
        "limiter = \"halving\"\nmin_step = 1024",
        "limiter = \"aimd\"",
        "limiter = \"arc\"",
        "limiter = \"cubic\"",
        "limiter = \"sre\"",
        "limiter = \"pace\"\nquota = { requests = 1, tokens = 1, per_s = 86400 }",
        "limiter = \"quota\"\npatience_s = 864000",
        "limiter = \"quota\"\npatience_s = 0\nquota = { requests = 8, tokens = 900 }",
    ];
    for kind in LimiterKind::ALL {
        let line = format!("limiter = \"{}\"", kind.name());
        assert!(kinds.iter().any(|text| text.starts_with(&line)), "{line} is not played");
    }
    let kinds = kinds.map(|text| toml::from_str::<SettingsPatch>(text).unwrap().resolve().unwrap());
    let examples = [
        "s100 w500 k s100 w1 r s100 w1000 r w12000 s100 k w60000 s1 k s2 r2000 w2001 s3 k",
        "s100 s100 s100 w450 k k k s50 w150 q12 w5000 s50 k w5000 s1 q12 w60000 s1 k",
        "s1 w10 f s1 w10 f s1 w10 f w500 s1 k s9 d w3600000 s9 k s9 u18446744073709551615 s1 k",
        "s1 w1 q3 s1 w1 q3 w19999 s1 k s1 k s1 k s1 w100 q3 w20001 s1 k n1 s500 k",
    ];
    let words = &[
        " s1", " k", " r", " r1000", " q10", " q9", " w1", " w60000", " f", " d", " i", " u9", " ",
    ];
    let examples = examples.map(str::to_owned).to_vec();
    play("limiter", 200, edited("limiter", examples, words), |script| {
        for config in &kinds {
            drive(&mut *config.limit(Seed(7)), script);
        }
    });
}

#[test]
fn quotas() {
    let calendar = Calendar::new("2026-12-31T23:59:59Z".parse().unwrap());
    let kinds = [
        "requests = 7\nper_s = 2",
        "requests = 7\nper_s = 2\nrefused_count = true",
        "requests = 5\ntokens = 40\nwindow = \"fixed\"\nper_s = 1",
        "requests = 1000000000\nburst = 1000000000\nper_s = 86400\nwindow = \"bucket\"",
        "tokens = 50\nwindow = \"bucket\"\nper_s = 3\nrefused_count = true",
        "per_day = 9\ntokens_per_day = 1000000000\ntokens = 90\nchange = [{ at_s = 1, tokens = 4 }, { at_s = 9, tokens = 400 }]",
    ];
    let kinds = kinds.map(|text| toml::from_str::<QuotaConfig>(text).unwrap());
    let examples = [
        "w0 3x10 w5 1x1 w100 9x9 w1995 4x3 w86400000 100x5",
        "1x18446744073709551615 w1 20x1000000000 w1000 1x0",
    ];
    let words = &[" 5x2", " w1", " w1000", " w60000", " 1x1", " 0x1", " "];
    let examples = examples.map(str::to_owned).to_vec();
    play("quota", 300, edited("quota", examples, words), |script| {
        for config in &kinds {
            // Many at once are taken as they would be one by one.
            let (mut bulk, mut single) = (Quota::new(config), Quota::new(config));
            let mut now = 0_u64;
            for step in script.split_whitespace().take(60) {
                if let Some(ms) = step.strip_prefix('w').and_then(|ms| ms.parse::<u64>().ok()) {
                    now += ms % 1_000_000_000;
                } else if let Some((calls, tokens)) = step.split_once('x')
                    && let (Ok(calls), Ok(tokens)) = (calls.parse::<u64>(), tokens.parse::<u64>())
                {
                    let calls = calls % 50;
                    let admitted = bulk.admit_many(now, calls, tokens, &calendar);
                    let one = (0..calls).filter(|_| single.admit(now, tokens, &calendar).is_ok());
                    assert_eq!(admitted, one.count() as u64, "{step} at {now} of {config:?}");
                    assert_eq!(bulk.left(now), single.left(now));
                }
            }
        }
    });
}
