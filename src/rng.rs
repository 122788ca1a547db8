//! Keyed randomness: a draw is a hash of what it is for, never the next number of a sequence.
//!
//! A draw is named by (seed, stream, identity, attempt). Two configurations of the pipeline that
//! ask about the same thing therefore meet the same luck, and a new kind of draw shifts no old
//! one. The mixer is `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number
//! generators, 2014); `ln`, `sqrt` and `cos` come from `libm`, so that a draw is the same
//! on every platform.

use crate::units::Ratio;

/// The seed of a simulated world, or of the pipeline's jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// One keyed draw: 64 uniform bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw(u64);

/// The name of a stream, which may be made of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream(u64);

impl Stream {
    /// The stream of this name.
    pub fn named(name: &str) -> Self {
        Self(0xcbf2_9ce4_8422_2325).then(name)
    }

    /// The stream whose name goes on with this.
    #[must_use]
    pub fn then(self, more: &str) -> Self {
        Self(more.bytes().fold(self.0, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    /// The stream whose name goes on with a number.
    #[must_use]
    pub fn then_number(self, mut number: usize) -> Self {
        let mut digits = [0_u8; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b"0123456789"[number % 10];
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.then(std::str::from_utf8(&digits[first..]).unwrap_or_default())
    }
}

/// A sequence of draws that starts at one keyed draw, for content that is made in one go.
#[derive(Debug, Clone)]
pub struct Sequence(u64);

impl Seed {
    /// The draw for the `attempt`-th time that `identity` is asked about in `stream`.
    pub fn draw(self, stream: &str, identity: u64, attempt: u64) -> Draw {
        self.draw_of(Stream::named(stream), identity, attempt)
    }

    /// The same of a stream whose name is known already.
    pub fn draw_of(self, stream: Stream, identity: u64, attempt: u64) -> Draw {
        let keyed = mix(mix(mix(self.0 ^ stream.0).wrapping_add(identity)) ^ attempt);
        Draw(mix(keyed))
    }

    /// Another seed, for a part of the world that has luck of its own.
    #[must_use]
    pub fn apart(self, stream: &str, which: u64) -> Self {
        Self(self.draw(stream, which, 0).0)
    }
}

impl Draw {
    /// The draw as a number from 0 (included) to 1 (excluded), with 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a float exactly")]
    pub fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether an event of this probability happens.
    pub fn happens(self, probability: Ratio) -> bool {
        self.unit() < probability.get()
    }

    /// A whole number below `bound`; zero when `bound` is zero.
    pub fn below(self, bound: u64) -> u64 {
        let wide = u128::from(self.0) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A standard normal number (Box and Muller, 1958).
    pub fn normal(self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        let angle = 2.0 * std::f64::consts::PI * Draw(mix(self.0)).unit();
        radius * libm::cos(angle)
    }

    /// A lognormal number with this median and spread. It is never less than nothing, but infinite
    /// where the spread is beyond measure.
    pub fn lognormal(self, median: f64, sigma: f64) -> f64 {
        // Nothing times infinity would be no number.
        if median > 0.0 { median * libm::exp(sigma * self.normal()) } else { 0.0 }
    }

    /// An exponential number with this mean: a time until something that may happen at any moment.
    pub fn exponential(self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// A sequence of draws that starts here.
    pub fn sequence(self) -> Sequence {
        Sequence(self.0)
    }
}

impl Sequence {
    /// The next draw.
    pub fn next_draw(&mut self) -> Draw {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Draw(mix(self.0))
    }

    /// A whole number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_draw().below(bound)
    }

    /// One element of a slice that is not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = self.below(items.len() as u64);
        &items[usize::try_from(index).unwrap_or(0)]
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
