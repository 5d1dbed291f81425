//! Three parts of other papers around one curriculum, on real texts: what is in the test set is dropped, what is far from
//! the target is left out, an arm that dips gets more, and the run stops when little is left to gain. Beside it the same
//! learner without any of them.
//!
//! ```text
//! cargo run --release --no-default-features --example corpus
//! ```
//!
//! The texts are the licences that the package `spdx` ships; the learner is an adaptive n-gram model of characters, which
//! forgets what it does not see. No figure of it says anything about large models: it shows how the parts go together.

mod learner;
mod texts;

use curricle::gauge::{Overlap, density_ratio};
use curricle::monitor::{CurveFit, Forgetting, bootstrap_interval};
use curricle::policy::Fixed;
use curricle::weigh::top_share;
use curricle::{Curriculum, Feedback, Outcome, Purpose, Result, Rng, Round};
use learner::Learner;
use texts::{Corpus, DOMAINS, TARGET};

/// Passages of a step, and the most steps of a run.
const BATCH: usize = 16;
const STEPS: usize = 1500;
/// Steps between two probes.
const EVERY: usize = 50;
/// The share of each domain but the target that is kept, nearest to the target.
const SHARE: f64 = 0.5;
/// Where runs of different lengths are compared, in symbols.
const EARLY: usize = 600_000;
/// A run stops when the fit says that no more bits than this are left to gain.
const ENOUGH: f64 = 0.02;
/// A domain dips if it loses more bits than this within three probes.
const FELL: f64 = 0.02;
const SEEDS: u64 = 5;

/// What a run came to.
struct Run {
    symbols: usize,
    /// Bits a symbol on the target after so many symbols.
    early: f64,
    /// Bits a symbol on the target at the end, and over all domains.
    target: f64,
    mean: f64,
    /// The greatest dip of a domain within ten probes.
    dip: f64,
}

fn main() -> Result<()> {
    let corpus = Corpus::new();
    let all: Vec<usize> = (0..corpus.passages.len()).collect();
    let clean = decontaminated(&corpus)?;
    println!(
        "{} passages of {} domains; {} have much of a test passage in them and are dropped",
        all.len(),
        DOMAINS.len(),
        all.len() - clean.len()
    );
    let near = nearest(&corpus, &clean)?;
    println!(
        "{} of them are of the target, {}, or the half of another domain that is nearest to it\n",
        near.len(),
        DOMAINS[TARGET].0
    );
    println!("{:34} {:>9} {:>8} {:>8} {:>8} {:>6}", "", "symbols", "early", "target", "mean", "dip");
    type Way<'a> = (&'a str, &'a [usize], bool);
    let ways: [Way; 4] = [
        ("uniform over all passages", &all, false),
        ("without what is in the tests", &clean, false),
        ("the nearer ones, uniform", &near, false),
        ("the nearer ones, veto and stop", &near, true),
    ];
    let mut ends = Vec::new();
    for (name, pool, is_led) in ways {
        let runs =
            (1..=SEEDS).map(|seed| run(&corpus, pool, is_led, seed)).collect::<Result<Vec<Run>>>()?;
        let mean = |of: fn(&Run) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
        println!(
            "{name:34} {:>9.0} {:>8.3} {:>8.3} {:>8.3} {:>6.3}",
            mean(|run| run.symbols as f64),
            mean(|run| run.early),
            mean(|run| run.target),
            mean(|run| run.mean),
            mean(|run| run.dip)
        );
        ends.push(runs);
    }
    println!(
        "\nbits a symbol, means over {SEEDS} seeds; against the second way, seed by seed, on the target:"
    );
    for ((name, ..), runs) in ways.iter().zip(&ends).skip(2) {
        let gains: Vec<f64> =
            runs.iter().zip(&ends[1]).map(|(run, base)| base.target - run.target).collect();
        let mut rng = Rng::at(0, Round(0), Purpose::User);
        let resamples: Vec<Vec<usize>> = (0..2000)
            .map(|_| gains.iter().map(|_| rng.below(gains.len() as u64) as usize).collect())
            .collect();
        let interval = bootstrap_interval(&gains, &resamples, 0.95, 1.96)?;
        println!(
            "{name:34} {:+.3} bits ({:+.3} to {:+.3})",
            -interval.mean, -interval.high, -interval.low
        );
    }
    Ok(())
}

/// The passages that have no more than half of any test passage in them, by 8-grams of words.
fn decontaminated(corpus: &Corpus) -> Result<Vec<usize>> {
    let (tests, train) = corpus.words();
    let dropped = Overlap::default().read(&tests, &train)?.drop;
    Ok((0..train.len()).filter(|passage| dropped.binary_search(passage).is_err()).collect())
}

