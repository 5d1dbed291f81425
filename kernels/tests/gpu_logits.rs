//! The logits kernel on a graphics device, against its definition.
#![allow(clippy::disallowed_methods, reason = "the definition is checked to a tolerance")]

mod gpu_common;

use curricle_kernels::Error;
use curricle_kernels::gpu::logits::row_sums;
use curricle_kernels::gpu::{Rows, Upload, ops};
use curricle_kernels::logits::{RowSums, exact};
use gpu_common::{Random, adapter, halves};
use half::{bf16, f16};

struct Naive {
    max: f64,
    argmax: usize,
    second: f64,
    finite: usize,
    r: f64,
    a: f64,
    q: f64,
}

fn naive(row: &[f64]) -> Naive {
    let mut argmax = 0;
    for (i, &z) in row.iter().enumerate() {
        if z > row[argmax] {
            argmax = i;
        }
    }
    let max = row[argmax];
    let others = || row.iter().enumerate().filter(|&(i, _)| i != argmax).map(|(_, &z)| z);
    let shifts = || others().filter(|z| z.is_finite()).map(|z| z - max);
    Naive {
        max,
        argmax,
        second: others().fold(f64::NEG_INFINITY, f64::max),
        finite: row.iter().filter(|z| z.is_finite()).count(),
        r: shifts().map(f64::exp).sum(),
        a: shifts().map(|d| d.exp() * d).sum(),
        q: shifts().map(|d| (2.0 * d).exp()).sum(),
    }
}

fn assert_sums(found: &RowSums, expected: &Naive, tolerance: f64) {
    let said = || format!("{found:?}: {} {} {}", expected.r, expected.a, expected.q);
    assert_eq!((found.faults(), found.moments), (0, None));
    assert_eq!(found.count, expected.finite as u64);
    assert_eq!(found.argmax, expected.argmax as u64);
    assert_eq!(found.max, expected.max);
    assert_eq!(found.second, expected.second);
    // A term below e^-87 may count as none.
    let close = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance * b.abs() + 1e-33;
    let all = close(found.rest, expected.r, tolerance)
        && close(found.weighted, expected.a, tolerance)
        && close(found.squared, expected.q, 3.0 * tolerance);
    assert!(all, "{}", said());
    // What the sums are for: the entropy, absolutely.
    let entropy = |r: f64, a: f64| r.ln_1p() - a / (1.0 + r);
    let (one, other) = (entropy(found.rest, found.weighted), entropy(expected.r, expected.a));
    assert!((one - other).abs() < tolerance * (1.0 + other), "{one} {other}");
}

fn check<E: Upload + Into<f64>>(values: &[E], dim: usize) {
    let Some(adapter) = adapter() else { return };
    let wide: Vec<f64> = values.iter().map(|&value| value.into()).collect();
    let logits = Rows::upload(values, dim, &adapter.device).unwrap();
    let found = row_sums(&logits).unwrap();
    assert_eq!(found, row_sums(&logits).unwrap(), "not repeatable");
    assert_eq!(found.len(), values.len() / dim);
    let by_ops = ops::row_sums(&logits).unwrap();
    for ((found, by_ops), row) in found.iter().zip(&by_ops).zip(wide.chunks(dim)) {
        let expected = naive(row);
        assert_sums(found, &expected, 2e-6);
        // burn takes the device's own exponential.
        assert_sums(by_ops, &expected, 1e-4);
    }
}

fn random<E>(random: &mut Random, rows: usize, dim: usize, round: fn(f64) -> E) -> Vec<E> {
    let mut value = || {
        // A hill with a long tail, as logits have.
        let z = (0..4).map(|_| random.sign()).sum::<f64>() * 3.0;
        if random.below(50) == 0 { z + 8.0 } else { z }
    };
    (0..rows * dim).map(|_| round(value())).collect()
}

const DIMS: [usize; 9] = [2, 4, 6, 62, 256, 1000, 1026, 4098, 32_000];

#[test]
fn f32_rows() {
    let mut state = Random(1);
    for dim in DIMS.into_iter().chain([1, 3, 65, 999, 5003]) {
        check(&random(&mut state, 5, dim, |z| z as f32), dim);
    }
}

#[test]
fn f16_rows() {
    if !adapter().is_some_and(|adapter| halves(&adapter)) {
        return;
    }
    let mut state = Random(2);
    for dim in DIMS.into_iter().chain([1, 3, 65, 999, 5003]) {
        check(&random(&mut state, 3, dim, f16::from_f64), dim);
    }
}

