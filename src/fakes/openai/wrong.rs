//! What is wrong with a request.

/// What is wrong with a body.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It lacks this parameter.
    Missing(&'static str),
    /// This parameter is above its highest value.
    Above { param: &'static str, most: u64, got: String },
    /// This parameter is below its lowest value.
    Below { param: &'static str, least: u64, got: String },
    /// This parameter is of another type.
    Type { param: &'static str, wanted: &'static str },
    /// This parameter is none of the values that it may have.
    Value { param: &'static str, wanted: &'static str, got: String },
    /// This parameter is wrong for a reason of its own.
    Said { param: &'static str, code: Option<&'static str>, message: String },
    /// The schema at this parameter is not strict.
    Schema { param: String, code: Option<&'static str>, message: String },
}
