//! The sum tree beside the weighted types of `rand_distr`: draws and updates of 512, and building.
//!
//! ```text
//! cargo bench --bench tree
//! ```
//!
//! The alias table and the cumulative index draw from fixed weights; an update makes them anew, so
//! theirs is the time of that.

#[path = "weights/mod.rs"]
mod weights;

use criterion::{
    BatchSize, Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use curricle::{Purpose, Rng, Round};
use rand_distr::Distribution;
use rand_distr::weighted::{WeightedAliasIndex, WeightedIndex, WeightedTreeIndex};
use weights::{sum_tree, units, weight};

const BATCH: usize = 512;
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

fn list(size: usize) -> Vec<f64> {
    (0..size).map(weight).collect()
}

fn rng() -> Rng {
    Rng::at(1, Round(0), Purpose::User)
}

/// Draws that are made one by one.
fn single(bencher: &mut Bencher<'_>, distribution: &impl Distribution<usize>) {
    let mut rng = rng();
    let mut drawn = vec![0; BATCH];
    bencher.iter(|| drawn.iter_mut().for_each(|drawn| *drawn = distribution.sample(&mut rng)));
}

fn draws(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draw 512");
    group.throughput(Throughput::Elements(BATCH as u64));
    for size in SIZES {
        let at = |name| BenchmarkId::new(name, size);
        let tree = sum_tree(size);
        let mut rng = rng();
        let mut drawn = vec![0; BATCH];
        group.bench_function(at("SumTree"), |bencher| {
            bencher.iter(|| {
                drawn.iter_mut().for_each(|drawn| *drawn = rng.below(tree.total()));
                tree.find_each(&mut drawn);
            });
        });
        let peer = WeightedTreeIndex::new(list(size)).expect("good weights");
        group.bench_function(at("WeightedTreeIndex"), |bencher| single(bencher, &peer));
        let peer = WeightedIndex::new(list(size)).expect("good weights");
        group.bench_function(at("WeightedIndex"), |bencher| single(bencher, &peer));
        let peer = WeightedAliasIndex::new(list(size)).expect("good weights");
        group.bench_function(at("WeightedAliasIndex"), |bencher| single(bencher, &peer));
    }
}

fn updates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update 512");
    group.throughput(Throughput::Elements(BATCH as u64));
    for size in SIZES {
        let at = |name| BenchmarkId::new(name, size);
        let mut tree = sum_tree(size);
        let mut rng = rng();
        let mut changes = vec![(0, 0); BATCH];
        group.bench_function(at("SumTree"), |bencher| {
            bencher.iter(|| {
                for change in &mut changes {
                    *change = (rng.below(size as u64) as usize, units(0.5 + rng.unit()));
                }
                tree.set_each(&mut changes).expect("small weights");
            });
        });
        let mut peer = WeightedTreeIndex::new(list(size)).expect("good weights");
        group.bench_function(at("WeightedTreeIndex"), |bencher| {
            bencher.iter(|| {
                for _ in 0..BATCH {
                    let weight = 0.5 + rng.unit();
                    peer.update(rng.below(size as u64) as usize, weight).expect("a good weight");
                }
            });
        });
    }
}

fn builds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10);
    let size = SIZES[2];
    group.throughput(Throughput::Elements(size as u64));
    group.bench_function("SumTree", |bencher| {
        bencher.iter(|| sum_tree(size));
    });
    let made = list(size);
    let mut from = |name, build: &dyn Fn(Vec<f64>)| {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| made.clone(), build, BatchSize::PerIteration);
        });
    };
    from("WeightedTreeIndex", &|weights| drop(WeightedTreeIndex::new(weights).expect("good weights")));
    from("WeightedIndex", &|weights| drop(WeightedIndex::new(weights).expect("good weights")));
    from("WeightedAliasIndex", &|weights| {
        drop(WeightedAliasIndex::new(weights).expect("good weights"))
    });
}

criterion_group!(benches, draws, updates, builds);
criterion_main!(benches);
