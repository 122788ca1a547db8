//! How a run that goes on stands, and how long the rest takes.

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;
use tagspace::Progress;
use tagspace::internals::pipeline::batch::BatchId;
use tagspace::internals::pipeline::event::{CallId, CallOutcome, Event};
use tagspace::internals::pipeline::limiter::line_time::Obstacle;
use tagspace::internals::pipeline::limiter::{Outlook, Remaining};
use tagspace::internals::pipeline::page::{PageId, Source, Tags};
use tagspace::internals::report::live_status::lines;
use tagspace::internals::study::measure::run_status::RunStatus;
use tagspace::internals::study::measure::time_left::{PagePace, TimeLeft};

/// A pace at which these numbers of pages ended, ten seconds each.
fn pace(ended: &[u64]) -> PagePace {
    let mut pace = PagePace::default();
    for (interval, pages) in (0..).zip(ended) {
        (0..*pages).for_each(|_| pace.page_ended(interval * 10_000 + 5_000));
    }
    pace.goes_to(ended.len() as u64 * 10_000);
    pace
}

#[test]
fn an_even_pace_goes_on_and_has_no_spread() {
    let left = pace(&[20; 6]).time_for(400, 0).unwrap();
    assert_eq!(left, TimeLeft { middle_ms: 200_000, spread_ms: Some((200_000, Some(200_000))) });
    assert_eq!(pace(&[20; 6]).per_minute(), Some(120.0));
}

#[test]
fn an_uneven_pace_has_a_spread_and_a_wild_one_no_end() {
    // Of 10 and 30 the standard deviation is 11.5 and the error of the mean 5.8: nine of ten within 9.5.
    let uneven = pace(&[10, 30, 10, 30]).time_for(400, 0).unwrap();
    assert_eq!(uneven.middle_ms, 200_000);
    let (least, most) = uneven.spread_ms.unwrap();
    assert!((135_000..137_000).contains(&least), "{uneven:?}");
    assert!((378_000..384_000).contains(&most.unwrap()), "{uneven:?}");
    let wild = pace(&[0, 0, 60]).time_for(400, 0).unwrap();
    assert_eq!(wild.spread_ms.unwrap().1, None);
}

#[test]
fn where_a_quota_gives_a_window_at_once_whole_windows_are_looked_at() {
    // Fifteen a minute, in its first ten seconds.
    let regular = pace(&[15, 0, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0]);
    let left = regular.time_for(60, 60_000).unwrap();
    assert_eq!(left, TimeLeft { middle_ms: 240_000, spread_ms: Some((240_000, Some(240_000))) });
    // Before a window is over nothing is known.
    assert_eq!(pace(&[15, 0, 0]).time_for(60, 60_000), None);
}

#[test]
fn pages_that_were_answered_before_cost_nothing_and_tell_no_pace() {
    let models = BTreeMap::from([("gemini".to_owned(), "gemini-2.5-flash".to_owned())]);
    let mut status = RunStatus::new(&models);
    for page in 0..20 {
        let (page, source) = (PageId(page), Source::Cache);
        status.observed(500, &Event::PageTagged { page, source, tags: Tags::default() });
    }
    call(&mut status, 1_000, 1, 200);
    status.progress = Some(Progress { done: 20, listed: 35, total: Some(35) });
    status.goes_to(30_000);
    // Of 35 pages 20 are kept and 5 answered: twice as much is to come as has been paid.
    assert_eq!(status.final_cost_usd_micros(), Some(3 * 5_500));
    assert_eq!(status.time_left(0), None);
    // A model that has no price leaves the end open.
    let mut status = RunStatus::new(&BTreeMap::new());
    call(&mut status, 1_000, 1, 200);
    status.progress = Some(Progress { done: 5, listed: 35, total: Some(35) });
    assert!(status.is_unpriced);
    assert_eq!(status.final_cost_usd_micros(), None);
}

#[test]
fn a_call_that_answers_a_part_of_its_pages_paid_for_that_part() {
    let models = BTreeMap::from([("gemini".to_owned(), "gemini-2.5-flash".to_owned())]);
    let mut status = RunStatus::new(&models);
    call(&mut status, 1_000, 1, 206);
    for page in 0..4 {
        let (page, source) = (PageId(page), Source::Answer);
        status.observed(2_000, &Event::PageTagged { page, source, tags: Tags::default() });
    }
    status.progress = Some(Progress { done: 4, listed: 12, total: Some(12) });
    assert_eq!(status.final_cost_usd_micros(), Some(3 * 5_500));
}

