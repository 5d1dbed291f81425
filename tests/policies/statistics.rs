//! Every sampler against the closed form of its distribution, by chi-square.

#![expect(clippy::disallowed_methods, reason = "the reference may use the host's functions")]

use crate::common::chi_square;
use curricle::policy::Allotment;
use curricle::policy::{Gaussian, MeanRule, Spread};
use curricle::sampler::{Distinct, Pick, Replace, Sampler, Scratch, Systematic, Top};
use curricle::{ArmId, Arms, Curriculum, Missing, Population, Purpose, Rng, Round, SampleId};

const TRIALS: u64 = 60_000;

fn population(labels: &[u32], weights: &[f64]) -> Population {
    let arms = labels.iter().max().map_or(1, |last| last + 1);
    Population::new(Arms::from_labels(arms, labels).unwrap(), Some(weights)).unwrap()
}

fn draw(
    sampler: &impl Sampler,
    population: &Population,
    allotment: &Allotment,
    n: usize,
    t: u64,
) -> Vec<Pick> {
    let mut rng = Rng::at(20_261_123, Round(t), Purpose::Sampler);
    let mut picks = Vec::new();
    sampler.draw(population, allotment, n, &mut rng, &mut Scratch::default(), &mut picks).unwrap();
    assert_eq!(picks.len(), n);
    picks
}

/// The probability of each sample to be drawn first.
fn first(population: &Population, p: &[f64]) -> Vec<f64> {
    let samples = 0..population.arms().samples() as u64;
    samples
        .map(|sample| {
            let arm = population.arms().arm_of(SampleId(sample)).unwrap();
            let members = population.arms().members(arm);
            let whole: f64 = members.map(|member| population.weight(member).unwrap()).sum();
            p[arm.index()] * population.weight(SampleId(sample)).unwrap() / whole
        })
        .collect()
}

/// Counts ordered draws and compares them with successive sampling from `q`; checks propensities.
fn ordered(what: &str, q: &[f64], n: usize, draws: impl Fn(u64) -> Vec<Pick>) {
    let samples = q.len();
    let cells = samples.pow(n as u32);
    let mut counts = vec![0; cells];
    for trial in 0..TRIALS {
        let mut cell = 0;
        let mut left = 1.0;
        for pick in draws(trial) {
            let sample = pick.sample.index();
            cell = cell * samples + sample;
            let expected = q[sample] / left;
            let error = (pick.propensity / expected - 1.0).abs();
            assert!(error < 1e-6, "{what}: propensity {} instead of {expected}", pick.propensity);
            left -= q[sample];
        }
        counts[cell] += 1;
    }
    let probabilities: Vec<f64> = (0..cells)
        .map(|mut cell| {
            let mut order = Vec::new();
            for _ in 0..n {
                order.insert(0, cell % samples);
                cell /= samples;
            }
            let mut probability = 1.0;
            let mut left = 1.0;
            for (place, &sample) in order.iter().enumerate() {
                if order[..place].contains(&sample) {
                    return 0.0;
                }
                probability *= q[sample] / left;
                left -= q[sample];
            }
            probability
        })
        .collect();
    chi_square(&counts, &probabilities, what);
}

#[test]
fn replace_draws_independently() {
    let population = population(&[0, 0, 1, 1, 1, 2], &[1.0, 3.0, 0.5, 0.0, 2.0, 7.0]);
    let p = vec![0.2, 0.7, 0.1];
    let q = first(&population, &p);
    let allotment = Allotment::Arms(p);
    let mut counts = vec![0; 36];
    for trial in 0..TRIALS {
        let picks = draw(&Replace, &population, &allotment, 2, trial);
        counts[picks[0].sample.index() * 6 + picks[1].sample.index()] += 1;
        assert!((picks[0].propensity - q[picks[0].sample.index()]).abs() < 1e-12);
    }
    let pairs: Vec<f64> = (0..36).map(|cell| q[cell / 6] * q[cell % 6]).collect();
    chi_square(&counts, &pairs, "replace");
}

#[test]
fn distinct_is_successive_sampling() {
    let even = population(&[0, 0, 1, 1, 1, 2], &[1.0, 3.0, 0.5, 0.0, 2.0, 7.0]);
    let p = vec![0.2, 0.7, 0.1];
    let q = first(&even, &p);
    let allotment = Allotment::Arms(p);
    ordered("2 of 6", &q, 2, |trial| draw(&Distinct, &even, &allotment, 2, trial));
    ordered("4 of 6", &q, 4, |trial| draw(&Distinct, &even, &allotment, 4, trial));
}

