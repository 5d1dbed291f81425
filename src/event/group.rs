//! The rewards of a group of rollouts, reduced to one outcome.

use crate::base::error::{Error, Result, finite, length, within};
use crate::event::Outcome;

/// What the rewards of a group are divided by to make advantages of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Normalisation {
    /// `A_i = (r_i - mean) / sd`, with the standard deviation that divides by `n`: GRPO. The mean of `|A_i|` of
    /// binary rewards is `2 sqrt(p (1 - p))`, at most 1. A trainer that divides by `n - 1` has advantages smaller by
    /// the factor `sqrt((n - 1) / n)`.
    #[default]
    Deviation,
    /// `A_i = r_i - mean`: Dr. GRPO. The mean of `|A_i|` of binary rewards is `2 p (1 - p)`, at most 1/2.
    None,
}

/// The rewards of the rollouts of one prompt, which [`outcome`](Self::outcome) reduces to an [`Outcome`].
///
/// ```text
/// success        mean of the successes; of the rewards, if no successes are given
/// abs_advantage  mean |A_i|, see Normalisation; 0 where all rewards are alike
/// spread         standard deviation of the rewards, dividing by n; 0 where all are alike
/// range          greatest reward less the least
/// nonzero_advantages   how many rollouts have A_i other than 0, within the same tolerance
/// rollouts       how many were scored: a reward that is NaN stands for a rollout that could not be, and is left out
/// unscored       how many were left out
/// ```
///
/// Rewards count as alike if they differ from their mean by at most `1e-6 max(1, |mean|)`: in `f32`, the mean of ten
/// rewards of 0.1 is not 0.1. A group of one has no relative advantage: 0. All sums are `f64`, in the order of the
/// list.
///
/// Papers: Shao et al., *DeepSeekMath*, arXiv 2402.03300 (GRPO); Liu et al., *Understanding R1-Zero-Like Training*,
/// arXiv 2503.20783 (Dr. GRPO).
///
/// ```
/// use curricle::{Group, Normalisation, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// // Binary rewards.
/// let outcome = Outcome::group(&[1.0, 0.0, 0.0, 0.0])?;
/// assert_eq!((outcome.success, outcome.rollouts), (Some(0.25), 4));
/// assert!((outcome.abs_advantage.unwrap() - 0.8660254).abs() < 1e-6); // 2 sqrt(0.25 * 0.75)
///
/// // Shaped rewards beside a binary success; the third rollout could not be scored.
/// let outcome = Group::new(&[0.9, 0.2, f32::NAN, 0.4])
///     .successes(&[1.0, 0.0, 0.0, 0.0])
///     .normalisation(Normalisation::None)
///     .outcome()?;
/// assert_eq!((outcome.rollouts, outcome.unscored), (3, 1));
/// assert!((outcome.success.unwrap() - 1.0 / 3.0).abs() < 1e-6);
/// assert!((outcome.abs_advantage.unwrap() - 0.2666667).abs() < 1e-6);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "call `outcome`"]
pub struct Group<'a> {
    rewards: &'a [f32],
    successes: Option<&'a [f32]>,
    normalisation: Normalisation,
}

impl<'a> Group<'a> {
    /// The rewards of a group, one for each rollout, in `[0, 1]` unless [`successes`](Self::successes) are given.
    pub fn new(rewards: &'a [f32]) -> Self {
        Self { rewards, successes: None, normalisation: Normalisation::default() }
    }

    /// Sets whether each rollout succeeded, in `[0, 1]`, where the rewards are shaped and so do not say it.
    pub fn successes(self, successes: &'a [f32]) -> Self {
        Self { successes: Some(successes), ..self }
    }

    /// Sets how the advantages are normalised; default [`Normalisation::Deviation`].
    pub fn normalisation(self, normalisation: Normalisation) -> Self {
        Self { normalisation, ..self }
    }

