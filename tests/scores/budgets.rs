//! The promises of budgets: rates, caps, ties, and what wrong input leaves untouched.

#[path = "../../benches/budgets/streams.rs"]
mod streams;

use curricle::test_time::budget::{
    Always, Budget, Conformal, DdSketch, ErrorRecall, Fixed, Horizon, PSquare, ResidualRisk,
    TokenBucket, Tracker, Tracking, Window, conformal_quantile,
};
use curricle::{Error, Purpose, Rng, Round};
use proptest::prelude::*;
use streams::Stream;

const LENGTH: usize = 6000;

#[test]
fn tracking_meets_its_rate_on_every_prefix_of_every_stream() {
    for stream in Stream::ALL {
        for (rate, eta, window) in
            [(0.2, 0.005, 2000), (0.05, 0.02, 500), (0.7, 0.1, 1), (0.0, 0.01, 50)]
        {
            let (margins, coins) = stream.margins(LENGTH, 3);
            let mut budget = Tracking::with(rate, eta, window).unwrap();
            let mut selected = 0u64;
            for (margin, coin) in margins.iter().zip(coins) {
                selected += u64::from(budget.wants(1.0 - margin, coin).unwrap().selected);
                let off = (selected as f64 / budget.seen() as f64 - rate).abs();
                assert!(off <= budget.bound() + 1e-12, "{stream:?} at {}: {off}", budget.seen());
            }
            if rate == 0.2 {
                let share = selected as f64 / LENGTH as f64;
                assert!((share - rate).abs() < 0.02, "{stream:?}: {share}");
            }
        }
    }
}

/// It sees the threshold and does what drives it furthest: all just below, all just above, or both by a coin.
#[test]
fn no_adversary_breaks_the_bound() {
    let mut nearest = 0.0f64;
    for run in 0..2000u64 {
        let mut rng = Rng::at(5, Round(run), Purpose::User);
        let (rate, eta) = (rng.unit(), 1e-3 + 0.2 * rng.unit());
        let (first, until) = (rng.unit(), rng.below(300));
        let mut tracker = Tracker::new(rate, eta, first).unwrap();
        let mut selected = 0u32;
        for step in 1..=400u64 {
            let theta = tracker.theta();
            let below = (theta - 1e-9).clamp(0.0, 1.0);
            let above = (theta + 1e-9).clamp(0.0, 1.0);
            let value = match run % 4 {
                0 => {
                    if step < until {
                        below
                    } else {
                        above
                    }
                }
                1 => above,
                2 => below,
                _ => {
                    if rng.below(2) == 0 {
                        below
                    } else {
                        above
                    }
                }
            };
            selected += u32::from(tracker.step(value).unwrap());
            let off = (f64::from(selected) / step as f64 - rate).abs();
            assert!(off <= tracker.bound(step) + 1e-12, "run {run}, step {step}: {off}");
            nearest = nearest.max(off / tracker.bound(step));
        }
    }
    // It is no loose bound either.
    assert!(nearest > 0.9, "{nearest}");
}

/// An adversary of the whole budget: it knows the window and the threshold, not the coin.
#[test]
fn an_adversary_in_rank_space_does_not_either() {
    for run in 0..200u64 {
        let mut rng = Rng::at(6, Round(run), Purpose::User);
        let (rate, window) = (rng.unit(), 1 + rng.below(50) as usize);
        let mut budget = Tracking::with(rate, 0.02, window).unwrap();
        let (mut height, mut selected) = (0.0, 0u32);
        for step in 1..=500u32 {
            // New records, new lows, or the same again.
            height += match rng.below(3) {
                0 => 1.0,
                1 => -1.0,
                _ => 0.0,
            } * if budget.theta() > rate { 1.0 } else { -1.0 };
            selected += u32::from(budget.wants(height, rng.unit()).unwrap().selected);
            let off = (f64::from(selected) / f64::from(step) - rate).abs();
            assert!(off <= budget.bound() + 1e-12, "run {run}, step {step}: {off}");
        }
    }
}

