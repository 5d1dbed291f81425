//! What budgets select of seven streams: the rate overall, the worst of it in a thousand items, and how much
//! uncertainty is caught.
//!
//! ```text
//! cargo bench --no-default-features --bench budgets
//! ```
//!
//! A cell reads `rate / worst / utility` over 20 000 items at a budget of 0.2, means (worst: the greatest) over 3
//! seeds: `rate` is the share selected; `worst` the greatest difference from 0.2 in any 1000 items in a row; `utility`
//! the uncertainty (one less the margin) of what was selected, over that of as many of the most uncertain items.

mod peers;
mod streams;

use std::hint::black_box;

use curricle::test_time::budget::{Budget, Conformal, Fixed, Horizon, TokenBucket, Tracking};
use peers::{Average, BalancedQuantile, Frozen, Marker, Strict};
use streams::Stream;

const RATE: f64 = 0.2;
const LENGTH: usize = 20_000;
const SEEDS: u64 = 3;
const SPAN: usize = 1000;

type Maker = fn(&[f64]) -> Box<dyn Budget>;

/// The name of a budget, and how it is made, given the uncertainties of five hundred items of another seed.
const BUDGETS: [(&str, Maker); 13] = [
    ("fixed, margin < 0.95", |_| Box::new(Fixed::new(0.05).unwrap())),
    ("conformal, 500 before", |sample| Box::new(Conformal::new(sample, RATE).unwrap())),
    ("quantile of the first 500", |_| Box::new(Frozen::new(RATE, 500))),
    ("moving average of the rate", |_| Box::new(Average::new(RATE))),
    ("P2 quantile", |_| Box::new(Marker::new(RATE))),
    ("window quantile, strict", |_| Box::new(Strict::new(RATE, 2000))),
    ("BIQF, window 100", |_| Box::new(BalancedQuantile::new(RATE, 100, 50.0))),
    ("tracking, eta 0.02", |_| Box::new(Tracking::with(RATE, 0.02, 2000).unwrap())),
    ("tracking, eta 0.005", |_| Box::new(Tracking::new(RATE).unwrap())),
    ("tracking, eta 0.002", |_| Box::new(Tracking::with(RATE, 0.002, 2000).unwrap())),
    ("tracking in a bucket of 50", |_| {
        Box::new(TokenBucket::new(Tracking::new(RATE).unwrap(), RATE, 50).unwrap())
    }),
    ("fixed in a bucket of 50", |_| {
        Box::new(TokenBucket::new(Fixed::new(0.05).unwrap(), RATE, 50).unwrap())
    }),
    ("horizon", |_| Box::new(Horizon::new((RATE * LENGTH as f64) as u64, LENGTH as u64).unwrap())),
];

/// The rate, the worst difference from it, and the utility.
fn run(budget: &mut dyn Budget, margins: &[f64], coins: &[f64]) -> [f64; 3] {
    let selected: Vec<bool> = margins
        .iter()
        .zip(coins)
        .map(|(margin, &coin)| budget.wants(1.0 - margin, coin).unwrap().selected)
        .collect();
    let count = selected.iter().filter(|&&selected| selected).count();
    let mut inside = selected[..SPAN].iter().filter(|&&selected| selected).count() as i64;
    let off = |inside: i64| (inside as f64 / SPAN as f64 - RATE).abs();
    let mut worst = off(inside);
    for item in SPAN..selected.len() {
        inside += i64::from(selected[item]) - i64::from(selected[item - SPAN]);
        worst = worst.max(off(inside));
    }
    let mut best: Vec<f64> = margins.iter().map(|margin| 1.0 - margin).collect();
    let caught: f64 =
        best.iter().zip(&selected).filter(|(_, selected)| **selected).map(|(u, _)| u).sum();
    best.sort_by(|a, b| b.total_cmp(a));
    let most: f64 = best[..count].iter().sum();
    [count as f64 / selected.len() as f64, worst, if most > 0.0 { caught / most } else { 1.0 }]
}

fn main() {
    println!("budget {RATE}, {LENGTH} items, {SEEDS} seeds: rate / worst of 1000 / utility\n");
    print!("{:<28}", "");
    Stream::ALL.iter().for_each(|stream| print!("{:<18}", stream.name()));
    println!();
    for (name, make) in BUDGETS {
        print!("{name:<28}");
        for stream in Stream::ALL {
            let (mut rate, mut worst, mut utility) = (0.0, 0.0f64, 0.0);
            for seed in 0..SEEDS {
                let before: Vec<f64> =
                    stream.margins(500, 1000 + seed).0.iter().map(|margin| 1.0 - margin).collect();
                let (margins, coins) = stream.margins(LENGTH, seed);
                let [r, w, u] = run(make(&before).as_mut(), &margins, &coins);
                rate += r / SEEDS as f64;
                worst = worst.max(w);
                utility += u / SEEDS as f64;
            }
            print!("{:<18}", format!("{rate:.3}/{worst:.2}/{utility:.3}"));
        }
        println!();
    }
    speed();
}

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn speed() {
    println!("\nns an item, stationary stream of 200 000, best of 5");
    let (margins, coins) = Stream::Stationary.margins(200_000, 9);
    let time = |name: &str, window: usize, items: usize, make: &dyn Fn() -> Box<dyn Budget>| {
        let mut least = f64::INFINITY;
        for _ in 0..5 {
            let mut budget = make();
            let start = std::time::Instant::now();
            for (margin, &coin) in margins[..items].iter().zip(&coins) {
                black_box(budget.wants(1.0 - margin, coin).unwrap());
            }
            least = least.min(start.elapsed().as_secs_f64() / items as f64);
        }
        println!("{name:<10} window {window:>6}: {:>8.0}", least * 1e9);
    };
    for window in [100, 2000, 100_000] {
        let make = || Box::new(Tracking::with(RATE, 0.005, window).unwrap()) as Box<dyn Budget>;
        time("tracking", window, margins.len(), &make);
        // It sorts its window anew for each item.
        if window < 100_000 {
            let make = || Box::new(BalancedQuantile::new(RATE, window, 50.0)) as Box<dyn Budget>;
            time("BIQF", window, 20_000, &make);
        }
    }
}
