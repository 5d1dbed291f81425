//! Gates of one's own.

use std::fmt::Debug;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Case;
use crate::event::{Field, Verdict};

/// Judges outcomes: a gate of one's own, to be used as [`Gate::own`](crate::Gate::own).
///
/// A gate is asked once for each outcome that comes in, and must answer from the case and its own options alone: the
/// same to the same. Its [`Debug`] text stands for it where curricula are compared, as on
/// [`restore`](crate::Curriculum::restore): it must tell gates apart that judge differently. A `derive` does.
///
/// ```
/// use curricle::{Admit, Case, Curriculum, Feedback, Gate, Outcome, Reason, Verdict};
///
/// /// Rejects what costs more than it may.
/// #[derive(Debug)]
/// struct Affordable {
///     most: f32,
/// }
///
/// impl Admit for Affordable {
///     fn admit(&self, case: &Case<'_>) -> Verdict {
///         match case.outcome.cost {
///             Some(cost) if cost > self.most => Verdict::Reject(Reason::Own),
///             _ => Verdict::Admit,
///         }
///     }
/// }
///
/// # fn main() -> curricle::Result<()> {
/// let gate = Gate::zero_signal().and(Gate::own(Affordable { most: 4096.0 }));
/// let mut curriculum = Curriculum::builder(10).gate(gate).build()?;
/// let ticket = curriculum.draw(1)?.draws[0].ticket;
/// let dear = Outcome::group(&[1.0, 0.0])?.cost(9000.0);
/// assert_eq!(curriculum.observe(&[Feedback::new(ticket, dear)])?, [Verdict::Reject(Reason::Own)]);
/// # Ok(()) }
/// ```
pub trait Admit: Debug + Send + Sync {
    /// The verdict on an outcome. A gate of one's own rejects for [`Reason::Own`](crate::Reason::Own), or for one of
    /// the other reasons where that is the reason; it may say any [treatment](Verdict::Treat). Feedback on which it says a
    /// weight or a margin that is not finite, below 0 or above 10^6 is refused.
    fn admit(&self, case: &Case<'_>) -> Verdict;

    /// A field without which the gate cannot judge this outcome, which is then refused. The default is none.
    fn missing(&self, case: &Case<'_>) -> Option<Field> {
        let _ = case;
        None
    }
}

/// A gate of one's own among the others.
#[derive(Debug, Clone)]
pub struct Own(pub(super) Arc<dyn Admit>);

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Own {
    fn text(&self) -> String {
        format!("{:?}", self.0)
    }
}

impl Serialize for Own {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
