//! What part of the tickets of each arm is admitted, as far as is known.

use serde::{Deserialize, Serialize};

use crate::base::beta_binomial::BetaBinomial;
use crate::base::math::pow;
use crate::ledger::are_tallied;

/// The accept rates of the arms; of all together, if there are very many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rates(Vec<Rate>);

/// Evidence of one rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Rate {
    /// Of former steps, discounted.
    admitted: f64,
    judged: f64,
    /// Of the present step: whole numbers, whose sums do not depend on the order of arrival.
    now_admitted: u32,
    now_judged: u32,
}

impl Rate {
    /// What is known, admitted and judged: what was known before counts less with each ticket of the present step.
    fn known(&self, window: f64) -> Rate {
        let keep = pow(1.0 - 1.0 / window, self.now_judged.into());
        Rate {
            admitted: keep * self.admitted + f64::from(self.now_admitted),
            judged: keep * self.judged + f64::from(self.now_judged),
            ..Rate::default()
        }
    }

    /// Mean and variance of the Beta posterior of what is known, from a prior that is worth one ticket.
    fn posterior(&self, prior: f64) -> (f64, f64) {
        let sum = 1.0 + self.judged;
        let mean = (prior + self.admitted) / sum;
        (mean, mean * (1.0 - mean) / (sum + 1.0))
    }
}

/// What is expected of an arm of which nothing is known: the rate of all arms together, of which a Beta(1/2, 1/2) prior
/// (Jeffreys) is worth one ticket.
fn prior(known: &[Rate]) -> f64 {
    let sum = |of: fn(&Rate) -> f64| known.iter().map(of).sum::<f64>();
    (0.5 + sum(|rate| rate.admitted)) / (1.0 + sum(|rate| rate.judged))
}

impl Rates {
    pub fn new(arms: usize) -> Self {
        Self(vec![Rate::default(); if are_tallied(arms) { arms } else { 1 }])
    }

    /// There are so many arms, of which the last ones are new.
    pub fn grow(&mut self, arms: usize) {
        if are_tallied(arms) {
            self.0.resize(arms, Rate::default());
            return;
        }
        let mut all = Rate::default();
        for rate in &self.0 {
            all.admitted += rate.admitted;
            all.judged += rate.judged;
            all.now_admitted = all.now_admitted.saturating_add(rate.now_admitted);
            all.now_judged = all.now_judged.saturating_add(rate.now_judged);
        }
        self.0 = vec![all];
    }

    fn of(&mut self, arm: usize) -> Option<&mut Rate> {
        let place = if self.0.len() == 1 { 0 } else { arm };
        self.0.get_mut(place)
    }

    /// Notes that a ticket of an arm was admitted, or was not.
    pub fn note(&mut self, arm: usize, is_admitted: bool) {
        if let Some(rate) = self.of(arm) {
            rate.now_judged = rate.now_judged.saturating_add(1);
            rate.now_admitted = rate.now_admitted.saturating_add(is_admitted.into());
        }
    }

    /// A step is over: what it saw becomes one with what was before, which counts less.
    pub fn end_step(&mut self, window: f64) {
        for rate in &mut self.0 {
            *rate = rate.known(window);
        }
    }

