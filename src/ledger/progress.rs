//! Whether an arm's success rises: two moving averages, and what their difference would be by chance.

use serde::{Deserialize, Serialize};

/// Rate of the fast moving average, per visit: a memory of ten visits.
const FAST: f64 = 0.1;
/// Rate of the slow moving average, per visit: a memory of fifty. The further apart the two are, the more of a slow
/// rise shows above the noise; the nearer, the sooner an arm that stopped is told from one that rises.
const SLOW: f64 = 0.02;
/// Rate of the moving average of the variance of a ticket, once enough visits were seen.
const NOISE: f64 = 0.02;
/// The variance of a ticket before anything was seen, and how many visits it counts for.
const GUESS: (f64, f64) = (0.1, 4.0);
/// The least variance of a ticket: an arm that has only failed so far may have a small rate, and its first success
/// must not count for much.
const LEAST: f64 = 0.002;
/// Rate of the moving average of the evidence.
const EVIDENCE: f64 = 0.03;
/// The evidence of an arm that nothing is known of: it is tried before it is judged.
const START: f64 = 0.6;
/// The `z` from which more is no more evidence.
const ENOUGH: f64 = 2.0;
/// Visits before the evidence starts to move.
const WARM_UP: u64 = 5;
/// Visits before there can be a dip: until then the fast average is not one of ten visits.
const SETTLED: u64 = 10;

/// From which evidence a gate opens, and over how much more of it.
const GATE: (f64, f64) = (0.1, 0.3);

/// How far evidence opens a gate, in `[0, 1]`: `clip((e - 0.1) / 0.3, 0, 1)`.
pub(crate) fn opening(evidence: f64) -> f64 {
    ((evidence - GATE.0) / GATE.1).clamp(0.0, 1.0)
}

/// The running success of an arm at two speeds, how far apart the two would be by chance, and the evidence that it
/// rises.
///
/// A visit with `n` tickets and mean success `x`, after one with `m` tickets and `y`, moves
///
/// ```text
/// fast <- fast + a (x - fast)      slow <- slow + b (x - slow)      a = 0.1, b = 0.02; both start at the first x
/// s^2  <- s^2 + max(0.02, 1/(v+4)) ((x - y)^2 / (1/n + 1/m) - s^2)  s^2 starts at 0.1; v: the visits before
/// F <- (1-a)^2 F + a^2/n    S <- (1-b)^2 S + b^2/n    C <- (1-a)(1-b) C + a b/n        all start at 1/n
/// peak <- max(fast, peak + b (fast - peak))                         is fast for 10 visits
/// z    = (fast - slow) / sqrt(max(s^2, 0.002) (F + S - 2 C))
/// e    <- e + 0.03 (clip(z / 2, -1, 1) - e)                         starts at 0.6, frozen for 5 visits
/// ```
///
/// `s^2` is the variance of one ticket's success, whatever it comes of: the rollouts, prompts of different
/// difficulty, groups of any size. It is measured between visits that follow each other, in which a rise that is slow
/// adds nothing. No form of the success is assumed, but that visits are *independent*: of prompts that come in blocks
/// of one topic the variance between visits is far too small, and `z` many times too large. Draw them at random. `F`,
/// `S` and `C` are the variances and the covariance of the two averages in units of `s^2`, exact for visits of any
/// size. So `z` has mean 0 and variance 1, about normal, for an arm of which nothing is learned, and it is positive
/// while success rises and negative while it falls: the *null* is that of a constant arm. It is checked in the tests,
/// for fair and unfair coins and mixtures of prompts, 1 to 64 tickets, 1 to 16 rollouts.
///
/// The evidence `e` is in `[-1, 1]`. After some hundred visits it is about 0 without progress, with a standard
/// deviation of 0.24, as each `z` is much like the one before; until then it still has a part of its start, 0.15 at
/// 50 visits, `|z|` is 1.1 to 1.4 times too large for coins, and smaller than it should be for successes that are
/// rare. It goes towards 1 while an arm is learned, and is negative while it is forgotten. An arm that rises *by
/// itself* has evidence as one that is learned: no statistics of its success can tell them apart.
///
/// The [dip](Self::dip) is `peak - fast`, a fall from what the arm could do before, which the loop forgets as slowly as the
/// slow average; in units of noise it is divided by `sqrt(max(s^2, 0.002) F)`. Of an arm whose success is constant it is
/// above 4 in at most one visit of a hundred, tested as the null is. It needs no mark of when the loop left the arm;
/// [`Forgetting`](crate::monitor::Forgetting) reads series with marks.
///
/// The rules are ours; no paper has them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    fast: f64,
    slow: f64,
    peak: f64,
    /// `s^2`.
    variance: f64,
    /// `F + S - 2 C` comes of these three.
    of_fast: f64,
    of_slow: f64,
    of_both: f64,
    /// The success of the last visit, and how many tickets it had.
    last: (f64, u32),
    evidence: f64,
    visits: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            fast: 0.0,
            slow: 0.0,
            peak: 0.0,
            variance: GUESS.0,
            of_fast: 0.0,
            of_slow: 0.0,
            of_both: 0.0,
            last: (0.0, 0),
            evidence: START,
            visits: 0,
        }
    }
}

