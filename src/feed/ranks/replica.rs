//! What is held by every rank.

use crate::base::error::Result;
use crate::base::id::Ticket;
use crate::curriculum::Curriculum;
use crate::feed::Feed;
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// What every rank holds a copy of: a [`Curriculum`], or a [`Journal`](crate::Journal) of one, each rank's in files
/// of its own.
pub trait Replica: Feed {
    /// The policy of the curriculum.
    type Policy: Policy;
    /// Its signal.
    type Signal: Signal;
    /// Its sampler.
    type Sampler: Sampler;

    /// The curriculum, to be looked at.
    fn curriculum(&self) -> &Curriculum<Self::Policy, Self::Signal, Self::Sampler>;

    /// Gives tickets up; see [`Curriculum::lose`].
    ///
    /// # Errors
    /// As `Curriculum::lose`.
    fn lose(&mut self, tickets: &[Ticket]) -> Result<()>;
}

impl<P: Policy, S: Signal, D: Sampler> Replica for Curriculum<P, S, D> {
    type Policy = P;
    type Signal = S;
    type Sampler = D;

    fn curriculum(&self) -> &Curriculum<P, S, D> {
        self
    }

    fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        Curriculum::lose(self, tickets)
    }
}
