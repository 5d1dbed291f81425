//! What it costs when a sample comes, goes, changes its arm or its weight, by the number of samples and
//! of arms.
//!
//! ```text
//! cargo bench --no-default-features --bench changes
//! ```
//!
//! Each row is one change after many others of its kind, of random samples and arms, so that work that
//! is put off and then done for all at once is in it; what the building puts off, once for each arm, is
//! done before. Samples that come and go keep their number: each insertion is followed by the removal
//! of the oldest.

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use curricle::{ArmId, Curriculum, Purpose, Rng, Round, SampleId};
use std::time::Duration;

/// Samples and arms.
const SIZES: [(usize, u32); 8] = [
    (10_000, 10),
    (100_000, 10),
    (1_000_000, 10),
    (10_000_000, 10),
    (1_000_000, 1000),
    (1_000_000, 100_000),
    (1_000_000, 1_000_000),
    (10_000_000, 1_000_000),
];

fn curriculum(samples: usize, arms: u32) -> Curriculum {
    let built = Curriculum::builder(samples).arms(arms, |sample| (sample.0 % u64::from(arms)) as u32);
    built.build().expect("good labels")
}

/// A row for each size: `change` is called with a random sample and a random arm.
fn rows(
    criterion: &mut Criterion,
    name: &str,
    mut change: impl FnMut(&mut Curriculum, SampleId, ArmId) -> curricle::Result<()>,
) {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    for (samples, arms) in SIZES {
        let mut curriculum = curriculum(samples, arms);
        let mut rng = Rng::at(1, Round(0), Purpose::User);
        let mut any = || {
            let sample = SampleId(rng.below(samples as u64));
            let arm = ArmId(rng.below(arms.into()) as u32);
            change(&mut curriculum, sample, arm).expect("a good change");
        };
        // An arm is built without room for more.
        (0..2 * arms + 100).for_each(|_| any());
        group.bench_function(
            BenchmarkId::new(format!("N = {samples}"), format!("K = {arms}")),
            |bencher| {
                bencher.iter(&mut any);
            },
        );
    }
}

fn changes(criterion: &mut Criterion) {
    let mut weight = 1.0;
    rows(criterion, "set_weight", |curriculum, sample, _| {
        weight = 3.0 - weight;
        curriculum.set_weight(sample, weight)
    });
    rows(criterion, "retag", Curriculum::retag);
    rows(criterion, "insert and remove", |curriculum, _, arm| {
        let population = curriculum.population();
        let oldest = population.arms().samples() - population.drawable_total();
        curriculum.insert(arm, 1.0)?;
        curriculum.remove(SampleId(oldest as u64))
    });
}

criterion_group!(benches, changes);
criterion_main!(benches);