#[test]
fn the_most_uncertain_are_selected() {
    let (margins, coins) = Stream::Stationary.margins(20_000, 1);
    let mut budget = Tracking::new(0.2).unwrap();
    let mut chosen = Vec::new();
    for (margin, coin) in margins.iter().zip(coins) {
        if budget.wants(1.0 - margin, coin).unwrap().selected {
            chosen.push(1.0 - margin);
        }
    }
    let mut all: Vec<f64> = margins.iter().map(|margin| 1.0 - margin).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    let best: f64 = all[..chosen.len()].iter().sum();
    assert!(chosen.iter().sum::<f64>() > 0.98 * best);
}

#[test]
fn caps_hold_in_every_window() {
    for stream in Stream::ALL {
        for (rate, burst) in [(0.2, 50u32), (0.01, 1), (0.5, 7)] {
            let (margins, coins) = stream.margins(3000, 8);
            let mut capped =
                TokenBucket::new(Tracking::with(0.3, 0.05, 200).unwrap(), rate, burst).unwrap();
            let mut sums = vec![0u32];
            let mut wanted = 0u32;
            for (margin, coin) in margins.iter().zip(coins) {
                let choice = capped.wants(1.0 - margin, coin).unwrap();
                assert!(choice.wanted || !choice.selected);
                wanted += u32::from(choice.wanted);
                sums.push(sums[sums.len() - 1] + u32::from(choice.selected));
            }
            for from in 0..sums.len() {
                for to in from + 1..sums.len() {
                    let most = rate * (to - from) as f64 + f64::from(burst);
                    assert!(f64::from(sums[to] - sums[from]) <= most, "{stream:?}: {from}..{to}");
                }
            }
            // The guarantee of what is inside holds for what it wanted.
            let off = (f64::from(wanted) / 3000.0 - 0.3).abs();
            assert!(off <= capped.inner().bound());
        }
    }
}

#[test]
fn a_horizon_is_used_and_never_exceeded() {
    for stream in Stream::ALL {
        for (budget, length) in [(0, 1000u64), (1, 1000), (200, 1000), (999, 1000), (1000, 1000)] {
            let mut horizon = Horizon::new(budget, length).unwrap();
            let (margins, coins) = stream.margins(length as usize + 200, 2);
            let mut selected = 0;
            for (item, (margin, coin)) in margins.iter().zip(coins).enumerate() {
                selected += u64::from(horizon.wants(1.0 - margin, coin).unwrap().selected);
                assert!(selected <= budget);
                if item as u64 + 1 == length {
                    assert_eq!((selected, horizon.left()), (budget, 0), "{stream:?}");
                }
            }
            assert_eq!(selected, budget);
        }
    }
}

/// Exactly `b` on average, with all, some or no ties.
#[test]
fn conformal_ranks_are_uniform() {
    const TRIALS: u64 = 40_000;
    for levels in [1, 2, 5, 1 << 40] {
        for rate in [0.1, 0.35] {
            let mut selected = 0u64;
            for trial in 0..TRIALS {
                let mut rng = Rng::at(4, Round(trial), Purpose::User);
                let sample: Vec<f64> = (0..7).map(|_| rng.below(levels) as f64).collect();
                let mut budget = Conformal::new(&sample, rate).unwrap();
                let (new, coin) = (rng.below(levels) as f64, rng.unit());
                selected += u64::from(budget.wants(new, coin).unwrap().selected);
            }
            let share = selected as f64 / TRIALS as f64;
            let error = (rate * (1.0 - rate) / TRIALS as f64).sqrt();
            assert!((share - rate).abs() < 4.0 * error, "{levels} levels: {share} for {rate}");
        }
    }
}

