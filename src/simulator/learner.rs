//! Who learns: logistic skills under policy-gradient steps.

use super::scenario::{Pace, Scenario, Subject};
use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, Round};
use crate::base::math;
use crate::base::rng::{Purpose, Rng};
use crate::event::Outcome;

/// `G`: rollouts of a prompt.
const ROLLOUTS: u32 = 8;
/// `eta`: the learning rate.
const RATE: f64 = 0.2;
/// The part of a gain that also goes to each skill that builds on it.
pub(super) const TRANSFER: f64 = 0.05;
/// The least chance that a loss is taken of.
const LEAST: f64 = 1e-6;
/// `1 + pi/8`, of which the root flattens a logistic curve as a unit Gaussian does.
pub(super) const FLATTENING: f64 = 1.0 + std::f64::consts::PI / 8.0;

/// A learner of the skills of a [`Scenario`]: one logit a skill, moved by the exact expected step of
/// a policy gradient with group-normalised advantages.
///
/// ```text
/// p_x   = sigmoid(m_k - d_x)                         d_x ~ N(0, 1), anew for every prompt x
/// m_k   = s_k - b_k - D sum_j (1 - a_j)              j: the prerequisites of k
/// a_k   = sigmoid(m_k / sqrt(1 + pi/8))              the ability, about E[p_x]
/// n_x   ~ Binomial(8, p_x),  f_x = n_x / 8           the rollouts
/// g_k   = (0.2 / B) prod_j a_j sum_x sqrt(f_x (1 - f_x))
/// s_k  <- s_k + g_k + 0.05 sum_i g_i - phi s_k       i: the prerequisites of k
/// ```
///
/// `B` is the size of the batch; `b`, `D` and `phi` belong to the scenario, and every skill starts
/// at `s = 0`. The ability is the usual approximation of a logistic curve averaged over a Gaussian;
/// it is within 0.02 of `E[p_x]`. A coin toss has ability 1/2, an impossible arm 0; neither moves.
///
/// The learner is a pure function of its scenario, its seed and the batches it was given: step `t`
/// reads [`Rng::at(seed, Round(t), Purpose::User)`](Rng::at).
///
/// ```
/// use curricle::ArmId;
/// use curricle::simulator::{Learner, Scenario};
///
/// # fn main() -> curricle::Result<()> {
/// let mut learner = Learner::new(&Scenario::Chain, 7);
/// let before = learner.abilities()[0];
/// for _ in 0..100 {
///     let outcomes = learner.train(&[ArmId(0); 64])?;
///     assert_eq!(outcomes.len(), 64);
/// }
/// assert!(learner.abilities()[0] > before + 0.3);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Learner {
    pub(super) subjects: Vec<Subject>,
    pub(super) pace: Pace,
    seed: u64,
    steps: u64,
    /// `s`, by arm.
    pub(super) skills: Vec<f64>,
    /// `m`, by arm.
    pub(super) logits: Vec<f64>,
    /// `a`, by arm.
    pub(super) abilities: Vec<f64>,
}

