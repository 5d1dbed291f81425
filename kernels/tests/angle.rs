//! The sums of unit rows against their definition, pair by pair.

use curricle_kernels::angle::{Dots, Spans, UnitSum, dots};
use curricle_kernels::{Element, Error};
use half::{bf16, f16};
use proptest::prelude::*;

/// The obviously right twin: every cosine of every pair, O(n^2 d), in `f64`.
fn pairwise<E: Element>(states: &[E], dim: usize, span: &Spans) -> Dots {
    let mut room = vec![0.0; states.len()];
    let wide = E::widen(states, &mut room);
    let unit = |row: usize| -> Vec<f64> {
        let row: Vec<f64> = wide[row * dim..][..dim].iter().map(|&x| f64::from(x)).collect();
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
        row.iter().map(|x| x / norm).collect()
    };
    let units: Vec<Vec<f64>> = (0..wide.len() / dim).map(unit).collect();
    let cosine = |i: usize, j: usize| units[i].iter().zip(&units[j]).map(|(a, b)| a * b).sum::<f64>();
    let sum = |of: &std::ops::Range<usize>, by: &std::ops::Range<usize>| {
        of.clone().flat_map(|i| by.clone().map(move |j| (i, j))).map(|(i, j)| cosine(i, j)).sum()
    };
    Dots {
        question: sum(&span.question, &span.question),
        diagonal: span.question.clone().map(|i| cosine(i, i)).sum(),
        inter: sum(&span.question, &span.prefix),
    }
}

fn assert_near(found: &Dots, expected: &Dots, span: &Spans) {
    let (q, n) = (span.question.len() as f64, span.prefix.len() as f64);
    for (found, expected, pairs) in [
        (found.question, expected.question, q * q),
        (found.diagonal, expected.diagonal, q),
        (found.inter, expected.inter, q * n),
    ] {
        assert!((found - expected).abs() <= 2e-6 * pairs.max(1.0), "{found}, expected {expected}");
    }
}

#[derive(Debug, Clone)]
struct Case {
    states: Vec<f32>,
    dim: usize,
    spans: Vec<Spans>,
}

fn case() -> impl Strategy<Value = Case> {
    let value = prop_oneof![8 => -3.0f32..3.0, 1 => Just(0.0f32)];
    let scale = prop_oneof![
        6 => Just(1.0f32), 1 => Just(0.0), 1 => Just(1e25), 1 => Just(1e-9), 1 => Just(3e37)
    ];
    (1usize..70, 1usize..40).prop_flat_map(move |(dim, rows)| {
        let spans = (0..=rows, 0..=rows, 0..=rows, 0..=rows).prop_map(|(a, b, c, d)| Spans {
            prefix: a.min(b)..a.max(b),
            question: c.min(d)..c.max(d),
        });
        let parts = (
            prop::collection::vec(value.clone(), dim * rows),
            prop::collection::vec(scale.clone(), rows),
            prop::collection::vec(spans, 1..6),
        );
        parts.prop_map(move |(mut states, scales, spans)| {
            for (row, scale) in states.chunks_mut(dim).zip(scales) {
                row.iter_mut().for_each(|x| *x *= scale);
            }
            Case { states, dim, spans }
        })
    })
}

