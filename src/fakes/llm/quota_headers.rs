//! Headers that say what is left of a quota, in OpenAI's form.

use crate::fakes::Reply;
use crate::fakes::quota::Remaining;

/// The reply with three headers for each of `requests` and `tokens` that is limited.
pub(super) fn with_headers(reply: Reply, left: &[(&'static str, Remaining)]) -> Reply {
    left.iter().fold(reply, |reply, (what, left)| {
        let (limit, remaining, reset) = match *what {
            "requests" => (
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ),
            _ => (
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ),
        };
        reply
            .with_header(limit, &left.limit.to_string())
            .with_header(remaining, &left.left.to_string())
            .with_header(reset, &duration(left.reset_ms))
    })
}

/// A duration as Go writes it: `108ms`, `8.64s`, `6m0s`, `1h2m3s`.
pub fn duration(ms: u64) -> String {
    let (seconds, millis) = (ms / 1000, ms % 1000);
    if seconds == 0 {
        return format!("{millis}ms");
    }
    let fraction = format!("{millis:03}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let rest = format!("{rest}{point}{fraction}s");
    match (hours, minutes) {
        (0, 0) => rest,
        (0, minutes) => format!("{minutes}m{rest}"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
    }
}
