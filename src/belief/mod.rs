//! What is believed of each sample: how likely its next group of rollouts is to teach something.

mod chance;
mod column;
mod prior;
mod sample;

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};

#[cfg(test)]
pub(crate) use chance::useful;
pub(crate) use column::Beliefs;
pub(crate) use prior::{Prior, Shape};
pub(crate) use sample::Believed;

/// The greatest factor between the weights of two samples of an arm to which the user gave the same.
pub(crate) const GREATEST: f64 = 32.0;

/// The least [floor](Belief::floor).
pub(crate) const LEAST: f64 = 1e-3;

/// Weights by belief: within its arm each sample is drawn in proportion to the chance that its next group of rollouts
/// is *useful*, which is that neither all of them succeed nor all fail. For
/// [`Weighting::Belief`](crate::Weighting::Belief).
///
/// Real categories hold solved, learnable and hopeless prompts side by side. A policy over arms cannot tell them
/// apart; this does, in 12 bytes a sample. With G rollouts, and the success of the sample distributed as Beta(a, b),
///
/// ```text
/// useful(a, b) = 1 - E[p^G] - E[(1-p)^G],     E[p^G] = prod over j < G of (a + j) / (a + b + j)
/// weight       = given * clamp(useful(a0 + n x, b0 + n (1 - x)) / useful(a0, b0), floor, 32)
/// ```
///
/// - `x` is the mean success of the sample's reports, of which each counts `decay` times as much as the one after it,
///   and `n` the rollouts behind it, counted in the same way.
/// - `(a0, b0)` is the prior of the arm: the beta distribution that has the mean and the variance of its samples'
///   success, of about the last 1024 reports. Each report counts for the inverse of the factor that its sample has,
///   so that it is that of the arm, not of what is drawn; this is rough where a batch is a great part of an arm. With
///   passes, which draw all alike, each counts for one. It begins flat.
/// - A sample that has not reported keeps the `given` weight, the user's, which is that of a factor of 1. So nothing
///   has to be set anew when the prior moves. A given weight of 0 rests whatever is believed.
/// - *Re-tests.* What is believed grows old: `n` is halved every `retest` rounds since the last report, so that what
///   was solved or hopeless comes back to the weight of an unseen sample. That is noticed by a sweep: each round
///   looks at the next `N / retest` of N samples, at most 8 for each ticket, so that no round ever looks at all. A
///   sweep is over after `retest` rounds or N / 8 tickets, whichever is longer. The floor beside it keeps every
///   sample at `floor` times the weight of an unseen one.
/// - *Coin tosses.* A prompt of which success is luck is useful for ever by the formula, and teaches nothing. One
///   with `patience` reports or more, whose `x` is within two standard deviations of its mean over the last 32
///   reports, has not moved: its factor is at most `patience / reports`. So it has 1, that of an unseen sample, and
///   goes down to `patience / 255`. This cannot tell a coin from what is learned by less than about 0.2 of success in
///   32 of its own reports, nor from what is stuck on a plateau: those wait, too, until they move. A coin is let off
///   by chance in about one report of twenty.
/// - A ticket that is given up halves the weight of its sample, down to the floor, if none of the same round came
///   back, until the sweep or a report sets it again.
///
/// Not to be confused with [`policy::Belief`](crate::policy::Belief), which is about arms.
///
/// Success and the number of rollouts are read of each outcome; feedback without a success is refused. Policy,
/// signal, gate and sampler stay what they are; draws have the exact propensities that their sampler states. A
/// sampler or a policy that does not read weights is refused: [`Sequential`](crate::sampler::Sequential) and arms of
/// one sample each when the curriculum is built, a policy over ranks when it first draws.
///
/// Defaults: 8 rollouts, decay 0.5, floor 0.05, re-test 1000 rounds, patience 16.
///
/// The sum of all weights has to stay below 2^32, as ever: 10^8 samples that were given 1 stay below it whatever is
/// believed.
///
/// Cost: O(G + log N) for each ticket that is folded in and each of the up to 8 samples that are swept for it; memory
/// 12 bytes a sample and 48 an arm.
///
/// ```
/// use curricle::{Belief, Curriculum, Feedback, Outcome, SampleId, Weighting};
///
/// # fn main() -> curricle::Result<()> {
/// let belief = Belief::new().rollouts(8).retest(500);
/// let mut curriculum = Curriculum::builder(100).weighting(Weighting::Belief(belief)).build()?;
/// for _ in 0..40 {
///     let batch = curriculum.draw(10)?;
///     // One in ten can be learned; the others are solved.
///     let success = |sample: SampleId| if sample.0 % 10 == 0 { 0.5 } else { 1.0 };
///     let outcome = |sample| Outcome::default().success(success(sample)).rollouts(8);
///     let feedback: Vec<Feedback> =
///         batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.sample))).collect();
///     curriculum.observe(&feedback)?;
///     curriculum.fold()?;
/// }
/// let weight = |sample| curriculum.population().weight(SampleId(sample));
/// assert!(weight(7)? < 0.5);
/// # Ok(()) }
/// ```
///
/// The chance of a useful group is that of DAPO's filter (arXiv 2503.14476) ahead of the rollouts; a posterior for
/// each prompt is that of MoPPS (arXiv 2507.04632), which as published is [`Posterior`](crate::policy::Posterior).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Belief {
    rollouts: u32,
    decay: f64,
    floor: f64,
    retest: u64,
    patience: u8,
}

impl Default for Belief {
    fn default() -> Self {
        Self::new()
    }
}

impl Belief {
    /// Groups of 8 rollouts, decay 0.5, floor 0.05, re-tests by 1000 rounds, patience of 16 reports.
    pub fn new() -> Self {
        Self { rollouts: 8, decay: 0.5, floor: 0.05, retest: 1000, patience: 16 }
    }

    /// Sets how many rollouts the groups have that are to be useful, from 2 to 1024.
    #[must_use]
    pub fn rollouts(mut self, rollouts: u32) -> Self {
        self.rollouts = rollouts;
        self
    }

    /// Sets how much a report counts beside the next one of its sample, in `[0, 1]`; 1 forgets nothing.
    #[must_use]
    pub fn decay(mut self, decay: f64) -> Self {
        self.decay = decay;
        self
    }

    /// Sets the least factor, in `[0.001, 1]`.
    #[must_use]
    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }

    /// Sets after how many rounds half of what is believed is left, from 1 to 10^9.
    #[must_use]
    pub fn retest(mut self, rounds: u64) -> Self {
        self.retest = rounds;
        self
    }

    /// Sets after how many reports without a move a sample counts as a coin toss, from 4 to 255.
    #[must_use]
    pub fn patience(mut self, reports: u8) -> Self {
        self.patience = reports;
        self
    }

    /// How small a factor can become.
    pub(crate) fn least(&self) -> f64 {
        self.floor
    }

    /// How much a report counts beside the next one.
    pub(crate) fn kept(&self) -> f64 {
        self.decay
    }

    /// Checks the options.
    pub(crate) fn check(&self) -> Result<()> {
        within("rollouts of a group", self.rollouts.into(), 2.0, 1024.0)?;
        within("decay of beliefs", self.decay, 0.0, 1.0)?;
        within("floor of beliefs", self.floor, LEAST, 1.0)?;
        within("rounds to a re-test", self.retest as f64, 1.0, 1e9)?;
        within("patience", self.patience.into(), 4.0, 255.0).map(drop)
    }
}
