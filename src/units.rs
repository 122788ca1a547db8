//! Numbers with a range, as they are written in scenario files.
//!
//! Every type here refuses what lies outside its range while it is read, with a message that names
//! the range; code behind the edge never checks again. The law: a unit lives in the key's suffix
//! (`_ms`, `_s`, `_usd`), the range in the type.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const MIN: u64, const MAX: u64>(u64);

/// A count of at least one.
pub type Count = Whole<1, 1_000_000_000>;
/// Milliseconds, up to one day.
pub type DayMs = Whole<0, 86_400_000>;
/// Seconds, up to ten days.
pub type TenDaysS = Whole<0, 864_000>;

impl<const MIN: u64, const MAX: u64> Whole<MIN, MAX> {
    /// The largest.
    pub const LARGEST: Self = Self(MAX);

    /// The number itself, or `None` outside the range.
    pub fn new(value: u64) -> Option<Self> {
        (MIN..=MAX).contains(&value).then_some(Self(value))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The number as a `usize`.
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<const MIN: u64, const MAX: u64> From<Whole<MIN, MAX>> for u64 {
    fn from(whole: Whole<MIN, MAX>) -> Self {
        whole.0
    }
}

impl<const MIN: u64, const MAX: u64> From<Whole<MIN, MAX>> for Option<u64> {
    fn from(whole: Whole<MIN, MAX>) -> Self {
        Some(whole.0)
    }
}

impl<const MIN: u64, const MAX: u64> fmt::Display for Whole<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MIN: u64, const MAX: u64> Serialize for Whole<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeVisitor<const MIN: u64, const MAX: u64>;
        impl<const MIN: u64, const MAX: u64> Visitor<'_> for WholeVisitor<MIN, MAX> {
            type Value = Whole<MIN, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if MIN == MAX {
                    return write!(f, "{MIN}");
                }
                write!(f, "a whole number from {MIN} to {MAX}")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                u64::try_from(value)
                    .ok()
                    .and_then(Whole::new)
                    .ok_or_else(|| E::custom(out_of_range(value, &self)))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                Whole::new(value).ok_or_else(|| E::custom(out_of_range(value, &self)))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                // `42.0` is shown with its fraction: that is what is wrong with it.
                Err(E::custom(out_of_range(format_args!("{value:?}"), &self)))
            }
        }
        deserializer.deserialize_any(WholeVisitor::<MIN, MAX>)
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Whole<MIN, MAX> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("WholeFrom{MIN}To{MAX}").into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

fn out_of_range<'de, V: Visitor<'de>>(got: impl fmt::Display, wanted: &V) -> String {
    struct Wanted<'a, V>(&'a V);
    impl<'de, V: Visitor<'de>> fmt::Display for Wanted<'_, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }
    }
    format!("expected {}, found {got}", Wanted(wanted))
}

macro_rules! float_unit {
    ($(#[$doc:meta])* $name:ident, $min:expr, $max:expr, $wanted:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// The number itself, or `None` outside the range.
            pub fn new(value: f64) -> Option<Self> {
                ($min..=$max).contains(&value).then_some(Self(value))
            }

            /// The number.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl From<$name> for f64 {
            fn from(number: $name) -> Self {
                number.0
            }
        }

        impl From<$name> for Option<f64> {
            fn from(number: $name) -> Self {
                Some(number.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct FloatVisitor;
                impl Visitor<'_> for FloatVisitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($wanted)
                    }
                    fn visit_f64<E: Error>(self, value: f64) -> Result<$name, E> {
                        $name::new(value).ok_or_else(|| E::custom(out_of_range(value, &self)))
                    }
                    fn visit_i64<E: Error>(self, value: i64) -> Result<$name, E> {
                        i32::try_from(value)
                            .ok()
                            .and_then(|v| $name::new(f64::from(v)))
                            .ok_or_else(|| E::custom(out_of_range(value, &self)))
                    }
                    fn visit_u64<E: Error>(self, value: u64) -> Result<$name, E> {
                        u32::try_from(value)
                            .ok()
                            .and_then(|v| $name::new(f64::from(v)))
                            .ok_or_else(|| E::custom(out_of_range(value, &self)))
                    }
                }
                deserializer.deserialize_any(FloatVisitor)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", "minimum": $min, "maximum": $max })
            }
        }
    };
}

float_unit!(
    /// A share from 0 to 1.
    Ratio,
    0.0,
    1.0,
    "a ratio from 0 to 1"
);
float_unit!(
    /// A factor or spread from 0 to 1,000.
    Factor,
    0.0,
    1000.0,
    "a number from 0 to 1000"
);
float_unit!(
    /// A growth factor from 1 to 10.
    Growth,
    1.0,
    10.0,
    "a factor from 1 to 10"
);
float_unit!(
    /// How many times as much as is usual: from a half to twice.
    Skew,
    0.5,
    2.0,
    "a factor from 0.5 to 2"
);
float_unit!(
    /// A price in US dollars for a million tokens, up to 1,000.
    UsdPerMillion,
    0.0,
    1000.0,
    "dollars per million tokens, from 0 to 1000"
);

impl Skew {
    /// As much as is usual.
    pub const NONE: Self = Self(1.0);

    /// Whether it is as much as is usual.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl Ratio {
    /// No share at all.
    pub const ZERO: Self = Self(0.0);
}

/// The numerator and denominator of a measured share, kept apart so that nothing is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many of them.
    pub num: u64,
    /// Out of how many.
    pub den: u64,
}

impl Share {
    /// The share as a number, or `None` of nothing.
    pub fn value(self) -> Option<f64> {
        (self.den > 0).then(|| float(self.num) / float(self.den))
    }
}

/// A count as a float, for printing and plotting; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// A non-negative float rounded to the nearest whole number; what is out of range saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and the callers' numbers are not negative"
)]
pub fn whole(value: f64) -> u64 {
    libm::floor(value + 0.5) as u64
}
