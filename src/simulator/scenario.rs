//! What there is to learn: five fixed worlds.

use crate::base::id::ArmId;

/// What stands behind an arm.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Subject {
    /// A skill that training raises.
    Skill {
        /// The base difficulty `b`, in logits: how far the untrained skill lies below even odds.
        difficulty: f64,
        /// The arms whose skills it builds on; all have smaller numbers.
        needs: Vec<ArmId>,
    },
    /// A coin toss: success 1/2 for ever, whatever is trained.
    Noise,
    /// Out of reach: success 0 for ever.
    Impossible,
}

/// The numbers that set the pace of a scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    /// Difficulty of the first level, in logits.
    first: f64,
    /// What each further level adds.
    step: f64,
    /// `D`: what an unlearned prerequisite takes away, in logits.
    pub gap: f64,
    /// `phi`: the part of what was learned that one step forgets.
    pub forgetting: f64,
    /// Median steps of uniform sampling to the default target.
    uniform: f64,
    /// Median steps of the better of the two gain oracles to the default target.
    oracle: f64,
}

/// One of five worlds to learn.
///
/// | scenario | arms | what it asks of a curriculum |
/// |--|--|--|
/// | [`Chain`](Self::Chain) | 8 skills, each needing the one before | to find the frontier |
/// | [`Grid`](Self::Grid) | 3 domains of 3 levels | to follow several frontiers |
/// | [`Noisy`](Self::Noisy) | the grid, a coin toss and an impossible arm | to leave alone what cannot be learned |
/// | [`Flat`](Self::Flat) | 12 independent skills, stronger forgetting | not to put the hard ones off |
/// | [`Graph`](Self::Graph) | 5 layers of 4 skills, each needing 2 of the layer before | to unlock many arms |
///
/// **Calibration.** A scenario has three or four numbers of its own: the difficulty of its first level,
/// what each level adds, `D` where there are prerequisites, and `phi`. They were searched, once, in the
/// expectation of the model, so that uniform sampling, two hand-made orders and three greedy oracles
/// need the steps that an earlier study of the same model reports for them; the graph's 5 layers of 4
/// fitted better than 4 of 5. No learning policy took part in the search, and `Noisy` takes the
/// numbers of `Grid`: its column and the last rows are predictions. Here: medians over the seeds 1
/// to 32, in steps.
///
/// | median steps, reported / here | Chain | Grid | Noisy | Flat | Graph |
/// |--|--|--|--|--|--|
/// | uniform | 2326 / 2336 | 1166 / 1171 | 1439 / 1437 | 870 / 868 | 3462 / 3488 |
/// | by hand, mastery 0.8 | 672 / 674 | 707 / 704 | 707 / 704 | 661 / 658 | 1622 / 1634 |
/// | by hand, mastery 0.7 | 840 / 845 | 884 / 890 | 884 / 890 | 645 / 644 | 2396 / 2334 |
/// | oracle of the gain | 620 / 623 | 672 / 678 | 672 / 678 | 1118 / 1148 | 1460 / 1452 |
/// | oracle of the gain below 0.85 | 640 / 623 | 673 / 658 | 673 / 658 | 724 / 730 | 1430 / 1388 |
/// | SEC, temperature 1.0 (not calibrated) | 1646 / 1663 | 983 / 982 | 1260 / 1248 | 868 / 873 | 2667 / 2717 |
/// | SEC, temperature 0.2 (not calibrated) | 824 / 833 | 746 / 740 | 1768 / 1620 | 928 / 944 | 1698 / 1770 |
///
/// ```
/// use curricle::simulator::Scenario;
///
/// assert_eq!(Scenario::Noisy.arms(), 11);
/// assert_eq!(Scenario::Noisy.learnable().len(), 9);
/// assert_eq!(Scenario::ALL.map(|scenario| scenario.name()), ["chain", "grid", "noisy", "flat", "graph"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scenario {
    /// A chain of 8 skills, each of which needs the one before it.
    Chain,
    /// 3 domains of 3 levels; a level needs the one below it in its domain.
    Grid,
    /// The grid with an arm of coin tosses (number 9) and an impossible one (number 10).
    Noisy,
    /// 12 independent skills of rising difficulty, with stronger forgetting.
    Flat,
    /// 5 layers of 4 skills; a skill needs two of the layer before.
    Graph,
}

impl Scenario {
    /// All scenarios.
    pub const ALL: [Self; 5] = [Self::Chain, Self::Grid, Self::Noisy, Self::Flat, Self::Graph];

