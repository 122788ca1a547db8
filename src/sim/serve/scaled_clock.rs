//! How the time of a world passes for clients in real time.

use std::time::Duration;

use tokio::time::Instant;

/// The pace of a world: when it began, and how many times as fast as real time it goes.
#[derive(Debug, Clone, Copy)]
pub struct ScaledClock {
    epoch: Instant,
    speed: u64,
}

impl ScaledClock {
    /// A world that began at this moment; a speed of zero counts as one.
    pub fn new(epoch: Instant, speed: u64) -> Self {
        Self { epoch, speed: speed.max(1) }
    }

    /// How many times as fast as real time it goes.
    pub fn speed(self) -> u64 {
        self.speed
    }

    /// Milliseconds of the world since it began.
    pub fn now_ms(self) -> u64 {
        let micros = self.epoch.elapsed().as_micros() * u128::from(self.speed);
        u64::try_from(micros / 1000).unwrap_or(u64::MAX)
    }

    /// How long these milliseconds of the world really are.
    pub fn real(self, ms: u64) -> Duration {
        Duration::from_micros(ms.saturating_mul(1000) / self.speed)
    }
}
