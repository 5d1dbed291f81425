//! Running mean rewards by arm: what predicts the reward of a choice.

use crate::base::id::ArmId;

/// Mean rewards of what has come in so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    /// By arm.
    arms: Vec<Mean>,
    overall: Mean,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    fn change(&mut self, reward: f64, is_new: bool) {
        if is_new {
            self.sum += reward;
            self.count += 1;
        } else {
            self.sum -= reward;
            self.count = self.count.saturating_sub(1);
        }
    }
}

impl Model {
    pub fn new(arms: usize) -> Self {
        Self { arms: vec![Mean::default(); arms], overall: Mean::default() }
    }

    /// Takes a reward in, or back.
    pub fn change(&mut self, arm: ArmId, reward: f64, is_new: bool) {
        self.overall.change(reward, is_new);
        if let Some(mean) = self.arms.get_mut(arm.index()) {
            mean.change(reward, is_new);
        }
    }

    /// The mean of all; 0 before the first.
    pub fn overall(&self) -> f64 {
        self.overall.get().unwrap_or(0.0)
    }

    /// The mean of each arm; that of all where there is none.
    pub fn by_arm(&self, means: &mut Vec<f64>) {
        let overall = self.overall();
        means.clear();
        means.extend(self.arms.iter().map(|mean| mean.get().unwrap_or(overall)));
    }
}
