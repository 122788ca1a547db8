//! The limiter that keeps the quota, told numbers that no honest service says.

use std::time::Duration;

use tagspace::internals::pipeline::learned_quotas::LearnedQuota;
use tagspace::internals::pipeline::limiter::algorithm::{CallReport, EndedCall, Limit, Outcome};
use tagspace::internals::pipeline::provider::stated_quota::{Dimension, Stated};

use crate::quota::limiter;

#[test]
fn no_number_that_a_service_or_a_file_may_hold_makes_it_panic() {
    let ms = Duration::from_millis;
    let huge = LearnedQuota {
        dimension: Dimension::Tokens,
        limit: u64::MAX,
        window_ms: u64::MAX,
        unit_us: Some(u64::MAX),
        begun_ms_ago: None,
        burst: None,
        inferred: true,
        refused_count: true,
        stated_ms_ago: 0,
        taken: vec![(u64::MAX, u64::MAX), (0, u64::MAX), (1, u64::MAX)],
    };
    let windows = LearnedQuota { unit_us: None, dimension: Dimension::Requests, ..huge.clone() };
    let begun = |ago| vec![LearnedQuota { begun_ms_ago: Some(ago), ..windows.clone() }];
    let many = [begun(0), begun(u64::MAX), vec![huge.clone()], vec![windows.clone()]];
    for remembered in many.into_iter().chain([vec![], vec![huge, windows.clone()]]) {
        let mut limiter = limiter(None);
        limiter.keep_closed(ms(u64::MAX));
        limiter.recall(&remembered);
        for round in 0..20 {
            let now = ms(round * 700);
            let _ = limiter.next_start(now, u64::MAX);
            limiter.on_start(now, u64::MAX);
            let mut verdict = CallReport::from(Outcome::Success);
            if round % 3 == 0 {
                verdict = CallReport::from(Outcome::RateLimited);
                verdict.hint = Some(ms(u64::MAX));
            }
            verdict.input_tokens = Some(u64::MAX);
            verdict.quotas = [Dimension::Requests, Dimension::Tokens]
                .map(|dimension| Stated { limit: Some(u64::MAX), ..Stated::of(dimension) })
                .to_vec();
            let sent = now;
            let ended = EndedCall { sent, tokens: u64::MAX, in_flight: 1, verdict };
            limiter.on_end(now + ms(100), &ended);
            let _ = (limiter.learned(), limiter.remember(now));
        }
    }
}
