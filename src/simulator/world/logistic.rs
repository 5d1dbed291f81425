//! Logistic skills, with samples of fixed difficulties.

use super::pupil::{Group, Parameters};
use crate::base::math;
use crate::base::rng::Rng;

/// One logit a skill; the formulas stand beside [`Mind`](super::Mind).
#[derive(Debug, Clone)]
pub(super) struct Logistic {
    pub gap: f64,
    pub forgetting: f64,
    pub transfer: f64,
    pub interference: f64,
    /// `s`, by skill.
    pub skills: Vec<f64>,
    /// Difficulty and needs, by skill.
    pub subjects: Vec<(f64, Vec<usize>)>,
    /// `m`, by skill.
    logits: Vec<f64>,
    /// `a`, by skill.
    abilities: Vec<f64>,
}

/// Quantiles of the standard normal at the middles of nine equal parts.
const NINE: [f64; 9] = [-1.593, -0.967, -0.589, -0.282, 0.0, 0.282, 0.589, 0.967, 1.593];

impl Logistic {
    pub fn new(
        subjects: Vec<(f64, Vec<usize>)>,
        [gap, forgetting, transfer, interference]: [f64; 4],
    ) -> Self {
        let count = subjects.len();
        let none = vec![0.0; count];
        let mut mind = Self {
            gap,
            forgetting,
            transfer,
            interference,
            skills: none.clone(),
            subjects,
            logits: none.clone(),
            abilities: none,
        };
        mind.refresh();
        mind
    }

    /// The mean chance over samples whose difficulties spread so far.
    pub fn ability(&self, skill: usize, spread: f64) -> f64 {
        NINE.iter().map(|d| sigmoid(self.logits[skill] - spread * d)).sum::<f64>() / 9.0
    }

    /// The chance on a sample that is `harder` than the mean by so many logits.
    pub fn chance(&self, skill: usize, harder: f64) -> f64 {
        sigmoid(self.logits[skill] - harder)
    }

    fn refresh(&mut self) {
        for skill in 0..self.skills.len() {
            let (difficulty, needs) = &self.subjects[skill];
            let missing: f64 = needs.iter().map(|&need| 1.0 - self.abilities[need]).sum();
            self.logits[skill] = self.skills[skill] - difficulty - self.gap * missing;
            self.abilities[skill] = self.ability(skill, 1.0);
        }
    }
}

impl Parameters for Logistic {
    fn count(&self) -> usize {
        self.skills.len()
    }

    fn noise(&self) -> f64 {
        1.0
    }

    /// `f (1 - f)` along the skill, to the degree in which its prerequisites are known.
    fn gradient(&self, skill: usize, group: &Group, gradient: &mut [f64]) {
        let ready: f64 = self.subjects[skill].1.iter().map(|&need| self.abilities[need]).product();
        gradient[skill] += group.gain * group.root() * ready;
    }

    fn step(&mut self, step: &[f64]) {
        let all: f64 = step.iter().map(|gain| gain.abs()).sum();
        for skill in 0..step.len() {
            let passed: f64 = self.subjects[skill].1.iter().map(|&need| step[need].max(0.0)).sum();
            let lost = self.interference * (all - step[skill].abs());
            let now = &mut self.skills[skill];
            *now += step[skill] + self.transfer * passed - lost - self.forgetting * *now;
        }
        self.refresh();
    }
}

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + math::exp(-x))
}

/// How many of `rollouts` succeed.
pub(super) fn binomial(rollouts: u32, chance: f64, rng: &mut Rng) -> u32 {
    (0..rollouts).filter(|_| rng.unit() < chance).count() as u32
}