impl Learner {
    /// A learner that knows nothing yet.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let arms = scenario.arms() as usize;
        let mut learner = Self {
            subjects: scenario.subjects(),
            pace: scenario.pace(),
            seed,
            steps: 0,
            skills: vec![0.0; arms],
            logits: vec![0.0; arms],
            abilities: vec![0.0; arms],
        };
        learner.refresh();
        learner
    }

    /// The expected success on each arm over prompts of random difficulty, in `[0, 1]`.
    pub fn abilities(&self) -> &[f64] {
        &self.abilities
    }

    /// The mean ability over the learnable arms: what a curriculum is to raise.
    pub fn mean_ability(&self) -> f64 {
        let skills = self.subjects.iter().zip(&self.abilities);
        let skills = skills.filter(|(subject, _)| matches!(subject, Subject::Skill { .. }));
        let (sum, count) =
            skills.fold((0.0, 0), |(sum, count), (_, ability)| (sum + ability, count + 1));
        sum / f64::from(count)
    }

    /// How many batches it was trained on.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Trains on one batch, given as the arm of each prompt, and returns what a trainer would see of
    /// each: success and mean absolute advantage `2 sqrt(f (1 - f))` over 8 rollouts, and as loss the
    /// cross entropy `-ln p_x` (of at least `p_x = 1e-6`). All prompts meet the learner as it was
    /// before the batch. An empty batch only forgets.
    ///
    /// # Errors
    /// [`Error::UnknownArm`]; then nothing was trained.
    pub fn train(&mut self, prompts: &[ArmId]) -> Result<Vec<Outcome>> {
        if let Some(&unknown) = prompts.iter().find(|arm| arm.index() >= self.subjects.len()) {
            return Err(Error::UnknownArm(unknown));
        }
        let mut rng = Rng::at(self.seed, Round(self.steps), Purpose::User);
        let mut roots = vec![0.0; self.subjects.len()];
        let outcomes = prompts.iter().map(|arm| {
            let chance = self.chance(arm.index(), &mut rng);
            let successes = (0..ROLLOUTS).filter(|_| rng.unit() < chance).count();
            let success = successes as f64 / f64::from(ROLLOUTS);
            let root = (success * (1.0 - success)).sqrt();
            roots[arm.index()] += root;
            Outcome::default()
                .success(success as f32)
                .abs_advantage((2.0 * root) as f32)
                .loss(-math::ln(chance.max(LEAST)) as f32)
                .rollouts(ROLLOUTS)
        });
        let outcomes: Vec<Outcome> = outcomes.collect();
        let share = 1.0 / prompts.len().max(1) as f64;
        let gains: Vec<f64> = (0..roots.len()).map(|arm| self.gain(arm, share * roots[arm])).collect();
        let forgetting = self.pace.forgetting;
        for (arm, &gain) in gains.iter().enumerate() {
            if let Subject::Skill { needs, .. } = &self.subjects[arm] {
                let passed: f64 = needs.iter().map(|need| TRANSFER * gains[need.index()]).sum();
                let skill = &mut self.skills[arm];
                *skill += gain + passed - forgetting * *skill;
            }
        }
        self.steps += 1;
        self.refresh();
        Ok(outcomes)
    }

    /// The chance of success on a new prompt of an arm.
    fn chance(&self, arm: usize, rng: &mut Rng) -> f64 {
        match self.subjects[arm] {
            Subject::Skill { .. } => sigmoid(self.logits[arm] - rng.normal()),
            Subject::Noise => 0.5,
            Subject::Impossible => 0.0,
        }
    }

    /// How far a skill moves if the batch held `share` of its prompts times `sqrt(f (1 - f))`.
    pub(super) fn gain(&self, arm: usize, share: f64) -> f64 {
        match &self.subjects[arm] {
            Subject::Skill { needs, .. } => {
                RATE * share * needs.iter().map(|need| self.abilities[need.index()]).product::<f64>()
            }
            Subject::Noise | Subject::Impossible => 0.0,
        }
    }

    /// Works logits and abilities out anew.
    pub(super) fn refresh(&mut self) {
        for (arm, subject) in self.subjects.iter().enumerate() {
            self.abilities[arm] = match subject {
                Subject::Skill { difficulty, needs } => {
                    let missing: f64 =
                        needs.iter().map(|need| 1.0 - self.abilities[need.index()]).sum();
                    self.logits[arm] = self.skills[arm] - difficulty - self.pace.gap * missing;
                    expected_success(self.logits[arm])
                }
                Subject::Noise => 0.5,
                Subject::Impossible => 0.0,
            };
        }
    }
}

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + math::exp(-x))
}

/// About the mean of `sigmoid(logit - d)` over `d ~ N(0, 1)`.
fn expected_success(logit: f64) -> f64 {
    sigmoid(logit / FLATTENING.sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::forecast::tests::fine_mean;
    use super::*;

    #[test]
    fn the_ability_is_close_to_the_mean_success() {
        let worst = (-160..=160).map(|step| 0.05 * f64::from(step)).fold(0.0, |worst: f64, logit| {
            worst.max((expected_success(logit) - fine_mean(|d| sigmoid(logit - d))).abs())
        });
        assert!((0.001..0.02).contains(&worst), "{worst}");
    }
}
