//! The angle kernels on a graphics device, against their definition.

mod gpu_common;

use burn::tensor::{DType, Tensor};
use curricle_kernels::Error;
use curricle_kernels::angle::Spans;
use curricle_kernels::gpu::angle::{Tiles, Tuning, dots, dots_in_tiles, dots_tuned};
use curricle_kernels::gpu::{Rows, Upload, ops};
use gpu_common::{Random, adapter, assert_dots, halves, naive_dots, planes};
use half::{bf16, f16};
use serde_json::Value;

const TOLERANCE: f64 = 1e-6;

fn wide<E: Into<f64> + Copy>(values: &[E]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

fn check<E: Upload + Into<f64>>(round: fn(f64) -> E, dims: &[usize]) {
    let Some(adapter) = adapter() else { return };
    let mut random = Random(1);
    for &dim in dims {
        for rows in [1, 2, 7, 130] {
            let states: Vec<E> = random.states(rows, dim).into_iter().map(round).collect();
            let spans = random.spans(rows, 6);
            let expected = naive_dots(&wide(&states), dim, &spans);
            let states = Rows::upload(&states, dim, &adapter.device).unwrap();
            assert_dots(&dots(&states, &spans).unwrap(), &expected, &spans, TOLERANCE);
            assert_dots(&ops::dots(&states, &spans).unwrap(), &expected, &spans, TOLERANCE);
        }
    }
}

#[test]
fn f32_rows() {
    check(|x| x as f32, &[1, 2, 3, 64, 65, 896, 1000, 1536]);
}

#[test]
fn f16_rows() {
    if !adapter().is_some_and(|adapter| halves(&adapter)) {
        return;
    }
    check(f16::from_f64, &[1, 3, 64, 65, 896, 1000, 1536]);
}

#[test]
fn bf16_rows() {
    check(bf16::from_f64, &[2, 6, 64, 66, 896, 1000, 1536]);
}

#[test]
fn every_tuning_gives_the_sums() {
    let Some(adapter) = adapter() else { return };
    let mut random = Random(2);
    let (rows, dim) = (61, 520);
    let values: Vec<f32> = random.states(rows, dim).into_iter().map(|x| x as f32).collect();
    let halves: Vec<bf16> = values.iter().map(|&x| bf16::from_f32(x)).collect();
    let spans = random.spans(rows, 4);
    let expected = naive_dots(&wide(&values), dim, &spans);
    let expected_halves = naive_dots(&wide(&halves), dim, &spans);
    let values = Rows::upload(&values, dim, &adapter.device).unwrap();
    let halves = Rows::upload(&halves, dim, &adapter.device).unwrap();
    for units in [32, 128] {
        for together in 1..=4 {
            for (chunk, subgroups) in [(1, false), (7, true), (100, false), (100, true)] {
                let tuning = Tuning {
                    units: Some(units),
                    together: Some(together),
                    chunk: Some(chunk),
                    planes: Some(subgroups && planes(&adapter)),
                };
                let found = dots_tuned(&values, &spans, &tuning).unwrap();
                assert_dots(&found, &expected, &spans, TOLERANCE);
                assert_eq!(found, dots_tuned(&values, &spans, &tuning).unwrap(), "not repeatable");
                let found = dots_tuned(&halves, &spans, &tuning).unwrap();
                assert_dots(&found, &expected_halves, &spans, TOLERANCE);
            }
        }
    }
}

#[test]
fn rows_of_any_magnitude() {
    let Some(adapter) = adapter() else { return };
    let mut random = Random(3);
    let (rows, dim) = (40, 300);
    let mut values = random.states(rows, dim);
    for (row, values) in values.chunks_mut(dim).enumerate() {
        let scale = [1.0, 1e25, 1e-25, 0.0, 1e-12, 2e-13, 1e38, 1e-6][row % 8];
        values.iter_mut().for_each(|value| *value *= scale);
    }
    let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
    let spans = random.spans(rows, 8);
    let expected = naive_dots(&wide(&values), dim, &spans);
    for subgroups in [false, planes(&adapter)] {
        let tuning = Tuning { planes: Some(subgroups), ..Tuning::default() };
        let states = Rows::upload(&values, dim, &adapter.device).unwrap();
        assert_dots(&dots_tuned(&states, &spans, &tuning).unwrap(), &expected, &spans, TOLERANCE);
        assert_dots(&ops::dots(&states, &spans).unwrap(), &expected, &spans, TOLERANCE);
    }
    let found = dots_in_tiles(&values, dim, &spans, &adapter.device, 7).unwrap();
    assert_dots(&found, &expected, &spans, TOLERANCE);
    // The same in `bf16`, which has the range of `f32`.
    let halves: Vec<bf16> = values.iter().map(|&value| bf16::from_f32(value)).collect();
    let expected = naive_dots(&wide(&halves), dim, &spans);
    let states = Rows::upload(&halves, dim, &adapter.device).unwrap();
    assert_dots(&dots(&states, &spans).unwrap(), &expected, &spans, TOLERANCE);
}

#[test]
fn the_first_row_that_is_not_finite_is_named() {
    let Some(adapter) = adapter() else { return };
    let (rows, dim) = (50, 33);
    for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = vec![1.0f32; rows * dim];
        values[17 * dim + 32] = value;
        values[31 * dim] = value;
        let spans = [Spans { prefix: 0..10, question: 12..50 }];
        let states = Rows::upload(&values, dim, &adapter.device).unwrap();
        assert_eq!(dots(&states, &spans).unwrap_err(), Error::NonFinite { row: 17 });
        assert_eq!(ops::dots(&states, &spans).unwrap_err(), Error::NonFinite { row: 17 });
        let tiles = dots_in_tiles(&values, dim, &spans, &adapter.device, 5);
        assert_eq!(tiles.unwrap_err(), Error::NonFinite { row: 17 });
        // No sample reads it.
        let spans = [Spans { prefix: 0..17, question: 18..31 }];
        let found = dots(&states, &spans).unwrap();
        assert_dots(&found, &naive_dots(&vec![1.0; rows * dim], dim, &spans), &spans, TOLERANCE);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let Some(adapter) = adapter() else { return };
    let device = &adapter.device;
    let states = Rows::upload(&[1.0f32; 12], 3, device).unwrap();
    let past = [Spans { prefix: 0..1, question: 2..5 }];
    let expected = Error::OutOfRange { sample: 0, end: 5, rows: 4 };
    assert_eq!(dots(&states, &past).unwrap_err(), expected);
    assert_eq!(Tiles::new(&past, 4).unwrap_err(), expected);
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = [Spans { prefix: 3..1, question: 2..3 }];
    let expected = Error::Backwards { sample: 0, start: 3, end: 1 };
    assert_eq!(dots(&states, &backwards).unwrap_err(), expected);
    assert_eq!(dots(&states, &[]).unwrap(), []);

    assert_eq!(Rows::upload(&[1.0f32; 7], 3, device).unwrap_err(), Error::Shape { len: 7, dim: 3 });
    assert_eq!(Rows::upload(&[bf16::ONE; 6], 3, device).unwrap_err(), Error::OddRow { dim: 3 });
    let doubles = Tensor::<2>::zeros([2, 2], (device, DType::F64));
    assert!(matches!(dots(&Rows::Float(doubles), &[]).unwrap_err(), Error::DType { .. }));

    let spans = [Spans { prefix: 0..1, question: 2..4 }];
    let mut tiles = Tiles::new(&spans, 4).unwrap();
    tiles.push(&states.clone()).unwrap();
    assert_eq!(tiles.push(&states).unwrap_err(), Error::TooManyRows { rows: 8, most: 4 });
    assert!(tiles.finish().is_ok());
    let mut tiles = Tiles::new(&spans, 9).unwrap();
    tiles.push(&states).unwrap();
    let other = Rows::upload(&[bf16::ONE; 4], 4, device).unwrap();
    assert!(matches!(tiles.push(&other).unwrap_err(), Error::DType { .. }));
    let other = Rows::upload(&[1.0f32; 4], 4, device).unwrap();
    assert_eq!(tiles.push(&other).unwrap_err(), Error::RowLength { dim: 4, expected: 3 });
    assert_eq!(tiles.finish().unwrap_err(), Error::MissingRows { expected: 9, found: 4 });

    let wide = Rows::upload(&vec![1.0f32; 300_001], 300_001, device).unwrap();
    let spans = [Spans { prefix: 0..0, question: 0..1 }];
    assert!(matches!(dots(&wide, &spans).unwrap_err(), Error::TooWide { dim: 300_001, .. }));
}

#[test]
fn a_tensor_is_read_where_it_lies() {
    let Some(adapter) = adapter() else { return };
    let mut random = Random(4);
    let (rows, dim) = (37, 48);
    let values: Vec<f32> = random.states(rows, dim).into_iter().map(|x| x as f32).collect();
    let Rows::Float(tensor) = Rows::upload(&values, dim, &adapter.device).unwrap() else { panic!() };
    // What a fused operation gives, rows from the middle, and a tensor turned over.
    let spans = random.spans(rows, 4);
    let doubled: Vec<f64> = values.iter().map(|&value| f64::from(2.0 * value + 1.0)).collect();
    let fused = Rows::Float(tensor.clone() * 2.0 + 1.0);
    let expected = naive_dots(&doubled, dim, &spans);
    assert_dots(&dots(&fused, &spans).unwrap(), &expected, &spans, TOLERANCE);
    for start in [1, 3] {
        let part = Rows::Float(tensor.clone().slice([start..rows, 0..dim]));
        let spans = random.spans(rows - start, 3);
        let expected = naive_dots(&wide(&values[start * dim..]), dim, &spans);
        assert_dots(&dots(&part, &spans).unwrap(), &expected, &spans, TOLERANCE);
    }
    let turned: Vec<f64> =
        (0..rows * dim).map(|i| f64::from(values[i % rows * dim + i / rows])).collect();
    let spans = random.spans(dim, 3);
    let expected = naive_dots(&turned, rows, &spans);
    let found = dots(&Rows::Float(tensor.transpose()), &spans).unwrap();
    assert_dots(&found, &expected, &spans, TOLERANCE);
}

#[test]
fn more_chunks_and_samples_than_one_axis_holds() {
    let Some(adapter) = adapter() else { return };
    let mut random = Random(5);
    let (rows, dim) = (70_001, 4);
    let values: Vec<f32> = random.states(rows, dim).into_iter().map(|x| x as f32).collect();
    let states = Rows::upload(&values, dim, &adapter.device).unwrap();
    let one = [Spans { prefix: 0..100, question: 100..rows }];
    let expected = naive_dots(&wide(&values), dim, &one);
    let tuning = Tuning { units: Some(32), chunk: Some(1), ..Tuning::default() };
    assert_dots(&dots_tuned(&states, &one, &tuning).unwrap(), &expected, &one, TOLERANCE);
    assert_dots(&dots(&states, &one).unwrap(), &expected, &one, TOLERANCE);
    // As many samples, which are jobs of the second pass and workgroups of the third.
    let many: Vec<_> = (1..rows).map(|row| Spans { prefix: 0..1, question: row..row + 1 }).collect();
    let expected = naive_dots(&wide(&values), dim, &many);
    assert_dots(&dots(&states, &many).unwrap(), &expected, &many, TOLERANCE);
}

#[test]
fn tiles_give_what_one_piece_gives() {
    let Some(adapter) = adapter() else { return };
    let mut random = Random(6);
    let (rows, dim) = (200, 72);
    let values: Vec<bf16> = random.states(rows, dim).into_iter().map(bf16::from_f64).collect();
    let spans = random.spans(rows, 8);
    let expected = naive_dots(&wide(&values), dim, &spans);
    let whole = dots(&Rows::upload(&values, dim, &adapter.device).unwrap(), &spans).unwrap();
    for tile in [1, 7, 64, 1000] {
        let found = dots_in_tiles(&values, dim, &spans, &adapter.device, tile).unwrap();
        assert_dots(&found, &expected, &spans, TOLERANCE);
        if tile >= rows {
            assert_eq!(found, whole);
        }
    }
}

#[test]
fn more_than_a_batch_of_sums() {
    let Some(adapter) = adapter() else { return };
    // 64 MiB of sums hold 1024 spans of this length; samples are more.
    let (samples, dim) = (1100, 8192);
    let mut random = Random(7);
    let values: Vec<f32> = random.states(samples + 1, dim).into_iter().map(|x| x as f32).collect();
    let spans: Vec<_> = (0..samples).map(|i| Spans { prefix: 0..1, question: i + 1..i + 2 }).collect();
    let expected = naive_dots(&wide(&values), dim, &spans);
    let states = Rows::upload(&values, dim, &adapter.device).unwrap();
    assert_dots(&dots(&states, &spans).unwrap(), &expected, &spans, TOLERANCE);
    // The first batch reads a later row than the second.
    let mut values = values;
    (values[1100 * dim], values[5 * dim]) = (f32::NAN, f32::NAN);
    let states = Rows::upload(&values, dim, &adapter.device).unwrap();
    let mut spans = spans;
    spans.reverse();
    assert_eq!(dots(&states, &spans).unwrap_err(), Error::NonFinite { row: 5 });
}

/// Rows by the recipe of the golden file.
fn generated(recipe: &Value) -> (Vec<f32>, usize) {
    let number = |name: &str| recipe[name].as_f64().unwrap();
    let (rows, dim) = (number("m") as usize, number("d") as usize);
    let (bias, low, high) = (number("bias"), number("scale_lo"), number("scale_hi"));
    let mut random = Random(recipe["seed"].as_u64().unwrap());
    let common: Vec<f64> = (0..dim).map(|_| random.sign()).collect();
    let mut values = Vec::new();
    for _ in 0..rows {
        let scale = low + (high - low) * random.unit();
        values.extend(common.iter().map(|common| ((bias * common + random.sign()) * scale) as f32));
    }
    (values, dim)
}

#[test]
fn golden_cases() {
    let Some(adapter) = adapter() else { return };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/angle.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rows = |tokens: &Value| -> (Vec<f32>, usize) {
        let tokens = tokens.as_array().unwrap();
        let row = |row: &Value| -> Vec<f32> {
            row.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
        };
        (tokens.iter().flat_map(row).collect(), tokens[0].as_array().unwrap().len())
    };
    let range = |range: &Value, shift: usize| {
        let end = |i: usize| range[i].as_u64().unwrap() as usize + shift;
        end(0)..end(1)
    };
    let mut checked = 0;
    let mut check = |name: &Value, (values, dim): (Vec<f32>, usize), span: Spans, expected: &Value| {
        let states = Rows::upload(&values, dim, &adapter.device).unwrap();
        let found = dots(&states, std::slice::from_ref(&span)).unwrap()[0];
        let (q, p) = (span.question.len() as f64, span.prefix.len() as f64);
        let mean = [
            (found.question / (q * q), &expected["intra_with_diag"]),
            ((found.question - found.diagonal) / (q * (q - 1.0)), &expected["intra_no_diag"]),
            (found.inter / (q * p), &expected["inter"]),
            (found.diagonal / q, &(expected["diag_sum"].as_f64().unwrap() / q).into()),
        ];
        for (found, expected) in mean {
            match expected.as_f64() {
                Some(expected) => {
                    assert!((found - expected).abs() < 2e-6, "{name}: {found} {expected}")
                }
                None => assert!(!found.is_normal(), "{name}: {found}"),
            }
        }
        checked += 1;
    };
    for case in golden["cases"].as_array().unwrap() {
        let span = |i: Option<usize>, shift: usize| {
            let part = |name: &str| i.map_or(&case[name], |i| &case[name][i]);
            Spans { prefix: range(part("prefix"), shift), question: range(part("question"), shift) }
        };
        if let Some(batch) = case["batch"].as_array() {
            for (i, tokens) in batch.iter().enumerate() {
                let mask = case["mask"][i].as_array().unwrap();
                let padding = mask.iter().filter(|one| one.as_u64() == Some(0)).count();
                check(&case["name"], rows(tokens), span(Some(i), padding), &case["expected"][i]);
            }
        } else if case["generator"].is_object() {
            check(&case["name"], generated(&case["generator"]), span(None, 0), &case["expected"]);
        } else {
            check(&case["name"], rows(&case["tokens"]), span(None, 0), &case["expected"]);
        }
    }
    assert_eq!(checked, golden["cases"].as_array().unwrap().len() + 1);
}
