//! What limits a run, and what each limit costs: the same weather, played once as it is and once
//! with each limit lifted.
//!
//! The [limits](liftable) are those of the pipeline (calls in flight, sizes, waits) and those of the world
//! (quotas, latencies, failures). The [shadow price](shadow_price) of one is what its lifting saves, in
//! time, calls and money, seed by seed. The [tolerance] turns it round: how far each
//! [knob] of the world may be turned for the worse until a target is missed. A [cure] is a setting with
//! which a target is met that was missed.

pub mod cure;
pub mod knob;
pub mod liftable;
pub mod shadow_price;
pub mod tolerance;
