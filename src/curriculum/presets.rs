//! Curricula by situation, for those who do not want to choose by paper.

use crate::base::id::SampleId;
use crate::belief::Belief;
use crate::curriculum::Curriculum;
use crate::curriculum::builder::Builder;
use crate::curriculum::options::Weighting;
use crate::policy::{
    Bounded, Gaussian, MeanRule, Prior, Restart, ScalingLaw, Scope, Spread, Tilt, Ucb,
};
use crate::sampler::{Distinct, Systematic};
use crate::signal::{GroupSpread, MeanAdvantage, Utility};
use crate::table::Table;

/// What [`Builder::post_training`] builds.
pub type PostTraining = Curriculum<Tilt, MeanAdvantage, Systematic>;
/// What [`Builder::learnable_arms`] builds.
pub type LearnableArms = Curriculum<Tilt, MeanAdvantage, Systematic>;
/// What [`Builder::single_draws`] builds.
pub type SingleDraws = Curriculum<Bounded<Restart<Ucb>>, Utility, Distinct>;
/// What [`Builder::mixture`] builds.
pub type Mixture = Curriculum<ScalingLaw, GroupSpread, Systematic>;
/// What [`Builder::prompts`] builds.
pub type Prompts = Curriculum<Tilt, GroupSpread, Systematic>;
/// What [`Builder::ranked`] and [`Builder::gain_rl`] build.
pub type Ranked = Curriculum<Gaussian, Utility, Distinct>;

/// Each sets policy, signal and sampler, [`prompts`](Self::prompts) the weighting, too; arms, seed, lag and all else
/// stay as they are, and each part can be set again afterwards. What they are worth is measured in `POLICIES.md`.
impl<P, S, D> Builder<P, S, D> {
    /// For reinforcement learning over categories of unknown quality, some of which may be
    /// unlearnable: **the default**. Report success and mean absolute advantage of every group, also
    /// of those that are dropped.
    ///
    /// [`Tilt`]: draws by the [target](Self::target), which is by the number of samples if none is given, tilted
    /// towards arms that give a gradient and get better by it. [`MeanAdvantage`] of any scale, [`Systematic`].
    ///
    /// ```
    /// use curricle::{Curriculum, Feedback, Outcome};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let builder = Curriculum::builder(1000).arms(10, |sample| (sample.0 / 100) as u32);
    /// let mut curriculum = builder.post_training().seed(7).build()?;
    /// let batch = curriculum.draw(64)?;
    /// let group = Outcome::default().success(0.25).abs_advantage(0.87).rollouts(8);
    /// let feedback: Vec<Feedback> =
    ///     batch.draws.iter().map(|draw| Feedback::new(draw.ticket, group)).collect();
    /// curriculum.observe(&feedback)?;
    /// # Ok(()) }
    /// ```
    pub fn post_training(self) -> Builder<Tilt, MeanAdvantage, Systematic> {
        self.policy(Tilt::new()).signal(MeanAdvantage).sampler(Systematic)
    }

    /// For reinforcement learning over categories that are all known to be learnable: the same without the gate on
    /// progress. An arm of coin tosses would have as much as one that is learned.
    ///
    /// [`Tilt::trusting`], [`MeanAdvantage`], [`Systematic`].
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// let builder = curricle::Curriculum::builder(1000).arms(10, |sample| (sample.0 / 100) as u32);
    /// assert_eq!(builder.learnable_arms().build()?.draw(64)?.draws.len(), 64);
    /// # Ok(()) }
    /// ```
    pub fn learnable_arms(self) -> Builder<Tilt, MeanAdvantage, Systematic> {
        self.policy(Tilt::new().trusting()).signal(MeanAdvantage).sampler(Systematic)
    }

