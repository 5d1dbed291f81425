//! Every option of budgets, selections, calibration, the loop and scores, at its ends and beyond them:
//! a value that is in range works and gives numbers, any other is a typed error.

#![expect(clippy::disallowed_methods, reason = "probabilities to compare with")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use curricle::signal::uncertainty::{
    Candidate, Ensemble, Logits, PerLength, Relative, Score, Semantic, Sequence, TopK, Uncertainty,
    Votes, token_entropy,
};
use curricle::test_time::budget::{
    Budget, Conformal, DdSketch, ErrorRecall, Fixed, Horizon, PSquare, ResidualRisk, TokenBucket,
    Tracker, Tracking, Window, conformal_quantile,
};
use curricle::test_time::calibration::{
    Bins, Isotonic, McNemar, Reliability, Temperature, aurc, auroc,
};
use curricle::test_time::select::{
    Badge, DppMap, FacilityLocation, KCenter, Neighbours, PowerTopK, Rows, Select, Sift, residuals,
};
use curricle::test_time::self_improvement::{GainGate, Improver, NearDuplicates, Options, Switch};
use curricle::{Error, Purpose, Result, Rng, Round};

/// Numbers at the ends of all ranges.
const NUMBERS: [f64; 15] = [
    f64::NAN,
    f64::NEG_INFINITY,
    f64::MIN,
    -1.0,
    -f64::MIN_POSITIVE,
    -0.0,
    0.0,
    f64::MIN_POSITIVE,
    1e-9,
    0.5,
    1.0,
    1.0 + f64::EPSILON,
    1e6,
    f64::MAX,
    f64::INFINITY,
];

const COUNTS: [usize; 7] = [0, 1, 2, 5, 1 << 20, u32::MAX as usize + 1, usize::MAX];

/// The number of cases that a table has seen on both sides.
#[derive(Default)]
struct Seen {
    works: u32,
    refused: u32,
}

/// Does it for each value: in range it must work, else be a typed error; never panic.
fn each<T: Copy + std::fmt::Debug>(
    name: &str,
    values: &[T],
    fits: impl Fn(T) -> bool,
    make: impl Fn(T) -> Result<()>,
) {
    let mut seen = Seen::default();
    for &value in values {
        let made = catch_unwind(AssertUnwindSafe(|| make(value)));
        let made = made.unwrap_or_else(|_| panic!("{name}: {value:?} panicked"));
        match made {
            Ok(()) => {
                assert!(fits(value), "{name}: {value:?} was taken");
                seen.works += 1;
            }
            Err(error) => {
                assert!(!fits(value), "{name}: {value:?} gave {error}");
                let typed = matches!(
                    error,
                    Error::OutOfRange { .. }
                        | Error::NonFinite { .. }
                        | Error::Empty { .. }
                        | Error::Length { .. }
                        | Error::BatchExceedsPool { .. }
                );
                assert!(typed, "{name}: {value:?} gave {error:?}");
                seen.refused += 1;
            }
        }
    }
    assert!(seen.works > 0 && seen.refused > 0, "{name} is not tried on both sides");
}

fn numbers(name: &str, low: f64, high: f64, make: impl Fn(f64) -> Result<()>) {
    let mut values = NUMBERS.to_vec();
    values.extend([low, high, low.next_down(), high.next_up()]);
    each(name, &values, |x| (low..=high).contains(&x), make);
}

fn counts(name: &str, low: usize, high: usize, make: impl Fn(usize) -> Result<()>) {
    let mut values = COUNTS.to_vec();
    values.extend([low, high, low.saturating_sub(1), high.saturating_add(1)]);
    each(name, &values, |x| (low..=high).contains(&x), make);
}

/// A stream with every extreme in it: ranks and thresholds are numbers.
fn used(mut budget: impl Budget) -> Result<()> {
    let stream = [0.5, f64::INFINITY, f64::MAX, -0.0, f64::NEG_INFINITY, 0.5, 1e-300, 7.0];
    for (item, &uncertainty) in stream.iter().cycle().take(60).enumerate() {
        let coin = if item % 3 == 0 { 0.0 } else { 1.0 - f64::EPSILON / 2.0 };
        let choice = budget.wants(uncertainty, coin)?;
        assert!(!choice.threshold.is_nan());
        assert!(choice.rank.is_none_or(|rank| (0.0..1.0).contains(&rank)), "{choice:?}");
    }
    assert!(matches!(budget.wants(f64::NAN, 0.5), Err(Error::NonFinite { .. })));
    for coin in [f64::NAN, -0.1, 1.0, f64::INFINITY] {
        assert!(matches!(budget.wants(0.5, coin), Err(Error::OutOfRange { .. })), "a coin of {coin}");
    }
    Ok(())
}

