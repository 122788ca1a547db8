//! What batches cost in quality, in words, and as lines for a scenario.

use std::fmt::Write;

use super::format::{count, counted};
use crate::study::probe::{Observed, Probe};

/// What was found, and what a scenario of this service says of it.
pub fn text(probe: &Probe, service: &str) -> String {
    let pages = probe.same.chances;
    let mut text = format!(
        "probe: {} that {} answered beside {:.1} others, asked about alone, twice\n",
        counted(pages, "page"),
        if pages == 1 { "was" } else { "were" },
        probe.mean_others()
    );
    if probe.unanswered > 0 {
        let left_out = counted(probe.unanswered, "page");
        let _ = writeln!(text, "  without two answers, and left out: {left_out}");
    }
    for (what, in_batch, again) in [
        ("the same tags as alone", probe.same, probe.same_again),
        ("a tag less than alone", Observed { chances: pages, ..probe.lost }, probe.lost_again),
    ] {
        let (in_batch, again) = (share(in_batch), share(again));
        let _ = writeln!(text, "  {what}: {in_batch}; alone and alone again: {again}");
    }
    let _ = writeln!(text, "  for a scenario:\n    [{service}.answer]");
    for (key, seen, what) in [
        ("miss_ratio_per_extra_page", probe.missed, "pages left out"),
        ("tag_miss_ratio_per_extra_page", probe.lost, "pages with a tag less"),
    ] {
        let (low, high) = seen.interval();
        let value = seen.share().unwrap_or(0.0);
        let (events, chances) = (count(seen.events), count(seen.chances));
        let _ = writeln!(
            text,
            "    {key} = {value:.6} # {low:.6} to {high:.6}; {what}: {events} of {chances} chances"
        );
    }
    if probe.lost_again.events > 0 {
        let _ = writeln!(
            text,
            "    # {} lack a tag alone again as well: not all of it is the batches'",
            counted(probe.lost_again.events, "page")
        );
    }
    text
}

/// A share with its interval.
fn share(seen: Observed) -> String {
    let (low, high) = seen.interval();
    let of = format!("{} of {}", count(seen.events), count(seen.chances));
    match seen.share() {
        Some(share) => {
            format!("{of} ({:.0} %; {:.0} to {:.0} %)", share * 100.0, low * 100.0, high * 100.0)
        }
        None => of,
    }
}
