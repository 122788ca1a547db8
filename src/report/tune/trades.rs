//! What a little more of the objective would buy.

use std::fmt::Write;

use crate::report::tune::point_name::named;
use crate::study::measure::metric::Metric;
use crate::study::tune::{GridPoint, Tuned};
use crate::units::float;

/// What is worth a trade, in the order in which it is named.
const WORTH: [Metric; 4] =
    [Metric::PagesMistagged, Metric::Fallbacks, Metric::Cost, Metric::AiCalls];
/// Less than this share of what the best has is a trade.
const LESS: f64 = 0.8;
/// More than this much of the objective is no trade that anybody would make.
const AT_MOST: f64 = 1.5;

/// For each metric the setting that has much less of it for the least more of the objective.
pub(super) fn trades(tuned: &Tuned) -> String {
    let mut out = String::new();
    let Some(best) = tuned.best() else { return out };
    let objective = tuned.spec.objective.metric();
    let mean = |point: &GridPoint, metric: Metric| {
        let values = point.values_of(metric).filter(|values| !values.is_empty())?;
        let sum: f64 = values.iter().map(|value| float(*value)).sum();
        Some(sum / float(values.len() as u64))
    };
    for metric in WORTH.into_iter().filter(|metric| *metric != objective) {
        let Some(had) = mean(best, metric).filter(|had| *had > 0.0) else { continue };
        let Some(takes) = mean(best, objective).filter(|takes| *takes > 0.0) else { continue };
        let offer = |point: &'_ GridPoint| -> Option<(f64, f64)> {
            let (has, costs) = (mean(point, metric)? / had, mean(point, objective)? / takes);
            let is_whole = point.outcomes.len() == best.outcomes.len();
            (is_whole && has <= LESS && costs <= AT_MOST).then_some((has, costs))
        };
        let offers = tuned.others().filter_map(|point| Some((point, offer(point)?)));
        let cheapest = offers.min_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b));
        if let Some((point, (has, costs))) = cheapest {
            let _ = writeln!(
                out,
                "- {}: {:.0} % less {} for {:.0} % more {}",
                named(tuned, point),
                100.0 * (1.0 - has),
                metric.name(),
                100.0 * (costs - 1.0).max(0.0),
                objective.name()
            );
        }
    }
    if out.is_empty() { out } else { format!("\nWhat could be traded:\n\n{out}") }
}