#[test]
fn budgets() {
    let sample = [0.1, f64::INFINITY, 0.3, f64::NEG_INFINITY, 0.3];
    each("threshold", &NUMBERS, |x| !x.is_nan(), |x| used(Fixed::new(x)?));
    numbers("tau", 0.0, 1.0, |x| used(Fixed::margin(x)?));
    numbers("rate of a sample", 0.0, 1.0, |x| used(Fixed::at_rate(&sample, x)?));
    numbers("rate of none", 0.0, 1.0, |x| used(Fixed::at_rate(&[], x)?));
    numbers("rate", 0.0, 1.0, |x| used(Tracking::new(x)?));
    numbers("step", 1e-9, 1.0, |x| used(Tracking::with(0.5, x, 7)?));
    counts("window", 1, i32::MAX as usize, |n| used(Tracking::with(0.5, 0.1, n)?));
    counts("window alone", 1, i32::MAX as usize, |n| Window::new(n).map(drop));
    numbers("rate of a tracker", 0.0, 1.0, |x| Tracker::new(x, 0.1, 0.5).map(drop));
    numbers("threshold of a tracker", 0.0, 1.0, |x| Tracker::new(0.1, 0.1, x).map(drop));
    numbers("tracked value", 0.0, 1.0, |x| Tracker::new(0.1, 0.1, 0.5)?.step(x).map(drop));
    counts("window of a horizon", 1, i32::MAX as usize, |n| used(Horizon::new(3, 10)?.window(n)?));
    counts("length of a horizon", 0, 1 << 53, |n| used(Horizon::new(0, n as u64)?));
    counts("budget of a horizon", 0, 1 << 53, |n| used(Horizon::new(n as u64, 1 << 53)?));
    numbers("rate of a bucket", 0.0, 1.0, |x| used(TokenBucket::new(Fixed::new(0.0)?, x, 3)?));
    each(
        "burst",
        &[0, 1, 2, 1 << 31, (1 << 31) + 1, u32::MAX],
        |n| (1..=1 << 31).contains(&n),
        |n| used(TokenBucket::new(Fixed::new(0.0)?, 0.5, n)?),
    );
    numbers("conformal rate", 0.0, 1.0, |x| used(Conformal::new(&sample, x)?));
    numbers("conformal rate of none", 0.0, 1.0, |x| used(Conformal::new(&[], x)?));
    numbers("alpha", 0.0, 1.0, |x| {
        assert!(!conformal_quantile(&sample, x)?.1.is_nan());
        used(ErrorRecall::new(&sample, x)?)
    });
    numbers("alpha of none", 0.0, 1.0, |x| used(ErrorRecall::new(&[], x)?));
    let wrong = [true, false, false, true, false];
    let (low, high) = (f64::MIN_POSITIVE, 1.0 - f64::EPSILON);
    numbers("risk", low, high, |x| used(ResidualRisk::new(&sample, &wrong, x, 0.1)?));
    numbers("delta", low, high, |x| used(ResidualRisk::new(&sample, &wrong, 0.1, x)?));
    let nan = [0.1, f64::NAN];
    for refused in [
        Fixed::at_rate(&nan, 0.5).map(drop),
        Conformal::new(&nan, 0.5).map(drop),
        ErrorRecall::new(&nan, 0.5).map(drop),
        ResidualRisk::new(&nan, &[true, false], 0.5, 0.5).map(drop),
    ] {
        assert!(matches!(refused, Err(Error::NonFinite { .. })), "{refused:?}");
    }
}