impl Progress {
    /// Whether the numbers can have come about; used after reading them from a file.
    pub(super) fn is_possible(&self) -> bool {
        let is_success = |success: f64| (-1e-9..=1.0 + 1e-9).contains(&success);
        let is_part = |part: f64| (0.0..f64::INFINITY).contains(&part);
        [self.fast, self.slow, self.peak, self.last.0].into_iter().all(is_success)
            && self.peak >= self.fast
            && [self.variance, self.of_fast, self.of_slow, self.of_both].into_iter().all(is_part)
            && (-1.0..=1.0).contains(&self.evidence)
    }

    /// Takes in one visit: the mean success of `tickets` tickets, in `[0, 1]`. What is no number is no visit.
    ///
    /// ```
    /// use curricle::Progress;
    ///
    /// let mut learned = Progress::default();
    /// let mut noise = Progress::default();
    /// for visit in 0..100 {
    ///     let wavering = if visit % 4 < 2 { 0.01 } else { -0.01 };
    ///     learned.visit(f64::from(visit) / 100.0 + wavering, 16);
    ///     noise.visit(0.5 + wavering, 16);
    /// }
    /// assert!(learned.evidence() > 0.8);
    /// assert!(noise.evidence().abs() < 0.2);
    /// ```
    pub fn visit(&mut self, success: f64, tickets: u32) {
        if !success.is_finite() {
            return;
        }
        let tickets = tickets.max(1);
        let each = 1.0 / f64::from(tickets);
        if self.visits == 0 {
            (self.fast, self.slow) = (success, success);
            (self.of_fast, self.of_slow, self.of_both) = (each, each, each);
        } else {
            let (before, of_before) = self.last;
            let apart = success - before;
            let one = apart * apart / (each + 1.0 / f64::from(of_before.max(1)));
            let rate = NOISE.max(1.0 / (self.visits as f64 + GUESS.1));
            self.variance += rate * (one - self.variance);
            self.fast += FAST * (success - self.fast);
            self.slow += SLOW * (success - self.slow);
            self.of_fast = (1.0 - FAST) * (1.0 - FAST) * self.of_fast + FAST * FAST * each;
            self.of_slow = (1.0 - SLOW) * (1.0 - SLOW) * self.of_slow + SLOW * SLOW * each;
            self.of_both = (1.0 - FAST) * (1.0 - SLOW) * self.of_both + FAST * SLOW * each;
        }
        self.peak = match self.visits {
            0..SETTLED => self.fast,
            _ => self.fast.max(self.peak + SLOW * (self.fast - self.peak)),
        };
        self.last = (success, tickets);
        self.visits = self.visits.saturating_add(1);
        if self.visits > WARM_UP {
            self.evidence += EVIDENCE * ((self.z() / ENOUGH).clamp(-1.0, 1.0) - self.evidence);
        }
    }

    /// The fast moving average of success.
    pub fn fast(&self) -> f64 {
        self.fast
    }

    /// The slow moving average of success.
    pub fn slow(&self) -> f64 {
        self.slow
    }

    /// `fast - slow`: positive while success rises, negative while it falls.
    pub fn gain(&self) -> f64 {
        self.fast - self.slow
    }

    /// The standard deviation that [`gain`](Self::gain) would have if nothing were learned.
    pub fn null_sd(&self) -> f64 {
        let parts = self.of_fast + self.of_slow - 2.0 * self.of_both;
        (self.variance.max(LEAST) * parts.max(0.0)).sqrt()
    }

    /// The gain in units of its null standard deviation; 0 before the second visit.
    pub fn z(&self) -> f64 {
        let sd = self.null_sd();
        if sd > 0.0 { self.gain() / sd } else { 0.0 }
    }

    /// How far the fast average has fallen from what it was, `>= 0`; 0 for the first ten visits.
    pub fn dip(&self) -> f64 {
        self.peak - self.fast
    }

    /// The dip in units of the noise of the fast average, `>= 0`.
    pub fn dip_z(&self) -> f64 {
        let sd = (self.variance.max(LEAST) * self.of_fast).sqrt();
        if sd > 0.0 { self.dip() / sd } else { 0.0 }
    }