    /// For single draws, or few, from arms whose mean utility in `[0, 1]` changes suddenly. Report
    /// [`Outcome::utility`](crate::Outcome::utility).
    ///
    /// [`Utility`], UCB restarted by a likelihood-ratio test on any arm, with a floor of 0.02, so that
    /// propensities are never 0.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// let builder = curricle::Curriculum::builder(1000).arms(10, |sample| (sample.0 / 100) as u32);
    /// assert_eq!(builder.single_draws().build()?.draw(1)?.draws.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn single_draws(self) -> Builder<Bounded<Restart<Ucb>>, Utility, Distinct> {
        let policy = Bounded::new(Restart::glr_ucb(Scope::Global)).floor(0.02, Prior::Size);
        self.policy(policy).signal(Utility).sampler(Distinct)
    }

    /// For pre-training on data sources, each an arm. Report the loss of every sequence. Expect small
    /// gains: independent re-runs of adaptive mixtures find them close to static ones.
    ///
    /// [`ScalingLaw`], by size for the first 50 rounds; from then on shares follow the slope of each
    /// source's loss curve, which is fitted anew every 50 rounds. The policy by itself waits for 1000,
    /// as the paper does, which is a run of its own for many. On six text domains and 467 rounds of a
    /// small model the held-out loss was 1.6878 nats a character where a mixture by size had 1.6904
    /// (three seeds, lower in two of them); a mixture by length of the texts had 1.6888.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// let builder = curricle::Curriculum::builder(1000).arms(10, |sample| (sample.0 / 100) as u32);
    /// assert_eq!(builder.mixture().build()?.draw(64)?.draws.len(), 64);
    /// # Ok(()) }
    /// ```
    pub fn mixture(self) -> Builder<ScalingLaw, GroupSpread, Systematic> {
        self.policy(ScalingLaw::new().refit(50)).unscored().sampler(Systematic)
    }

    /// For a pool of prompts of any number, solved, learnable and hopeless ones side by side, which may grow. Report
    /// success and the number of rollouts of every group, also of those that are dropped.
    ///
    /// [`Weighting::Belief`] in groups of 8 rollouts: within its arm each prompt is drawn in proportion to the chance that its
    /// next group is useful, as its own reports say; coin tosses are found out. Over the arms, of which there is one
    /// unless they are set, as [`post_training`](Self::post_training): [`Tilt`], by [`GroupSpread`], [`Systematic`].
    /// As beliefs keep the success of what is drawn near one half, an arm shows less progress than it makes, and its
    /// share is nearer to the target.
    ///
    /// MoPPS as published, a posterior for each prompt as an arm, is [`Posterior`](crate::policy::Posterior).
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::ArmId;
    ///
    /// let mut curriculum = curricle::Curriculum::builder(1000).prompts().build()?;
    /// assert_eq!(curriculum.draw(64)?.draws.len(), 64);
    /// curriculum.insert(ArmId(0), 1.0)?;
    /// # Ok(()) }
    /// ```
    pub fn prompts(self) -> Builder<Tilt, GroupSpread, Systematic> {
        let weighted = self.weighting(Weighting::Belief(Belief::new()));
        weighted.policy(Tilt::new()).signal(GroupSpread).sampler(Systematic)
    }

    /// For samples in a given order, best first, such as that of their angle concentration: GAIN-RL
    /// with the published rule of the mean, for batches of `n`. Sets the arms, too. Report success and, as
    /// utility, the angle concentration.
    ///
    /// [`Gaussian`] with a spread of 5 % of the ranks, [`Utility`], [`Distinct`].
    ///
    /// ```
    /// use curricle::{Curriculum, SampleId};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let best_first: Vec<SampleId> = (0..1000).rev().map(SampleId).collect();
    /// let mut curriculum = Curriculum::builder(1000).ranked(&best_first, 64).build()?;
    /// assert!(curriculum.draw(64)?.samples().all(|sample| sample.0 > 500));
    /// # Ok(()) }
    /// ```
    pub fn ranked(self, best_first: &[SampleId], n: u32) -> Builder<Gaussian, Utility, Distinct> {
        self.order(best_first).along_ranks(n)
    }

    /// GAIN-RL from a table of scores: [`ranked`](Self::ranked) by falling `column`, such as `total` of
    /// [`Table::of_concentrations`], or a column of [`Angle::unbiased`](crate::signal::Angle::unbiased), which has
    /// no bias towards short questions.
    /// Equal scores stand by sample.
    ///
    /// The scores give the order only. The mean moves by what is reported of each batch: success, and as
    /// [`utility`](crate::Outcome::utility) the concentration that the samples have now,
    /// or the one of the table where the states are out of reach. Look at the
    /// [rank correlation with length](Table::statistics) first.
    ///
    /// # Errors
    /// [`build`](Self::build) says what is wrong with the table: [`TableError::NoColumn`];
    /// [`TableError::Stray`] for a sample twice or beyond the data set, [`TableError::Gap`] for missing
    /// ones, [`TableError::Undefined`] for those without a score.
    ///
    /// ```
    /// use curricle::signal::{HiddenStates, Spans};
    /// use curricle::table::{Provenance, Table};
    /// use curricle::{Curriculum, Feedback, Outcome};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let states = [1.0f32, 0.0, 3.0, 4.0, 4.0, 3.0, 0.0, 1.0];
    /// let spans = [1..3, 2..4, 1..4].map(|question| Spans { prefix: 0..1, question });
    /// let found = HiddenStates { states: &states, dim: 2, spans: &spans }.concentrations()?;
    /// let scores = Table::of_concentrations(Provenance::default(), vec![0, 1, 2], &found)?;
    ///
    /// let mut curriculum = Curriculum::builder(3).gain_rl(&scores, "total", 2).build()?;
    /// let batch = curriculum.draw(2)?;
    /// let outcome = Outcome::default().success(0.75).utility(1.2);
    /// let feedback: Vec<Feedback> =
    ///     batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome)).collect();
    /// curriculum.observe(&feedback)?;
    /// curriculum.draw(2)?;
    /// assert!(curriculum.policy().mean() > 0.9); // tanh(0.5) + tanh(0.6) ranks further
    /// # Ok(()) }
    /// ```
    ///
    /// [`TableError::NoColumn`]: crate::table::TableError::NoColumn
    /// [`TableError::Stray`]: crate::table::TableError::Stray
    /// [`TableError::Gap`]: crate::table::TableError::Gap
    /// [`TableError::Undefined`]: crate::table::TableError::Undefined
    pub fn gain_rl(self, scores: &Table, column: &str, n: u32) -> Builder<Gaussian, Utility, Distinct> {
        let samples = self.samples() as u64;
        let ranks = scores.defined(column).and_then(|()| scores.ranks(column, samples));
        self.try_order(ranks).along_ranks(n)
    }

    fn along_ranks(self, n: u32) -> Builder<Gaussian, Utility, Distinct> {
        let policy = Gaussian::new(MeanRule::paper(f64::from(n)), Spread::Fraction(0.05));
        self.policy(policy).signal(Utility).sampler(Distinct)
    }
}

