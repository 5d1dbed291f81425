//! What a state that is read from a snapshot must be like, whoever has written it.

/// The greatest count of rounds or tickets; more would not be reached, but could overflow.
pub(in crate::policy) const MOST: u64 = 1 << 53;

/// Whether all numbers are finite.
pub(in crate::policy) fn are_finite(numbers: &[f64]) -> bool {
    numbers.iter().all(|number| number.is_finite())
}

/// Whether so many numbers as a window has can be summed up, and stay finite.
pub(in crate::policy) fn can_be_summed(numbers: &[f64]) -> bool {
    numbers.iter().all(|number| (-1e290..=1e290).contains(number))
}