/// All of the target, and the share of each other domain that a model of the target expects most beside a model of
/// everything.
fn nearest(corpus: &Corpus, pool: &[usize]) -> Result<Vec<usize>> {
    let (mut strong, mut weak) = (Learner::new(), Learner::new());
    corpus.dev[TARGET].iter().for_each(|passage| strong.learn(passage));
    corpus.dev.iter().flatten().for_each(|passage| weak.learn(passage));
    let of = |model: &Learner| {
        pool.iter().map(|&passage| model.log_chances(&corpus.passages[passage].1)).collect::<Vec<_>>()
    };
    let ratio = density_ratio(&of(&strong), &of(&weak), true)?;
    let domains: Vec<i64> = pool.iter().map(|&passage| corpus.passages[passage].0 as i64).collect();
    let near = top_share(&ratio.score, &domains, SHARE)?;
    let is_kept = |place: &usize| domains[*place] == TARGET as i64 || near.contains(place);
    Ok((0..pool.len()).filter(is_kept).map(|place| pool[place]).collect())
}

/// Trains on a pool: uniformly over it, or by a mixture with a veto of dips and a stop rule.
fn run(corpus: &Corpus, pool: &[usize], is_led: bool, seed: u64) -> Result<Run> {
    let domain = |sample: curricle::SampleId| corpus.passages[pool[sample.index()]].0 as u32;
    let builder = Curriculum::builder(pool.len()).arms(DOMAINS.len() as u32, domain).seed(seed);
    let mut curriculum = builder.policy(Fixed::weights(weights(&[0.0; DOMAINS.len()]))).build()?;
    let mut rng = Rng::at(seed, Round(1), Purpose::User);
    let mut learner = Learner::new();
    let (mut symbols, mut tokens, mut bits) = (0, Vec::new(), Vec::new());
    let mut series: Vec<Vec<f64>> = vec![Vec::new(); DOMAINS.len()];
    for step in 1..=STEPS {
        if is_led {
            let batch = curriculum.draw(BATCH)?;
            let mut feedback = Vec::new();
            for draw in &batch.draws {
                let passage = &corpus.passages[pool[draw.sample.index()]].1;
                feedback
                    .push(Feedback::new(draw.ticket, Outcome::default().loss(learner.loss(passage))));
                learner.learn(passage);
                symbols += passage.len();
            }
            curriculum.observe(&feedback)?;
        } else {
            for _ in 0..BATCH {
                let passage = &corpus.passages[pool[rng.below(pool.len() as u64) as usize]].1;
                learner.learn(passage);
                symbols += passage.len();
            }
        }
        if step % EVERY == 0 {
            let probes: Vec<f64> = corpus.tests.iter().map(|tests| learner.bits(tests)).collect();
            series.iter_mut().zip(&probes).for_each(|(series, bits)| series.push(-bits));
            tokens.push(symbols as f64);
            bits.push(probes[TARGET]);
            if is_led {
                veto(&mut curriculum, &series)?;
                // The first fit needs some points, and a curve that has begun to bend.
                let has_stopped = tokens.len() >= 6
                    && CurveFit::loss().stop(&tokens, &bits, ENOUGH, 3)?.stop_x.is_some();
                if has_stopped {
                    break;
                }
            }
        }
    }
    let mean = corpus.tests.iter().map(|tests| learner.bits(tests)).sum::<f64>() / DOMAINS.len() as f64;
    let dip = dips(&series)?.into_iter().fold(0.0, f64::max);
    let early = tokens.iter().zip(&bits).find(|(tokens, _)| **tokens >= EARLY as f64);
    let early = early.map_or(f64::NAN, |(_, bits)| *bits);
    Ok(Run { symbols, early, target: learner.bits(&corpus.tests[TARGET]), mean, dip })
}

/// The greatest fall of each domain within ten probes; the target is what is being learned.
fn dips(series: &[Vec<f64>]) -> Result<Vec<f64>> {
    let left_at: Vec<Option<usize>> =
        (0..series.len()).map(|domain| (domain != TARGET).then_some(0)).collect();
    Ok(Forgetting { window: 10 }.read(series, &left_at)?.drop)
}

/// A domain that fell lately counts twice until it has recovered; the target always counts three times.
fn veto<P: curricle::Policy, S: curricle::Signal, D: curricle::Sampler>(
    curriculum: &mut Curriculum<P, S, D>,
    series: &[Vec<f64>],
) -> Result<()> {
    let recent: Vec<Vec<f64>> =
        series.iter().map(|series| series[series.len().saturating_sub(3)..].to_vec()).collect();
    curriculum.set_mixture(&weights(&dips(&recent)?))
}

/// The weight of every domain by how far it fell.
fn weights(dips: &[f64]) -> Vec<f64> {
    let weight = |(domain, dip): (usize, &f64)| match domain {
        TARGET => 3.0,
        _ if *dip > FELL => 2.0,
        _ => 1.0,
    };
    dips.iter().enumerate().map(weight).collect()
}
