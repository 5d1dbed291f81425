//! What the tests of the graphics kernels share.
#![allow(dead_code, reason = "each test binary uses a part")]

use burn::tensor::DType;
use curricle_kernels::Error;
use curricle_kernels::angle::{Dots, EPSILON, Spans};
use curricle_kernels::gpu::{Accept, Adapter, Rows, angle, available, logits};
use half::f16;

/// An adapter, software or not. Without one the typed error is checked and the test ends, unless
/// `CURRICLE_TEST_GPU=1` demands one.
pub fn adapter() -> Option<Adapter> {
    match available(Accept::Any) {
        Ok(adapter) => Some(adapter),
        Err(error) => {
            let demanded = std::env::var_os("CURRICLE_TEST_GPU").is_some_and(|value| value == "1");
            assert!(!demanded, "CURRICLE_TEST_GPU=1, yet: {error}");
            assert!(matches!(error, Error::NoAdapter | Error::Adapter { .. }), "{error}");
            assert_eq!(available(Accept::Hardware).unwrap_err(), error);
            None
        }
    }
}

/// Whether subgroups can be tried: drivers through OpenGL have none.
pub fn planes(adapter: &Adapter) -> bool {
    adapter.interface != "gl"
}

/// Checks the typed error of a device without `f16`; whether there is one.
pub fn halves(adapter: &Adapter) -> bool {
    let some = adapter.device.supports_dtype(DType::F16);
    if !some {
        let rows = Rows::upload(&[f16::ONE; 4], 2, &adapter.device).unwrap();
        let dtype = DType::F16.name();
        assert_eq!(angle::dots(&rows, &[]).unwrap_err(), Error::DType { dtype });
        assert_eq!(logits::row_sums(&rows).unwrap_err(), Error::DType { dtype });
    }
    some
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// In `[-1, 1)`.
    pub fn sign(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// Rows with a direction in common, as hidden states have.
    pub fn states(&mut self, rows: usize, dim: usize) -> Vec<f64> {
        let bias: Vec<f64> = (0..dim).map(|_| 0.6 * self.sign()).collect();
        (0..rows * dim).map(|i| bias[i % dim] + self.sign()).collect()
    }

    /// Samples that share prefixes, leave gaps, and have empty parts.
    pub fn spans(&mut self, rows: usize, samples: usize) -> Vec<Spans> {
        let range = |random: &mut Random| {
            let (a, b) = (random.below(rows + 1), random.below(rows + 1));
            a.min(b)..a.max(b)
        };
        let shared = range(self);
        let mut spans = vec![
            Spans { prefix: shared.clone(), question: 0..rows },
            Spans { prefix: 0..0, question: 0..1 },
            Spans { prefix: rows - 1..rows, question: rows / 2..rows / 2 },
        ];
        for sample in 0..samples {
            let prefix = if sample % 2 == 0 { shared.clone() } else { range(self) };
            spans.push(Spans { prefix, question: range(self) });
        }
        spans
    }
}

/// The sums as they are defined, in `f64`.
pub fn naive_dots(states: &[f64], dim: usize, spans: &[Spans]) -> Vec<Dots> {
    let unit = |row: usize| -> Vec<f64> {
        let x = &states[row * dim..(row + 1) * dim];
        let top = x.iter().fold(f64::MIN_POSITIVE, |top, x| top.max(x.abs()));
        let length = top * x.iter().map(|x| (x / top) * (x / top)).sum::<f64>().sqrt();
        x.iter().map(|x| x / length.max(EPSILON)).collect()
    };
    let sum = |range: std::ops::Range<usize>| {
        let mut sum = vec![0.0; dim];
        for row in range {
            for (sum, u) in sum.iter_mut().zip(unit(row)) {
                *sum += u;
            }
        }
        sum
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let sample = |span: &Spans| {
        let (q, p) = (sum(span.question.clone()), sum(span.prefix.clone()));
        let diagonal = span.question.clone().map(|row| dot(&unit(row), &unit(row))).sum();
        Dots { question: dot(&q, &q), diagonal, inter: dot(&q, &p) }
    };
    spans.iter().map(sample).collect()
}

/// Compares relative to the number of pairs of rows that a sum is over: mean cosines absolutely.
pub fn assert_dots(found: &[Dots], expected: &[Dots], spans: &[Spans], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for ((found, expected), span) in found.iter().zip(expected).zip(spans) {
        let (q, p) = (span.question.len().max(1) as f64, span.prefix.len().max(1) as f64);
        let close = |a: f64, b: f64, scale: f64| (a - b).abs() <= tolerance * scale;
        let all = close(found.question, expected.question, q * q)
            && close(found.diagonal, expected.diagonal, q)
            && close(found.inter, expected.inter, q * p);
        assert!(all, "{span:?}: {found:?}, not {expected:?}");
    }
}
