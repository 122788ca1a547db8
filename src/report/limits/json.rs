//! What limits a run, as JSON: means and intervals in thousandths of each metric's unit.

use serde_json::{Map, Value, json};

use crate::study::limits::shadow_price::{COMPARED, Limits, ShadowPrice};

/// The report on a run of a scenario, played with these seeds.
pub(crate) fn json(name: &str, run: &str, seeds: (u64, u64), limits: &Limits) -> Value {
    let means = COMPARED.iter().zip(&limits.means_milli);
    let mut means: Map<String, Value> =
        means.map(|(metric, mean)| (metric.key().to_owned(), json!(mean))).collect();
    means.insert("bound_ms".to_owned(), json!(limits.bound_milli));
    json!({
        "format_version": 1,
        "name": name,
        "run": run,
        "seeds": [seeds.0, seeds.1],
        "means_milli": means,
        "limits": limits.prices.iter().map(price).collect::<Vec<_>>(),
        "together": limits.together.iter().map(price).collect::<Vec<_>>(),
    })
}

fn price(price: &ShadowPrice) -> Value {
    let (was, to) = &price.lifted;
    let whose: &str = price.whose.into();
    let changes = COMPARED.iter().zip(&price.changes).map(|(metric, change)| {
        let change = change.map(|change| {
            json!({
                "mean_milli": change.mean_milli,
                "low_milli": change.low_milli,
                "high_milli": change.high_milli,
                "less": change.less,
                "more": change.more,
                "same": change.same,
            })
        });
        (metric.key().to_owned(), json!(change))
    });
    json!({
        "key": price.key,
        "whose": whose,
        "was": was,
        "lifted_to": to,
        "changes": changes.collect::<Map<String, Value>>(),
    })
}
