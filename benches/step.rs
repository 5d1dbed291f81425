//! Time of one step: a draw of 512 from 10^6 samples, and the observation of 512 outcomes.
//!
//! ```text
//! cargo bench --bench step
//! ```
//!
//! The peer, in the same run, is `rand_distr`'s weighted tree: the same draws and updates on one flat
//! list of weights, without arms, ledger, tickets or learning.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use curricle::policy::{Boltzmann, Bounded, Gaussian, MeanRule, Mixture, Prior, Spread, Unit};
use curricle::sampler::{Distinct, Passes, Replace, Sequential, Systematic};
use curricle::signal::{GroupSpread, Utility};
use curricle::{
    Arrival, Batch, Builder, Curriculum, Feedback, Outcome, Policy, Purpose, Rng, Round, SampleId,
    Sampler, Signal, Weighting,
};
use rand_distr::Distribution;
use rand_distr::weighted::WeightedTreeIndex;

const SAMPLES: usize = 1_000_000;
const BATCH: usize = 512;
const ARMS: u32 = 100;

fn weights() -> Vec<f64> {
    (0..SAMPLES).map(|sample| 0.5 + (sample % 97) as f64 / 97.0).collect()
}

fn sharp() -> Builder<Bounded<Boltzmann>, GroupSpread> {
    Curriculum::builder(SAMPLES)
        .arms(ARMS, |sample| (sample.0 % u64::from(ARMS)) as u32)
        .weights(weights())
        .policy(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform))
}

fn feedback(batch: &Batch) -> Vec<Feedback> {
    let outcome = |ticket: u64| {
        let share = (ticket * 2_654_435_761 % 1001) as f32 / 1000.0;
        Outcome::default().success(share).utility(share).cost(100.0 * share)
    };
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect()
}

/// Times the two verbs of a curriculum apart, in one alternating sequence.
fn verbs<P, S, D>(criterion: &mut Criterion, name: &str, builder: Builder<P, S, D>)
where
    P: Policy,
    S: Signal,
    D: Sampler,
{
    let mut curriculum = builder.build().expect("a valid description");
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(BATCH as u64));
    for draws in [true, false] {
        group.bench_function(if draws { "draw 512" } else { "observe 512" }, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                for _ in 0..iterations {
                    let start = Instant::now();
                    let batch = black_box(curriculum.draw(BATCH).expect("enough samples"));
                    let drawn = start.elapsed();
                    let feedback = feedback(&batch);
                    let start = Instant::now();
                    black_box(curriculum.observe(&feedback).expect("good feedback"));
                    spent += if draws { drawn } else { start.elapsed() };
                }
                spent
            });
        });
    }
}

/// A trainer that starts one group whenever one has finished: 512 in flight, one drawn and one, the oldest or any, reported.
fn arrivals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arrival, 512 in flight");
    for any in [false, true] {
        let mut curriculum = sharp().pace(Arrival::new().in_flight(512)).build().expect("good options");
        let mut open: std::collections::VecDeque<Batch> =
            (0..511).map(|_| curriculum.draw(1).expect("enough samples")).collect();
        let mut rng = Rng::at(1, Round(0), Purpose::User);
        group.bench_function(
            if any { "draw 1, report any" } else { "draw 1, report the oldest" },
            |bencher| {
                bencher.iter(|| {
                    open.push_back(curriculum.draw(1).expect("enough samples"));
                    let place = if any { rng.below(512) as usize } else { 0 };
                    let batch = open.swap_remove_front(place).expect("512 are open");
                    black_box(curriculum.observe(&feedback(&batch)).expect("good feedback"));
                });
            },
        );
    }
}

fn curricula(criterion: &mut Criterion) {
    verbs(criterion, "sharp, distinct", sharp().sampler(Distinct));
    verbs(criterion, "sharp, systematic", sharp().sampler(Systematic));
    verbs(criterion, "sharp, replace", sharp().sampler(Replace));
    verbs(criterion, "sharp, passes", sharp().sampler(Passes));
    verbs(criterion, "sharp, sequential", sharp().sampler(Sequential));
    let apart = sharp().sampler(Systematic).exclude_in_flight(true);
    verbs(criterion, "sharp, systematic, in flight excluded", apart);
    let mixture = sharp().policy(Mixture::new(vec![1.0; ARMS as usize]).unit(Unit::Cost));
    verbs(criterion, "mixture of cost, passes", mixture.sampler(Passes));
    let by_score = sharp().sampler(Distinct).weighting(Weighting::Score { floor: 0.01 });
    verbs(criterion, "sharp, distinct, weights by score", by_score);
    let order: Vec<SampleId> = (0..SAMPLES as u64).map(SampleId).collect();
    let policy = Gaussian::new(MeanRule::paper(BATCH as f64), Spread::Ranks(1000.0));
    let gain_rl = Curriculum::builder(SAMPLES).order(&order).policy(policy).signal(Utility);
    verbs(criterion, "GAIN-RL, distinct", gain_rl);
}

fn peer(criterion: &mut Criterion) {
    let mut tree = WeightedTreeIndex::new(weights()).expect("valid weights");
    let mut rng = Rng::at(1, Round(0), Purpose::User);
    let mut group = criterion.benchmark_group("rand_distr WeightedTreeIndex");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("draw 512", |bencher| {
        bencher.iter(|| (0..BATCH).map(|_| tree.sample(&mut rng)).collect::<Vec<_>>());
    });
    group.bench_function("update 512", |bencher| {
        bencher.iter(|| {
            for _ in 0..BATCH {
                let weight = 0.5 + rng.unit();
                tree.update(rng.below(SAMPLES as u64) as usize, weight).expect("a valid weight");
            }
        });
    });
}

criterion_group!(benches, curricula, peer, arrivals);
criterion_main!(benches);