    /// Its name in tables: `chain`, `grid`, `noisy`, `flat` or `graph`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Grid => "grid",
            Self::Noisy => "noisy",
            Self::Flat => "flat",
            Self::Graph => "graph",
        }
    }

    pub(super) fn pace(self) -> Pace {
        let pace = |first, step, gap, forgetting, [uniform, oracle]: [f64; 2]| Pace {
            first,
            step,
            gap,
            forgetting,
            uniform,
            oracle,
        };
        match self {
            Self::Chain => pace(0.41, 0.43, 3.4, 2.4e-5, [2336.0, 623.0]),
            Self::Grid => pace(0.81, 1.0, 4.0, 3.5e-5, [1171.0, 658.0]),
            Self::Noisy => pace(0.81, 1.0, 4.0, 3.5e-5, [1437.0, 658.0]),
            Self::Flat => pace(-0.78, 0.395, 0.0, 3.6e-4, [868.0, 730.0]),
            Self::Graph => pace(-0.34, 0.83, 2.05, 1.2e-5, [3488.0, 1388.0]),
        }
    }

    /// How many skills stand side by side on a level, and how many levels there are.
    fn shape(self) -> (u32, u32) {
        match self {
            Self::Chain => (1, 8),
            Self::Grid | Self::Noisy => (3, 3),
            Self::Flat => (1, 12),
            Self::Graph => (4, 5),
        }
    }

    /// How many arms there are.
    pub fn arms(self) -> u32 {
        let (width, levels) = self.shape();
        width * levels + if self == Self::Noisy { 2 } else { 0 }
    }

    /// What stands behind each arm. Levels come in order, easiest first; within a level, domains.
    pub fn subjects(self) -> Vec<Subject> {
        let (width, levels) = self.shape();
        let pace = self.pace();
        let skill = |arm: u32| {
            let (level, place) = (arm / width, arm % width);
            let below = |place: u32| ArmId((level.max(1) - 1) * width + place % width);
            let needs = match self {
                _ if level == 0 => Vec::new(),
                Self::Flat => Vec::new(),
                Self::Graph => vec![below(place), below(place + 1)],
                Self::Chain | Self::Grid | Self::Noisy => vec![below(place)],
            };
            Subject::Skill { difficulty: pace.first + pace.step * f64::from(level), needs }
        };
        let mut subjects: Vec<Subject> = (0..width * levels).map(skill).collect();
        if self == Self::Noisy {
            subjects.extend([Subject::Noise, Subject::Impossible]);
        }
        subjects
    }

    /// The arms that can be learned: all but the coin toss and the impossible one.
    pub fn learnable(self) -> Vec<ArmId> {
        self.stages().concat()
    }

    /// The hand-made order: the learnable arms level by level, easiest first.
    pub fn stages(self) -> Vec<Vec<ArmId>> {
        let (width, levels) = self.shape();
        let level = |level: u32| (0..width).map(|place| ArmId(level * width + place)).collect();
        (0..levels).map(level).collect()
    }

    /// The worth of a run with the default [`Options`](super::Options), in `[0, 1]`: 0 for one as slow
    /// as uniform sampling, 1 for one as fast as an oracle.
    ///
    /// ```text
    /// score = clip((U - steps) / (U - O), 0, 1)
    /// ```
    ///
    /// `U` is the median of uniform sampling, `O` that of the better of the two gain oracles
    /// ([`Gain`](super::Oracle::Gain) and [`CappedGain(0.85)`](super::Oracle::CappedGain)), both over
    /// 32 seeds and kept here as constants; in `Flat`, where greed does not pay, only the capped one
    /// beats uniform sampling. A run that did not reach the target (`None`) scores 0.
    ///
    /// ```
    /// use curricle::simulator::Scenario;
    ///
    /// assert_eq!(Scenario::Chain.score(None), 0.0);
    /// assert_eq!(Scenario::Chain.score(Some(0)), 1.0);
    /// assert!((0.4..0.6).contains(&Scenario::Chain.score(Some(1473))));
    /// ```
    pub fn score(self, steps: Option<u64>) -> f64 {
        let Pace { uniform, oracle, .. } = self.pace();
        steps.map_or(0.0, |steps| ((uniform - steps as f64) / (uniform - oracle)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prerequisites_come_first_and_stages_hold_every_skill_once() {
        for scenario in Scenario::ALL {
            let subjects = scenario.subjects();
            assert_eq!(subjects.len(), scenario.arms() as usize);
            let mut skills = Vec::new();
            for (arm, subject) in subjects.iter().enumerate() {
                if let Subject::Skill { needs, difficulty } = subject {
                    skills.push(ArmId(arm as u32));
                    assert!(difficulty.is_finite() && needs.iter().all(|need| need.index() < arm));
                }
            }
            assert_eq!(scenario.learnable(), skills);
        }
        let Subject::Skill { needs, .. } = &Scenario::Graph.subjects()[7] else { panic!("a skill") };
        assert_eq!(needs, &[ArmId(3), ArmId(0)]);
    }
}
