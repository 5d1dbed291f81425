//! What becomes of a row that has no score.

use serde::{Deserialize, Serialize};

/// What to do with a row of logits that holds NaN, more than one `+inf`, or nothing possible.
///
/// `-inf` is no such case: it says that a token is impossible. Nor is a single `+inf`: its token is
/// certain.
///
/// ```
/// use curricle::signal::uncertainty::{Logits, NonFinite, Score, Uncertainty};
/// use curricle::{Error, Signal};
///
/// let logits = Logits { rows: &[0.0f32, f32::NAN, 0.0, 0.0], vocab: 2 };
/// let mut scores = [0.0; 2];
/// let strict = Uncertainty::new(Score::MarginComplement);
/// assert!(matches!(strict.score(&logits, &mut scores), Err(Error::NonFinite { index: 0, .. })));
/// strict.non_finite(NonFinite::TreatAsUncertain).score(&logits, &mut scores)?;
/// assert_eq!(scores, [1.0, 1.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum NonFinite {
    /// Refuse all rows.
    #[default]
    Error,
    /// Score the row NaN, and leave it to the reader.
    Propagate,
    /// Score the row as if nothing were known of its outcome, or beyond that: 1 in the scores of which 1 is the bound,
    /// also in least confidence, which no distribution over `n` outcomes brings above `1 - 1/n`.
    TreatAsUncertain,
    /// Leave the row out: never the one to select.
    Skip,
}
