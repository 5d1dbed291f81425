//! What it costs to draw by weights, and what becomes of their sum.

use curricle::sampler::Replace;
use curricle::{Curriculum, Missing, SampleId, SumTree};

use super::rng;
use crate::common::chi_square;

/// prime-rl, Trinity-RFT, SkyRL: each draw works out all weights anew, at a cost that grows with the data, or hands them to a
/// function that takes 2^24 of them at most. What a draw costs is measured in `benches/scale` and `benches/step`; here 20 000
/// draws, each with a change before it, would be 10^11 steps if each went over the million.
#[test]
fn p9_a_million_samples_are_drawn_by_their_weights() {
    const SAMPLES: u64 = 1_000_000;
    let weight = |sample: u64| [1.0, 2.0, 4.0, 13.0][sample as usize % 4];
    let mut curriculum = Curriculum::builder(SAMPLES as usize)
        .weights((0..SAMPLES).map(weight).collect())
        .sampler(Replace)
        .missing(Missing::Lose)
        .seed(3)
        .build()
        .unwrap();
    let mut random = rng(1);
    let (mut counts, mut halves) = ([0u64; 4], [0u64; 2]);
    for _ in 0..20_000 {
        // Two samples of different weight change places, so that the sums stay.
        let (one, other) = (random.below(SAMPLES), random.below(SAMPLES));
        let of = |sample: u64| curriculum.population().weight(SampleId(sample)).unwrap();
        let swapped = [(SampleId(one), of(other)), (SampleId(other), of(one))];
        curriculum.set_weights(&swapped).unwrap();
        let draw = curriculum.draw(1).unwrap().draws[0];
        let weight = curriculum.population().weight(draw.sample).unwrap();
        assert!((draw.propensity * 5e6 / weight - 1.0).abs() < 1e-9, "{draw:?}");
        counts[[1.0, 2.0, 4.0, 13.0].iter().position(|it| *it == weight).unwrap()] += 1;
        halves[usize::from(draw.sample.0 >= SAMPLES / 2)] += 1;
    }
    chi_square(&counts, &[0.05, 0.1, 0.2, 0.65], "by weight");
    chi_square(&halves, &[0.5, 0.5], "by place");
}

#[test]
fn p9_more_than_sixteen_million_weights_are_told_apart() {
    let len = (1 << 24) + 9;
    let tree = SumTree::from_fn(len, |_| 1).unwrap();
    assert_eq!(tree.total(), len as u64);
    for place in [0, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, len - 1] {
        assert_eq!(tree.find(place as u64), place);
    }
    assert_eq!(16_777_216.0f32 + 1.0, 16_777_216.0, "as an f32 would not");
}

/// torchrl, rand: sums of weights in floating point that drift with every change, until a draw runs over the end, or picks
/// what has no weight.
#[test]
fn p11_a_sum_of_weights_never_drifts() {
    let mut curriculum = Curriculum::builder(64)
        .sampler(Replace)
        .missing(Missing::Lose)
        .weights(vec![0.1; 64])
        .build()
        .unwrap();
    let mut random = rng(2);
    let mut weights = [0.1; 64];
    let mut running: f64 = weights.iter().sum();
    for change in 0..40_000 {
        let sample = random.below(64);
        let weight = [0.0, 1e-9, 0.1, 3e7][random.below(4) as usize];
        running += weight - weights[sample as usize];
        weights[sample as usize] = weight;
        curriculum.set_weight(SampleId(sample), weight).unwrap();
        if change % 20 == 0 {
            let weighs = |it: &curricle::Draw| weights[it.sample.index()] > 0.0;
            assert!(curriculum.draw(4).unwrap().draws.iter().all(weighs));
        }
    }
    // All but one of the least weight go.
    for sample in (0..64).filter(|sample| *sample != 41) {
        running -= weights[sample as usize];
        curriculum.set_weight(SampleId(sample), 0.0).unwrap();
    }
    curriculum.set_weight(SampleId(41), 1e-9).unwrap();
    running += 1e-9 - weights[41];
    assert!(
        (running / 1e-9 - 1.0).abs() > 1.0,
        "a running sum is off by more than all there is: {running}"
    );
    let batch = curriculum.draw(100).unwrap();
    assert!(batch.draws.iter().all(|draw| draw.sample == SampleId(41) && draw.propensity == 1.0));
    // And all come back as they were.
    let even: Vec<(SampleId, f64)> = (0..64).map(|sample| (SampleId(sample), 0.1)).collect();
    curriculum.set_weights(&even).unwrap();
    assert_eq!(curriculum.draw(1).unwrap().draws[0].propensity, 1.0 / 64.0);
    let none: Vec<(SampleId, f64)> = (0..64).map(|sample| (SampleId(sample), 0.0)).collect();
    curriculum.set_weights(&none).unwrap();
    assert_eq!(curriculum.draw(1), Err(curricle::Error::NothingToDraw));
}