    /// The outcome. Cost: O(n), nothing is allocated.
    ///
    /// # Errors
    /// [`Error::Unscored`] if no rollout could be scored: give its ticket up with
    /// [`lose`](crate::Curriculum::lose). [`Error::NonFinite`] for an infinite reward, [`Error::OutOfRange`] for
    /// a success outside `[0, 1]`, [`Error::Length`] for another number of successes.
    pub fn outcome(self) -> Result<Outcome> {
        let Self { rewards, successes, normalisation } = self;
        let judged = successes.unwrap_or(rewards);
        length("successes of a group", rewards.len(), judged.len())?;
        let scored = || {
            let pairs = rewards
                .iter()
                .zip(judged)
                .map(|(&reward, &success)| (f64::from(reward), f64::from(success)));
            pairs.filter(|(reward, success)| !reward.is_nan() && !success.is_nan())
        };
        let (mut count, mut reward_sum, mut success_sum) = (0u32, 0.0, 0.0);
        if let Some(place) = rewards.iter().position(|reward| reward.is_infinite()) {
            finite("reward of a group", place as u64, rewards[place].into())?;
        }
        let what = match successes {
            Some(_) => "success of a group",
            None => "reward of a group without successes beside it (`Group::successes`)",
        };
        for (reward, success) in scored() {
            reward_sum += reward;
            success_sum += within(what, success, 0.0, 1.0)?;
            count += 1;
        }
        if count == 0 {
            return Err(Error::Unscored { rollouts: rewards.len() });
        }
        let n = f64::from(count);
        let mean = reward_sum / n;
        let alike = 1e-6 * mean.abs().max(1.0);
        let (mut squares, mut absolute, mut greatest, mut nonzero) = (0.0, 0.0, 0.0f64, 0);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for (reward, _) in scored() {
            let deviation = reward - mean;
            squares += deviation * deviation;
            absolute += deviation.abs();
            greatest = greatest.max(deviation.abs());
            nonzero += u32::from(deviation.abs() > alike);
            (least, most) = (least.min(reward), most.max(reward));
        }
        let spread = (squares / n).sqrt();
        let is_alike = greatest <= alike;
        let abs_advantage = match normalisation {
            _ if is_alike => 0.0,
            Normalisation::Deviation => absolute / n / spread,
            Normalisation::None => absolute / n,
        };
        Ok(Outcome {
            abs_advantage: Some(abs_advantage as f32),
            spread: Some(if is_alike { 0.0 } else { spread as f32 }),
            range: Some(if is_alike { 0.0 } else { (most - least).min(f32::MAX.into()) as f32 }),
            nonzero_advantages: Some(nonzero),
            rollouts: count,
            unscored: (rewards.len() as u32).saturating_sub(count),
            ..Outcome::default().success((success_sum / n).clamp(0.0, 1.0) as f32)
        })
    }
}

impl Outcome {
    /// The outcome of a group of rollouts from their rewards in `[0, 1]`: success, mean absolute advantage, spread and
    /// number. What every trainer by groups reports; [`Group`] has shaped rewards and other normalisations.
    ///
    /// # Errors
    /// As [`Group::outcome`].
    pub fn group(rewards: &[f32]) -> Result<Self> {
        Group::new(rewards).outcome()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn groups_at_their_ends() {
        let alone = Outcome::group(&[0.7]).unwrap();
        assert_eq!((alone.success, alone.abs_advantage, alone.rollouts), (Some(0.7), Some(0.0), 1));
        for alike in [vec![0.1; 10], vec![0.0; 8], vec![1.0; 3]] {
            let outcome = Outcome::group(&alike).unwrap();
            assert_eq!((outcome.abs_advantage, outcome.spread), (Some(0.0), Some(0.0)), "{alike:?}");
        }
        let huge = Group::new(&[3e38, -3e38, 0.0]).successes(&[1.0, 0.0, 0.0]).outcome().unwrap();
        assert!(huge.abs_advantage.unwrap().is_finite() && huge.spread.unwrap().is_finite());
        assert_eq!((huge.range, huge.nonzero_advantages), (Some(f32::MAX), Some(2)));
        assert_eq!(Outcome::group(&[]), Err(Error::Unscored { rollouts: 0 }));
        assert_eq!(Outcome::group(&[f32::NAN; 4]), Err(Error::Unscored { rollouts: 4 }));
        let signed = Outcome::group(&[-1.0, 1.0]).unwrap_err().to_string();
        assert!(signed.contains("reward of a group") && signed.contains("successes"), "{signed}");
        assert!(matches!(
            Outcome::group(&[0.0, f32::INFINITY]),
            Err(Error::NonFinite { index: 1, .. })
        ));
        // Its place in the list, those that were left out counted.
        let after = Outcome::group(&[f32::NAN, 0.5, f32::INFINITY]);
        assert!(matches!(after, Err(Error::NonFinite { index: 2, .. })));
        assert!(matches!(Outcome::group(&[0.0, 1.5]), Err(Error::OutOfRange { .. })));
        let short = Group::new(&[0.0, 1.0]).successes(&[1.0]).outcome();
        assert!(matches!(short, Err(Error::Length { expected: 2, found: 1, .. })));
    }

    proptest! {
        /// Binary rewards have the closed form of their success rate.
        #[test]
        fn binary_groups_have_the_closed_form(rewards in prop::collection::vec(any::<bool>(), 1..40)) {
            let rewards: Vec<f32> = rewards.into_iter().map(|won| f32::from(u8::from(won))).collect();
            let p = f64::from(rewards.iter().sum::<f32>()) / rewards.len() as f64;
            let outcome = Outcome::group(&rewards).unwrap();
            let sd = (p * (1.0 - p)).sqrt();
            prop_assert!((f64::from(outcome.success.unwrap()) - p).abs() < 1e-6);
            prop_assert!((f64::from(outcome.abs_advantage.unwrap()) - 2.0 * sd).abs() < 1e-6);
            prop_assert!((f64::from(outcome.spread.unwrap()) - sd).abs() < 1e-6);
            let is_mixed = p > 0.0 && p < 1.0;
            prop_assert_eq!(outcome.range, Some(f32::from(u8::from(is_mixed))));
            prop_assert_eq!(outcome.nonzero_advantages, Some(if is_mixed { outcome.rollouts } else { 0 }));
            let centred = Group::new(&rewards).normalisation(Normalisation::None).outcome().unwrap();
            prop_assert!((f64::from(centred.abs_advantage.unwrap()) - 2.0 * sd * sd).abs() < 1e-6);
        }
    }
}
