//! Who learns in a world: it answers, and takes steps.

use super::logistic::{Logistic, binomial};
use super::softmax::Softmax;
use super::{Lesson, Mind, World};
use crate::base::id::{ArmId, Round, SampleId};
use crate::base::rng::{Purpose, Rng};

/// Rollouts of a prompt.
pub(super) const ROLLOUTS: u32 = 8;
/// The greatest norm of a gradient; beyond it is scaled down to it.
const CLIP: f64 = 0.05;
/// The length of a step beyond which more of it does less, in logits.
const LONG: f64 = 0.1;

/// The rollouts of one prompt.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub hits: u32,
    pub rollouts: u32,
    /// What its gradient counts: negative where the reward is the opposite of the truth, less for repeats.
    pub gain: f64,
    /// Of softmax skills: the actions, and which rollouts succeeded.
    pub actions: Vec<usize>,
    pub right: Vec<bool>,
}

impl Group {
    pub fn success(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.rollouts.max(1))
    }

    pub fn root(&self) -> f64 {
        (self.success() * (1.0 - self.success())).sqrt()
    }

    pub fn has_signal(&self) -> bool {
        self.hits > 0 && self.hits < self.rollouts
    }
}

/// What a step moves.
pub(super) trait Parameters {
    fn count(&self) -> usize;
    /// What the gradient of one group adds to every parameter by chance, in units of its own size.
    fn noise(&self) -> f64;
    /// Adds the gradient of a group of a skill.
    fn gradient(&self, skill: usize, group: &Group, gradient: &mut [f64]);
    fn step(&mut self, step: &[f64]);
}

#[derive(Debug, Clone)]
enum Skills {
    Logistic(Logistic),
    Softmax(Softmax),
}

/// What is special about a sample.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// How much harder it is than the mean of its category, in logits.
    harder: f64,
    kind: Kind,
    visits: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Hopeless,
    Tossed,
    Mislabelled,
}

/// A mind in a world.
#[derive(Debug, Clone)]
pub(super) struct Pupil<'a> {
    world: &'a World,
    seed: u64,
    rate: f64,
    steps: u64,
    skills: Skills,
    repeats: f64,
    samples: Vec<Sample>,
    /// The state of jumping categories, by arm.
    is_high: Vec<bool>,
}

impl<'a> Pupil<'a> {
    pub fn new(world: &'a World, seed: u64, rate: f64) -> Self {
        let count = world.skills();
        let mut subjects = vec![(0.0, Vec::new()); count];
        for arm in &world.arms {
            if let Lesson::Skill { skill, difficulty, needs } = &arm.lesson {
                subjects[*skill] = (*difficulty, needs.clone());
            }
        }
        let (skills, repeats) = match world.mind {
            Mind::Logistic { gap, forgetting, transfer, interference, repeats } => {
                let numbers = [gap, forgetting, transfer, interference];
                (Skills::Logistic(Logistic::new(subjects, numbers)), repeats)
            }
            Mind::Softmax { actions, length, shared } => {
                (Skills::Softmax(Softmax::new(count, actions, length, shared)), f64::INFINITY)
            }
        };
        let mut rng = Rng::at(seed, Round(u64::MAX >> 8), Purpose::User);
        let mut samples = Vec::new();
        for arm in &world.arms {
            for _ in 0..arm.samples {
                let lot = rng.unit();
                let kind = match lot {
                    _ if lot < arm.hopeless => Kind::Hopeless,
                    _ if lot < arm.hopeless + arm.tossed => Kind::Tossed,
                    _ if lot < arm.hopeless + arm.tossed + arm.mislabelled => Kind::Mislabelled,
                    _ => Kind::Plain,
                };
                samples.push(Sample { harder: arm.spread * rng.normal(), kind, visits: 0 });
            }
        }
        let is_high = vec![false; world.arms.len()];
        Self { world, seed, rate, steps: 0, skills, repeats, samples, is_high }
    }

    /// The mean ability over what can be learned, by the weights of the target.
    pub fn ability(&self) -> f64 {
        let target = self.world.target(self.steps);
        let (mut sum, mut weights) = (0.0, 0.0);
        for (arm, weight) in self.world.arms.iter().zip(target) {
            let Lesson::Skill { skill, .. } = arm.lesson else { continue };
            let ability = match &self.skills {
                Skills::Logistic(mind) => mind.ability(skill, arm.spread),
                Skills::Softmax(mind) => mind.ability(skill),
            };
            sum += weight * ability;
            weights += weight;
        }
        sum / weights
    }

