//! A hand-made order of arms.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, within};
use crate::base::id::{ArmId, Round};
use crate::base::rng::Rng;
use crate::event::Field;
use crate::policy::kit::learned::are_finite;
use crate::policy::kit::silence::Silence;
use crate::policy::{Allotment, Policy, Reads, Reward, Turn};
use crate::population::Population;

/// When a [`Staged`] curriculum goes on to its next stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Advance {
    /// After this many rounds in each stage, at least 1.
    Rounds(u64),
    /// When every arm of the stage has a running mean success of at least this, in `[0, 1]`.
    Mastery(f64),
}

/// Stages in a given order: the hand-made curriculum, and the baseline that a learning policy has
/// to beat.
///
/// The present stage has probability `1 - review`, shared evenly by its arms; `review` is shared
/// evenly by the arms of all earlier stages. The first stage has everything, the last one is never
/// left. With [`Advance::Mastery`] an arm's success is an exponential moving average over rounds
/// with rate `rate` (default 0.2), starting from 0. An arm of which nothing has come back in the last
/// ten rounds that drew from it is not waited for. If neither the stage nor an earlier one has anything
/// to draw, the next one that has takes its place.
///
/// ```
/// use curricle::policy::{Advance, Staged};
/// use curricle::{ArmId, Curriculum};
///
/// # fn main() -> curricle::Result<()> {
/// let easy_to_hard = Staged::one_by_one(3, Advance::Rounds(2)).review(0.2);
/// let mut curriculum = Curriculum::builder(3).labels(&[0, 1, 2]).lag(5).policy(easy_to_hard).build()?;
/// let mut first = |n| (0..n).map(|_| curriculum.draw(1).map(|_| curriculum.shares()[0])).collect();
/// let shares: curricle::Result<Vec<f64>> = first(5);
/// assert_eq!(shares?, [1.0, 1.0, 0.2, 0.2, 0.1]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Staged {
    stages: Vec<Vec<ArmId>>,
    advance: Advance,
    review: f64,
    rate: f64,
    stage: usize,
    success: Vec<f64>,
    silences: Vec<Silence>,
}

/// Rounds of which nothing came back, in a row, after which an arm is not waited for. There is no way
/// back to a stage: a trainer that is out of order for a while must not end one.
const PATIENCE: u32 = 10;

impl Staged {
    /// Stages of one arm each, in the order `0..arms`.
    pub fn one_by_one(arms: u32, advance: Advance) -> Self {
        Self::new((0..arms).map(|arm| vec![ArmId(arm)]).collect(), advance)
    }

    /// Stages of any arms. An arm may stand in several stages.
    pub fn new(stages: Vec<Vec<ArmId>>, advance: Advance) -> Self {
        Self {
            stages,
            advance,
            review: 0.0,
            rate: 0.2,
            stage: 0,
            success: Vec::new(),
            silences: Vec::new(),
        }
    }

    /// Sets the probability that earlier stages keep, in `[0, 1]`; default 0.
    #[must_use]
    pub fn review(mut self, review: f64) -> Self {
        self.review = review;
        self
    }

    /// Sets the rate of the moving average of success, in `(0, 1]`; default 0.2.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// The stage that a round belongs to.
    fn stage_in(&self, round: Round) -> usize {
        match self.advance {
            Advance::Rounds(rounds) => {
                (round.0 / rounds.max(1)).min(self.stages.len() as u64 - 1) as usize
            }
            Advance::Mastery(_) => self.stage,
        }
    }
}

impl Policy for Staged {
    fn prepare(&mut self, population: &Population) -> Result<()> {
        within("stages", self.stages.len() as f64, 1.0, f64::MAX)?;
        for arms in &self.stages {
            within("arms of a stage", arms.len() as f64, 1.0, f64::MAX)?;
            arms.iter().try_for_each(|&arm| population.arms().check(arm))?;
        }
        within("review share", self.review, 0.0, 1.0)?;
        within("rate of success", self.rate, f64::MIN_POSITIVE, 1.0)?;
        match self.advance {
            Advance::Rounds(rounds) => within("rounds of a stage", rounds as f64, 1.0, f64::MAX)?,
            Advance::Mastery(success) => within("mastery", success, 0.0, 1.0)?,
        };
        self.success = vec![0.0; population.arms().count()];
        self.silences = vec![Silence::default(); population.arms().count()];
        self.stage = 0;
        Ok(())
    }

    fn is_learned_from(&self, built: &Self, arms: usize) -> bool {
        (&self.stages, self.advance) == (&built.stages, built.advance)
            && (self.review, self.rate) == (built.review, built.rate)
            && self.stage < self.stages.len()
            && self.success.len() == arms
            && self.silences.len() == arms
            && are_finite(&self.success)
    }

    fn reads(&self) -> Reads {
        match self.advance {
            Advance::Rounds(_) => Reads::NOTHING,
            Advance::Mastery(_) => Field::Success.into(),
        }
    }

    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let population = turn.population;
        let p = allotment.arms(population.arms().count());
        let mut stage = self.stage_in(turn.round);
        let can = |arms: &[ArmId]| arms.iter().any(|&arm| population.drawable(arm) > 0);
        let spread = |p: &mut [f64], arms: &[ArmId], share: f64| {
            let can: Vec<ArmId> =
                arms.iter().copied().filter(|&arm| population.drawable(arm) > 0).collect();
            can.iter().for_each(|arm| p[arm.index()] += share / can.len() as f64);
        };
        let earlier: Vec<ArmId> = self.stages[..stage].concat();
        if !can(&self.stages[stage]) && !can(&earlier) {
            // Nothing so far can be drawn: the next stage that can takes its place.
            let later = (stage..self.stages.len()).find(|&stage| can(&self.stages[stage]));
            stage = later.ok_or(Error::NothingToDraw)?;
        }
        let review = match (can(&self.stages[stage]), can(&earlier)) {
            (true, true) => self.review,
            (true, false) => 0.0,
            _ => 1.0,
        };
        spread(p, &self.stages[stage], 1.0 - review);
        spread(p, &earlier, review);
        Ok(())
    }

    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        for reward in rewards {
            if let Some(silence) = self.silences.get_mut(reward.arm.index()) {
                silence.note(reward);
            }
            if let Some(success) = reward.success {
                let mean = &mut self.success[reward.arm.index()];
                *mean += self.rate * (success - *mean);
            }
        }
        if let Advance::Mastery(mastery) = self.advance {
            let mastered = |arm: &ArmId| {
                let silence = self.silences.get(arm.index()).copied().unwrap_or_default();
                self.success[arm.index()] >= mastery || silence.rounds() >= PATIENCE
            };
            if self.stage + 1 < self.stages.len() && self.stages[self.stage].iter().all(mastered) {
                self.stage += 1;
            }
        }
    }
}
