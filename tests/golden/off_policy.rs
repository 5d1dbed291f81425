//! Off-policy estimates against numbers computed independently, in plain Python with its own normal quantiles.
//!
//! ```text
//! z = statistics.NormalDist().inv_cdf(0.5 + level / 2);  w = min(p / q, clip)
//! V = sum(num) / sum(den);  e_g = sum over round g of (num - V den)
//! se = sqrt(G / (G - 1) * sum(e_g ** 2)) / sum(den);  interval V -+ z se
//! IPS: num = w r, den = 1    SNIPS: num = w r, den = w    DR: num = v + w (r - m), den = 1
//! mean weight: num = p / q, den = 1    ESS = sum(w) ** 2 / sum(w ** 2)
//! ```

use curricle::Round;
use curricle::off_policy::{Estimate, Estimates, Estimator, Logged};

/// Round, q, p, r, m, v.
const ROWS: [(u64, f64, f64, f64, f64, f64); 12] = [
    (0, 0.5, 0.25, 1.0, 0.6, 0.4),
    (0, 0.125, 0.5, 0.0, 0.2, 0.4),
    (0, 0.3, 0.3, 0.7, 0.5, 0.4),
    (1, 0.9, 0.1, -1.5, -0.2, 0.35),
    (1, 0.05, 0.4, 2.0, 0.9, 0.35),
    (2, 0.25, 0.0, 3.0, 0.8, 0.5),
    (2, 0.2, 0.6, 0.25, 0.3, 0.5),
    (2, 0.6, 0.75, 0.5, 0.45, 0.5),
    (2, 1.0, 1.0, -0.25, 0.0, 0.5),
    (3, 0.01, 0.02, 0.125, 0.1, 0.3),
    (3, 0.7, 0.35, 1.0, 0.75, 0.3),
    (3, 0.4, 0.1, 0.0, 0.25, 0.3),
];

fn found(estimator: Estimator) -> Estimates {
    let row = |&(round, q, p, r, m, v): &_| Logged::new(Round(round), q, p, r).predicted(m, v);
    let rows: Vec<Logged> = ROWS.iter().map(row).collect();
    estimator.estimate(&rows).unwrap()
}

/// Value, standard error, and the ends of the interval.
fn same(estimate: Estimate, expected: [f64; 4], what: &str) {
    let (low, high) = estimate.interval.unwrap();
    let found = [estimate.value, estimate.standard_error.unwrap(), low, high];
    for (found, expected) in found.into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{what}: {found}, expected {expected}");
    }
}

#[test]
fn without_clipping_at_95_percent() {
    let found = found(Estimator::new());
    let ips = [1.57569444444444, 1.41388159664758, -1.1954625633888, 4.34685145227769];
    same(found.ips, ips, "IPS");
    let snips = [0.874935732647815, 0.545279830447535, -0.193793096525461, 1.94366456182109];
    same(found.snips.unwrap(), snips, "SNIPS");
    let robust = [1.06921296296296, 0.802410462623352, -0.50348264459693, 2.64190857052286];
    same(found.doubly_robust.unwrap(), robust, "DR");
    let logged = [0.56875, 0.144174594354926, 0.286172987578674, 0.851327012421326];
    same(found.logged, logged, "logged");
    let mean = [1.80092592592593, 0.537458519741777, 0.747526584047834, 2.85432526780402];
    same(found.weights.mean, mean, "mean weight");
    assert!((found.weights.effective_sample_size - 4.80803876400032).abs() < 1e-12);
    assert!((found.weights.greatest - 8.0).abs() < 1e-12);
    assert_eq!((found.rows, found.rounds, found.weights.clipped), (12, 4, 0));
    assert_eq!(found.weights.uncovered, 0.0);
}

#[test]
fn clipped_at_80_percent() {
    let found = found(Estimator::new().level(0.8).clip(2.5));
    let ips = [0.648611111111111, 0.397126479511641, 0.139673049573752, 1.15754917264847];
    same(found.ips, ips, "IPS");
    let snips = [0.551574803149606, 0.324627791326521, 0.135547548955818, 0.967602057343395];
    same(found.snips.unwrap(), snips, "SNIPS");
    let robust = [0.59212962962963, 0.235794801776212, 0.289946432266046, 0.894312826993213];
    same(found.doubly_robust.unwrap(), robust, "DR");
    let mean = [1.80092592592593, 0.537458519741777, 1.11214511853557, 2.48970673331628];
    same(found.weights.mean, mean, "mean weight");
    assert!((found.weights.effective_sample_size - 7.40584285140332).abs() < 1e-12);
    assert_eq!(found.weights.clipped, 3);
    assert!((found.weights.greatest - 8.0).abs() < 1e-12);
}
