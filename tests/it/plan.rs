//! The size of a batch where it is `auto`.

use tagspace::Metric;
use tagspace::internals::pipeline::batch::plan;
use tagspace::internals::pipeline::batch::plan::Work;
use tagspace::internals::pipeline::estimate::{Answered, Estimates};
use tagspace::internals::pipeline::limiter::{Outlook, Remaining};

use crate::common::{PLAIN, judged, scenario};

/// What a gate has to give with 16 places and these quotas of a minute, of which nothing is used.
fn outlook(requests: Option<u64>, tokens: Option<u64>) -> Outlook {
    let left = |limit| Remaining { limit, free: limit, window_ms: 60_000, is_bucket: false };
    Outlook {
        limit: 16,
        requests: requests.map(left),
        tokens: tokens.map(left),
        ..Outlook::default()
    }
}

/// The size for `pages` pages of about a thousand tokens.
fn size(pages: u64, outlook: &Outlook) -> u64 {
    let work = Work { pages, page_tokens: 1_000, most: 20 };
    plan::pages(&work, &Estimates::new(200), outlook)
}

#[test]
fn batches_are_as_large_as_the_window_needs_and_no_larger() {
    // One call of the window is kept for answers that miss pages, and one more for each ten.
    assert_eq!(size(100, &outlook(Some(15), None)), 8);
    assert_eq!(size(100, &outlook(Some(5), None)), 20);
    assert_eq!(size(10, &outlook(Some(15), None)), 1);
    // Nothing binds: all at once, one round in the places that there are.
    assert_eq!(size(100, &outlook(Some(2_000), None)), 8);
    assert_eq!(size(14, &outlook(Some(2_000), None)), 1);
    // Nothing is known: as if it were a free tier.
    assert_eq!(size(100, &outlook(None, None)), 12);
    assert_eq!(size(10, &outlook(None, None)), 3);
    let answered = Outlook { answered: 100, ..outlook(None, None) };
    assert!(size(100, &answered) < 10);
}

#[test]
fn where_tokens_bind_larger_batches_than_fit_the_window_are_not_made() {
    // A window has room for 28 pages in one prompt, or for 24 alone.
    let tight = outlook(Some(150), Some(30_000));
    assert!((4..=14).contains(&size(100, &tight)), "{}", size(100, &tight));
    // One page fits.
    assert_eq!(size(100, &outlook(Some(150), Some(1_500))), 1);
}

#[test]
fn what_is_used_up_counts() {
    let requests = |free| Some(Remaining { limit: 15, free, window_ms: 60_000, is_bucket: false });
    let full = Outlook { requests: requests(15), ..outlook(None, None) };
    let used = Outlook { requests: requests(3), ..outlook(None, None) };
    assert!(size(30, &used) > size(30, &full));
}

#[test]
fn estimates_follow_what_calls_take() {
    let mut estimates = Estimates::new(0);
    assert_eq!((estimates.latency_ms(1), estimates.latency_ms(10)), (900, 3_600));
    for pages in [1, 4, 8, 2, 16].into_iter().cycle().take(200) {
        let latency_ms = 2_000 + 50 * pages;
        let output_tokens = 1_000 + 30 * pages;
        let counted = 0;
        let input_tokens = 0;
        let is_whole = true;
        estimates.learn(Answered {
            pages,
            counted,
            input_tokens,
            output_tokens,
            latency_ms,
            is_whole,
        });
    }
    let near =
        |got: u64, wanted: u64| assert!(got.abs_diff(wanted) * 50 < wanted, "{got} {wanted}");
    near(estimates.latency_ms(1), 2_050);
    near(estimates.latency_ms(20), 3_000);
    // An answer that thinks first takes its thoughts once and not for each page.
    near(estimates.output_tokens(20), 1_600);
    assert_eq!(estimates.calls_again(100), 1);
    // One that is stuck in the slow tail changes little.
    let before = estimates.latency_ms(10);
    estimates.learn(Answered {
        pages: 10,
        counted: 0,
        input_tokens: 0,
        output_tokens: 0,
        latency_ms: 60_000,
        is_whole: false,
    });
    assert!(estimates.latency_ms(10) < before * 6 / 5);
}

#[test]
fn pages_pile_up_while_the_quota_is_closed() {
    let run = |size: &str| {
        let settings = [
            "pipeline.profile=\"recommended\"",
            &format!("pipeline.batch_size={size}"),
            "gemini.quota={ requests = 15 }",
            "space.pages=100",
        ];
        judged(&scenario(PLAIN, &settings)).runs.remove(0)
    };
    let (fixed, auto) = (run("5"), run("\"auto\""));
    for run in [&fixed, &auto] {
        assert_eq!(run.figures.number(Metric::PagesTagged), 100);
        assert_eq!(run.figures.number(Metric::EarlyCalls), 0);
    }
    assert!(fixed.figures.number(Metric::Makespan) > 60_000);
    assert!(
        auto.figures.number(Metric::Makespan) < 10_000,
        "{}",
        auto.figures.number(Metric::Makespan)
    );
    assert!(auto.figures.number(Metric::AiCalls) <= 11, "{}", auto.figures.number(Metric::AiCalls));
}

#[test]
fn prompts_keep_their_budgets_whatever_the_plan_wants() {
    let pages = |settings: &[&str]| {
        let base =
            ["pipeline.profile=\"recommended\"", "pipeline.batch_size=\"auto\"", "space.pages=100"];
        let settings: Vec<&str> = base.iter().chain(settings).copied().collect();
        let run = judged(&scenario(PLAIN, &settings)).runs.remove(0);
        assert_eq!(run.figures.number(Metric::PagesTagged), 100);
        let of = |event: tagspace::internals::pipeline::event::Event| match event {
            tagspace::internals::pipeline::event::Event::BatchFormed { pages, .. } => {
                Some(pages.len())
            }
            _ => None,
        };
        run.log.events().filter_map(of).max().unwrap()
    };
    let free = pages(&[]);
    assert!((10..=20).contains(&free), "{free}");
    assert!(pages(&["pipeline.max_batch_size=6"]) <= 6);
    let small = pages(&["pipeline.batch_tokens=1000"]);
    assert!(small <= 8, "{small}");
    // A frame and about 30 to 60 tokens for each page.
    assert!(pages(&["pipeline.max_output_tokens=200"]) <= 6);
}
