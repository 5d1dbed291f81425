//! What is believed of one sample, in 12 bytes.

use serde::{Deserialize, Serialize};

use super::chance::useful;
use super::prior::Shape;
use super::{Belief, GREATEST};
use crate::base::id::Round;

/// How finely a success is kept: 12 bits.
const STEPS: f64 = 4095.0;

/// Over how many reports the slow average goes.
const SLOW: u32 = 32;

/// How many standard deviations make a move.
const MOVE: f64 = 2.0;

/// The weight that the user gave a sample, and what its reports showed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Believed {
    pub given: f32,
    /// The round of the last report.
    round: u32,
    /// From the top: 12 bits of fast average success, 12 of slow, 8 of how many reports.
    shown: u32,
}

impl Believed {
    /// A sample that nothing is known of.
    pub fn unseen(given: f64) -> Self {
        Self { given: given as f32, ..Self::default() }
    }

    /// How many reports there were, at most 255.
    pub fn reports(&self) -> u32 {
        self.shown & 0xff
    }

    /// The average success, the last reports first.
    pub fn success(&self) -> f64 {
        f64::from(self.shown >> 20) / STEPS
    }

    /// The average over 32 reports.
    pub fn slow(&self) -> f64 {
        f64::from(self.shown >> 8 & 0xfff) / STEPS
    }

    /// The round of the last report.
    pub fn last(&self) -> Option<Round> {
        (self.reports() > 0).then_some(Round(self.round.into()))
    }

    /// What is believed after one more report. `size` is how many rollouts it had, in those of an average report.
    pub fn with(&self, success: f64, size: f64, decay: f64, now: Round) -> Self {
        let size = size.clamp(1.0 / 16.0, 16.0);
        let reports = self.reports();
        let (mut fast, mut slow) = (success, success);
        if reports > 0 {
            let before = decay * mass(decay, reports);
            fast = self.success() + size / (size + before) * (success - self.success());
            let before = f64::from(reports.min(SLOW - 1));
            slow = self.slow() + size / (size + before) * (success - self.slow());
        }
        let bits = |average: f64| (average.clamp(0.0, 1.0) * STEPS).round() as u32;
        let shown = bits(fast) << 20 | bits(slow) << 8 | (reports + 1).min(0xff);
        Self { given: self.given, round: u32::try_from(now.0).unwrap_or(u32::MAX), shown }
    }

    /// How many rollouts stand behind what is believed now: half as many each time that a re-test is due.
    pub fn evidence(&self, arm: &Shape, belief: &Belief, now: Round) -> f64 {
        let age = now.0.saturating_sub(self.round.into()) / belief.retest.max(1);
        arm.rollouts * mass(belief.decay, self.reports()) / (1u64 << age.min(62)) as f64
    }

    /// The chance that the next group is useful.
    pub fn useful(&self, arm: &Shape, belief: &Belief, now: Round) -> f64 {
        if self.reports() == 0 {
            return arm.useful;
        }
        let (a, b) = self.posterior(arm, belief, now);
        useful(a, b, belief.rollouts)
    }

    /// The posterior of its success, as the shapes of a beta distribution.
    pub fn posterior(&self, arm: &Shape, belief: &Belief, now: Round) -> (f64, f64) {
        let (success, evidence) = (self.success(), self.evidence(arm, belief, now));
        (arm.a + evidence * success, arm.b + evidence * (1.0 - success))
    }

    /// Whether there were many reports, and the fast average is where the slow one is, as far as chance allows.
    pub fn is_stuck(&self, arm: &Shape, belief: &Belief) -> bool {
        let reports = self.reports();
        if reports < belief.patience.into() {
            return false;
        }
        let (decay, slow) = (belief.decay, self.slow());
        let last = ((1.0 - decay) / (1.0 + decay)).max(1.0 / f64::from(reports));
        let variance = slow * (1.0 - slow) / arm.rollouts * last;
        let moved = self.success() - slow;
        moved * moved <= MOVE * MOVE * variance
    }

    /// By how much the weight differs from that of an unseen sample of the arm.
    pub fn factor(&self, arm: &Shape, belief: &Belief, now: Round) -> f64 {
        if self.reports() == 0 {
            return 1.0;
        }
        let ratio = self.useful(arm, belief, now) / arm.useful.max(1e-12);
        let most = if self.is_stuck(arm, belief) {
            f64::from(belief.patience) / f64::from(self.reports())
        } else {
            GREATEST
        };
        ratio.min(most).clamp(belief.floor, GREATEST)
    }