#[test]
fn a_tracked_rate_is_met_within_its_bound_from_the_first_item_on() {
    for (rate, eta) in [(0.2, 0.005), (0.5, 0.05), (0.9, 0.3), (0.0, 0.1), (1.0, 0.1), (0.2, 1.0)] {
        // Uncertainties that rise, that fall, that are equal: the worst streams there are.
        for of in [(|i| f64::from(i)) as fn(u32) -> f64, |i| -f64::from(i), |_| 0.0] {
            let mut budget = Tracking::with(rate, eta, 100).unwrap();
            let mut selected = 0.0;
            for item in 1..=3000 {
                let coin = Rng::at(item.into(), Round(0), Purpose::User).unit();
                selected += f64::from(u8::from(budget.wants(of(item), coin).unwrap().selected));
                let even = rate * f64::from(item);
                let (under, over) = ((1.0 - rate) / eta + rate, rate / eta + 1.0 - rate);
                let within = even - under - 1e-9 <= selected && selected <= even + over + 1e-9;
                assert!(within, "{rate} {eta} {item}: {selected}");
            }
        }
    }
    // The figures of the page: a fifth of a short stream that rises.
    let mut budget = Tracking::new(0.2).unwrap();
    let mut selected = 0;
    for item in 1..=2000u32 {
        selected += u32::from(budget.wants(f64::from(item), 0.5).unwrap().selected);
        match item {
            100 => assert!((55..=60).contains(&selected), "{selected}"),
            500 => assert!((135..=140).contains(&selected), "{selected}"),
            2000 => assert!((430..=440).contains(&selected), "{selected}"),
            _ => {}
        }
    }
}

#[test]
fn quantiles() {
    let finite = [f64::MAX, -f64::MAX, 0.0, 1e-308, -3.0, f64::MAX, 5e-324, -f64::MAX, f64::MAX];
    numbers("quantile", 0.0, 1.0, |x| {
        let mut quantile = PSquare::new(x)?;
        for (seen, &value) in finite.iter().cycle().take(100).enumerate() {
            quantile.push(value)?;
            let estimate = quantile.estimate().unwrap_or(f64::NAN);
            assert!(estimate.is_finite(), "{x} of {seen}: {estimate}");
        }
        Ok(())
    });
    numbers("accuracy", 1e-4, 0.5, |x| {
        let mut sketch = DdSketch::new(x)?;
        for value in finite {
            sketch.push(value.abs())?;
        }
        for p in [0.0, 0.3, 1.0] {
            let found = sketch.quantile(p)?.unwrap_or(f64::NAN);
            assert!(found.is_finite(), "{x} at {p}: {found}");
        }
        Ok(())
    });
    let finite = |x: f64| x.is_finite();
    each("observation", &NUMBERS, finite, |x| PSquare::new(0.5)?.push(x));
    numbers("observation of a sketch", 0.0, f64::MAX, |x| DdSketch::new(0.01)?.push(x));
    numbers("quantile of a sketch", 0.0, 1.0, |x| {
        let mut sketch = DdSketch::new(0.01)?;
        assert_eq!(sketch.quantile(x)?, None);
        sketch.push(1.0)?;
        sketch.quantile(x).map(drop)
    });
}

