//! The estimators by themselves.

use curricle::off_policy::{Estimate, Estimator, Logged};
use curricle::{Error, Round};
use proptest::prelude::*;

/// Sums over rows, round by round, as the formulas stand.
fn naive(rows: &[Logged], terms: &[(f64, f64)]) -> (f64, f64) {
    let below: f64 = terms.iter().map(|term| term.1).sum();
    let value = terms.iter().map(|term| term.0).sum::<f64>() / below;
    let mut rounds: Vec<Round> = rows.iter().map(|row| row.round).collect();
    rounds.sort_unstable();
    rounds.dedup();
    let mut squares = 0.0;
    for &round in &rounds {
        let of_round = rows.iter().zip(terms).filter(|(row, _)| row.round == round);
        let residual: f64 = of_round.map(|(_, (above, below))| above - value * below).sum();
        squares += residual * residual;
    }
    let count = rounds.len() as f64;
    (value, (count / (count - 1.0) * squares).sqrt() / below)
}

fn same(found: Estimate, (value, error): (f64, f64), what: &str) {
    assert!((found.value - value).abs() < 1e-9 * (1.0 + value.abs()), "{what}: {found:?} {value}");
    let found = found.standard_error.unwrap();
    assert!((found - error).abs() < 1e-7 * (1.0 + error), "{what}: {found} {error}");
}

proptest! {
    #[test]
    fn estimates_are_those_of_a_naive_twin(
        drawn in prop::collection::vec(
            (0..6u64, 0.01..1.0f64, 0.0..1.0f64, -3.0..3.0f64, -1.0..1.0f64, -1.0..1.0f64), 2..60),
        clip in prop::option::of(0.1..20.0f64),
    ) {
        let mut rows: Vec<Logged> = drawn
            .iter()
            .map(|&(round, q, p, r, m, v)| Logged::new(Round(round), q, p, r).predicted(m, v))
            .collect();
        rows[0].round = Round(7);
        let estimator = clip.map_or(Estimator::new(), |most| Estimator::new().clip(most));
        let found = estimator.estimate(&rows).unwrap();
        let weight = |row: &Logged| (row.target / row.propensity).min(clip.unwrap_or(f64::INFINITY));
        let terms = |term: &dyn Fn(&Logged) -> (f64, f64)| rows.iter().map(term).collect::<Vec<_>>();
        same(found.ips, naive(&rows, &terms(&|row| (weight(row) * row.reward, 1.0))), "IPS");
        let snips = naive(&rows, &terms(&|row| (weight(row) * row.reward, weight(row))));
        prop_assume!(snips.0.is_finite());
        same(found.snips.unwrap(), snips, "SNIPS");
        let robust = |row: &Logged| {
            let prediction = row.prediction.unwrap();
            (prediction.expected + weight(row) * (row.reward - prediction.logged), 1.0)
        };
        same(found.doubly_robust.unwrap(), naive(&rows, &terms(&robust)), "DR");
        let sum: f64 = rows.iter().map(weight).sum();
        let squares: f64 = rows.iter().map(|row| weight(row) * weight(row)).sum();
        prop_assert!((found.weights.effective_sample_size / (sum * sum / squares) - 1.0).abs() < 1e-9);
        prop_assert!(found.weights.effective_sample_size <= rows.len() as f64 * (1.0 + 1e-12));
        // The order of the rows makes no difference but rounding.
        rows.reverse();
        let reversed = estimator.estimate(&rows).unwrap();
        same(reversed.ips, (found.ips.value, found.ips.standard_error.unwrap()), "reversed");
    }
}

/// A target that is the log itself: the plain mean, with its plain error.
#[test]
fn the_log_itself_has_the_plain_mean() {
    let row = |place: u64| Logged::new(Round(place / 4), 0.125, 0.125, (place % 7) as f64);
    let rows: Vec<Logged> = (0..40).map(row).collect();
    let found = Estimator::new().estimate(&rows).unwrap();
    assert_eq!(found.ips, found.logged);
    assert_eq!(found.snips, Some(found.logged));
    assert_eq!((found.weights.mean.value, found.weights.mean.standard_error), (1.0, Some(0.0)));
    assert_eq!((found.weights.effective_sample_size, found.doubly_robust), (40.0, None));
    let text = found.to_string();
    assert!(text.contains("rows                    40 of 10 rounds"), "{text}");
    assert!(text.contains("mean weight             1.0000 in [1.0000, 1.0000]"), "{text}");
}

#[test]
fn a_target_that_the_log_never_followed() {
    let rows = [Logged::new(Round(0), 0.5, 0.0, 1.0), Logged::new(Round(1), 0.5, 0.0, 2.0)];
    let found = Estimator::new().estimate(&rows).unwrap();
    assert_eq!((found.ips.value, found.snips), (0.0, None));
    assert_eq!((found.weights.uncovered, found.weights.effective_sample_size), (1.0, 0.0));
}

#[test]
fn what_is_no_row_is_refused() {
    let good = Logged::new(Round(0), 0.5, 0.5, 1.0);
    let refused = |row: Logged| Estimator::new().estimate(&[good, row]).unwrap_err();
    assert_eq!(Estimator::new().estimate(&[]), Err(Error::Empty { what: "log", index: 0 }));
    for propensity in [0.0, -0.1, 1.1] {
        let error = refused(Logged::new(Round(0), propensity, 0.5, 1.0));
        assert!(matches!(error, Error::OutOfRange { what: "propensity", .. }), "{error}");
    }
    for propensity in [f64::NAN, f64::INFINITY] {
        let error = refused(Logged::new(Round(0), propensity, 0.5, 1.0));
        assert!(matches!(error, Error::NonFinite { what: "propensity", index: 1, .. }), "{error}");
    }
    for target in [-0.1, 1.1] {
        let error = refused(Logged::new(Round(0), 0.5, target, 1.0));
        assert!(
            matches!(error, Error::OutOfRange { what: "probability of the target", .. }),
            "{error}"
        );
    }
    let nan = refused(Logged::new(Round(0), 0.5, f64::NAN, 1.0));
    assert!(matches!(nan, Error::NonFinite { index: 1, .. }), "{nan}");
    let nan = refused(Logged::new(Round(0), 0.5, 0.5, f64::NAN));
    assert!(matches!(nan, Error::NonFinite { what: "reward", index: 1, .. }), "{nan}");
    let nan = Estimator::new().estimate(&[good.predicted(0.1, f64::NAN)]).unwrap_err();
    assert!(matches!(nan, Error::NonFinite { what: "expected prediction", index: 0, .. }), "{nan}");
    let some = refused(good.predicted(0.1, 0.2));
    assert_eq!(some, Error::Length { what: "predictions", expected: 2, found: 1 });
    for level in [0.0, 1.0, f64::NAN] {
        assert!(Estimator::new().level(level).estimate(&[good]).is_err(), "{level}");
    }
    for clip in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Estimator::new().clip(clip).estimate(&[good]).is_err(), "{clip}");
    }
    // Numbers that are legal, and too large for a sum.
    let huge = Logged::new(Round(0), 1e-300, 1.0, f64::MAX);
    let error = Estimator::new().estimate(&[huge, huge]).unwrap_err();
    assert!(matches!(error, Error::NonFinite { what: "IPS", .. } | Error::NonFinite { .. }), "{error}");
}