impl<S, D> Builder<Tilt, S, D> {
    /// Says what the training is for, by arm: the probabilities without evidence, and what every floor is made of;
    /// see [`Tilt::target`]. Behind a preset that has one.
    ///
    /// ```
    /// use curricle::policy::Prior;
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let builder = curricle::Curriculum::builder(1000).arms(2, |sample| u32::from(sample.0 < 10));
    /// let mut curriculum = builder.post_training().target(Prior::Uniform).build()?;
    /// curriculum.draw(8)?;
    /// assert_eq!(curriculum.shares(), [0.5, 0.5]); // by size it would be 0.99 and 0.01
    /// # Ok(()) }
    /// ```
    pub fn target(self, target: Prior) -> Self {
        self.change_policy(|policy| policy.target(target))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Curriculum, Feedback, Outcome};

    /// One of three sources is still being learned; a run of 467 rounds is enough to see it.
    #[test]
    fn a_mixture_has_moved_in_a_short_run() {
        let mut curriculum = Curriculum::builder(600)
            .arms(3, |sample| (sample.0 / 200) as u32)
            .mixture()
            .build()
            .unwrap();
        let mut seen = [0u32; 3];
        for round in 0..467 {
            let batch = curriculum.draw(32).unwrap();
            if round < 50 {
                assert!(curriculum.shares().iter().all(|share| (share - 1.0 / 3.0).abs() < 1e-12));
            }
            let mut loss = |arm: usize| {
                seen[arm] += 1;
                if arm == 1 { 1.0 + 4.0 * libm::pow(f64::from(seen[arm]), -0.3) } else { 0.3 }
            };
            let draws = batch.draws.iter();
            let feedback: Vec<Feedback> = draws
                .map(|draw| (draw.ticket, loss(draw.arm.index()) as f32))
                .map(|(ticket, loss)| Feedback::new(ticket, Outcome::default().loss(loss)))
                .collect();
            curriculum.observe(&feedback).unwrap();
        }
        let shares = curriculum.shares();
        assert!(shares[1] > 0.5 && shares[0] < 0.3 && shares[2] < 0.3, "{shares:?}");
    }
}
