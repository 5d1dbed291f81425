//! How hard preference pairs are, and what they cost.

use crate::base::error::{Result, length};
use crate::base::math::ln;
use crate::base::numbers::{
    LEAST, all_finite, all_within, in_range, mean_of, positive, softplus, some,
};

/// Summed log-probabilities of both sides of pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairLogps<'a> {
    /// Of the chosen side, under the reference.
    pub ref_chosen: &'a [f64],
    /// Of the rejected side, under the reference.
    pub ref_rejected: &'a [f64],
    /// Of the chosen side, under the policy.
    pub policy_chosen: &'a [f64],
    /// Of the rejected side, under the policy.
    pub policy_rejected: &'a [f64],
}

/// Whether a policy ranks pairs right, and how low their loss must fall for it.
///
/// ```text
/// difficulty = ref_rejected - ref_chosen
/// loss       = -ln sigma(beta ((policy_chosen - policy_rejected) + gamma difficulty))
/// flip_loss  = -ln sigma(beta gamma difficulty)           ranked right if and only if loss <= flip_loss
/// ```
///
/// Read `difficulty` once, with the reference model, and take it as a weight or a share; later `loss` against `flip_loss`
/// says which pairs have flipped. Ranking right is not to prefer by reward: with the policy at the reference every reward
/// margin is 0. Cost: O(pairs).
///
/// Paper: Chen et al., *Preference Learning Algorithms Do Not Learn Preference Rankings* (beta 0.1, gamma 1).
///
/// ```
/// use curricle::gauge::{PairLogps, PreferenceRanking};
///
/// let pairs = PairLogps {
///     ref_chosen: &[-12.0],
///     ref_rejected: &[-10.0],
///     policy_chosen: &[-9.0],
///     policy_rejected: &[-11.0],
/// };
/// let reading = PreferenceRanking::default().read(pairs, None)?;
/// assert_eq!((reading.difficulty[0], reading.ranked[0]), (2.0, true));
/// assert!(reading.loss[0] < reading.flip_loss[0]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PreferenceRanking {
    /// The strength of the loss.
    pub beta: f64,
    /// How much the reference counts in it.
    pub gamma: f64,
    /// What agreements are kept away from 0 and 1 by.
    pub epsilon: f64,
}

impl Default for PreferenceRanking {
    fn default() -> Self {
        Self { beta: 0.1, gamma: 1.0, epsilon: 1e-6 }
    }
}

/// What [`PreferenceRanking`] reads, a value for each pair.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ranking {
    /// How much likelier the reference finds the rejected side, in nats.
    pub difficulty: Vec<f64>,
    /// The loss now.
    pub loss: Vec<f64>,
    /// The loss below which the pair is ranked right.
    pub flip_loss: Vec<f64>,
    /// Whether the policy finds the chosen side at least as likely.
    pub ranked: Vec<bool>,
    /// Whether its implicit reward of the chosen side is greater.
    pub reward_right: Vec<bool>,
    /// The log-ratio of the sides at the minimum of the loss, for the share of raters that agree; `None` without one.
    pub ideal_margin: Vec<Option<f64>>,
    /// Whether that is above 0.
    pub ideal_right: Vec<Option<bool>>,
    /// The share that is ranked right.
    pub ranking_accuracy: f64,
    /// The share with the greater reward.
    pub reward_accuracy: f64,
    /// The share that is right at the minimum; `None` without agreements.
    pub ideal_accuracy: Option<f64>,
}