#[test]
fn bf16_rows() {
    let mut state = Random(3);
    for dim in DIMS {
        check(&random(&mut state, 3, dim, bf16::from_f64), dim);
    }
}

#[test]
fn a_large_vocabulary() {
    let mut state = Random(4);
    check(&random(&mut state, 2, 151_936, |z| z as f32), 151_936);
    check(&random(&mut state, 2, 151_936, bf16::from_f64), 151_936);
}

#[test]
fn peaks_ties_masks_and_extremes() {
    let mut state = Random(5);
    let dim = 600;
    let base = random(&mut state, 1, dim, |z| z as f32);
    let mut rows = Vec::new();
    let mut add = |change: &dyn Fn(&mut [f32])| {
        let mut row = base.clone();
        change(&mut row);
        rows.extend(row);
    };
    add(&|row| row[417] = 90.0);
    add(&|row| row[599] = 1e30);
    add(&|row| row[0] = -1e30);
    add(&|row| (row[3], row[400]) = (50.0, 50.0));
    add(&|row| row.fill(0.0));
    add(&|row| row.fill(f32::MIN));
    add(&|row| row.fill(f32::MAX));
    add(&|row| (row[0], row[1]) = (f32::MAX, f32::MIN));
    add(&|row| row[..500].fill(f32::NEG_INFINITY));
    add(&|row| row[100..].fill(f32::NEG_INFINITY));
    add(&|row| {
        row.fill(f32::NEG_INFINITY);
        row[511] = -3.0;
    });
    add(&|row| {
        row.fill(f32::NEG_INFINITY);
        (row[7], row[8]) = (f32::MIN, f32::MIN);
    });
    add(&|row| row.iter_mut().enumerate().for_each(|(i, z)| *z = i as f32));
    add(&|row| row.iter_mut().enumerate().for_each(|(i, z)| *z = -(i as f32)));
    add(&|row| row.iter_mut().for_each(|z| *z *= 100.0));
    check(&rows, dim);
}

#[test]
fn faulty_rows_are_what_the_processor_makes_of_them() {
    let Some(adapter) = adapter() else { return };
    let dim = 300;
    let mut rows = vec![0.5f32; 7 * dim];
    rows[7] = f32::NAN;
    rows[dim + 299] = -f32::NAN;
    rows[2 * dim + 150] = f32::INFINITY;
    rows[3 * dim..4 * dim].fill(f32::NEG_INFINITY);
    rows[4 * dim] = f32::NEG_INFINITY;
    rows[4 * dim + 1] = f32::NAN;
    (rows[6 * dim + 1], rows[6 * dim + 2]) = (f32::INFINITY, f32::INFINITY);
    let brain: Vec<bf16> = rows.iter().map(|&z| bf16::from_f32(z)).collect();
    let expected: Vec<RowSums> = rows
        .chunks(dim)
        .map(|row| {
            let row: Vec<f64> = row.iter().map(|&z| z.into()).collect();
            RowSums { moments: None, ..exact(&row, 1.0) }
        })
        .collect();
    let faults: Vec<u64> = expected.iter().map(RowSums::faults).collect();
    assert_eq!(faults, [1, 1, 0, 0, 1, 0, 2]);
    for logits in
        [Rows::upload(&rows, dim, &adapter.device), Rows::upload(&brain, dim, &adapter.device)]
    {
        let logits = logits.unwrap();
        for found in [row_sums(&logits).unwrap(), ops::row_sums(&logits).unwrap()] {
            for row in [0, 1, 2, 3, 4, 6] {
                assert_eq!(format!("{:?}", found[row]), format!("{:?}", expected[row]), "row {row}");
            }
            assert!((found[5].rest - 299.0).abs() < 1e-3, "{:?}", found[5]);
        }
    }
}

#[test]
fn more_rows_than_one_axis_holds() {
    let mut state = Random(6);
    check(&random(&mut state, 70_001, 3, |z| z as f32), 3);
}

#[test]
fn no_rows_and_no_values() {
    let Some(adapter) = adapter() else { return };
    let device = &adapter.device;
    let empty = Rows::upload::<f32>(&[], 5, device).unwrap();
    assert_eq!(row_sums(&empty).unwrap(), []);
    assert_eq!(Rows::upload::<f32>(&[], 0, device).unwrap_err(), Error::Shape { len: 0, dim: 0 });
}
