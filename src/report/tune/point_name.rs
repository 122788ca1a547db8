//! The name of a point of a grid.

use crate::study::tune::{GridPoint, Tuned};

/// The values of a point, in words.
pub fn named(tuned: &Tuned, point: &GridPoint) -> String {
    let axes = tuned.spec.axes.iter().zip(&point.values);
    // Of a grid of one setting, all that is set.
    let is_one = tuned.points.len() == 1;
    let varied = axes.filter(|(axis, _)| is_one || axis.values.len() > 1);
    let words: Vec<String> = varied
        .map(|(axis, value)| {
            format!("{} {}", axis.key.rsplit('.').next().unwrap_or(&axis.key), axis.values[*value])
        })
        .collect();
    if words.is_empty() { "as it is".to_owned() } else { words.join(", ") }
}
