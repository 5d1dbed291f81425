//! Preference pairs from candidates, or from a text and its edit.

use crate::base::error::{Result, finite, length};
use crate::base::numbers::{SLACK, all_finite, at_least, in_range};
use crate::gauge::{edit_distance, overlap_coefficient};

use super::Treatment;

/// Why no pair is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairReason {
    /// The values are too near to each other.
    Gap,
    /// The best is not good enough.
    Best,
    /// The texts are too much alike.
    Overlap,
}

impl PairReason {
    /// As a word: "gap", "best" or "overlap".
    pub fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Best => "best",
            Self::Overlap => "overlap",
        }
    }
}

/// One preference pair of the best and the worst of a prompt's candidates, or none: three gates.
///
/// The first that fails gives the reason: their gap, the value of the best, the
/// [overlap](crate::gauge::overlap_coefficient) of their words. Candidates whose values are all equal have no gap. A slack
/// of 1e-9 goes in favour of a pair. Cost: O(n + words).
///
/// Paper: iTool, arXiv 2501.09766 (gap .1, best -.3, overlap .95), whose code divides by zero where a text is empty.
///
/// ```
/// use curricle::route::{PairGates, Treatment};
///
/// let texts = [vec!["a", "b"], vec!["c"], vec!["d"]];
/// let reading = PairGates::default().route(&[0.9, 0.2, 0.1], &texts)?;
/// assert_eq!(reading.treatment, Treatment::Pair { chosen: 0, rejected: 2 });
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairGates {
    /// The least gap between their values.
    pub min_gap: f64,
    /// The least value of the best.
    pub min_best: f64,
    /// The greatest overlap of their words.
    pub max_overlap: f64,
}

impl Default for PairGates {
    fn default() -> Self {
        Self { min_gap: 0.1, min_best: -0.3, max_overlap: 0.95 }
    }
}

/// What [`PairGates`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PairReading {
    /// The first of the greatest values.
    pub chosen: usize,
    /// The first of the least.
    pub rejected: usize,
    /// How far they are apart.
    pub gap: f64,
    /// How much their words overlap.
    pub overlap: f64,
    /// Why there is no pair; `None` if there is one.
    pub reason: Option<PairReason>,
    /// The pair, or [`Drop`](Treatment::Drop).
    pub treatment: Treatment,
}

impl PairGates {
    /// Routes candidates: the value and the words or token ids of each.
    ///
    /// # Errors
    /// Fewer than two candidates; lists of different lengths; a number, or a gap, that is not finite.
    pub fn route<R: AsRef<[T]>, T: Ord>(&self, values: &[f64], texts: &[R]) -> Result<PairReading> {
        at_least("values", 2, values)?;
        length("texts", values.len(), texts.len())?;
        all_finite("values", values)?;
        for (what, limit) in
            [("min_gap", self.min_gap), ("min_best", self.min_best), ("max_overlap", self.max_overlap)]
        {
            finite(what, 0, limit)?;
        }
        let first = |is_better: &dyn Fn(f64, f64) -> bool| {
            (1..values.len())
                .fold(0, |best, at| if is_better(values[at], values[best]) { at } else { best })
        };
        let (chosen, rejected) = (first(&|a, b| a > b), first(&|a, b| a < b));
        let gap = finite("gap of values", 0, values[chosen] - values[rejected])?;
        let overlap = overlap_coefficient(texts[chosen].as_ref(), texts[rejected].as_ref());
        let reason = match () {
            // Of values that are all equal it is the same candidate.
            () if gap < self.min_gap - SLACK || chosen == rejected => Some(PairReason::Gap),
            () if values[chosen] < self.min_best - SLACK => Some(PairReason::Best),
            () if overlap > self.max_overlap + SLACK => Some(PairReason::Overlap),
            () => None,
        };
        let treatment = match reason {
            Some(_) => Treatment::Drop,
            None => Treatment::Pair { chosen, rejected },
        };
        Ok(PairReading { chosen, rejected, gap, overlap, reason, treatment })
    }
}

/// A pair of a text and its edit: kept if few tokens differ, and the quality much.
///
/// Kept if their [distance](crate::gauge::edit_distance) is above 0, its share of the longer text at most `max_distance`
/// (slack 1e-9), and the gap of quality above `min_gap`. Cost: O(a b).
///
/// Paper: RISE, arXiv 2410.06638. Its released code has no distance but a list of phrases that give an edit away; the limit
/// of .2 is our own.
///
/// ```
/// use curricle::route::EditPair;
///
/// let reading = EditPair::default().route(&[1, 2, 3, 4, 5], &[1, 2, 9, 4, 5], (1.0, 0.0))?;
/// assert!(reading.keep && reading.distance == 1);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EditPair {
    /// The greatest share of tokens that may differ.
    pub max_distance: f64,
    /// The gap of quality has to be above this.
    pub min_gap: f64,
}

impl Default for EditPair {
    fn default() -> Self {
        Self { max_distance: 0.2, min_gap: 0.0 }
    }
}

/// What [`EditPair`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct EditReading {
    /// Tokens inserted, deleted or replaced.
    pub distance: usize,
    /// The same over the longer length; 0 if both are empty.
    pub share: f64,
    /// The quality of the good text less that of the bad one.
    pub gap: f64,
    /// Whether the pair is kept.
    pub keep: bool,
    /// The good text (0) against the bad one (1), or [`Drop`](Treatment::Drop).
    pub treatment: Treatment,
}

impl EditPair {
    /// Routes a good text and a bad one, with their qualities.
    ///
    /// # Errors
    /// A quality, or their gap, that is not finite; a distance outside [0, 1] or a gap below 0.
    pub fn route<T: PartialEq>(
        &self,
        good: &[T],
        bad: &[T],
        (quality_good, quality_bad): (f64, f64),
    ) -> Result<EditReading> {
        finite("quality_good", 0, quality_good)?;
        finite("quality_bad", 0, quality_bad)?;
        in_range("max_distance", self.max_distance, 0.0, 1.0)?;
        in_range("min_gap", self.min_gap, 0.0, f64::MAX)?;
        let distance = edit_distance(good, bad);
        let share = distance as f64 / good.len().max(bad.len()).max(1) as f64;
        let gap = finite("gap of quality", 0, quality_good - quality_bad)?;
        let keep = distance > 0 && share <= self.max_distance + SLACK && gap > self.min_gap;
        let treatment = if keep { Treatment::Pair { chosen: 0, rejected: 1 } } else { Treatment::Drop };
        Ok(EditReading { distance, share, gap, keep, treatment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_no_pair_with_itself() {
        let gates = PairGates { min_gap: 0.0, min_best: -1.0, max_overlap: 1.0 };
        let read = gates.route(&[0.5, 0.5], &[[1], [2]]).unwrap();
        assert_eq!((read.reason, read.treatment), (Some(PairReason::Gap), Treatment::Drop));
    }

    #[test]
    fn a_gap_that_no_number_holds_is_refused() {
        assert!(PairGates::default().route(&[1e308, -1e308], &[[1], [2]]).is_err());
        assert!(EditPair::default().route(&[1, 2], &[1, 3], (1e308, -1e308)).is_err());
    }
}
