//! What is summed up of tickets: of an arm, of a time, of both.

use curricle::Reason;

/// A sum, how many were summed, and the greatest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    pub sum: f64,
    pub count: u64,
    pub most: f64,
}

impl Sum {
    pub fn add(&mut self, value: f64) {
        self.join(&Self { sum: value, count: 1, most: value });
    }

    pub fn join(&mut self, other: &Self) {
        self.most = if self.count == 0 { other.most } else { self.most.max(other.most) };
        self.sum += other.sum;
        self.count += other.count;
    }

    /// Nothing of nothing.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// What became of some tickets. Verdicts are counted when they are given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sums {
    /// The tickets that the probabilities asked for.
    pub asked: f64,
    pub drawn: u64,
    pub admitted: u64,
    /// In the order of their first occurrence.
    pub rejected: Vec<(Reason, u64)>,
    pub lost: u64,
    pub success: Sum,
    pub score: Sum,
    pub cost: Sum,
    pub rollouts: u64,
    /// Those of rejected tickets.
    pub rejected_rollouts: u64,
    pub age_rounds: Sum,
    pub age_versions: Sum,
}

impl Sums {
    pub fn reject(&mut self, reason: Reason, count: u64) {
        match self.rejected.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, all)) => *all += count,
            None => self.rejected.push((reason, count)),
        }
    }

    pub fn rejected(&self) -> u64 {
        self.rejected.iter().map(|(_, count)| count).sum()
    }

    pub fn rejected_for(&self, reason: Reason) -> u64 {
        self.rejected.iter().find(|(other, _)| *other == reason).map_or(0, |(_, count)| *count)
    }

    pub fn judged(&self) -> u64 {
        self.admitted + self.rejected()
    }

    /// The admitted part of what was judged.
    pub fn admission(&self) -> Option<f64> {
        part(self.admitted as f64, self.judged() as f64)
    }

    pub fn join(&mut self, other: &Self) {
        self.asked += other.asked;
        self.drawn += other.drawn;
        self.admitted += other.admitted;
        other.rejected.iter().for_each(|&(reason, count)| self.reject(reason, count));
        self.lost += other.lost;
        self.success.join(&other.success);
        self.score.join(&other.score);
        self.cost.join(&other.cost);
        self.rollouts += other.rollouts;
        self.rejected_rollouts += other.rejected_rollouts;
        self.age_rounds.join(&other.age_rounds);
        self.age_versions.join(&other.age_versions);
    }
}

/// A part of a whole; nothing of nothing.
pub fn part(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