    /// The evidence that success rises, in `[-1, 1]`.
    pub fn evidence(&self) -> f64 {
        self.evidence
    }

    /// How often the arm was visited.
    pub fn visits(&self) -> u64 {
        self.visits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Round;
    use crate::base::rng::{Purpose, Rng};

    /// What an arm is like of which nothing is learned.
    #[derive(Debug, Clone, Copy)]
    enum Null {
        Coin(f64),
        /// Half of the prompts have the one chance, half the other.
        Mixed(f64, f64),
    }

    impl Null {
        fn ticket(self, rollouts: u32, rng: &mut Rng) -> f64 {
            let chance = match self {
                Self::Coin(chance) => chance,
                Self::Mixed(low, high) => [low, high][rng.below(2) as usize],
            };
            (0..rollouts).filter(|_| rng.unit() < chance).count() as f64 / f64::from(rollouts)
        }
    }

    /// The mean of `|z|` and of `z^2`, and mean and standard deviation of the evidence, after 200 visits.
    fn measured(null: Null, tickets: impl Fn(&mut Rng) -> u32, rollouts: u32) -> [f64; 4] {
        let mut rng = Rng::at(9, Round(0), Purpose::User);
        let (mut sums, runs) = ([0.0; 4], 1500);
        for _ in 0..runs {
            let mut arm = Progress::default();
            for _ in 0..200 {
                let n = tickets(&mut rng);
                let sum: f64 = (0..n).map(|_| null.ticket(rollouts, &mut rng)).sum();
                arm.visit(sum / f64::from(n), n);
            }
            let (z, e) = (arm.z(), arm.evidence());
            for (sum, one) in sums.iter_mut().zip([z.abs(), z * z, e, e * e]) {
                *sum += one / f64::from(runs);
            }
        }
        let [absolute, square, mean, of_square] = sums;
        [absolute, square, mean, (of_square - mean * mean).sqrt()]
    }

    /// `|z|` has the mean of a standard normal, within a tenth.
    #[test]
    fn the_null_is_that_of_an_arm_which_does_not_learn() {
        let normal = (2.0 / std::f64::consts::PI).sqrt();
        let nulls = [
            Null::Coin(0.5),
            Null::Coin(0.1),
            Null::Coin(0.85),
            Null::Mixed(0.0, 1.0),
            Null::Mixed(0.0, 0.9),
            Null::Mixed(0.15, 0.85),
        ];
        for null in nulls {
            for tickets in [1, 7, 64] {
                for rollouts in [1, 8, 16] {
                    let [absolute, square, mean, sd] = measured(null, |_| tickets, rollouts);
                    let case =
                        format!("{null:?}, {tickets} of {rollouts}: {absolute} {square} {mean} {sd}");
                    assert!((absolute / normal - 1.0).abs() < 0.1, "{case}");
                    assert!(mean.abs() < 0.05 && (0.15..0.3).contains(&sd), "{case}");
                    println!("{case}");
                }
            }
        }
        // Visits of any size, one after the other.
        let [absolute, ..] = measured(Null::Mixed(0.0, 0.9), |rng| 1 + rng.below(64) as u32, 8);
        assert!((absolute / normal - 1.0).abs() < 0.1, "{absolute}");
    }

    /// How often a dip is above 4 by chance.
    #[test]
    fn an_arm_that_forgets_nothing_seldom_dips() {
        for null in [Null::Coin(0.5), Null::Coin(0.9), Null::Mixed(0.0, 1.0), Null::Mixed(0.15, 0.85)] {
            for (tickets, rollouts) in [(1, 8), (16, 8), (64, 1)] {
                let mut rng = Rng::at(11, Round(0), Purpose::User);
                let (mut above, mut all) = (0.0, 0.0);
                for _ in 0..300 {
                    let mut arm = Progress::default();
                    for _ in 0..200 {
                        let sum: f64 = (0..tickets).map(|_| null.ticket(rollouts, &mut rng)).sum();
                        arm.visit(sum / f64::from(tickets), tickets);
                        above += f64::from(u8::from(arm.dip_z() > 4.0));
                        all += 1.0;
                    }
                }
                let rate: f64 = above / all;
                println!("{null:?}, {tickets} of {rollouts}: {rate}");
                assert!(rate < 0.01, "{null:?}, {tickets} of {rollouts}: {rate}");
            }
        }
    }

    #[test]
    fn what_is_forgotten_dips_and_what_is_learned_again_does_not() {
        let mut arm = Progress::default();
        let wavering = |visit: i32| if visit % 2 == 0 { 0.05 } else { -0.05 };
        (0..60).for_each(|visit| arm.visit(0.8 + wavering(visit), 16));
        assert!(arm.dip() < 0.02 && arm.dip_z() < 2.0, "{} {}", arm.dip(), arm.dip_z());
        (0..10).for_each(|visit| arm.visit(0.3 + wavering(visit), 16));
        // By hand: fast has gone 1 - 0.9^10 = 0.651 of the way, and the peak has not yet followed far.
        assert!(
            (0.25..0.33).contains(&arm.dip()) && arm.dip_z() > 4.0,
            "{} {}",
            arm.dip(),
            arm.dip_z()
        );
        (0..30).for_each(|visit| arm.visit(0.8 + wavering(visit), 16));
        assert!(arm.dip() < 0.02, "{}", arm.dip());
    }

    #[test]
    fn three_visits_by_hand() {
        let mut arm = Progress::default();
        arm.visit(0.5, 4);
        assert_eq!((arm.fast(), arm.slow(), arm.z(), arm.visits()), (0.5, 0.5, 0.0, 1));
        arm.visit(1.0, 2);
        assert!((arm.fast() - 0.55).abs() < 1e-15 && (arm.slow() - 0.51).abs() < 1e-15);
        let variance = 0.1 + 0.2 * (0.25 / 0.75 - 0.1);
        // Directly: fast - slow = sum of (weight in fast - weight in slow) x, of variance s^2 / n each.
        let square = |x: f64| x * x;
        let direct = square(0.9 - 0.98) / 4.0 + square(0.1 - 0.02) / 2.0;
        assert!((arm.null_sd() - (variance * direct).sqrt()).abs() < 1e-15);
        arm.visit(0.0, 1);
        let direct = square(0.81 - 0.9604) / 4.0 + square(0.09 - 0.0196) / 2.0 + square(0.1 - 0.02);
        let variance = variance + (1.0 / 6.0) * (1.0 / 1.5 - variance);
        assert!((arm.null_sd() - (variance * direct).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn impossible_numbers_are_told() {
        let mut good = Progress::default();
        (0..30).for_each(|visit| good.visit(f64::from(visit % 3) / 2.0, 4));
        assert!(good.is_possible() && Progress::default().is_possible());
        for bad in [
            Progress { fast: f64::NAN, ..good },
            Progress { slow: 1.5, ..good },
            Progress { peak: good.fast - 0.1, ..good },
            Progress { peak: f64::NAN, ..good },
            Progress { variance: -1.0, ..good },
            Progress { of_fast: f64::INFINITY, ..good },
            Progress { of_both: -0.5, ..good },
            Progress { last: (f64::NAN, 4), ..good },
            Progress { evidence: 2.0, ..good },
        ] {
            assert!(!bad.is_possible(), "{bad:?}");
        }
    }

    #[test]
    fn evidence_has_a_sign_and_waits() {
        let mut arm = Progress::default();
        (0..5).for_each(|visit| arm.visit(0.1 * f64::from(visit), 16));
        assert_eq!(arm.evidence(), START);
        let wavering = |visit: i32| if visit % 2 == 0 { 0.03 } else { -0.03 };
        (5..100).for_each(|visit| arm.visit(0.01 * f64::from(visit) + wavering(visit), 16));
        assert!(arm.evidence() > 0.8, "{}", arm.evidence());
        (0..400).for_each(|visit| arm.visit(1.0 + wavering(visit), 16));
        assert!(arm.evidence().abs() < 0.1, "{}", arm.evidence());
        (0..100).for_each(|visit| arm.visit(1.0 - 0.01 * f64::from(visit) + wavering(visit), 16));
        assert!(arm.evidence() < -0.8, "{}", arm.evidence());
        // One success after a hundred failures is no evidence of much.
        let mut hard = Progress::default();
        (0..300).for_each(|_| hard.visit(0.0, 16));
        hard.visit(1.0 / 128.0, 16);
        assert!(hard.evidence().abs() < 0.05, "{}", hard.evidence());
    }

    #[test]
    fn any_legal_visit_leaves_numbers() {
        for tickets in [0, 1, u32::MAX] {
            let mut arm = Progress::default();
            (0..50).for_each(|visit| arm.visit(f64::from(visit % 2), tickets));
            let all = [
                arm.fast(),
                arm.slow(),
                arm.gain(),
                arm.null_sd(),
                arm.z(),
                arm.evidence(),
                arm.dip(),
                arm.dip_z(),
            ];
            assert!(all.iter().all(|number| number.is_finite()), "{all:?}");
            assert!(arm.is_possible());
        }
    }
}