#[test]
fn selections() {
    let values: Vec<f32> = (0..12u8).map(|i| f32::from(i % 5) - 1.5).collect();
    let rows = Rows::new(&values, 3).unwrap();
    let rng = || Rng::at(1, Round(0), Purpose::User);
    each("dimension", &COUNTS, |n| n == 1 || n == 2, |n| Rows::new(&values, n).map(drop));
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        assert!(Rows::new(&[1.0, value], 2).is_err(), "{value}");
    }
    let empty = Rows::new(&[], 3).unwrap();
    let of = residuals(rows);
    let of = Rows::new(&of, 3).unwrap();
    let kernel: Vec<f32> = (0..16).map(|i| if i % 5 == 0 { 1.0 } else { 0.25 }).collect();
    let kernel = Rows::new(&kernel, 4).unwrap();
    let neighbours = Neighbours::by_cosine(rows, usize::MAX);
    let (scores, target) = ([0.5, 0.1, f64::MAX, f64::MIN_POSITIVE], [1.0, 0.0, 0.5]);
    let selections: [&dyn Select; 8] = [
        &KCenter::new(rows),
        &Badge::new(of, rows).unwrap(),
        &FacilityLocation::dense(kernel).unwrap(),
        &FacilityLocation::sparse(&neighbours),
        &DppMap::features(rows),
        &DppMap::kernel(kernel).unwrap(),
        &Sift::new(rows, &target).unwrap(),
        &PowerTopK::new(&scores).unwrap(),
    ];
    for (number, selection) in selections.into_iter().enumerate() {
        let name = format!("selection {number}");
        counts(&name, 0, 4, |n| {
            let picked = selection.select(&[], n, &mut rng())?;
            assert!(picked.iter().all(|&item| item < 4) && picked.len() <= n);
            Ok(())
        });
        counts(&name, 0, 3, |n| selection.select(&[n], 1, &mut rng()).map(drop));
    }
    let none: [&dyn Select; 4] = [
        &KCenter::new(empty),
        &DppMap::features(empty),
        &Sift::new(empty, &target).unwrap(),
        &PowerTopK::new(&[]).unwrap(),
    ];
    for selection in none {
        counts("of nothing", 0, 0, |n| selection.select(&[], n, &mut rng()).map(drop));
    }
    counts("first item", 0, 3, |n| KCenter::new(rows).first(n).select(&[], 2, &mut rng()).map(drop));
    counts("repeated picks", 0, 1_000_000, |n| {
        let sift = Sift::new(rows, &target)?.repeats();
        // The time of a million is not needed here.
        if n > 1000 && n <= 1_000_000 { Ok(()) } else { sift.select(&[], n, &mut rng()).map(drop) }
    });
    numbers("lambda", 1e-9, 1e9, |x| {
        let found = Sift::new(rows, &target)?.lambda(x).variances(&[], 3)?;
        assert!(found.iter().all(|(_, variance)| variance.is_finite()));
        Ok(())
    });
    numbers("alpha of a stop", f64::MIN_POSITIVE, f64::MAX, |x| {
        Sift::new(rows, &target)?.stop(x).variances(&[], 3).map(drop)
    });
    numbers("power", 0.0, 1e6, |x| {
        PowerTopK::new(&scores)?.power(x).select(&[], 4, &mut rng()).map(drop)
    });
    numbers("score", 0.0, f64::MAX, |x| PowerTopK::new(&[x])?.select(&[], 0, &mut rng()).map(drop));
    each(
        "similarity",
        &[f32::NAN, f32::INFINITY, -1.0, 0.0, f32::MAX],
        |x| x.is_finite(),
        |x| {
            let neighbours = Neighbours::new(&[vec![(0, x)]])?;
            let gains = FacilityLocation::sparse(&neighbours).gains(&[], 1)?;
            assert!(gains.iter().all(|(_, gain)| gain.is_finite()));
            Ok(())
        },
    );
    each(
        "covered item",
        &[0, 1, u32::MAX],
        |n| n == 0,
        |n| Neighbours::new(&[vec![(n, 0.5)]]).map(drop),
    );
}

#[test]
fn calibration() {
    let confidences = [0.0, 1.0, 0.5, 0.5];
    let right = [false, true, true, false];
    counts("bins of a width", 1, 1_000_000_000, |n| {
        let found = Reliability::of(&confidences, &right, Bins::Width(n))?;
        assert!([found.ece, found.mce, found.brier, found.nll].iter().all(|x| x.is_finite()));
        Ok(())
    });
    counts("bins of a mass", 1, 1_000_000_000, |n| {
        Reliability::of(&confidences, &right, Bins::Mass(n)).map(drop)
    });
    numbers("confidence", 0.0, 1.0, |x| Reliability::of(&[x], &[true], Bins::default()).map(drop));
    counts("classes", 2, 2, |n| {
        let fit = Temperature::fit(&[2.0, 0.0, 1.0, 0.0, 0.0, 1.0], n, &[0, 1, 1])?;
        assert!(fit.inverse.is_finite() && fit.nll.is_finite());
        Ok(())
    });
    counts("label", 0, 1, |n| {
        Temperature::fit(&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0], 2, &[1, 1, 0, n]).map(drop)
    });
    for logits in [[f64::MAX, -f64::MAX, 0.0, 1.0], [f64::NAN, 0.0, 0.0, 1.0]] {
        let fit = catch_unwind(|| Temperature::fit(&logits, 2, &[0, 0]));
        let fit = fit.expect("no panic");
        assert!(fit.is_err() || fit.is_ok_and(|fit| fit.nll.is_finite() && fit.inverse.is_finite()));
    }
    let small = |x: f64| (-1e140..=1e140).contains(&x);
    each("value of a regression", &NUMBERS, small, |x| {
        let fit = Isotonic::fit(&[0.0, 1.0, f64::MAX, -f64::MAX], &[x, 1e140, -1e140, x])?;
        assert!(fit.steps().iter().all(|(_, y)| y.is_finite()));
        assert!(
            [f64::NEG_INFINITY, 0.5, f64::INFINITY, f64::NAN].iter().all(|&x| fit.at(x).is_finite())
        );
        Ok(())
    });
    each(
        "point of a regression",
        &NUMBERS,
        |x| x.is_finite(),
        |x| Isotonic::fit(&[x], &[1.0]).map(drop),
    );
    for gained in [0, 1, 50, 1 << 26, 1 << 40, u64::MAX / 2, u64::MAX] {
        for lost in [0, 1, 51, 1 << 26, 1 << 40, u64::MAX / 2, u64::MAX] {
            let p = McNemar::from_counts(gained, lost).p;
            assert!((0.0..=1.0).contains(&p), "{gained} {lost}: {p}");
            assert_eq!(p, McNemar::from_counts(lost, gained).p);
        }
    }
    each(
        "uncertainty",
        &NUMBERS,
        |x| !x.is_nan(),
        |x| {
            assert!((0.0..=1.0).contains(&auroc(&[x, 0.5, f64::INFINITY], &[true, false, true])?));
            assert!((0.0..=1.0).contains(&aurc(&[x, 0.5, f64::INFINITY], &[true, false, true])?));
            Ok(())
        },
    );
}

