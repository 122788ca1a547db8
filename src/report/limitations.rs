//! What figures cannot be trusted for, because the world that they come from does not have it.

/// What virtual time does not represent.
const REHEARSED: &[&str] = &[
    "connection set-up",
    "TLS",
    "the scheduling of the host",
    "the time that the pipeline itself computes",
];

/// What services on real ports of this machine do not represent.
const SERVED: &[&str] = &["TLS", "the network's own latency and losses"];

/// What is not in the figures of a run, seen from inside or from the services' side.
pub fn not_represented(from_outside: bool) -> &'static [&'static str] {
    if from_outside { SERVED } else { REHEARSED }
}