#[test]
fn errors_are_recalled_and_few_slip_through() {
    const TRIALS: u64 = 2000;
    let (mut caught, mut unsafe_runs) = (0u64, 0u64);
    for trial in 0..TRIALS {
        let mut rng = Rng::at(12, Round(trial), Purpose::User);
        let errors: Vec<f64> = (0..30).map(|_| rng.unit()).collect();
        let mut recall = ErrorRecall::new(&errors, 0.2).unwrap();
        caught += u64::from(recall.wants(rng.unit(), 0.0).unwrap().selected);
        // An item of uncertainty u is wrong with probability u.
        let items: Vec<f64> = (0..200).map(|_| rng.unit()).collect();
        let wrong: Vec<bool> = items.iter().map(|&u| rng.unit() < u).collect();
        let risk = ResidualRisk::new(&items, &wrong, 0.1, 0.1).unwrap();
        let threshold = risk.threshold().clamp(0.0, 1.0);
        // Wrong and unselected: the integral of u below the threshold.
        unsafe_runs += u64::from(threshold * threshold / 2.0 > 0.1);
    }
    let share = caught as f64 / TRIALS as f64;
    assert!(share > 0.8 - 4.0 * (0.16 / TRIALS as f64).sqrt(), "{share}");
    assert!(share < 0.87, "{share}");
    let share = unsafe_runs as f64 / TRIALS as f64;
    assert!(share <= 0.1 + 4.0 * (0.09 / TRIALS as f64).sqrt() && share > 0.02, "{share}");
}

fn budgets() -> Vec<Box<dyn Budget>> {
    let sample = [0.1, 0.5, 0.9];
    vec![
        Box::new(Fixed::new(0.5).unwrap()),
        Box::new(Tracking::new(0.2).unwrap()),
        Box::new(Horizon::new(5, 10).unwrap()),
        Box::new(TokenBucket::new(Tracking::new(0.5).unwrap(), 0.2, 2).unwrap()),
        Box::new(Conformal::new(&sample, 0.4).unwrap()),
        Box::new(ErrorRecall::new(&sample, 0.4).unwrap()),
        Box::new(ResidualRisk::new(&sample, &[true, false, true], 0.4, 0.4).unwrap()),
    ]
}

/// What is logged of a budget is what the next choice is made of.
#[test]
fn metrics_say_what_the_next_item_is_compared_with() {
    let mut random = Rng::at(5, Round(0), Purpose::User);
    let mut named = std::collections::BTreeSet::new();
    for mut budget in budgets() {
        for _ in 0..50 {
            let metrics = budget.metrics();
            let choice = budget.wants(random.unit(), random.unit()).unwrap();
            let said = metrics.get("budget/threshold");
            assert_eq!(said, Some(choice.threshold).filter(|threshold| threshold.is_finite()));
            named.extend(metrics.into_iter().map(|(name, _)| name));
        }
    }
    let names = ["items_left", "left", "seen", "threshold", "tokens"];
    assert!(named.into_iter().eq(names.map(|name| format!("budget/{name}"))));
    let mut capped = TokenBucket::new(Always, 0.25, 2).unwrap();
    for tokens in [2.0, 1.25, 0.5, 0.75, 1.0, 0.25] {
        assert_eq!(capped.metrics().get("budget/tokens"), Some(tokens));
        capped.wants(0.5, 0.5).unwrap();
    }
}