#[test]
fn distinct_stays_exact_when_one_sample_outweighs_all() {
    let steep = population(&[0, 0, 0, 1, 1], &[1e6, 2.0, 1.0, 1e-3, 3e-3]);
    let p = vec![0.999, 0.001];
    let q = first(&steep, &p);
    let allotment = Allotment::Arms(p);
    ordered("3 of 5, steep", &q, 3, |trial| draw(&Distinct, &steep, &allotment, 3, trial));
}

#[test]
fn systematic_gives_every_arm_its_share() {
    let labels: Vec<u32> = (0..40).map(|sample| [0, 0, 0, 1, 1, 1, 2, 2, 2, 2][sample % 10]).collect();
    let population = population(&labels, &[1.0; 40]);
    let p = [0.13, 0.52, 0.35];
    let allotment = Allotment::Arms(p.to_vec());
    const N: usize = 7;
    let mut above = [0; 3];
    let mut slots = vec![0; 40];
    for trial in 0..TRIALS {
        let picks = draw(&Systematic, &population, &allotment, N, trial);
        for (arm, above) in above.iter_mut().enumerate() {
            let count = picks.iter().filter(|pick| pick.arm.index() == arm).count();
            let least = (N as f64 * p[arm]) as usize;
            assert!(count == least || count == least + 1, "arm {arm} got {count} of {N}");
            *above += (count - least) as u64;
        }
        slots[picks[(trial % 7) as usize].sample.index()] += 1;
        let mut samples: Vec<_> = picks.iter().map(|pick| pick.sample).collect();
        samples.sort_unstable();
        samples.dedup();
        assert_eq!(samples.len(), N, "a sample was drawn twice");
    }
    for (arm, above) in above.into_iter().enumerate() {
        let part = (N as f64 * p[arm]).fract();
        chi_square(&[above, TRIALS - above], &[part, 1.0 - part], "systematic, arm counts");
    }
    chi_square(&slots, &first(&population, &p), "systematic, one slot");
}

/// The mean number of slots of each arm, which must be n times the share that its picks report.
fn slots_are_as_reported(sizes: &[usize], p: &[f64], n: usize, expected: &[f64]) {
    // Beyond this by chance once in 10^7 tests; every test has at most four arms.
    const Z: f64 = 5.3;
    let labels: Vec<u32> = (0..).zip(sizes).flat_map(|(arm, &size)| vec![arm; size]).collect();
    let population = population(&labels, &vec![1.0; labels.len()]);
    let allotment = Allotment::Arms(p.to_vec());
    let mut counts = vec![0u64; p.len()];
    for trial in 0..TRIALS {
        for pick in draw(&Systematic, &population, &allotment, n, trial) {
            let arm = pick.arm.index();
            counts[arm] += 1;
            assert!((pick.share - expected[arm]).abs() < 1e-12, "arm {arm}: {}", pick.share);
        }
    }
    for (arm, &count) in counts.iter().enumerate() {
        // The count of a batch is one of two neighbours, so its standard deviation is at most a half.
        let error = count as f64 / TRIALS as f64 - n as f64 * expected[arm];
        assert!(error.abs() <= Z * 0.5 / (TRIALS as f64).sqrt(), "arm {arm}: {error}");
    }
}

#[test]
fn systematic_gives_a_full_arm_what_it_has_and_says_so() {
    // Arm 0 is asked for 4 of 5 slots and has one member; the others share the rest as 1 to 3.
    slots_are_as_reported(&[1, 3, 4], &[0.8, 0.05, 0.15], 5, &[0.2, 0.2, 0.6]);
    // Half of the probability on the one member of arm 0, which is drawn every time.
    slots_are_as_reported(&[1, 100], &[0.5, 0.5], 2, &[0.5, 0.5]);
    slots_are_as_reported(&[1, 100], &[0.5, 0.5], 10, &[0.1, 0.9]);
    // What arm 0 cannot take fills arm 1, too.
    slots_are_as_reported(
        &[1, 2, 50, 50],
        &[0.5, 0.3, 0.15, 0.05],
        8,
        &[0.125, 0.25, 0.46875, 0.15625],
    );
    // All of them give all they have.
    slots_are_as_reported(&[1, 2, 3], &[0.9, 0.05, 0.05], 6, &[1.0 / 6.0, 2.0 / 6.0, 0.5]);
}