    /// The generator of the present step, for its `draw`-th batch.
    pub fn rng(&self, draw: u64) -> Rng {
        Rng::at(self.seed, Round(self.steps + (draw << 40)), Purpose::User)
    }

    /// Answers a prompt.
    pub fn answer(&mut self, arm: ArmId, sample: SampleId, rng: &mut Rng) -> Group {
        let category = &self.world.arms[arm.index()];
        let of = &mut self.samples[sample.index()];
        let seen = f64::from(of.visits);
        of.visits += 1;
        let (harder, kind) = (of.harder, of.kind);
        let tossed = |chance: f64, rng: &mut Rng| {
            let hits = binomial(ROLLOUTS, chance, rng);
            Group { hits, rollouts: ROLLOUTS, ..Group::default() }
        };
        match kind {
            Kind::Hopeless => return tossed(0.0, rng),
            Kind::Tossed => return tossed(0.5, rng),
            Kind::Plain | Kind::Mislabelled => {}
        }
        let time = self.steps as f64;
        let chance = match category.lesson {
            Lesson::Skill { skill, .. } => {
                let gain = 1.0 / (1.0 + seen / self.repeats);
                let mut group = match &self.skills {
                    Skills::Logistic(mind) => {
                        let chance = mind.chance(skill, harder);
                        let is_wrong = kind == Kind::Mislabelled;
                        tossed(if is_wrong { 1.0 - chance } else { chance }, rng)
                    }
                    Skills::Softmax(mind) => mind.group(skill, ROLLOUTS, rng),
                };
                group.gain = if kind == Kind::Mislabelled { -gain } else { gain };
                return group;
            }
            Lesson::Coin(chance) => chance,
            Lesson::Mixed(low, high) => {
                if sample.0.is_multiple_of(2) {
                    low
                } else {
                    high
                }
            }
            Lesson::Swing { low, high, period } => {
                // A triangle: up and down evenly.
                let part = (time / period).fract();
                low + (high - low) * (1.0 - (2.0 * part - 1.0).abs())
            }
            Lesson::Jump { low, high, .. } => {
                if self.is_high[arm.index()] {
                    high
                } else {
                    low
                }
            }
            Lesson::Saw { low, high, period } => low + (high - low) * (time / period).fract(),
            Lesson::Rise { low, high, steps } => low + (high - low) * (time / steps).min(1.0),
        };
        tossed(chance, rng)
    }

    /// One step on the groups, the mean of whose gradients is over `among` of them.
    pub fn learn(&mut self, groups: &[(ArmId, Group)], among: usize, rng: &mut Rng) {
        let lessons = self.world.arms.iter().map(|arm| match arm.lesson {
            Lesson::Skill { skill, .. } => Some(skill),
            _ => None,
        });
        let lessons: Vec<Option<usize>> = lessons.collect();
        let parameters: &mut dyn Parameters = match &mut self.skills {
            Skills::Logistic(mind) => mind,
            Skills::Softmax(mind) => mind,
        };
        let mut gradient = vec![0.0; parameters.count()];
        let mut squares = 0.0;
        for (arm, group) in groups.iter().filter(|(_, group)| group.has_signal()) {
            squares += group.root() * group.root();
            if let Some(skill) = lessons[arm.index()] {
                parameters.gradient(skill, group, &mut gradient);
            }
        }
        let part = 1.0 / among.max(1) as f64;
        let noise = self.world.noise * parameters.noise() * part * squares.sqrt();
        for one in &mut gradient {
            *one = part * *one + noise * rng.normal();
        }
        let length = gradient.iter().map(|one| one * one).sum::<f64>().sqrt();
        let pace = self.rate * (CLIP / length.max(CLIP));
        let worth = (1.0 - pace * length / (2.0 * LONG)).max(-1.0);
        gradient.iter_mut().for_each(|one| *one *= pace * worth);
        parameters.step(&gradient);
        self.steps += 1;
        for (arm, is_high) in self.world.arms.iter().zip(&mut self.is_high) {
            if let Lesson::Jump { mean, .. } = arm.lesson
                && rng.below(mean) == 0
            {
                *is_high = !*is_high;
            }
        }
    }
}
