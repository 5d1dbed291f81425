//! Rows on a burn backend without the kernels.
#![allow(clippy::disallowed_methods, reason = "the definition is checked to a tolerance")]

mod gpu_common;

use burn::tensor::Device;
use curricle_kernels::Error;
use curricle_kernels::gpu::angle::{Tiles, Tuning, dots, dots_tuned};
use curricle_kernels::gpu::logits::row_sums;
use curricle_kernels::gpu::{Rows, Upload};
use gpu_common::{Random, assert_dots, naive_dots};
use half::{bf16, f16};

fn check<E: Upload + Into<f64>>(round: fn(f64) -> E) {
    let mut random = Random(1);
    let (rows, dim) = (300, 66);
    let values: Vec<E> = random.states(rows, dim).into_iter().map(round).collect();
    let wide: Vec<f64> = values.iter().map(|&value| value.into()).collect();
    let states = Rows::upload(&values, dim, &Device::flex()).unwrap();
    assert!(!states.on_gpu());
    let spans = random.spans(rows, 6);
    assert_dots(&dots(&states, &spans).unwrap(), &naive_dots(&wide, dim, &spans), &spans, 2e-6);
    let sums = row_sums(&states).unwrap();
    for (sums, row) in sums.iter().zip(wide.chunks(dim)) {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!(sums.max, max);
        assert_eq!(sums.max, row[sums.argmax as usize]);
        let sum: f64 = row.iter().map(|z| (z - max).exp()).sum();
        assert!((1.0 + sums.rest - sum).abs() < 1e-5 * sum);
    }
}

#[test]
fn rows_are_summed_by_their_own_backend() {
    check(|x| x as f32);
    check(f16::from_f64);
    check(bf16::from_f64);
}

#[test]
fn the_kernels_refuse_them() {
    let states = Rows::upload(&[1.0f32; 4], 2, &Device::flex()).unwrap();
    assert_eq!(dots_tuned(&states, &[], &Tuning::default()).unwrap_err(), Error::NotOnGpu);
    assert_eq!(Tiles::new(&[], 2).unwrap().push(&states).unwrap_err(), Error::NotOnGpu);
}