#[test]
fn top_takes_the_heaviest_of_each_arm() {
    let population = population(&[0, 0, 0, 1, 1, 1], &[0.5, 2.0, 1.0, 3.0, 3.0, 0.0]);
    let top = |p: [f64; 2], n| {
        let picks = draw(&Top, &population, &Allotment::Arms(p.to_vec()), n, 0);
        picks.iter().map(|pick| pick.sample.0).collect::<Vec<_>>()
    };
    assert_eq!(top([0.5, 0.5], 2), [1, 3]);
    assert_eq!(top([0.9, 0.1], 3), [1, 2, 0]);
    assert_eq!(top([0.1, 0.9], 4), [1, 2, 3, 4], "arm 1 can give two");
}

/// The exact distribution over ranks.
fn gaussian(n: usize, mean: f64, sd: f64) -> Vec<f64> {
    let nearest = mean.clamp(0.0, n as f64 - 1.0).round();
    let squares = |x: f64| (x - mean) * (x - mean) / (2.0 * sd * sd);
    let weights: Vec<f64> =
        (0..n).map(|rank| (squares(nearest) - squares(rank as f64)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[test]
fn replace_follows_the_gaussian_over_ranks() {
    for (n, mean, sd) in
        [(50, 10.0, 6.0), (50, 0.0, 9.5), (50, 49.0, 0.4), (400, 200.3, 35.0), (9, 20.0, 2.0)]
    {
        let population = population(&vec![0; n], &vec![1.0; n]);
        let q = gaussian(n, mean, sd);
        let mut counts = vec![0; n];
        for trial in 0..TRIALS / 10 {
            for pick in draw(&Replace, &population, &Allotment::Ranks { mean, sd }, 10, trial) {
                counts[pick.sample.index()] += 1;
                assert!((pick.propensity / q[pick.sample.index()] - 1.0).abs() < 1e-6);
            }
        }
        chi_square(&counts, &q, &format!("replace over ranks, N {n}, mean {mean}, sd {sd}"));
    }
}

#[test]
fn vacant_ranks_are_passed_over() {
    let weights: Vec<f64> = (0..60).map(|rank| if rank % 3 == 0 { 0.0 } else { 1.0 }).collect();
    let population = population(&[0; 60], &weights);
    let whole = gaussian(60, 20.0, 8.0);
    let left: f64 = whole.iter().zip(&weights).map(|(q, weight)| q * weight).sum();
    let q: Vec<f64> = whole.iter().zip(&weights).map(|(q, weight)| q * weight / left).collect();
    let mut counts = vec![0; 60];
    for trial in 0..TRIALS {
        let allotment = Allotment::Ranks { mean: 20.0, sd: 8.0 };
        counts[draw(&Replace, &population, &allotment, 1, trial)[0].sample.index()] += 1;
    }
    chi_square(&counts, &q, "vacant ranks");
}

#[test]
fn distinct_over_ranks_is_successive_sampling() {
    for (n, mean, sd, k) in [(6, 2.2, 1.5, 2), (6, 0.0, 1.0, 4), (5, 4.0, 0.7, 3)] {
        let population = population(&vec![0; n], &vec![1.0; n]);
        let what = format!("distinct over ranks, {k} of {n}");
        ordered(&what, &gaussian(n, mean, sd), k, |trial| {
            draw(&Distinct, &population, &Allotment::Ranks { mean, sd }, k, trial)
        });
    }
}

/// A Gaussian that stays where it is.
fn still(mean: f64, sd: f64) -> Gaussian {
    let rule = MeanRule::Paper { n: 0.0, alpha: 0.0, beta: 0.0, gamma: 0.0 };
    Gaussian::new(rule, Spread::Ranks(sd)).start(mean)
}

type OverRanks<D> = Curriculum<Gaussian, curricle::signal::GroupSpread, D>;

/// A curriculum over ranks, and the obviously right twin of its ranks: the samples in order, and
/// whether each can be drawn.
struct Ranked<D: Sampler> {
    curriculum: OverRanks<D>,
    twin: Vec<(SampleId, bool)>,
    mean: f64,
    sd: f64,
    build: Box<dyn Fn() -> OverRanks<D>>,
}

impl<D: Sampler + 'static> Ranked<D> {
    fn new(samples: u64, arms: u32, mean: f64, sd: f64, sampler: D) -> Self {
        let build = move || {
            let builder = Curriculum::builder(samples as usize);
            // Neither order is that of the numbers.
            let builder = match arms {
                1 => {
                    builder.order(&(0..samples).map(|n| SampleId(n * 7 % samples)).collect::<Vec<_>>())
                }
                _ => builder.arms(arms, |sample| (sample.0 * 5 % u64::from(arms)) as u32),
            };
            let builder = builder.policy(still(mean, sd)).sampler(sampler.clone());
            builder.missing(Missing::Lose).seed(5).build().unwrap()
        };
        let curriculum = build();
        let all = curriculum.population().arms();
        let twin =
            (0..arms).flat_map(|arm| all.members(ArmId(arm))).map(|sample| (sample, true)).collect();
        Self { curriculum, twin, mean, sd, build: Box::new(build) }
    }

    /// Some of everything that moves samples: a part `vacant` of the ranks cannot be drawn afterwards.
    fn churn(&mut self, changes: u64, vacant: impl Fn(usize) -> bool) {
        let arms = self.curriculum.population().arms().count() as u64;
        let mut rng = Rng::at(9, Round(0), Purpose::User);
        for _ in 0..changes {
            let rank = rng.below(self.twin.len() as u64) as usize;
            let (sample, arm) = (self.twin[rank].0, ArmId(rng.below(arms) as u32));
            let _ = self.curriculum.retag(sample, arm);
            self.twin.push((self.curriculum.insert(arm, 1.0).unwrap(), true));
        }
        for rank in (0..self.twin.len()).filter(|&rank| vacant(rank)) {
            let (sample, can_be_drawn) = &mut self.twin[rank];
            *can_be_drawn = false;
            match rank % 3 {
                0 => self.curriculum.set_weight(*sample, 0.0).unwrap(),
                _ => self.curriculum.remove(*sample).unwrap(),
            }
        }
        // The ranks are in the snapshot.
        let bytes = self.curriculum.to_bytes().unwrap();
        self.curriculum = (self.build)();
        self.curriculum.restore_bytes(&bytes).unwrap();
    }

    /// The probability of each sample to be drawn first.
    fn probabilities(&self) -> std::collections::BTreeMap<SampleId, f64> {
        let square = |rank: usize| (rank as f64 - self.mean).powi(2) / (2.0 * self.sd * self.sd);
        let open = || self.twin.iter().enumerate().filter(|(_, (_, can_be_drawn))| *can_be_drawn);
        let nearest = open().map(|(rank, _)| square(rank)).fold(f64::INFINITY, f64::min);
        let weights = open().map(|(rank, (sample, _))| (*sample, (nearest - square(rank)).exp()));
        let sum: f64 = weights.clone().map(|(_, weight)| weight).sum();
        weights.map(|(sample, weight)| (sample, weight / sum)).collect()
    }

    /// Checks each propensity, and by 100 000 draws that samples do have the probability that is said:
    /// the estimate of a total from draws over their propensities, beside what was drawn before in the
    /// batch, is exact on average.
    fn check(&mut self, what: &str, batch: usize, repeats: bool) {
        let q = self.probabilities();
        let value = |sample: SampleId| 1.0 + (sample.0 % 13) as f64;
        let truth: f64 = q.keys().map(|&sample| value(sample)).sum();
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        while count < 100_000.0 {
            let (mut gone, mut left) = (0.0, 1.0);
            for draw in self.curriculum.draw(batch).unwrap().draws {
                let expected = q[&draw.sample] / left;
                let error = draw.propensity / expected - 1.0;
                assert!(error.abs() < 1e-7, "{what}: {} instead of {expected}", draw.propensity);
                let estimate = gone + value(draw.sample) / draw.propensity;
                count += 1.0;
                sum += estimate - truth;
                squares += (estimate - truth) * (estimate - truth);
                if !repeats {
                    gone += value(draw.sample);
                    left -= q[&draw.sample];
                }
            }
        }
        // Two-sided, at a level of 6.3e-5: the seeds are fixed, so what passes once always passes.
        const QUANTILE: f64 = 4.0;
        let z = sum / squares.sqrt();
        assert!(z.abs() < QUANTILE, "{what}: z = {z}");
    }
}

#[test]
fn propensities_over_ranks_are_exact_under_churn() {
    fn with<D: Sampler + 'static>(sampler: D, name: &str, repeats: bool) {
        for arms in [1, 4] {
            for (part, vacant) in [
                ("nothing", (|_| false) as fn(usize) -> bool),
                ("a third", |rank| rank % 3 == 1),
                ("almost everything", |rank| rank % 40 != 7),
                ("all near the mean", |rank| (150..450).contains(&rank)),
                ("all but a side", |rank| rank < 500),
            ] {
                for sd in [90.0, 400.0] {
                    let mut ranked = Ranked::new(600, arms, 300.0, sd, sampler.clone());
                    ranked.churn(40, vacant);
                    let what = format!("{name}, {arms} arms, {part} vacant, sd {sd}");
                    ranked.check(&what, 4, repeats);
                }
            }
        }
    }
    with(Replace, "replace", true);
    with(Distinct, "distinct", false);
}

/// Pairs of ranks on both sides of the mean, so far from it in the units of `sd` that their weights
/// have no number beside those of the first: each first of a pair has the probability 1/2.
#[test]
fn distinct_draws_of_the_last_few_have_their_propensity() {
    let mut ranked = Ranked::new(60, 1, 31.0, 0.5, Distinct);
    ranked.churn(3, |rank| (15..48).contains(&rank));
    let mut rest: Vec<usize> = (0..15).chain(48..63).collect();
    let mut even = 0;
    for draw in &ranked.curriculum.draw(30).unwrap().draws {
        let rank = ranked.twin.iter().position(|(sample, _)| *sample == draw.sample).unwrap();
        let square = |rank: usize| (rank as f64 - 31.0).powi(2) / (2.0 * 0.5 * 0.5);
        let sum: f64 = rest.iter().map(|&other| (square(rank) - square(other)).exp()).sum();
        assert!((draw.propensity * sum - 1.0).abs() < 1e-9, "rank {rank}: {}", draw.propensity);
        even += usize::from(draw.propensity < 0.6);
        rest.retain(|&other| other != rank);
    }
    assert_eq!((rest.len(), even), (0, 15));
}

/// The samples near the mean are the same whatever happens to their slots.
#[test]
fn ranks_stay_with_their_samples() {
    // Most of an arm is removed, which packs the slots.
    let order: Vec<SampleId> = (0..3000).rev().map(SampleId).collect();
    let builder = Curriculum::builder(3000).order(&order).missing(Missing::Lose);
    let mut curriculum = builder.policy(still(2300.0, 30.0)).build().unwrap();
    let near = |curriculum: &mut OverRanks<Distinct>, around: u64| {
        let batch = curriculum.draw(32).unwrap();
        assert!(batch.samples().all(|sample| sample.0.abs_diff(around) < 200), "{batch:?}");
    };
    near(&mut curriculum, 699);
    (900..3000).for_each(|sample| curriculum.remove(SampleId(sample)).unwrap());
    near(&mut curriculum, 699);
    let slots = curriculum.population().arms().slot_count();
    curriculum.insert(ArmId(0), 1.0).unwrap();
    assert!(curriculum.population().arms().slot_count() < slots.max(2000), "nothing was packed");
    near(&mut curriculum, 699);
    assert_eq!(curriculum.population().arms().sample_at_rank(2300), Some(SampleId(699)));

    // An insertion moves the first of two arms behind the second.
    let builder = Curriculum::builder(100).arms(2, |sample| (sample.0 / 50) as u32);
    let builder = builder.missing(Missing::Lose).policy(still(10.0, 3.0));
    let mut curriculum = builder.build().unwrap();
    curriculum.insert(ArmId(0), 1.0).unwrap();
    assert_ne!(curriculum.population().arms().slot_of(SampleId(0)), Ok(0), "nothing was moved");
    let batch = curriculum.draw(8).unwrap();
    assert!(batch.draws.iter().all(|draw| draw.sample.0 < 40 && draw.propensity < 0.9), "{batch:?}");
    curriculum.retag(SampleId(10), ArmId(1)).unwrap();
    assert_eq!(curriculum.population().arms().sample_at_rank(10), Some(SampleId(10)));
}

#[test]
fn top_takes_the_ranks_nearest_to_the_mean_that_are_left() {
    let mut ranked = Ranked::new(600, 4, 300.0, 50.0, Top);
    ranked.churn(40, |rank| rank % 3 != 0 || (200..420).contains(&rank));
    let mut nearest: Vec<usize> = (0..ranked.twin.len()).filter(|&rank| ranked.twin[rank].1).collect();
    nearest.sort_by_key(|rank| rank.abs_diff(300));
    let expected: Vec<SampleId> = nearest.iter().map(|&rank| ranked.twin[rank].0).take(9).collect();
    assert_eq!(ranked.curriculum.draw(9).unwrap().samples().collect::<Vec<_>>(), expected);
}