impl PreferenceRanking {
    /// Reads pairs; `agreement` is the share of raters for the chosen side.
    ///
    /// # Errors
    /// No pair; lists of different lengths; a number that is not finite; an option or an agreement out of its range.
    pub fn read(&self, pairs: PairLogps, agreement: Option<&[f64]>) -> Result<Ranking> {
        let PairLogps { ref_chosen, ref_rejected, policy_chosen, policy_rejected } = pairs;
        some("ref_chosen", ref_chosen)?;
        for (what, list) in [
            ("ref_chosen", ref_chosen),
            ("ref_rejected", ref_rejected),
            ("policy_chosen", policy_chosen),
            ("policy_rejected", policy_rejected),
        ] {
            length(what, ref_chosen.len(), list.len())?;
            all_within(what, list, -f64::MAX, 1e-6)?;
        }
        positive("beta", self.beta)?;
        in_range("gamma", self.gamma, 0.0, f64::MAX)?;
        in_range("epsilon", self.epsilon, LEAST, 0.5 - f64::EPSILON)?;
        if let Some(agreement) = agreement {
            length("agreement", ref_chosen.len(), agreement.len())?;
            all_within("agreement", agreement, 0.0, 1.0)?;
        }
        let each = |of: &dyn Fn(usize) -> f64| (0..ref_chosen.len()).map(of).collect::<Vec<f64>>();
        let difficulty = each(&|at| ref_rejected[at] - ref_chosen[at]);
        let loss = each(&|at| {
            let margin = policy_chosen[at] - policy_rejected[at] + self.gamma * difficulty[at];
            softplus(-self.beta * margin)
        });
        let flip_loss = each(&|at| softplus(-self.beta * self.gamma * difficulty[at]));
        let ranked: Vec<bool> =
            policy_chosen.iter().zip(policy_rejected).map(|(chosen, not)| chosen >= not).collect();
        let reward_right: Vec<bool> = (0..ref_chosen.len())
            .map(|at| policy_chosen[at] - ref_chosen[at] > policy_rejected[at] - ref_rejected[at])
            .collect();
        let ideal_margin: Vec<Option<f64>> = match agreement {
            None => vec![None; ref_chosen.len()],
            Some(agreement) => agreement
                .iter()
                .zip(&difficulty)
                .map(|(share, difficulty)| {
                    // At an end the odds are those of epsilon, of which 1 - (1 - epsilon) has lost digits.
                    let most = ln((1.0 - self.epsilon) / self.epsilon);
                    let odds = match share {
                        _ if *share <= self.epsilon => -most,
                        _ if *share >= 1.0 - self.epsilon => most,
                        _ => ln(share / (1.0 - share)),
                    };
                    Some(-difficulty + odds / self.beta)
                })
                .collect(),
        };
        let ideal_right: Vec<Option<bool>> =
            ideal_margin.iter().map(|margin| margin.map(|margin| margin > 0.0)).collect();
        let ideal: Vec<bool> = ideal_right.iter().copied().flatten().collect();
        Ok(Ranking {
            ranking_accuracy: share_of(&ranked).unwrap_or(0.0),
            reward_accuracy: share_of(&reward_right).unwrap_or(0.0),
            ideal_accuracy: share_of(&ideal),
            difficulty,
            loss,
            flip_loss,
            ranked,
            reward_right,
            ideal_margin,
            ideal_right,
        })
    }
}

fn share_of(are: &[bool]) -> Option<f64> {
    mean_of(&are.iter().map(|&is| f64::from(is)).collect::<Vec<_>>())
}

/// The losses of pairs under the treatments that [`PreferenceBands`](crate::route::PreferenceBands) gives.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Losses {
    /// `-ln sigma(gap)`.
    pub plain: Vec<f64>,
    /// `(1 - smoothing) (-ln sigma(gap)) + smoothing (-ln sigma(-gap))`.
    pub smoothed: Vec<f64>,
    /// `-ln sigma(-gap)`.
    pub flipped: Vec<f64>,
    /// `-ln sigma(gap - margin)`.
    pub with_margin: Vec<f64>,
    /// The smoothed one, at `gap - margin`.
    pub smoothed_with_margin: Vec<f64>,
}

/// The losses of pairs whose rewards are so far apart: `gap = reward(chosen) - reward(rejected)`.
///
/// Paper: Wang et al., *Secrets of RLHF in Large Language Models Part II*, arXiv 2401.06080 (smoothing 0.1), with the
/// bracket of its margin put right. Cost: O(pairs).
///
/// ```
/// let losses = curricle::gauge::preference_loss(&[0.0], &[0.0], 0.1)?;
/// assert_eq!(losses.plain, [std::f64::consts::LN_2]);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No pair; lists of different lengths; a number that is not finite; a smoothing outside [0, 1].
pub fn preference_loss(gap: &[f64], margin: &[f64], smoothing: f64) -> Result<Losses> {
    some("gap", gap)?;
    length("margin", gap.len(), margin.len())?;
    all_finite("gap", gap)?;
    all_finite("margin", margin)?;
    in_range("smoothing", smoothing, 0.0, 1.0)?;
    let smoothed = |gap: f64| (1.0 - smoothing) * softplus(-gap) + smoothing * softplus(gap);
    let apart = || gap.iter().zip(margin).map(|(gap, margin)| gap - margin);
    Ok(Losses {
        plain: gap.iter().map(|gap| softplus(-gap)).collect(),
        smoothed: gap.iter().map(|&gap| smoothed(gap)).collect(),
        flipped: gap.iter().map(|&gap| softplus(gap)).collect(),
        with_margin: apart().map(|gap| softplus(-gap)).collect(),
        smoothed_with_margin: apart().map(smoothed).collect(),
    })
}
