//! What curricle does in each comparison.

use std::collections::VecDeque;

use curricle::policy::{Allotment, ArmTree, Boltzmann, Logits};
use curricle::sampler::{Distinct, Replace, Sampler, Scratch};
use curricle::{
    Arms, Curriculum, Feedback, Gate, Outcome, Population, Purpose, Rng, Round, SampleId, Weighting,
};
use curricle_kernels::{blocks, prefetch};
use rand_distr::Distribution;
use rand_distr::weighted::WeightedTreeIndex;

use crate::weights::{sum_tree, units, weight};

type Work = Box<dyn FnMut()>;

fn rng() -> Rng {
    Rng::at(1, Round(0), Purpose::User)
}

/// New weights for a batch, then a batch of draws.
pub fn step(samples: usize, batch: usize) -> Work {
    let (mut tree, mut rng) = (sum_tree(samples), rng());
    let (mut changes, mut drawn) = (vec![(0, 0); batch], vec![0; batch]);
    Box::new(move || {
        for change in &mut changes {
            *change = (rng.below(samples as u64) as usize, units(0.5 + rng.unit()));
        }
        tree.set_each(&mut changes).expect("small weights");
        drawn.iter_mut().for_each(|drawn| *drawn = rng.below(tree.total()));
        tree.find_each(std::hint::black_box(&mut drawn));
    })
}

/// Draws only.
pub fn draw(samples: usize, batch: usize) -> Work {
    let (tree, mut rng, mut drawn) = (sum_tree(samples), rng(), vec![0; batch]);
    Box::new(move || {
        drawn.iter_mut().for_each(|drawn| *drawn = rng.below(tree.total()));
        tree.find_each(std::hint::black_box(&mut drawn));
    })
}

/// One read of a random cache line for each of a batch, all at once: what no draw can do without.
pub fn random_lines(samples: usize, batch: usize) -> Work {
    let (tree, mut rng, mut places) = (sum_tree(samples), rng(), vec![0; batch]);
    Box::new(move || {
        places.iter_mut().for_each(|place| *place = rng.below(samples as u64));
        let mut sum = 0;
        for (now, next) in blocks(&places) {
            next.iter().for_each(|&place| prefetch(tree.weights(), place as usize));
            sum += now.iter().map(|&place| tree.get(place as usize) >> 40).sum::<u64>();
        }
        std::hint::black_box(sum);
    })
}

/// The same of `rand_distr`.
pub fn rand_draw(samples: usize, batch: usize) -> Work {
    let peer = WeightedTreeIndex::new((0..samples).map(weight)).expect("good weights");
    let (mut rng, mut drawn) = (rng(), vec![0; batch]);
    Box::new(move || {
        drawn.iter_mut().for_each(|drawn| *drawn = peer.sample(&mut rng));
        std::hint::black_box(&drawn);
    })
}

/// A sampler over one arm.
fn sampler(samples: usize, batch: usize, allotment: Allotment) -> Work {
    let weights: Vec<f64> = (0..samples).map(weight).collect();
    let arms = Arms::even(1, samples).expect("few samples");
    let population = Population::new(arms, Some(&weights)).expect("small weights");
    let (mut rng, mut scratch, mut picks) = (rng(), Scratch::default(), Vec::new());
    Box::new(move || {
        picks.clear();
        Distinct
            .draw(&population, &allotment, batch, &mut rng, &mut scratch, &mut picks)
            .expect("enough samples");
        std::hint::black_box(&picks);
    })
}

pub fn distinct(samples: usize, batch: usize) -> Work {
    sampler(samples, batch, Allotment::Arms(vec![1.0]))
}

pub fn gaussian_at_start(samples: usize, batch: usize) -> Work {
    sampler(samples, batch, Allotment::Ranks { mean: 0.0, sd: 1000.0 })
}

pub fn gaussian_in_middle(samples: usize, batch: usize) -> Work {
    let (mean, sd) = (samples as f64 / 2.0, samples as f64 / 20.0);
    sampler(samples, batch, Allotment::Ranks { mean, sd })
}

