//! Scores, thresholds and calibration against vectors computed with 60 digits, independently of this crate.

#![expect(clippy::disallowed_methods, reason = "a test compares with the host's functions")]

use curricle::Error;
use curricle::signal::uncertainty::{
    Candidate, Ensemble, Evidence, Logits, NonFinite, PerLength, Relative, Score, Scored, Semantic,
    Sequence, TopK, Uncertainty, Votes,
};
use curricle::test_time::budget::{Budget, DdSketch, Fixed, PSquare, Tracker, conformal_quantile};
use curricle::test_time::calibration::{Bins, Reliability, Temperature};
use curricle_kernels::logits::{RowSums, exact, row};
use serde_json::Value;

fn golden(kind: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(include_str!("../data/uncertainty.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let cases: Vec<Value> = cases.iter().filter(|case| case["kind"] == kind).cloned().collect();
    assert!(!cases.is_empty(), "{kind}");
    cases
}

/// A number, or one that JSON has no form for.
fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap_or_else(|| panic!("{value} is no number")),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

/// Compares with what a case expects, at the case's own tolerance or the file's.
#[track_caller]
fn near(case: &Value, name: &str, found: f64) {
    let expected = number(&case["expected"][name]);
    near_to(case, name, found, expected);
}

#[track_caller]
fn near_to(case: &Value, name: &str, found: f64, expected: f64) {
    let relative = case["tol"]["rel"].as_f64().unwrap_or(1e-13);
    let absolute = case["tol"]["abs"].as_f64().unwrap_or(1e-300);
    let off = (found - expected).abs();
    assert!(
        found == expected || off <= absolute || off <= relative * expected.abs(),
        "{}: {name} is {found}, expected {expected}",
        case["id"]
    );
}

/// The logits of a case: given, or generated with some of them edited.
fn logits(case: &Value) -> Vec<f64> {
    let inputs = &case["inputs"];
    if let Some(given) = inputs.get("logits") {
        return given.as_array().unwrap().iter().map(number).collect();
    }
    assert_eq!(inputs["generator"], "splitmix64_24bit");
    let mut state = inputs["seed"].as_u64().unwrap();
    let mut logits: Vec<f64> = (0..inputs["vocab"].as_u64().unwrap())
        .map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let x = z ^ (z >> 31);
            ((x >> 40) as f64 - f64::from(1 << 23)) / f64::from(1 << 20)
        })
        .collect();
    let check = &inputs["check"];
    assert_eq!(logits[..4], numbers(&check["first4"]));
    for (index, value) in inputs["edits"].as_object().unwrap() {
        logits[index.parse::<usize>().unwrap()] = number(value);
    }
    assert_eq!(logits.iter().sum::<f64>(), number(&check["exact_sum_finite"]));
    logits
}

/// Every score that the file names, with its name there.
const SCORES: [(&str, Score); 16] = [
    ("log_p1", Score::LogMaxProbability),
    ("least_confidence", Score::LeastConfidence),
    ("margin", Score::Margin),
    ("margin_uncertainty", Score::MarginComplement),
    ("logit_margin", Score::LogitMargin),
    ("relative_margin", Score::RelativeMargin),
    ("std_normalized_logit_margin", Score::NormalisedLogitMargin),
    ("entropy", Score::Entropy),
    ("normalized_entropy", Score::NormalisedEntropy),
    ("renyi_0_5", Score::Renyi(0.5)),
    ("renyi_2", Score::Renyi(2.0)),
    ("renyi_inf", Score::Renyi(f64::INFINITY)),
    ("hartley", Score::Renyi(0.0)),
    ("gini_simpson", Score::Gini),
    ("energy", Score::Energy),
    ("self_certainty_kl_uniform", Score::SelfCertainty),
];