    /// The least number of new tickets with which, beside the open ones, at least `missing` are admitted with this
    /// confidence; at most `most`. The new ones come from the arms with these probabilities, none meaning all alike; of
    /// the open ones there is the number for each arm.
    ///
    /// The chance of a ticket is taken to be the mean of the rates over open and new tickets, with the variance that
    /// the rates have between them: the number admitted is beta-binomial. Cost: O((K + n) log n), where n is the
    /// answer.
    pub fn tickets(&self, need: Need<'_>) -> u64 {
        let Need { missing, confidence, window, shares, open, most } = need;
        let all_open: u64 = open.iter().map(|&count| u64::from(count)).sum();
        let known: Vec<Rate> = self.0.iter().map(|rate| rate.known(window)).collect();
        let prior = prior(&known);
        let posteriors: Vec<(f64, f64)> = known.iter().map(|rate| rate.posterior(prior)).collect();
        let arms = if shares.is_empty() { open.len().max(1) } else { shares.len() };
        let is_one = posteriors.len() == 1;
        let reaches = |new: u64| {
            let all = (all_open + new) as f64;
            if all == 0.0 {
                return false;
            }
            let (mut mean, mut variance, mut whole) = (0.0, 0.0, 0.0);
            for arm in 0..arms {
                let share = if shares.is_empty() { 1.0 / arms as f64 } else { shares[arm] };
                let open = open.get(arm).copied().unwrap_or(0);
                let part = (f64::from(open) + new as f64 * share) / all;
                let (of_arm, doubt) = posteriors[if is_one { 0 } else { arm }];
                mean += part * of_arm;
                variance += part * part * doubt;
                whole += part;
            }
            if is_one {
                variance = posteriors[0].1 * whole * whole;
            }
            BetaBinomial::with(mean, variance).at_least(missing, all_open + new) >= confidence
        };
        if reaches(0) {
            return 0;
        }
        // Doubled until it is enough, so that the cost goes by the answer, not by what it may be at most.
        let (mut low, mut high) = (0, missing.clamp(1, most.max(1)));
        while high < most && !reaches(high) {
            (low, high) = (high, high.saturating_mul(2).min(most));
        }
        if high >= most && !reaches(most) {
            return most;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if reaches(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }

    /// Whether the numbers can have come about; used after reading them from a file.
    pub fn is_possible(&self, arms: usize) -> bool {
        let is_rate = |rate: &Rate| {
            rate.judged.is_finite()
                && (0.0..=rate.judged).contains(&rate.admitted)
                && rate.now_admitted <= rate.now_judged
        };
        self.0.len() == Self::new(arms).0.len() && self.0.iter().all(is_rate)
    }
}

/// What [`Rates::tickets`] is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need<'a> {
    pub missing: u64,
    pub confidence: f64,
    /// As of [`Rates::end_step`].
    pub window: f64,
    pub shares: &'a [f64],
    /// By arm.
    pub open: &'a [u32],
    pub most: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: f64 = 64.0;

    fn rates(evidence: &[(u32, u32)]) -> Rates {
        let mut rates = Rates::new(evidence.len());
        for (arm, &(admitted, judged)) in evidence.iter().enumerate() {
            (0..judged).for_each(|ticket| rates.note(arm, ticket < admitted));
        }
        rates
    }

    #[test]
    fn what_is_known_well_is_asked_for_exactly() {
        let known = rates(&[(500_000, 1_000_000)]);
        let need = |missing, open: &[u32]| {
            let shares = [1.0];
            let need =
                Need { missing, confidence: 0.5, window: WINDOW, shares: &shares, open, most: 10_000 };
            known.tickets(need)
        };
        // Of a fair coin: the median number of successes of 2 n - 1 tosses is n.
        assert_eq!(need(64, &[0]), 127);
        assert_eq!(need(64, &[27]), 100);
        assert_eq!(need(64, &[200]), 0);
        // Nobody knows: the more doubt, the more tickets.
        let doubtful = rates(&[(2, 4)]);
        let of = |rates: &Rates, confidence| {
            let (shares, open) = (&[1.0], &[0]);
            rates.tickets(Need { missing: 64, confidence, window: WINDOW, shares, open, most: 10_000 })
        };
        assert!(of(&doubtful, 0.9) > of(&known, 0.9) && of(&known, 0.9) > of(&known, 0.5));
        assert_eq!(of(&rates(&[(0, 1000)]), 0.9), 10_000, "no more than it may");
    }

    #[test]
    fn shares_weigh_the_arms() {
        let two = rates(&[(900, 1000), (100, 1000)]);
        let of = |shares: &[f64]| {
            let (confidence, open) = (0.9, &[0, 0]);
            two.tickets(Need { missing: 50, confidence, window: WINDOW, shares, open, most: 10_000 })
        };
        let (good, even, bad) = (of(&[1.0, 0.0]), of(&[0.5, 0.5]), of(&[0.0, 1.0]));
        assert!((55..70).contains(&good) && (100..130).contains(&even) && (500..700).contains(&bad));
    }

    #[test]
    fn older_evidence_counts_less() {
        let mut rates = rates(&[(0, 640)]);
        rates.end_step(WINDOW);
        for _ in 0..128 {
            rates.note(0, true);
        }
        // Within the step as after it.
        let within: Vec<Rate> = rates.0.iter().map(|rate| rate.known(WINDOW)).collect();
        rates.end_step(WINDOW);
        assert_eq!(rates.0, within);
        let mean = prior(&rates.0);
        // Of the 640 a part of (63/64)^128 = 0.133 is left: 0.5 + 128 of 1 + 128 + 85.3.
        assert!((mean - 128.5 / 214.3).abs() < 0.002, "{mean}");
        let (of_arm, doubt) = rates.0[0].posterior(mean);
        assert!((of_arm - mean).abs() < 0.002 && (doubt - mean * (1.0 - mean) / 215.0).abs() < 1e-4);
        assert!(rates.is_possible(1) && !rates.is_possible(2));
        rates.0[0].admitted = f64::NAN;
        assert!(!rates.is_possible(1));
    }
}