/// A whole round of a curriculum.
fn round<P, D>(mut curriculum: Curriculum<P, curricle::signal::GroupSpread, D>, batch: usize) -> Work
where
    P: curricle::Policy + 'static,
    D: Sampler + 'static,
{
    let mut drawn = curriculum.draw(batch).expect("enough samples");
    let (mut feedback, mut verdicts) = (Vec::new(), Vec::new());
    Box::new(move || {
        feedback.clear();
        feedback.extend(drawn.draws.iter().map(|draw| {
            let share = (draw.ticket.0 * 2_654_435_761 % 1001) as f32 / 1000.0;
            Feedback::new(draw.ticket, Outcome::default().success(share).rollouts(8))
        }));
        curriculum.observe_into(&feedback, &mut verdicts).expect("good feedback");
        curriculum.draw_into(batch, &mut drawn).expect("enough samples");
    })
}

/// What the peer does, and no more: arms drawn by odds, means of their rewards, a temporal difference.
pub fn bandit(arms: usize, batch: usize) -> Work {
    let partition = Arms::even(arms as u32, arms).expect("few arms");
    let population = Population::new(partition, None).expect("small weights");
    let mut rng = rng();
    let mut values: Vec<f64> = (0..arms).map(|_| rng.unit()).collect();
    fn logits(values: &[f64]) -> Logits<'_> {
        Logits { values, temperature: 0.1, floor: 0.0 }
    }
    let mut odds = ArmTree::new(&logits(&values), &population).expect("good values");
    Box::new(move || {
        let mut drawn = odds.draw(batch, &mut rng);
        drawn.sort_unstable();
        for arm in drawn.chunk_by(|a, b| a == b) {
            let mean = arm.iter().map(|_| rng.unit()).sum::<f64>() / arm.len() as f64;
            let value = &mut values[arm[0].index()];
            *value += 0.5 * (mean - *value);
        }
        drawn.dedup();
        odds.update(&logits(&values), &population, &drawn).expect("good values");
    })
}

/// Sharp Boltzmann over as many arms as samples, with all the bookkeeping of a curriculum.
pub fn bandit_curriculum(arms: usize, batch: usize) -> Work {
    let builder = Curriculum::builder(arms).arms(arms as u32, |SampleId(sample)| sample as u32);
    let builder = builder.policy(Boltzmann::new()).sampler(Replace);
    round(builder.build().expect("a valid description"), batch)
}

/// Distinct draws by score, a gate on the band, the moving averages of what was drawn.
pub fn step_of_a_curriculum(samples: usize, batch: usize) -> Work {
    let builder = Curriculum::builder(samples)
        .gate(Gate::band(0.2, 0.8))
        .weighting(Weighting::Score { floor: 1e-6 })
        .sampler(Distinct);
    round(builder.build().expect("a valid description"), batch)
}

/// What the peer does: among the samples whose moving average of success lies in a band and that have rested for 5
/// rounds, distinct draws in proportion to `p (1 - p)`. Here with tickets, a gate and a ledger as well.
pub fn selection(samples: usize, batch: usize) -> Work {
    const REST: usize = 5;
    let mut rng = rng();
    let weight = |p: f32| if (0.2..=0.8).contains(&p) { f64::from(p * (1.0 - p)) } else { 0.0 };
    let weights = (0..samples).map(|_| weight(rng.unit() as f32)).collect();
    let builder = Curriculum::builder(samples).weights(weights).gate(Gate::band(0.2, 0.8));
    let mut curriculum = builder.build().expect("a valid description");
    let mut batches = VecDeque::from([curriculum.draw(batch).expect("enough samples")]);
    let (mut feedback, mut verdicts, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    Box::new(move || {
        let last = &batches[batches.len() - 1];
        feedback.clear();
        feedback.extend(last.draws.iter().map(|draw| {
            Feedback::new(draw.ticket, Outcome::default().success(rng.unit() as f32).rollouts(8))
        }));
        curriculum.observe_into(&feedback, &mut verdicts).expect("good feedback");
        changes.clear();
        changes.extend(last.samples().map(|sample| (sample, 0.0)));
        let mut drawn = last.clone();
        if batches.len() > REST {
            drawn = batches.pop_front().expect("a batch");
            changes.extend(drawn.samples().map(|sample| {
                (sample, weight(curriculum.record(sample).expect("a known sample").success()))
            }));
        }
        curriculum.set_weights(&changes).expect("good weights");
        curriculum.draw_into(batch, &mut drawn).expect("enough samples");
        batches.push_back(drawn);
    })
}