/// What is no score of its own.
fn others(sums: &RowSums) -> [(&'static str, f64); 4] {
    let whole = 1.0 + sums.rest;
    [
        ("n_support", sums.count as f64),
        ("argmax", sums.argmax as f64),
        ("p1", 1.0 / whole),
        ("p2", (sums.second - sums.max).exp() / whole),
    ]
}

#[test]
fn rows_of_logits() {
    let mut compared = 0;
    for case in golden("logits") {
        let logits = logits(&case);
        let temperature = number(&case["inputs"]["temperature"]);
        let expected = case["expected"].as_object().unwrap();
        if expected.contains_key("policy_error") {
            faulty(&case, &logits);
            continue;
        }
        let sums = exact(&logits, temperature);
        for (name, score) in SCORES {
            if !expected.contains_key(name) {
                continue;
            }
            let reading = Uncertainty::new(score).temperature(temperature).read_exactly(&logits);
            let value = reading.unwrap().unwrap().value;
            // A divergence from the uniform distribution of 0 is that to rounding.
            let uniform = name == "self_certainty_kl_uniform" && number(&expected[name]) == 0.0;
            if !(uniform && value.abs() < 1e-15) {
                near(&case, name, value);
            }
            compared += 1;
        }
        for (name, value) in others(&sums) {
            near(&case, name, value);
            compared += 1;
        }
        near(&case, "logsumexp", sums.max + sums.rest.ln_1p());
        compared += 1;
        single(&case, &logits, temperature);
    }
    assert!(compared > 300, "{compared}");
}

/// The same rows in `f32`, where they can be told in it: the quick kernel.
fn single(case: &Value, logits: &[f64], temperature: f64) {
    let narrow: Vec<f32> = logits.iter().map(|&z| z as f32).collect();
    if narrow.iter().zip(logits).any(|(&narrow, &z)| f64::from(narrow) != z) {
        return;
    }
    let relative = case["tol"]["rel_f32"].as_f64().unwrap_or(1e-5);
    for (name, score) in SCORES {
        let evidence = Logits { rows: &narrow[..], vocab: narrow.len() };
        let reading = Uncertainty::new(score).temperature(temperature).read(&evidence).unwrap();
        let (found, expected) = (reading[0].unwrap().value, number(&case["expected"][name]));
        assert!(
            found == expected || (found - expected).abs() <= relative * expected.abs() + 1e-6,
            "{}: {name} in f32 is {found}, expected {expected}",
            case["id"]
        );
    }
    // What the kernel promises, in absolute terms.
    let sums = row(&narrow, temperature);
    let entropy = Score::Entropy.of(&sums).unwrap();
    assert!((entropy - number(&case["expected"]["entropy"])).abs() < 1e-6);
    let margin = Score::Margin.of(&sums).unwrap();
    assert!((margin - number(&case["expected"]["margin"])).abs() < 3e-7);
}

fn faulty(case: &Value, logits: &[f64]) {
    let expected = &case["expected"];
    let read = |score, policy| Uncertainty::new(score).non_finite(policy).read_exactly(logits);
    for (_, score) in SCORES {
        let error = read(score, NonFinite::Error).unwrap_err();
        match expected["policy_error"].as_str().unwrap() {
            "nan_input" => assert!(matches!(error, Error::NonFinite { what: "logit", .. })),
            "empty_support" => assert!(matches!(error, Error::Empty { what: "support", .. })),
            other => panic!("{other}"),
        }
        let propagated = read(score, NonFinite::Propagate).unwrap().unwrap();
        assert!(propagated.value.is_nan() && propagated.faulty);
        assert_eq!(read(score, NonFinite::Skip), Ok(None));
    }
    if let Some(uncertain) = expected.get("policy_treat_as_uncertain") {
        for (name, score) in [
            ("margin", Score::Margin),
            ("least_confidence", Score::LeastConfidence),
            ("normalized_entropy", Score::NormalisedEntropy),
        ] {
            let reading = read(score, NonFinite::TreatAsUncertain).unwrap().unwrap();
            assert_eq!((reading.value, reading.faulty), (number(&uncertain[name]), true));
        }
    }
}

#[test]
fn candidates() {
    for case in golden("rss") {
        let inputs = &case["inputs"];
        let nll = numbers(&inputs["nll"]);
        let lengths = inputs["lengths"].as_array();
        let per_length = match inputs["normalisation"].as_str().unwrap() {
            "sum" => PerLength::Sum,
            "mean" => PerLength::Mean,
            other => panic!("{other}"),
        };
        let candidates: Vec<Candidate<usize>> = nll
            .iter()
            .enumerate()
            .map(|(key, &nll)| {
                let tokens = lengths.map_or(1, |lengths| lengths[key].as_u64().unwrap() as usize);
                Candidate { key, nll, tokens }
            })
            .collect();
        let relative = Relative::of(&candidates, per_length).unwrap();
        for (found, expected) in relative.probabilities.iter().zip(numbers(&case["expected"]["rss"])) {
            near_to(&case, "rss", *found, expected);
        }
        near(&case, "margin", relative.score(Score::Margin).unwrap());
        near(&case, "one_minus_margin", relative.score(Score::MarginComplement).unwrap());
        let ranking = numbers(&case["expected"]["ranking"]);
        assert!(relative.ranking().iter().zip(&ranking).all(|(a, b)| *a as f64 == *b));
        assert_eq!(relative.ranking().len(), ranking.len());
        assert_eq!(relative.single, nll.len() == 1);
        let margin = relative.score(Score::Margin).unwrap();
        for (threshold, uncertain) in case["expected"]["uncertain"].as_object().unwrap() {
            assert_eq!(margin < threshold.parse().unwrap(), uncertain.as_bool().unwrap());
        }
        if let Some(top) = case["expected"].get("wrong_sign_top") {
            assert_ne!(relative.ranking()[0] as u64, top.as_u64().unwrap());
        }
    }
    // Two copies of one answer, once they are known for that.
    let merged =
        [("a", 1.0), ("a", 1.0), ("b", 8.0)].map(|(key, nll)| Candidate { key, nll, tokens: 1 });
    let relative = Relative::of(&merged, PerLength::Sum).unwrap();
    assert!(relative.score(Score::Margin).unwrap() > 0.999);
}

#[test]
fn sequences() {
    for case in golden("sequence") {
        let sequence = Sequence::of(&numbers(&case["inputs"]["token_logprobs"]));
        if case["expected"].get("policy_error").is_some() {
            assert_eq!(sequence, Err(Error::Empty { what: "sequence", index: 0 }));
            continue;
        }
        let sequence = sequence.unwrap();
        let found = [
            ("sum_logprob", sequence.sum),
            ("mean_logprob", sequence.mean()),
            ("perplexity", sequence.perplexity()),
            ("min_logprob", sequence.least),
            ("gnmt_alpha_0_6", sequence.length_normalised(0.6).unwrap()),
            ("geometric_mean_prob", sequence.mean_probability()),
        ];
        for (name, found) in found {
            if case["expected"].get(name).is_some() {
                near(&case, name, found);
            }
        }
        assert_eq!(sequence.impossible, sequence.perplexity() == f64::INFINITY);
    }
}

#[test]
fn votes() {
    for case in golden("votes") {
        let counts: Vec<u64> =
            case["inputs"]["counts"].as_array().unwrap().iter().map(|c| c.as_u64().unwrap()).collect();
        let votes = Votes::of(&counts).unwrap();
        near(&case, "vote_entropy", votes.entropy());
        near(&case, "normalized_by_log_n", votes.entropy_by_samples());
        near(&case, "normalized_by_log_k", votes.entropy_by_answers());
        near(&case, "majority_ratio", votes.majority());
        near(&case, "vote_margin", votes.margin());
        near(&case, "miller_madow", votes.miller_madow());
        near(&case, "gini", votes.gini());
        // The ladder agrees, by way of the sums of a softmax where it takes it.
        let evidence = Evidence::<()>::Votes(&votes);
        let Scored::Exact(normalised) = evidence.score(Score::NormalisedEntropy).unwrap() else {
            panic!()
        };
        assert!((normalised - votes.entropy_by_answers()).abs() < 1e-14);
    }
}

#[test]
fn semantic_entropy() {
    for case in golden("semantic") {
        let clusters: Vec<usize> =
            numbers(&case["inputs"]["cluster_ids"]).iter().map(|&id| id as usize).collect();
        let semantic = Semantic::of(&clusters, &numbers(&case["inputs"]["loglik"])).unwrap();
        near(&case, "semantic_entropy_rao", semantic.rao);
        near(&case, "semantic_entropy_mc", semantic.sampled);
        near(&case, "discrete_semantic_entropy", semantic.discrete);
        let expected = numbers(&case["expected"]["cluster_log_probs"]);
        assert_eq!(semantic.log_probabilities.len(), expected.len());
        for (found, expected) in semantic.log_probabilities.iter().zip(expected) {
            near_to(&case, "cluster_log_probs", *found, expected);
        }
    }
    // Far below what an exponential can tell from 0.
    let long = Semantic::of(&[0, 1, 1], &[-2000.0, -2000.0, -2000.0]).unwrap();
    assert!((long.rao - (3f64.ln() - 2.0 / 3.0 * 2f64.ln())).abs() < 1e-12);
}

#[test]
fn ensembles() {
    for case in golden("bald") {
        let members = rows(&case["inputs"]["member_logits"]);
        let ensemble = Ensemble::of(&members.concat(), members[0].len()).unwrap();
        near(&case, "predictive_entropy", ensemble.total);
        near(&case, "expected_entropy", ensemble.expected);
        near(&case, "mutual_information", ensemble.mutual);
        near(&case, "variation_ratio", ensemble.ratio);
    }
}

#[test]
fn greatest_probabilities() {
    for case in golden("topk") {
        let logs: Vec<f64> =
            numbers(&case["inputs"]["top_probs"]).iter().map(|probability| probability.ln()).collect();
        let vocab = case["inputs"]["vocab"].as_u64().unwrap() as usize;
        let top = TopK::new(&logs, vocab).unwrap();
        near(&case, "tail_mass", top.tail());
        let Scored::Within { low, high } = top.score(Score::Entropy).unwrap() else { panic!() };
        near(&case, "entropy_lower", low);
        near(&case, "entropy_upper", high);
        let Scored::Exact(margin) = top.score(Score::Margin).unwrap() else { panic!() };
        near(&case, "margin", margin);
        assert_eq!(case["expected"]["margin_exact"], true);
    }
}

#[test]
fn calibration() {
    for case in golden("calibration") {
        let inputs = &case["inputs"];
        if inputs.get("confidence").is_some() {
            let right: Vec<bool> =
                numbers(&inputs["correct"]).iter().map(|&correct| correct == 1.0).collect();
            let bins = Bins::Width(inputs["bins"].as_u64().unwrap() as usize);
            let found = Reliability::of(&numbers(&inputs["confidence"]), &right, bins).unwrap();
            near(&case, "ece", found.ece);
            near(&case, "mce", found.mce);
            near(&case, "brier", found.brier);
        } else {
            let logits = rows(&inputs["logits"]);
            let labels: Vec<usize> =
                numbers(&inputs["labels"]).iter().map(|&label| label as usize).collect();
            let fitted = Temperature::fit(&logits.concat(), logits[0].len(), &labels).unwrap();
            near(&case, "inverse_temperature", fitted.inverse);
            near(&case, "temperature", fitted.temperature());
            near(&case, "nll_at_opt", fitted.nll);
            near(&case, "nll_at_1", fitted.nll_before);
        }
    }
}

#[test]
fn thresholds() {
    for case in golden("threshold") {
        let inputs = &case["inputs"];
        if inputs.get("scores").is_some() {
            let alpha = number(&inputs["alpha"]);
            let (k, threshold) = conformal_quantile(&numbers(&inputs["scores"]), alpha).unwrap();
            assert_eq!(k as u64, case["expected"]["k"].as_u64().unwrap());
            near(&case, "threshold", threshold);
        } else {
            // Low margins are uncertain: all is turned round.
            let margins = numbers(&inputs["margins"]);
            let turned: Vec<f64> = margins.iter().map(|margin| -margin).collect();
            let mut fixed = Fixed::at_rate(&turned, number(&inputs["budget"])).unwrap();
            near(&case, "tau_strict", -fixed.threshold());
            let mut chosen: Vec<usize> = (0..margins.len())
                .filter(|&item| fixed.wants(turned[item], 0.5).unwrap().selected)
                .collect();
            chosen.sort_by(|&a, &b| margins[a].total_cmp(&margins[b]));
            let expected = numbers(&case["expected"]["selected_exact"]);
            assert_eq!(chosen.iter().map(|&item| item as f64).collect::<Vec<_>>(), expected);
            assert_eq!(chosen.len() as u64, case["expected"]["count_below_tau"].as_u64().unwrap());
        }
    }
}

#[test]
fn streams() {
    for case in golden("threshold_stream") {
        let (inputs, expected) = (&case["inputs"], &case["expected"]);
        match case["id"].as_str().unwrap() {
            "online_quantile_tracking" => {
                let (rate, eta) = (number(&inputs["budget"]), number(&inputs["eta"]));
                let mut tracker = Tracker::new(rate, eta, number(&inputs["tau0"])).unwrap();
                let thresholds = numbers(&expected["tau_after"]);
                let selected = numbers(&expected["selected"]);
                for (step, margin) in numbers(&inputs["margins"]).into_iter().enumerate() {
                    assert_eq!(f64::from(u8::from(tracker.step(margin).unwrap())), selected[step]);
                    near_to(&case, "tau_after", tracker.theta(), thresholds[step]);
                }
                assert_eq!(
                    selected.iter().sum::<f64>() / selected.len() as f64,
                    number(&expected["rate"])
                );
            }
            "p2_jain_chlamtac_median" => {
                let mut median = PSquare::new(number(&inputs["p"])).unwrap();
                numbers(&inputs["values"]).into_iter().for_each(|x| median.push(x).unwrap());
                let (heights, positions) = median.markers();
                for (found, expected) in heights.iter().zip(numbers(&expected["markers"])) {
                    near_to(&case, "markers", *found, expected);
                }
                assert_eq!(positions.to_vec(), numbers(&expected["positions"]));
                near(&case, "estimate", median.estimate().unwrap());
            }
            "ddsketch_index" => {
                let sketch = DdSketch::new(number(&inputs["relative_accuracy"])).unwrap();
                let (indices, values) =
                    (numbers(&expected["index"]), numbers(&expected["bucket_value"]));
                for (place, value) in numbers(&inputs["values"]).into_iter().enumerate() {
                    let index = sketch.index(value);
                    assert_eq!(f64::from(index), indices[place]);
                    near_to(&case, "bucket_value", sketch.value(index), values[place]);
                }
            }
            other => panic!("{other}"),
        }
    }
}

/// No case of the file is forgotten; the selection of batches is another test's.
#[test]
fn every_kind_is_compared() {
    let golden: Value = serde_json::from_str(include_str!("../data/uncertainty.json")).unwrap();
    let here = [
        "logits",
        "rss",
        "sequence",
        "votes",
        "semantic",
        "bald",
        "topk",
        "calibration",
        "threshold",
        "threshold_stream",
        "batch",
    ];
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.iter().all(|case| here.contains(&case["kind"].as_str().unwrap())));
}
