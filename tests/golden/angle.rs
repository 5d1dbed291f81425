//! Angle concentration against vectors that were computed independently: pair by pair, in `f64`.

use curricle::Error;
use curricle::signal::{Angle, Concentration, HiddenStates, Spans};
use half::bf16;
use serde_json::Value;

/// The file's own tolerance for accumulation in `f32`.
const TOLERANCE: f64 = 2e-6;

fn golden() -> Value {
    serde_json::from_str(include_str!("../data/angle.json")).expect("the file is JSON")
}

fn span(pair: &Value) -> std::ops::Range<usize> {
    pair[0].as_u64().unwrap() as usize..pair[1].as_u64().unwrap() as usize
}

fn rows(tokens: &Value) -> Vec<f32> {
    let rows = tokens.as_array().unwrap().iter();
    rows.flat_map(|row| row.as_array().unwrap()).map(|x| x.as_f64().unwrap() as f32).collect()
}

/// The generator that the file describes: SplitMix64, a common direction and noise for each token.
fn generate(case: &Value) -> Vec<f32> {
    let about = &case["generator"];
    let number = |key: &str| about[key].as_f64().unwrap();
    let (m, d) = (number("m") as usize, number("d") as usize);
    let mut state = about["seed"].as_u64().unwrap();
    let mut uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / 9_007_199_254_740_992.0
    };
    let direction: Vec<f64> = (0..d).map(|_| 2.0 * uniform() - 1.0).collect();
    let mut states = Vec::with_capacity(m * d);
    for _ in 0..m {
        let scale = number("scale_lo") + (number("scale_hi") - number("scale_lo")) * uniform();
        for &along in &direction {
            states.push(((number("bias") * along + (2.0 * uniform() - 1.0)) * scale) as f32);
        }
    }
    assert_eq!(f64::from(states[0]), case["check"]["first4"][0].as_f64().unwrap());
    assert_eq!(f64::from(states[m * d - 1]), case["check"]["last"].as_f64().unwrap());
    states
}

fn assert_is(name: &str, found: &Concentration, expected: &Value) {
    for (part, found) in [
        ("intra_with_diag", found.intra),
        ("intra_no_diag", found.intra_no_diag),
        ("inter", found.inter),
        ("total_with_diag", found.total()),
        ("total_no_diag", found.total_no_diag()),
    ] {
        // The file reads an undefined part as 0; of undefined parts alone there is no total.
        let parts = match part {
            "total_with_diag" => ["intra_with_diag", "inter"],
            "total_no_diag" => ["intra_no_diag", "inter"],
            part => [part; 2],
        };
        let is_defined = parts.iter().any(|part| !expected[part].is_null());
        match (found, expected[part].as_f64().filter(|_| is_defined)) {
            (Some(found), Some(expected)) => {
                assert!((found - expected).abs() <= TOLERANCE, "{name} {part}: {found}, {expected}");
            }
            (found, expected) => assert_eq!(found, expected, "{name} {part}"),
        }
    }
}

#[test]
fn every_case_of_the_file() {
    let file = golden();
    let mut checked = 0;
    for case in file["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let (states, dim, spans, expected): (Vec<f32>, usize, Vec<Spans>, Vec<&Value>) =
            if let Some(batch) = case["batch"].as_array() {
                // Spans are given without the padding of each row; padding stands on the left.
                let length = batch[0].as_array().unwrap().len();
                let spans = batch.iter().enumerate().map(|(row, _)| {
                    let mask = case["mask"][row].as_array().unwrap();
                    let padding = mask.iter().take_while(|shown| shown.as_u64() == Some(0)).count();
                    let shift = |range: std::ops::Range<usize>| {
                        let by = row * length + padding;
                        range.start + by..range.end + by
                    };
                    let of = |part: &str| shift(span(&case[part][row]));
                    Spans { prefix: of("prefix"), question: of("question") }
                });
                let spans = spans.collect();
                let states = batch.iter().flat_map(rows).collect();
                let dim = batch[0][0].as_array().unwrap().len();
                (states, dim, spans, case["expected"].as_array().unwrap().iter().collect())
            } else if let Some(samples) = case["expected"].as_array() {
                let spans = (0..samples.len()).map(|sample| {
                    let of = |part: &str| span(&case[part][sample]);
                    Spans { prefix: of("prefix"), question: of("question") }
                });
                let spans = spans.collect();
                let dim = case["tokens"][0].as_array().unwrap().len();
                (rows(&case["tokens"]), dim, spans, samples.iter().collect())
            } else {
                let spans =
                    vec![Spans { prefix: span(&case["prefix"]), question: span(&case["question"]) }];
                let (states, dim) = match case["tokens"].as_array() {
                    Some(tokens) => (rows(&case["tokens"]), tokens[0].as_array().unwrap().len()),
                    None => (generate(case), case["generator"]["d"].as_u64().unwrap() as usize),
                };
                (states, dim, spans, vec![&case["expected"]])
            };
        let evidence = HiddenStates { states: &states, dim, spans: &spans };
        let found = evidence.concentrations().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_is(name, found, expected);
            checked += 1;
        }
        let mut scores = vec![0.0; spans.len()];
        let scored = Angle::unbiased().score(&evidence, &mut scores);
        if let Some(first) = found.iter().position(|found| found.total_no_diag().is_none()) {
            let index = first as u64;
            let what = if found[first].tokens == 0 { "question" } else { "set of token pairs" };
            assert_eq!(scored, Err(Error::Empty { what, index }), "{name}");
            continue;
        }
        scored.unwrap();
        for (score, expected) in scores.iter().zip(&expected) {
            let expected = expected["total_no_diag"].as_f64().unwrap();
            assert!((f64::from(*score) - expected).abs() <= TOLERANCE, "{name}");
        }
        if case["input_dtype"] == "bf16" {
            let narrow: Vec<bf16> = states.iter().map(|&x| bf16::from_f32(x)).collect();
            let evidence = HiddenStates { states: &narrow, dim, spans: &spans };
            assert_eq!(
                evidence.concentrations().unwrap(),
                found,
                "{name}: bf16 is f32 with fewer bits"
            );
        }
    }
    assert!(checked >= 20, "only {checked} expectations were checked");
}