proptest! {
    #[test]
    fn agrees_with_every_pair(case in case()) {
        let Case { states, dim, spans } = case;
        for (found, span) in dots(&states, dim, &spans).unwrap().iter().zip(&spans) {
            assert_near(found, &pairwise(&states, dim, span), span);
        }
        // Both halves are widened exactly, so their twins read the same numbers.
        let narrow: Vec<bf16> = states.iter().map(|&x| bf16::from_f32(x)).collect();
        for (found, span) in dots(&narrow, dim, &spans).unwrap().iter().zip(&spans) {
            assert_near(found, &pairwise(&narrow, dim, span), span);
        }
        let small: Vec<f16> = states.iter().map(|x| f16::from_f32(x.clamp(-6e4, 6e4))).collect();
        for (found, span) in dots(&small, dim, &spans).unwrap().iter().zip(&spans) {
            assert_near(found, &pairwise(&small, dim, span), span);
        }
    }

    #[test]
    fn neither_the_length_of_a_token_nor_a_common_rotation_matters(
        case in case(),
        factors in prop::collection::vec(0.1f32..10.0, 40),
        angle in 0.0f32..6.0,
    ) {
        let Case { states, dim, spans } = case;
        let mut turned = states.clone();
        for (row, factor) in turned.chunks_mut(dim).zip(&factors) {
            // A row at the edge of f32 is not free to grow, a nearly zero one has no direction.
            let most = row.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            if (1e-6..1e30).contains(&most) {
                row.iter_mut().for_each(|x| *x *= factor);
            }
            for pair in row.chunks_exact_mut(2) {
                let (sin, cos) = angle.sin_cos();
                (pair[0], pair[1]) = (cos * pair[0] - sin * pair[1], sin * pair[0] + cos * pair[1]);
            }
        }
        let before = dots(&states, dim, &spans).unwrap();
        let after = dots(&turned, dim, &spans).unwrap();
        for ((before, after), span) in before.iter().zip(&after).zip(&spans) {
            assert_near(after, before, span);
        }
    }
}

fn noise(len: usize) -> Vec<f32> {
    let mut state = 1u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 0.9
    };
    (0..len).map(step).collect()
}

#[test]
fn chunks_merge_to_the_whole() {
    let (dim, rows) = (96, 1500);
    let states = noise(dim * rows);
    let mut whole = UnitSum::new(dim);
    whole.add(&states).unwrap();
    for ends in [vec![1, 2, 700, rows], vec![256, 512, 1024, rows], vec![1499, rows]] {
        let mut merged = UnitSum::new(dim);
        let mut from = 0;
        for end in ends {
            let mut part = UnitSum::new(dim);
            part.add(&states[from * dim..end * dim]).unwrap();
            merged.merge(&part);
            from = end;
        }
        assert_eq!(merged.rows(), whole.rows());
        assert!((merged.diagonal() - whole.diagonal()).abs() < 1e-3);
        assert!((merged.dot(&merged) / whole.dot(&whole) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn the_number_of_cores_changes_no_bit() {
    let (dim, rows) = (130, 3000);
    let states = noise(dim * rows);
    let spans: Vec<Spans> = (0..60)
        .map(|i| Spans { prefix: 0..(i % 3) * 300, question: i * 40..(i * 50 + 45).min(rows) })
        .collect();
    let with = |cores| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build().unwrap();
        pool.install(|| dots(&states, dim, &spans).unwrap())
    };
    assert_eq!(with(1), with(5));
}

#[test]
fn bad_input_is_named_and_adds_nothing() {
    let mut states = noise(600 * 8);
    states[413 * 8 + 3] = f32::NAN;
    let spans = [Spans { prefix: 0..400, question: 410..600 }];
    assert_eq!(dots(&states, 8, &spans), Err(Error::NonFinite { row: 413 }));
    let spans = [Spans { prefix: 0..400, question: 500..600 }];
    assert!(dots(&states, 8, &spans).is_ok(), "a row of no span is not read");
    states[413 * 8 + 3] = f32::INFINITY;
    let mut sum = UnitSum::new(8);
    assert_eq!(sum.add(&states), Err(Error::NonFinite { row: 413 }));
    assert_eq!(sum, UnitSum::new(8));
    assert_eq!(sum.add(&states[..9]), Err(Error::Shape { len: 9, dim: 8 }));
    assert_eq!(dots(&states, 0, &[]), Err(Error::Shape { len: 4800, dim: 0 }));
    let beyond = [Spans { prefix: 0..0, question: 3..601 }];
    assert_eq!(dots(&states, 8, &beyond), Err(Error::OutOfRange { sample: 0, end: 601, rows: 600 }));
    #[expect(clippy::reversed_empty_ranges, reason = "the very mistake")]
    let backwards = [Spans { prefix: 5..2, question: 0..1 }];
    assert_eq!(dots(&states, 8, &backwards), Err(Error::Backwards { sample: 0, start: 5, end: 2 }));
}
