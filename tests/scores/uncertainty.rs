//! Laws of the scores and of calibration, against plain definitions.

#![expect(clippy::disallowed_methods, reason = "a test compares with the host's functions")]

use curricle::signal::uncertainty::{
    Candidate, Ensemble, Evidence, Logits, NonFinite, PerLength, Relative, Score, ScoreSet, Scored,
    Semantic, Sequence, TopK, Uncertainty, Votes, token_entropy,
};
use curricle::test_time::calibration::{
    Bins, ClusteredMcNemar, Isotonic, McNemar, Reliability, Temperature, aurc, auroc,
};
use curricle::{Error, Purpose, Rng, Round};
use curricle_kernels::logits::exact;
use half::{bf16, f16};
use proptest::prelude::*;

fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().fold(f64::MIN, |most, &z| most.max(z));
    let e: Vec<f64> = logits.iter().map(|z| (z - most).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|e| e / sum).collect()
}

/// A score by its definition in terms of probabilities.
fn naive(score: Score, logits: &[f64]) -> f64 {
    let p = softmax(logits);
    let mut sorted = p.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let (first, second) = (sorted[0], sorted.get(1).copied().unwrap_or(0.0));
    let n = p.len() as f64;
    let entropy: f64 = p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    let mut z = logits.to_vec();
    z.sort_by(|a, b| b.total_cmp(a));
    let gap = if z.len() > 1 { z[0] - z[1] } else { f64::INFINITY };
    let mean = z.iter().sum::<f64>() / n;
    let deviation = (z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / n).sqrt();
    match score {
        Score::Entropy => entropy,
        Score::NormalisedEntropy => {
            if p.len() == 1 {
                0.0
            } else {
                entropy / n.ln()
            }
        }
        Score::Renyi(1.0) => entropy,
        Score::Renyi(0.0) => n.ln(),
        Score::Renyi(f64::INFINITY) => -first.ln(),
        Score::Renyi(order) => p.iter().map(|p| p.powf(order)).sum::<f64>().ln() / (1.0 - order),
        Score::Gini => 1.0 - p.iter().map(|p| p * p).sum::<f64>(),
        Score::LeastConfidence => 1.0 - first,
        Score::MarginComplement => 1.0 - (first - second),
        Score::Energy => -(z[0] + z.iter().map(|x| (x - z[0]).exp()).sum::<f64>().ln()),
        Score::Margin => first - second,
        Score::RelativeMargin => (first - second) / (first + second),
        Score::LogitMargin => gap,
        Score::NormalisedLogitMargin => {
            if gap == f64::INFINITY {
                gap
            } else if deviation == 0.0 {
                0.0
            } else {
                gap / deviation
            }
        }
        Score::LogMaxProbability => first.ln(),
        Score::SelfCertainty => p.iter().map(|p| -(n * p).ln()).sum::<f64>() / n,
        other => panic!("no definition of {other}"),
    }
}

fn scores() -> impl Iterator<Item = Score> {
    let orders = [0.0, 0.3, 1.0, 2.0, 3.5, f64::INFINITY].map(Score::Renyi);
    Score::PLAIN.into_iter().chain(orders)
}

fn read(score: Score, logits: &[f64]) -> f64 {
    Uncertainty::new(score).read_exactly(logits).unwrap().unwrap().value
}

/// Equal, or near enough.
fn near(a: f64, b: f64, off: f64) -> bool {
    a == b || (a - b).abs() <= off * (1.0 + b.abs())
}

fn uniform(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.unit()
}