#[test]
fn nothing_is_said_of_what_is_not_known() {
    assert_eq!(pace(&[]).time_for(400, 0), None);
    assert_eq!(pace(&[0, 0, 0]).time_for(400, 0), None);
    // Two intervals tell a pace, but no spread.
    assert_eq!(pace(&[20, 10]).time_for(30, 0).unwrap().spread_ms, None);
    // What is ten minutes ago is forgotten, even after a day's sleep.
    let mut asleep = pace(&[20; 6]);
    asleep.goes_to(86_400_000);
    assert_eq!(asleep.time_for(1, 0), None);
}

proptest! {
    #[test]
    fn the_middle_lies_within_the_spread(ended in prop::collection::vec(0_u64..50, 3..80), left in 1_u64..100_000, window_ms in 0_u64..400_000) {
        if let Some(TimeLeft { middle_ms, spread_ms: Some((least, most)) }) = pace(&ended).time_for(left, window_ms) {
            prop_assert!(least <= middle_ms);
            prop_assert!(most.is_none_or(|most| middle_ms <= most));
        }
    }
}

fn call(status: &mut RunStatus, t_ms: u64, number: u64, code: u16) {
    let (call, batch, provider) = (CallId(number), BatchId(number), "gemini".to_owned());
    let tokens = if matches!(code, 200 | 206) { 10_000 } else { 0 };
    status.observed(
        t_ms,
        &Event::AttemptStarted {
            call,
            batch,
            provider: provider.clone(),
            model: None,
            attempt: 1,
            pages: 5,
            in_flight: 1,
            limit: None,
        },
    );
    status.observed(
        t_ms + 900,
        &Event::AttemptFinished {
            call,
            batch,
            provider,
            model: None,
            outcome: match code {
                200 => CallOutcome::Ok,
                206 => CallOutcome::Partial,
                _ => CallOutcome::Failed,
            },
            class: None,
            status: Some(code),
            input_tokens: tokens,
            output_tokens: tokens / 10,
            latency_ms: 900,
            hint_ms: None,
            dropped: 0,
        },
    );
}

fn said(status: &mut RunStatus, t_ms: u64, outlook: Outlook) -> String {
    let now = "2026-11-30T14:00:00Z".parse().unwrap();
    status.goes_to(t_ms);
    lines(status, &BTreeMap::from([("gemini".to_owned(), outlook)]), now).join("\n")
}

#[test]
fn a_person_sees_pages_time_money_and_what_is_waited_for() {
    let models = BTreeMap::from([("gemini".to_owned(), "gemini-2.5-flash".to_owned())]);
    let mut status = RunStatus::new(&models);
    assert_snapshot!(said(&mut status, 0, Outlook::default()), @r"
    0 of 0 listed pages, 0 tagged
    ");
    for number in 0..12 {
        call(&mut status, number * 10_000, number, 200);
        for page in 0..5 {
            let page = PageId(number * 5 + page);
            let tagged = Event::PageTagged { page, source: Source::Answer, tags: Tags::default() };
            status.observed(number * 10_000 + 950, &tagged);
        }
    }
    call(&mut status, 119_000, 12, 429);
    status.progress = Some(Progress { done: 60, listed: 200, total: None });
    let requests = Some(Remaining { limit: 15, free: 2, window_ms: 60_000, is_bucket: false });
    let waits = Some(Duration::from_secs(42));
    let waits_for = Some(Obstacle::Quota);
    let outlook = Outlook { requests, waits, waits_for, ..Outlook::default() };
    // The list is not at its end: nothing is said of the whole.
    assert_snapshot!(said(&mut status, 120_000, outlook), @r"
    60 of 200 listed pages, 60 tagged, 30 a minute, about 5 min left for those that are listed
    $0.0660 so far, 0 calls in flight, 66,000 tokens in the last minute, 1 call refused
    gemini: 13 of 15 requests in 60 s used, calls wait for the quota until 14:00:42 UTC
    ");
    status.progress = Some(Progress { done: 60, listed: 1_560, total: Some(1_560) });
    let failing = Outlook { waits_for: Some(Obstacle::Failures), ..Outlook::default() };
    assert_snapshot!(said(&mut status, 120_000, failing), @r"
    60 of 1,560 pages, 60 tagged, 30 a minute, about 50 min left
    $0.0660 so far, about $1.7160 in the end, 0 calls in flight, 66,000 tokens in the last minute, 1 call refused
    gemini: after failures, calls wait
    ");
    let busy = Outlook { waits_for: Some(Obstacle::Place), ..Outlook::default() };
    assert!(!said(&mut status, 120_000, busy).contains("gemini"));
}