#[test]
fn wrong_input_changes_nothing() {
    let (mut clean, mut bothered) = (budgets(), budgets());
    for (clean, bothered) in clean.iter_mut().zip(&mut bothered) {
        for item in 0..50u64 {
            let mut rng = Rng::at(2, Round(item), Purpose::User);
            let refused = bothered.wants(f64::NAN, 0.5);
            assert!(matches!(refused, Err(Error::NonFinite { what: "uncertainty", .. })));
            for coin in [-0.1, 1.0, f64::NAN] {
                let refused = bothered.wants(0.5, coin);
                assert!(matches!(refused, Err(Error::OutOfRange { what: "coin", .. })));
            }
            let (value, coin) = (rng.unit(), rng.unit());
            assert_eq!(clean.wants(value, coin), bothered.wants(value, coin));
        }
        // Infinities have a place in the order.
        assert!(clean.wants(f64::INFINITY, 0.5).is_ok() && clean.wants(f64::NEG_INFINITY, 0.5).is_ok());
    }
    let out = |result: Error| assert!(matches!(result, Error::OutOfRange { .. }), "{result}");
    out(Tracking::new(1.5).unwrap_err());
    out(Tracking::with(0.5, 0.0, 10).unwrap_err());
    out(Tracking::with(0.5, 0.1, 0).unwrap_err());
    out(Horizon::new(11, 10).unwrap_err());
    out(TokenBucket::new((), -0.1, 1).unwrap_err());
    out(TokenBucket::new((), 0.1, 0).unwrap_err());
    out(Conformal::new(&[], f64::NAN).unwrap_err());
    out(conformal_quantile(&[], 2.0).unwrap_err());
    out(PSquare::new(-0.5).unwrap_err());
    out(DdSketch::new(0.0).unwrap_err());
    out(DdSketch::new(0.1).unwrap().push(-1.0).unwrap_err());
    assert!(matches!(Fixed::new(f64::NAN), Err(Error::NonFinite { .. })));
    assert!(matches!(Window::new(3).unwrap().push(f64::NAN), Err(Error::NonFinite { .. })));
}

#[test]
fn a_budget_goes_on_where_it_was_saved() {
    let mut budget = TokenBucket::new(Tracking::with(0.3, 0.02, 40).unwrap(), 0.2, 5).unwrap();
    let (margins, coins) = Stream::TiesAtZero.margins(400, 1);
    let items: Vec<(f64, f64)> = margins.iter().map(|margin| 1.0 - margin).zip(coins).collect();
    for &(value, coin) in &items[..200] {
        budget.wants(value, coin).unwrap();
    }
    let mut restored: TokenBucket<Tracking> =
        serde_json::from_str(&serde_json::to_string(&budget).unwrap()).unwrap();
    for &(value, coin) in &items[200..] {
        assert_eq!(budget.wants(value, coin), restored.wants(value, coin));
    }
    // A window cannot be smuggled in that holds what it could not.
    let nan = serde_json::from_str::<Window>(r#"{"capacity":1,"values":[1.0,2.0]}"#);
    assert!(nan.is_err());
}

proptest! {
    /// The rank of a window is that of a plain list of its last values.
    #[test]
    fn windows_agree_with_a_list(
        values in prop::collection::vec(0u8..6, 1..200), capacity in 1usize..40, coin in 0.0f64..1.0,
    ) {
        let mut window = Window::new(capacity).unwrap();
        for (item, &value) in values.iter().enumerate() {
            let value = f64::from(value);
            let last = &values[item.saturating_sub(capacity)..item];
            let greater = last.iter().filter(|&&x| f64::from(x) > value).count() as f64;
            let equal = last.iter().filter(|&&x| f64::from(x) == value).count() as f64;
            let rank = (greater + coin * (equal + 1.0)) / (last.len() as f64 + 1.0);
            prop_assert_eq!(window.rank(value, coin).unwrap(), rank.min(1.0 - f64::EPSILON / 2.0));
            window.push(value).unwrap();
            prop_assert_eq!(window.len(), (item + 1).min(capacity));
        }
    }

    #[test]
    fn sketches_are_within_their_error(values in prop::collection::vec(1e-6f64..1e6, 1..300), p in 0.0f64..=1.0) {
        let (mut whole, mut parts) = (DdSketch::new(0.02).unwrap(), [(); 2].map(|()| DdSketch::new(0.02).unwrap()));
        for (item, &value) in values.iter().enumerate() {
            whole.push(value).unwrap();
            parts[item % 2].push(value).unwrap();
        }
        let [mut merged, other] = parts;
        merged.merge(&other).unwrap();
        prop_assert_eq!(&merged, &whole);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let exact = sorted[(p * (values.len() - 1) as f64).floor() as usize];
        let found = whole.quantile(p).unwrap().unwrap();
        prop_assert!((found / exact - 1.0).abs() < 0.02 + 1e-9);
    }
}
