//! Chains of softmax skills, with gradients of sampled actions.

use super::pupil::{Group, Parameters};
use crate::base::math;
use crate::base::rng::Rng;

/// A softmax over actions for each skill; the first action is the right one.
#[derive(Debug, Clone)]
pub(super) struct Softmax {
    pub actions: usize,
    pub length: usize,
    /// The part of a step that also goes to the same place of the other chains.
    pub shared: f64,
    /// By skill and action.
    logits: Vec<f64>,
    /// By skill and action.
    chances: Vec<f64>,
}

impl Softmax {
    pub fn new(skills: usize, actions: usize, length: usize, shared: f64) -> Self {
        let none = vec![0.0; skills * actions];
        let mut mind = Self { actions, length, shared, logits: none.clone(), chances: none };
        mind.refresh();
        mind
    }

    /// The skills that a sample of a skill needs: those of its chain up to it.
    fn path(&self, skill: usize) -> std::ops::RangeInclusive<usize> {
        skill - skill % self.length..=skill
    }

    /// The chance that all actions are right.
    pub fn ability(&self, skill: usize) -> f64 {
        self.path(skill).map(|skill| self.chances[skill * self.actions]).product()
    }

    /// The sampled actions of the rollouts of one group, and which succeeded.
    pub fn group(&self, skill: usize, rollouts: u32, rng: &mut Rng) -> Group {
        let mut group = Group::default();
        for _ in 0..rollouts {
            let mut right = true;
            for skill in self.path(skill) {
                let mut left = rng.unit();
                let of = &self.chances[skill * self.actions..(skill + 1) * self.actions];
                let action = of.iter().position(|chance| {
                    left -= chance;
                    left < 0.0
                });
                let action = action.unwrap_or(self.actions - 1);
                right &= action == 0;
                group.actions.push(action);
            }
            group.hits += u32::from(right);
            group.right.push(right);
        }
        group.rollouts = rollouts;
        group
    }

    fn refresh(&mut self) {
        for (logits, chances) in
            self.logits.chunks(self.actions).zip(self.chances.chunks_mut(self.actions))
        {
            let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let mut sum = 0.0;
            for (chance, logit) in chances.iter_mut().zip(logits) {
                *chance = math::exp(logit - greatest);
                sum += *chance;
            }
            chances.iter_mut().for_each(|chance| *chance /= sum);
        }
    }
}

impl Parameters for Softmax {
    fn count(&self) -> usize {
        self.logits.len()
    }

    /// That of its own skills comes from the sampled actions; with shared weights that of others comes in, too.
    fn noise(&self) -> f64 {
        0.1 + self.shared
    }

    /// The mean over rollouts of `(r - mean) / sd` times the gradient of the log-probability of the actions.
    fn gradient(&self, skill: usize, group: &Group, gradient: &mut [f64]) {
        let path = self.path(skill);
        let long = path.clone().count();
        let (mean, sd) = (group.success(), group.root());
        for (rollout, right) in group.right.iter().enumerate() {
            let advantage = (f64::from(u8::from(*right)) - mean) / (sd + 1e-6);
            let part = group.gain * advantage / f64::from(group.rollouts);
            for (place, skill) in path.clone().enumerate() {
                let action = group.actions[rollout * long + place];
                for other in 0..self.actions {
                    let at = skill * self.actions + other;
                    gradient[at] += part * (f64::from(u8::from(other == action)) - self.chances[at]);
                }
            }
        }
    }

    fn step(&mut self, step: &[f64]) {
        let chain = self.length * self.actions;
        for (at, own) in step.iter().enumerate() {
            self.logits[at] += own;
            if self.shared > 0.0 {
                for other in (at % chain..self.logits.len()).step_by(chain).filter(|&other| other != at)
                {
                    self.logits[other] += self.shared * own;
                }
            }
        }
        self.refresh();
    }
}