    /// Whether the numbers can have come about by a round; used after reading them from a file.
    pub fn is_possible(&self, now: Round) -> bool {
        let is_unseen = self.shown == 0 && self.round == 0;
        (0.0..=2_147_483_648.0).contains(&self.given)
            && (is_unseen || self.reports() > 0)
            && u64::from(self.round) <= now.0
    }
}

/// The sum of the weights of so many reports: `1 + decay + decay^2 + ...`
fn mass(decay: f64, reports: u32) -> f64 {
    if decay >= 1.0 {
        return f64::from(reports);
    }
    let (mut power, mut square, mut left) = (1.0, decay, reports);
    while left > 0 {
        if left & 1 == 1 {
            power *= square;
        }
        square *= square;
        left >>= 1;
    }
    (1.0 - power) / (1.0 - decay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::prior::Prior;

    #[test]
    fn the_size_is_what_is_promised() {
        assert_eq!(size_of::<Believed>(), 12);
    }

    #[test]
    fn masses_by_sum() {
        for decay in [0.0, 0.3, 0.5, 0.97, 1.0] {
            let (mut sum, mut power) = (0.0, 1.0);
            for reports in 1..256 {
                sum += power;
                power *= decay;
                assert!((mass(decay, reports) - sum).abs() < 1e-9, "{decay} {reports}");
            }
        }
    }

    /// The counts of MoPPS without its prior: `n <- lambda n + 8`, `s <- lambda s + 8 x`.
    #[test]
    fn successes_decay_by_report() {
        let (mut believed, mut n, mut s) = (Believed::unseen(1.0), 0.0, 0.0);
        for x in [1.0, 0.25, 0.0, 0.75, 1.0, 1.0] {
            believed = believed.with(x, 1.0, 0.5, Round(3));
            (n, s) = (0.5 * n + 8.0, 0.5 * s + 8.0 * x);
            assert!((believed.success() - s / n).abs() < 1e-3, "{} {}", believed.success(), s / n);
            let arm = Prior::default().shape(&Belief::new());
            assert!((believed.evidence(&arm, &Belief::new(), Round(3)) - n).abs() < 1e-9);
        }
        assert_eq!((believed.reports(), believed.last()), (6, Some(Round(3))));
    }

    #[test]
    fn what_is_old_is_as_good_as_unseen() {
        let belief = Belief::new().retest(10).floor(0.001);
        let mut round = Prior::default();
        (0..100).for_each(|report| round.add(f64::from(report % 2), 8, 1.0));
        let arm = round.shape(&belief);
        let solved = (0..4).fold(Believed::unseen(1.0), |it, _| it.with(1.0, 1.0, 0.5, Round(5)));
        let factors: Vec<f64> =
            [5, 14, 15, 25, 35, 500].map(|now| solved.factor(&arm, &belief, Round(now))).to_vec();
        assert_eq!(factors[0], factors[1]);
        assert!(factors[1..].is_sorted_by(|a, b| a < b), "{factors:?}");
        assert!(factors[0] < 0.3 && (factors[5] - 1.0).abs() < 1e-3, "{factors:?}");
    }

    /// 2000 coins of 64 reports: nearly all are found out, and those weigh no more than what is unseen; a sample that rises
    /// from 0.1 to 0.9 in as many is not one.
    #[test]
    fn coins_are_found_out() {
        use crate::base::rng::{Purpose, Rng};
        let belief = Belief::new();
        let mut round = Prior::default();
        (0..100).for_each(|report| round.add(f64::from(report % 2), 8, 1.0));
        let arm = round.shape(&belief);
        let mut rng = Rng::at(3, Round(0), Purpose::User);
        let mut group = |p: f64| (0..8).filter(|_| rng.unit() < p).count() as f64 / 8.0;
        let (mut stuck, mut moving) = (0, 0);
        for _ in 0..2000 {
            let (mut coin, mut learned) = (Believed::unseen(1.0), Believed::unseen(1.0));
            for report in 0..64 {
                coin = coin.with(group(0.5), 1.0, 0.5, Round(0));
                if report < 24 {
                    learned =
                        learned.with(group(0.1 + 0.8 * f64::from(report) / 24.0), 1.0, 0.5, Round(0));
                }
            }
            assert!(coin.is_stuck(&arm, &belief) == (coin.factor(&arm, &belief, Round(0)) <= 0.25));
            stuck += u32::from(coin.is_stuck(&arm, &belief));
            moving += u32::from(!learned.is_stuck(&arm, &belief));
        }
        assert!(stuck > 1800 && moving > 1800, "{stuck} {moving}");
    }
}