#[test]
fn the_loop() {
    let budget = || Fixed::new(0.5);
    let build = |options: Options| Improver::new(options, budget()?).map(drop);
    counts("samples", 1, 65_536, |n| build(Options::paper().samples(n)));
    numbers("duplicates", 0.0, 1.0, |x| build(Options::paper().duplicates(x)));
    numbers("power of the length", 0.0, 1.0, |x| {
        build(Options::paper().per_length(PerLength::Power(x)))
    });
    counts("answers", 1, usize::MAX, |n| build(Options::paper().agreement(n, 0.5)));
    numbers("agreement", 0.0, 1.0, |x| build(Options::paper().agreement(3, x)));
    numbers("lower end of the band", f64::MIN, 1.0, |x| build(Options::paper().loss_band(x, 1.0)));
    numbers("upper end of the band", 1.0, f64::MAX, |x| build(Options::paper().loss_band(1.0, x)));
    counts("held out", 1, 3, |n| build(Options::paper().samples(4).hold_out(n, 0.0)));
    numbers("least fall", 0.0, f64::MAX, |x| build(Options::paper().samples(4).hold_out(1, x)));
    numbers("drift", 0.0, f64::MAX, |x| build(Options::paper().drift(x)));
    numbers("cosine", -1.0, 1.0, |x| build(Options::paper().clusters(x, 3)));
    counts("clusters", 1, usize::MAX, |n| build(Options::paper().clusters(0.5, n)));
    numbers("cost", 0.0, 1.0, |x| GainGate::new(x, 0.5).map(drop));
    numbers("exploration", 0.0, 1.0, |x| GainGate::new(0.5, x).map(drop));
    numbers("alpha of a switch", 1e-9, 0.5, |x| Switch::new(x).map(drop));
    numbers("similarity", 0.5, 1.0, |x| NearDuplicates::new(x).map(drop));
    let mut gate = GainGate::new(0.0, 0.1).unwrap();
    let mut switch = Switch::new(0.05).unwrap();
    for x in NUMBERS {
        gate.learn(x, false, Some(true));
        let expected = gate.expect(x);
        assert!((0.0..=1.0).contains(&expected.gain) && (0.0..=1.0).contains(&expected.harm));
        switch.observe(x);
        assert!(!switch.evidence_of_harm().is_nan() && !switch.evidence_of_help().is_nan());
    }
    for capacity in COUNTS {
        let mut seen = NearDuplicates::new(0.8).unwrap().capacity(capacity);
        ["", "a", "a longer text than before", "\u{10ffff}"].iter().for_each(|text| seen.insert(text));
        assert!(seen.contains("\u{10ffff}") && seen.len() <= capacity.max(1));
    }
}