/// Each score of the greatest is that of all logits, or an interval that holds it, or is said to be unavailable.
fn holds_the_truth(top: &TopK, logits: &[f64]) -> Result<(), TestCaseError> {
    for score in scores() {
        let truth = naive(score, logits);
        match top.score(score) {
            Ok(Scored::Exact(found)) => {
                prop_assert!(near(found, truth, 1e-9), "{score}: {found}, {truth}");
            }
            Ok(Scored::Within { low, high }) => {
                prop_assert!(
                    low <= truth + 1e-9 && truth <= high + 1e-9,
                    "{score}: {low}, {truth}, {high}"
                );
            }
            Err(error) => prop_assert!(matches!(error, Error::Unavailable { .. }), "{error}"),
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn scores_are_what_they_say(logits in prop::collection::vec(-8.0f64..8.0, 1..40)) {
        for score in scores() {
            let (found, expected) = (read(score, &logits), naive(score, &logits));
            prop_assert!(near(found, expected, 1e-10), "{score}: {found}, {expected}");
        }
    }

    #[test]
    fn a_shift_changes_only_the_energy(
        logits in prop::collection::vec(-300i32..300, 1..30), shift in -1_000_000i32..1_000_000,
    ) {
        // In sixteenths, so that the shift is exact.
        let logits: Vec<f64> = logits.iter().map(|&z| f64::from(z) / 16.0).collect();
        let shift = f64::from(shift) / 16.0;
        let moved: Vec<f64> = logits.iter().map(|z| z + shift).collect();
        for score in scores() {
            let (here, there) = (read(score, &logits), read(score, &moved));
            match score {
                Score::Energy => prop_assert!(near(there, here - shift, 1e-13)),
                Score::NormalisedLogitMargin => prop_assert!(near(there, here, 1e-9)),
                _ => prop_assert_eq!(there, here),
            }
        }
    }

    #[test]
    fn order_does_not_matter(mut logits in prop::collection::vec(-20.0f64..20.0, 1..30), seed in any::<u64>()) {
        let before: Vec<f64> = scores().map(|score| read(score, &logits)).collect();
        Rng::at(seed, Round(0), Purpose::User).shuffle(&mut logits);
        for (score, before) in scores().zip(before) {
            prop_assert!(near(read(score, &logits), before, 1e-12));
        }
    }

    /// The kernel, of any width, beside the exact sums.
    #[test]
    fn narrow_rows_agree_with_exact_ones(
        logits in prop::collection::vec(-12.0f32..12.0, 40..400), temperature in 0.4f64..3.0,
    ) {
        for score in scores() {
            let uncertainty = Uncertainty::new(score).temperature(temperature);
            let wide: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
            let exact = uncertainty.read_exactly(&wide).unwrap().unwrap().value;
            let evidence = Logits { rows: &logits[..], vocab: logits.len() };
            let quick = uncertainty.read(&evidence).unwrap()[0].unwrap().value;
            prop_assert!(near(quick, exact, 2e-6), "{score}: {quick}, {exact}");
        }
    }

    #[test]
    fn the_interval_of_the_greatest_holds_the_truth(
        logits in prop::collection::vec(-6.0f64..6.0, 1..60), k in 1usize..60,
    ) {
        let mut logs: Vec<f64> = softmax(&logits).iter().map(|p| p.ln()).collect();
        logs.sort_by(|a, b| b.total_cmp(a));
        let k = k.min(logs.len());
        let top = TopK::new(&logs[..k], logs.len()).unwrap();
        holds_the_truth(&top, &logits)?;
    }

    /// With the sampled token beside the greatest, wherever it stands, as an engine returns it.
    #[test]
    fn the_interval_holds_the_truth_with_a_sampled_token_outside(
        logits in prop::collection::vec(-9.0f64..9.0, 2..60), k in 1usize..60, sampled in 0usize..60,
    ) {
        let mut logs: Vec<f64> = softmax(&logits).iter().map(|p| p.ln()).collect();
        logs.sort_by(|a, b| b.total_cmp(a));
        let (k, sampled) = (k.min(logs.len()), sampled.min(logs.len() - 1));
        let mut returned = vec![logs[sampled]];
        returned.extend(logs[..k].iter().enumerate().filter(|(i, _)| *i != sampled).map(|(_, log)| log));
        let top = TopK::of_k(&returned, k, logs.len()).unwrap();
        prop_assert_eq!(top.outside(), (sampled >= k).then(|| logs[sampled]));
        holds_the_truth(&top, &logits)?;
    }

    /// Samples by text: repeating one changes neither the probabilities of the meanings nor those of the answers.
    #[test]
    fn repeated_texts_add_nothing(
        logs in prop::collection::vec(-9.0f64..0.0, 1..9), repeats in prop::collection::vec(0usize..9, 0..12),
    ) {
        let cluster = |text: usize| text / 2;
        let texts: Vec<usize> = (0..logs.len()).chain(repeats.iter().map(|text| text % logs.len())).collect();
        let clusters: Vec<usize> = texts.iter().map(|&text| cluster(text)).collect();
        let all: Vec<f64> = texts.iter().map(|&text| logs[text]).collect();
        let once = Semantic::of(&clusters[..logs.len()], &logs).unwrap();
        let found = Semantic::of_texts(&texts, &clusters, &all).unwrap();
        prop_assert_eq!(&found.log_probabilities, &once.log_probabilities);
        prop_assert_eq!(found.rao, once.rao);
        // Over the samples, each as often as it came.
        let samples = clusters.iter().map(|&c| -once.log_probabilities[c]).sum::<f64>() / all.len() as f64;
        prop_assert!(near(found.sampled, samples, 1e-12));
        prop_assert_eq!(found.discrete, Semantic::of(&clusters, &all).unwrap().discrete);
        let candidates: Vec<Candidate<usize>> =
            texts.iter().map(|&text| Candidate { key: cluster(text), nll: -logs[text], tokens: 2 }).collect();
        for per_length in [PerLength::Sum, PerLength::Mean, PerLength::Power(0.5)] {
            let once = Relative::of(&candidates[..logs.len()], per_length).unwrap();
            let found = Relative::of_texts(&texts, &candidates, per_length).unwrap();
            prop_assert_eq!(found.probabilities, once.probabilities);
            prop_assert_eq!(found.entry, clusters.clone());
        }
    }

    #[test]
    fn the_order_of_candidates_does_not_matter(
        nll in prop::collection::vec(0.0f64..2000.0, 1..12), seed in any::<u64>(), keys in 1u64..12,
    ) {
        let mut candidates: Vec<Candidate<u64>> = nll
            .iter()
            .enumerate()
            .map(|(i, &nll)| Candidate { key: i as u64 % keys, nll, tokens: 1 + i })
            .collect();
        for per_length in [PerLength::Sum, PerLength::Mean, PerLength::Power(0.6)] {
            let before = Relative::of(&candidates, per_length).unwrap();
            prop_assert!((before.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let of_key: Vec<(u64, f64)> = candidates
                .iter()
                .zip(&before.entry)
                .map(|(candidate, &entry)| (candidate.key, before.probabilities[entry]))
                .collect();
            Rng::at(seed, Round(0), Purpose::User).shuffle(&mut candidates);
            let after = Relative::of(&candidates, per_length).unwrap();
            for (candidate, &entry) in candidates.iter().zip(&after.entry) {
                let (_, expected) = of_key.iter().find(|(key, _)| *key == candidate.key).unwrap();
                prop_assert!((after.probabilities[entry] - expected).abs() < 1e-12);
            }
            for score in [Score::Entropy, Score::MarginComplement] {
                prop_assert!(near(after.score(score).unwrap(), before.score(score).unwrap(), 1e-11));
            }
        }
    }

    /// Mutual information is what the difference of the entropies is, but for rounding, and never negative.
    #[test]
    fn mutual_information(logits in prop::collection::vec(-9.0f64..9.0, 12), nudge in 0.0f64..1e-7) {
        let ensemble = Ensemble::of(&logits, 4).unwrap();
        prop_assert!((ensemble.mutual - (ensemble.total - ensemble.expected)).abs() < 1e-12);
        let mut agreeing = logits[..4].repeat(3);
        agreeing[0] += nudge;
        prop_assert!(Ensemble::of(&agreeing, 4).unwrap().mutual >= 0.0);
    }

    #[test]
    fn areas_are_those_of_all_pairs(items in prop::collection::vec((0u8..6, any::<bool>()), 1..60)) {
        let uncertainties: Vec<f64> = items.iter().map(|(u, _)| f64::from(*u)).collect();
        let wrong: Vec<bool> = items.iter().map(|(_, wrong)| *wrong).collect();
        let (mut won, mut pairs) = (0.0, 0.0);
        for (u, _) in items.iter().filter(|(_, wrong)| *wrong) {
            for (v, _) in items.iter().filter(|(_, wrong)| !*wrong) {
                won += if u > v { 1.0 } else if u == v { 0.5 } else { 0.0 };
                pairs += 1.0;
            }
        }
        match auroc(&uncertainties, &wrong) {
            Ok(area) => prop_assert!((area - won / pairs).abs() < 1e-12),
            Err(error) => prop_assert!(pairs == 0.0 && matches!(error, Error::Empty { .. }), "{error}"),
        }
        // The mean of the best and the worst order of ties bounds that over all orders.
        let area = aurc(&uncertainties, &wrong).unwrap();
        let with = |wrong_first: bool| {
            let mut order: Vec<(u8, bool)> = items.clone();
            order.sort_by_key(|&(u, wrong)| (u, wrong != wrong_first));
            let (mut errors, mut sum) = (0.0, 0.0);
            for (taken, (_, wrong)) in order.iter().enumerate() {
                errors += f64::from(u8::from(*wrong));
                sum += errors / (taken + 1) as f64;
            }
            sum / order.len() as f64
        };
        prop_assert!(with(false) <= area + 1e-12 && area <= with(true) + 1e-12);
    }

    /// No step function that rises is nearer: moving any step either way makes the squares greater, and each step is the
    /// mean of its points.
    #[test]
    fn isotonic_steps(points in prop::collection::vec((0u8..12, 0.0f64..1.0), 1..50)) {
        let x: Vec<f64> = points.iter().map(|point| f64::from(point.0)).collect();
        let y: Vec<f64> = points.iter().map(|point| point.1).collect();
        let fitted = Isotonic::fit(&x, &y).unwrap();
        prop_assert!(fitted.steps().windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
        // The minimum over the maxima of means (the max-min formula), by brute force.
        let mut grid: Vec<f64> = x.clone();
        grid.sort_by(f64::total_cmp);
        grid.dedup();
        let mean = |low: f64, high: f64| {
            let inside: Vec<f64> =
                x.iter().zip(&y).filter(|(x, _)| **x >= low && **x <= high).map(|(_, y)| *y).collect();
            inside.iter().sum::<f64>() / inside.len() as f64
        };
        for &at in &grid {
            let value = grid
                .iter()
                .filter(|&&low| low <= at)
                .map(|&low| {
                    grid.iter().filter(|&&high| high >= at).map(|&high| mean(low, high)).fold(f64::MAX, f64::min)
                })
                .fold(f64::MIN, f64::max);
            prop_assert!((fitted.at(at) - value).abs() < 1e-12);
        }
    }
}

/// One bad row changes no bit of another, whatever is made of it.
#[test]
fn a_bad_row_is_alone() {
    let (count, vocab) = (24, 700);
    let mut rng = Rng::at(3, Round(0), Purpose::User);
    let clean: Vec<f32> = (0..count * vocab).map(|_| uniform(&mut rng, -9.0, 9.0) as f32).collect();
    let mut spoiled = clean.clone();
    spoiled[5 * vocab + 3] = f32::NAN;
    spoiled[9 * vocab..10 * vocab].fill(f32::NEG_INFINITY);
    spoiled[11 * vocab..11 * vocab + 2].fill(f32::INFINITY);
    for score in scores() {
        let strict = Uncertainty::new(score);
        let before = strict.read(&Logits { rows: &clean[..], vocab }).unwrap();
        let evidence = Logits { rows: &spoiled[..], vocab };
        let refused = strict.read(&evidence);
        assert!(
            matches!(refused, Err(Error::NonFinite { what: "logit", index: 5, .. })),
            "{refused:?}"
        );
        let mut written = vec![7.0f32; count];
        assert!(strict.score(&evidence, &mut written).is_err());
        assert_eq!(written, vec![7.0; count]);
        for policy in [NonFinite::Propagate, NonFinite::TreatAsUncertain, NonFinite::Skip] {
            let lenient = strict.non_finite(policy);
            let after = lenient.read(&evidence).unwrap();
            lenient.score(&evidence, &mut written).unwrap();
            for row in 0..count {
                if ![5, 9, 11].contains(&row) {
                    assert_eq!(after[row], before[row]);
                    continue;
                }
                let most = written.iter().fold(f32::MIN, |most, &x| most.max(x));
                match policy {
                    NonFinite::Propagate => assert!(written[row].is_nan()),
                    NonFinite::TreatAsUncertain => {
                        assert!(written[row] >= most - 1e-5 * most.abs(), "{score}")
                    }
                    _ => assert!(after[row].is_none() && written[row] == f32::MIN),
                }
            }
        }
    }
}

#[test]
fn the_signal_reads_every_width() {
    let mut rng = Rng::at(8, Round(0), Purpose::User);
    let narrow: Vec<bf16> = (0..3000).map(|_| bf16::from_f64(uniform(&mut rng, -5.0, 5.0))).collect();
    let wide: Vec<f32> = narrow.iter().map(|z| z.to_f32()).collect();
    let half: Vec<f16> = wide.iter().map(|&z| f16::from_f32(z)).collect();
    let (mut a, mut b, mut c) = ([0.0; 3], [0.0; 3], [0.0; 3]);
    let margin = Uncertainty::new(Score::Margin);
    margin.score(&Logits { rows: &narrow[..], vocab: 1000 }, &mut a).unwrap();
    margin.score(&Logits { rows: &wide[..], vocab: 1000 }, &mut b).unwrap();
    margin.score(&Logits { rows: &half[..], vocab: 1000 }, &mut c).unwrap();
    assert_eq!(a, b);
    assert!(a.iter().zip(&c).all(|(a, c)| (a - c).abs() < 1e-3));
    // High is uncertain, whatever the score's own sense.
    let pair = Logits { rows: &[9.0f32, 0.0, 0.0, 0.2, 0.0, 0.1], vocab: 3 };
    for score in scores().filter(|score| ![Score::Renyi(0.0), Score::Energy].contains(score)) {
        let mut written = [0.0; 2];
        Uncertainty::new(score).score(&pair, &mut written).unwrap();
        assert!(written[0] < written[1], "{score}: {written:?}");
    }
    let wrong = Logits { rows: &wide[..], vocab: 7 };
    assert!(matches!(margin.read(&wrong), Err(Error::Length { what: "logits", .. })));
    let cold = margin.temperature(0.0).read(&pair);
    assert!(matches!(cold, Err(Error::OutOfRange { what: "temperature", .. })));
    let short = margin.score(&pair, &mut [0.0]);
    assert!(matches!(short, Err(Error::Length { what: "scores", .. })));
    assert_eq!(margin.read::<f32>(&Logits { rows: &[], vocab: 0 }), Ok(vec![]));
}

#[test]
fn the_ladder_says_what_it_cannot_tell() {
    let top = TopK::new(&[-0.1], 50).unwrap();
    let votes = Votes::of(&[3, 0, 2]).unwrap();
    let candidates = [("a", 1.0), ("b", 2.0)].map(|(key, nll)| Candidate { key, nll, tokens: 1 });
    let clusters = ([0, 1], [-1.0, -2.0]);
    let rungs: [(Evidence<'_, &str>, &[Score]); 5] = [
        (Evidence::Logits(&[0.0, 1.0]), &[]),
        (Evidence::TopK(&top), &[Score::Margin, Score::Energy, Score::Gini, Score::SelfCertainty]),
        (Evidence::Candidates(&candidates, PerLength::Sum), &[Score::Energy]),
        (Evidence::Votes(&votes), &[Score::Energy]),
        (Evidence::Clusters(&clusters.0, &clusters.1), &[Score::Energy]),
    ];
    for (evidence, missing) in rungs {
        for score in missing {
            let refused = evidence.score(*score);
            assert!(
                matches!(refused, Err(Error::Unavailable { score: s, .. }) if s == *score),
                "{refused:?}"
            );
        }
        for score in [Score::Entropy, Score::LeastConfidence, Score::LogMaxProbability] {
            assert!(evidence.score(score).is_ok(), "{evidence:?} {score}");
        }
    }
}

/// A set says of each score what the score says alone, whatever temperatures the others need.
#[test]
fn a_set_of_scores_is_each_of_them() {
    let all: Vec<Score> = scores().collect();
    let rows: Vec<f32> = (0..40u16).map(|i| f32::from(i * 37 % 23) / 4.0).collect();
    let mut faulty = rows.clone();
    faulty[13] = f32::NAN;
    for (rows, policy) in
        [(&rows, NonFinite::Error), (&faulty, NonFinite::Skip), (&faulty, NonFinite::TreatAsUncertain)]
    {
        let logits = Logits { rows, vocab: 5 };
        let set = ScoreSet::new(&all).temperature(0.7).non_finite(policy);
        let together = set.read(&logits, 0).unwrap();
        assert_eq!(together.len(), all.len());
        for (score, found) in all.iter().zip(together) {
            let alone = Uncertainty::new(*score).temperature(0.7).non_finite(policy);
            assert_eq!(found, alone.read(&logits).unwrap(), "{score}");
        }
    }
    // The first faulty row, by its number in the whole.
    let refused = ScoreSet::new(&all).read(&Logits { rows: &faulty, vocab: 5 }, 1000);
    assert!(matches!(refused, Err(Error::NonFinite { index: 1002, .. })), "{refused:?}");
    for order in [-1.0, f64::NAN, 1e-300, 1e300] {
        let refused = ScoreSet::new(&[Score::Margin, Score::Renyi(order)])
            .read(&Logits { rows: &rows, vocab: 5 }, 0);
        let typed = matches!(refused, Err(Error::OutOfRange { .. } | Error::NonFinite { .. }));
        assert!(typed, "{order}: {refused:?}");
    }
    assert_eq!(ScoreSet::new(&[]).read(&Logits { rows: &rows, vocab: 5 }, 0), Ok(vec![]));
}

#[test]
fn lists_of_a_serving_engine() {
    // Twenty of the vocabulary, and the sampled token far below them.
    let mut returned = vec![1e-7f64.ln()];
    returned.extend((0..20).map(|_| 0.045f64.ln()));
    for top in [TopK::new(&returned, 151_936).unwrap(), TopK::of_k(&returned, 20, 151_936).unwrap()] {
        assert_eq!(top.outside(), Some(1e-7f64.ln()));
        assert!((top.tail() - (0.1 - 1e-7)).abs() < 1e-12);
        let Scored::Within { low, high } = top.score(Score::Entropy).unwrap() else { panic!() };
        // What is left fills two outcomes of 0.045 and one more.
        let p = |p: f64| -p * p.ln();
        let expected = 22.0 * p(0.045) + p(1e-7) + p(0.01 - 1e-7);
        assert!((low - expected).abs() < 1e-9 && high > low, "{low} {expected}");
    }
    // One that could be the last of the top is not, if the engine was asked for fewer.
    let returned = [0.4f64, 0.3, 0.01].map(f64::ln);
    assert_eq!(TopK::new(&returned, 1000).unwrap().outside(), None);
    let top = TopK::of_k(&returned, 2, 1000).unwrap();
    assert_eq!(top.outside(), Some(0.01f64.ln()));
    let Scored::Within { low, .. } = top.score(Score::Entropy).unwrap() else { panic!() };
    let packed = [0.4f64, 0.3, 0.01, 0.29].iter().map(|p| -p * p.ln()).sum::<f64>();
    assert!((low - packed).abs() < 1e-12, "{low} {packed}");
    // Of two outcomes the sampled one is the second.
    let two = TopK::of_k(&[0.75f64.ln(), 0.25f64.ln()], 1, 2).unwrap();
    assert!(
        matches!(two.score(Score::Margin), Ok(Scored::Exact(margin)) if (margin - 0.5).abs() < 1e-12)
    );

    // Masked tokens: nothing else is possible, so all is known.
    let masked = [0.6f64.ln(), f64::NEG_INFINITY, 0.4f64.ln(), f64::NEG_INFINITY, f64::NEG_INFINITY];
    for top in [
        TopK::new(&masked, 1000).unwrap(),
        TopK::of_k(&masked, 5, 1000).unwrap(),
        TopK::of_k(&masked, 4, 1000).unwrap(),
    ] {
        let Scored::Exact(entropy) = top.score(Score::Entropy).unwrap() else { panic!() };
        assert!((entropy - naive(Score::Entropy, &[0.6f64.ln(), 0.4f64.ln()])).abs() < 1e-12);
        let Scored::Exact(normalised) = top.score(Score::NormalisedEntropy).unwrap() else { panic!() };
        assert!((normalised - entropy / 2f64.ln()).abs() < 1e-12);
        assert_eq!((top.tail(), top.outside()), (0.0, None));
    }
    let certain = TopK::new(&[0.0, f64::NEG_INFINITY], 1000).unwrap();
    assert_eq!(certain.score(Score::Margin), Ok(Scored::Exact(1.0)));
    // Something is left over, and nothing may have it.
    let left = TopK::new(&[0.6f64.ln(), f64::NEG_INFINITY], 1000);
    assert!(matches!(left, Err(Error::OutOfRange { what: "probability left over", .. })), "{left:?}");
    for (returned, k) in [(&returned[..], 1), (&returned[..], 4), (&returned[..2], 1000)] {
        let refused = TopK::of_k(returned, k, 1000);
        assert!(matches!(refused, Err(Error::OutOfRange { .. })), "{refused:?}");
    }
    for (logs, k) in [(&[][..], 3), (&[-0.1][..], 0)] {
        assert!(matches!(TopK::of_k(logs, k, 9), Err(Error::Empty { .. })));
    }
    let refused = TopK::of_k(&[-0.1, f64::INFINITY], 2, 9);
    assert!(matches!(refused, Err(Error::NonFinite { index: 1, .. })), "{refused:?}");
    let refused = TopK::of_k(&[-0.1, f64::NAN], 1, 9);
    assert!(matches!(refused, Err(Error::NonFinite { index: 1, .. })), "{refused:?}");
}

#[test]
fn a_text_has_one_meaning_and_one_answer() {
    let refused = Semantic::of_texts(&["a", "b", "a"], &[0, 1, 1], &[-1.0, -2.0, -1.0]);
    assert!(matches!(refused, Err(Error::OutOfRange { what: "cluster of a repeated text", .. })));
    let candidates = [Candidate::<&str>::new("x", 1.0), Candidate::new("y", 1.0)];
    let refused = Relative::of_texts(&["a", "a"], &candidates, PerLength::Sum);
    assert!(matches!(refused, Err(Error::OutOfRange { what: "entry of a repeated text", .. })));
    for refused in [
        Semantic::of_texts(&["a"], &[0, 1], &[-1.0, -2.0]).map(drop),
        Semantic::of_texts(&["a", "b"], &[0, 1], &[-1.0]).map(drop),
        Relative::of_texts(&["a"], &candidates, PerLength::Sum).map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Length { .. })), "{refused:?}");
    }
    // Rounding gave one text two likelihoods: the greater counts.
    let semantic = Semantic::of_texts(&["a", "b", "a"], &[0, 1, 0], &[-1.1, -1.0, -1.0]).unwrap();
    assert!((semantic.rao - 2f64.ln()).abs() < 1e-12);
    let texts = ["Paris", "Paris", "London"];
    let (clusters, logs) = ([4, 4, 2], [0.6f64, 0.6, 0.4].map(f64::ln));
    let evidence = Evidence::Texts { texts: &texts, clusters: &clusters, log_likelihoods: &logs };
    let Ok(Scored::Exact(margin)) = evidence.score(Score::Margin) else { panic!() };
    assert!((margin - 0.2).abs() < 1e-12);
    assert!(matches!(evidence.score(Score::Energy), Err(Error::Unavailable { .. })));
}

#[test]
fn wrong_input() {
    let empty = |error: Error| assert!(matches!(error, Error::Empty { .. }), "{error}");
    let range = |error: Error| assert!(matches!(error, Error::OutOfRange { .. }), "{error}");
    let finite = |error: Error| assert!(matches!(error, Error::NonFinite { .. }), "{error}");
    let one = |nll| [Candidate { key: (), nll, tokens: 0 }];
    empty(Relative::of::<()>(&[], PerLength::Sum).unwrap_err());
    empty(Relative::of(&one(f64::INFINITY), PerLength::Sum).unwrap_err());
    finite(Relative::of(&one(f64::NAN), PerLength::Sum).unwrap_err());
    range(Relative::of(&one(-1.0), PerLength::Sum).unwrap_err());
    range(Relative::of(&one(1.0), PerLength::Mean).unwrap_err());
    range(Relative::of(&one(1.0), PerLength::Power(1.5)).unwrap_err());
    finite(Sequence::of(&[-1.0, f64::NAN]).unwrap_err());
    range(Sequence::of(&[0.1]).unwrap_err());
    empty(token_entropy(&[]).unwrap_err());
    finite(token_entropy(&[f64::NAN]).unwrap_err());
    empty(Votes::of(&[0, 0]).unwrap_err());
    range(Votes::of(&[u64::MAX, 5]).unwrap_err());
    empty(Semantic::of(&[], &[]).unwrap_err());
    finite(Semantic::of(&[0], &[f64::NAN]).unwrap_err());
    empty(Semantic::of(&[0], &[f64::NEG_INFINITY]).unwrap_err());
    empty(Ensemble::of(&[], 3).unwrap_err());
    finite(Ensemble::of(&[0.0, 1.0, f64::NAN, 0.0], 2).unwrap_err());
    empty(TopK::new(&[], 5).unwrap_err());
    range(TopK::new(&[-0.1, -0.1], 5).unwrap_err());
    range(TopK::new(&[-3.0, -4.0, -5.0], 2).unwrap_err());
    range(TopK::new(&[-3.0], 5).unwrap_err()); // the rest cannot hold what is left
    finite(TopK::new(&[f64::NEG_INFINITY], 5).unwrap_err());
    finite(auroc(&[f64::NAN], &[true]).unwrap_err());
    empty(aurc(&[], &[]).unwrap_err());
    range(Reliability::of(&[1.5], &[true], Bins::default()).unwrap_err());
    range(Reliability::of(&[0.5], &[true], Bins::Mass(0)).unwrap_err());
    empty(Reliability::of(&[], &[], Bins::default()).unwrap_err());
    range(Temperature::fit(&[1.0, 0.0], 2, &[0]).unwrap_err()); // right for ever
    range(Temperature::fit(&[1.0, 1.0], 2, &[0]).unwrap_err());
    range(Temperature::fit(&[1.0, 0.0], 2, &[2]).unwrap_err());
    finite(Temperature::fit(&[f64::NAN, 0.0], 2, &[0]).unwrap_err());
    empty(Isotonic::fit(&[], &[]).unwrap_err());
    finite(Isotonic::fit(&[f64::NAN], &[0.0]).unwrap_err());
    assert!(matches!(McNemar::of(&[true], &[]), Err(Error::Length { .. })));
    let unequal = ClusteredMcNemar::of(&[true], &[false], &[]);
    assert!(matches!(unequal, Err(Error::Length { what: "clusters of the items", .. })));
    assert!(matches!(ClusteredMcNemar::of(&[true], &[], &[1]), Err(Error::Length { .. })));
}

/// A temperature that was applied is found again, and no other is better.
#[test]
fn temperature_is_found_again() {
    let (classes, count) = (5, 4000);
    let mut rng = Rng::at(14, Round(0), Purpose::User);
    let mut logits = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..count {
        let row: Vec<f64> = (0..classes).map(|_| uniform(&mut rng, -3.0, 3.0)).collect();
        let (p, mut draw) = (softmax(&row), rng.unit());
        labels.push(
            p.iter()
                .position(|p| {
                    draw -= p;
                    draw < 0.0
                })
                .unwrap_or(classes - 1),
        );
        logits.extend(row.iter().map(|z| 2.5 * z));
    }
    let fitted = Temperature::fit(&logits, classes, &labels).unwrap();
    assert!((fitted.temperature() - 2.5).abs() < 0.15, "{}", fitted.temperature());
    let nll = |temperature: f64| {
        let rows = logits.chunks(classes).zip(&labels);
        let sum: f64 = rows
            .map(|(row, &label)| {
                let sums = exact(row, temperature);
                sums.max + sums.rest.ln_1p() - row[label] / temperature
            })
            .sum();
        sum / count as f64
    };
    assert!((nll(fitted.temperature()) - fitted.nll).abs() < 1e-12);
    for factor in [0.9, 0.99, 1.01, 1.1] {
        assert!(nll(fitted.temperature() * factor) > fitted.nll);
    }
}

#[test]
fn equal_masses_and_certain_errors() {
    let confidences: Vec<f64> = (0..100).map(|i| f64::from(i) / 100.0).collect();
    let right: Vec<bool> = (0..100).map(|i| i % 2 == 0).collect();
    let fine = Reliability::of(&confidences, &right, Bins::Mass(10)).unwrap();
    // Each bin of ten has five right, and a mean confidence of 0.045, 0.145, ...
    let expected: f64 =
        (0..10).map(|bin| (0.5 - (f64::from(bin) / 10.0 + 0.045)).abs()).sum::<f64>() / 10.0;
    assert!((fine.ece - expected).abs() < 1e-12 && (fine.mce - 0.455).abs() < 1e-12);
    let certain = Reliability::of(&[1.0], &[false], Bins::default()).unwrap();
    assert_eq!((certain.nll, certain.ece), (f64::INFINITY, 1.0));
}

#[test]
fn what_needs_moments_is_unavailable_without_them() {
    use curricle_kernels::logits::{RowSums, exact};
    let sums = RowSums { moments: None, ..exact(&[2.0, 1.0, 0.5], 1.0) };
    for score in Score::PLAIN {
        let needs = matches!(score, Score::SelfCertainty | Score::NormalisedLogitMargin);
        match score.of(&sums) {
            Err(Error::Unavailable { .. }) => assert!(needs, "{score}"),
            found => assert!(!needs && found == score.of(&exact(&[2.0, 1.0, 0.5], 1.0)), "{score}"),
        }
    }
}
