//! Quantities as people write them: `45s`, `1.5m`, `3%`. Each is read as a whole number of its smallest
//! unit, and refused where it is none.

/// A decimal number times `scale`, if that is a whole number.
pub fn decimal(text: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 12 {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if !fraction.is_empty() {
        let part = fraction.parse::<u64>().ok()?.checked_mul(scale)?;
        let tens = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
        if part % tens != 0 {
            return None;
        }
        value = value.checked_add(part / tens)?;
    }
    Some(value)
}

/// A duration such as `500ms`, `45s`, `2m` or `1h`, in milliseconds.
pub fn millis(text: &str) -> Option<u64> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let (suffix, scale) = units.into_iter().find(|(suffix, _)| text.ends_with(suffix))?;
    decimal(text[..text.len() - suffix.len()].trim(), scale)
}

/// A percentage such as `3%` or `12.5%`, in millionths.
pub fn percent_ppm(text: &str) -> Option<u64> {
    decimal(text.strip_suffix('%')?.trim(), 10_000)
}