#[test]
fn scores() {
    let logits = Logits { rows: &[1.0f32, 0.5, f32::NEG_INFINITY, f32::MAX, f32::MIN, 0.0], vocab: 3 };
    let all = || {
        let orders = [0.0, 1e-6, 0.5, 1.0, 2.0, 1e6, f64::INFINITY].map(Score::Renyi);
        Score::PLAIN.into_iter().chain(orders)
    };
    for score in all() {
        numbers("temperature", 1e-6, 1e6, |x| {
            let readings = Uncertainty::new(score).temperature(x).read(&logits)?;
            for reading in readings.into_iter().flatten() {
                assert!(!reading.value.is_nan(), "{score} at {x}");
            }
            let row = [f64::MAX, -f64::MAX, 3.0, f64::NEG_INFINITY];
            let reading = Uncertainty::new(score).temperature(x).read_exactly(&row)?;
            assert!(reading.is_some_and(|reading| !reading.value.is_nan()), "{score} at {x}");
            Ok(())
        });
    }
    let order = |x: f64| x == 0.0 || (1e-6..=1e6).contains(&x) || x == f64::INFINITY;
    each("order", &NUMBERS, order, |x| Uncertainty::new(Score::Renyi(x)).read(&logits).map(drop));
    each("order", &NUMBERS, order, |x| {
        Uncertainty::new(Score::Renyi(x)).read_exactly(&[1.0, 2.0, 0.0]).map(drop)
    });
    counts("vocabulary", 1, 6, |n| {
        let n = if (4..6).contains(&n) { 6 } else { n };
        Uncertainty::new(Score::Entropy).read(&Logits { rows: &[0.0f32; 6], vocab: n }).map(drop)
    });
    let candidate =
        |nll, tokens| [Candidate::<&str>::new("a", nll).tokens(tokens), Candidate::new("b", 1.0)];
    each(
        "nll",
        &NUMBERS,
        |x| x >= -1e-6,
        |x| {
            let relative = Relative::of(&candidate(x, 1), PerLength::Sum)?;
            assert!(relative.probabilities.iter().all(|p| (0.0..=1.0).contains(p)), "{relative:?}");
            Ok(())
        },
    );
    numbers("power", 0.0, 1.0, |x| Relative::of(&candidate(1.0, 3), PerLength::Power(x)).map(drop));
    counts("tokens", 1, usize::MAX, |n| Relative::of(&candidate(1.0, n), PerLength::Mean).map(drop));
    each(
        "log-probability",
        &NUMBERS,
        |x| x <= 1e-6,
        |x| {
            let sequence = Sequence::of(&[x, f64::MIN, x, f64::MIN])?;
            assert!(![sequence.sum, sequence.mean(), sequence.perplexity()].iter().any(|x| x.is_nan()));
            Ok(())
        },
    );
    numbers("alpha", 0.0, 10.0, |x| Sequence::of(&[-1.0])?.length_normalised(x).map(drop));
    numbers("entropy of a token", 0.0, f64::MAX, |x| {
        let (mean, most) = token_entropy(&[x, f64::MAX, f64::MAX])?;
        assert!(mean.is_finite() && most == f64::MAX);
        Ok(())
    });
    let votes = 1 << 53;
    counts("votes", 1, votes, |n| {
        let votes = Votes::of(&[n as u64])?;
        assert!(
            [votes.entropy(), votes.margin(), votes.gini(), votes.miller_madow()]
                .iter()
                .all(|x| x.is_finite())
        );
        Ok(())
    });
    let log = |x: f64| x < f64::INFINITY;
    each("log-likelihood", &NUMBERS, log, |x| {
        let semantic = Semantic::of(&[0, 1, usize::MAX], &[x, f64::MIN, f64::MAX])?;
        assert!(![semantic.rao, semantic.discrete, semantic.sampled].iter().any(|x| x.is_nan()), "{x}");
        Ok(())
    });
    each(
        "logit of an ensemble",
        &NUMBERS,
        |x| !x.is_nan(),
        |x| {
            let found = Ensemble::of(&[x, 0.0, f64::MAX, f64::MIN], 2)?;
            let Ensemble { total, expected, mutual, ratio, .. } = found;
            assert!([total, expected, mutual, ratio].iter().all(|x| x.is_finite()), "{x}: {found:?}");
            Ok(())
        },
    );
    counts("classes", 1, 4, |n| Ensemble::of(&[0.0; 4], if n == 3 { 4 } else { n }).map(drop));
    counts("outcomes", 2, usize::MAX, |n| {
        let top = TopK::new(&[0.5f64.ln(), 0.5f64.ln()], n)?;
        assert!(top.score(Score::Entropy).is_ok() && top.score(Score::NormalisedEntropy).is_ok());
        Ok(())
    });
    counts("k", 2, usize::MAX, |n| {
        TopK::of_k(&[0.5f64.ln(), 0.4f64.ln(), 0.1f64.ln()], n, 3).map(drop)
    });
}
