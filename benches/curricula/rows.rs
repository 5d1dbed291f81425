//! The curricula that are compared.

use curricle::policy::{
    AbsoluteProgress, Allotment, Boltzmann, Bounded, Detector, Difficulty, Dump, EasyToHard, Exp3,
    Forgetting, Kalman, LevelReplay, Mastered, OnlineMixing, Pac, Policy, Posterior, Prior, Range,
    Reads, Rescaled, Restart, Reward, ScalingLaw, Scope, TeacherStudent, Thompson, Turn, Ucb, Uniform,
};
use curricle::signal::{
    Gated, Learnability, LearningProgress, MeanAdvantage, Reported, Signal, Source,
};
use curricle::simulator::{
    Options, Oracle, Scenario, Simulated, by_hand, curriculum, oracle, simulate,
};
use curricle::{Field, Population, Result, Rng};
use serde::{Deserialize, Serialize};

type Run = Box<dyn Fn(&Scenario, u64, &Options) -> Result<Simulated> + Sync>;

/// A curriculum with its name.
pub struct Row {
    pub name: &'static str,
    pub run: Run,
}

/// A row of anything that can be run.
fn row(
    name: &'static str,
    run: impl Fn(&Scenario, u64, &Options) -> Result<Simulated> + Sync + 'static,
) -> Row {
    Row { name, run: Box::new(run) }
}

/// A row of a curriculum: a policy, which may depend on the scenario, and a signal.
fn of<P: Policy, S: Signal + Clone + Sync + 'static>(
    name: &'static str,
    policy: impl Fn(&Scenario) -> P + Sync + 'static,
    signal: S,
) -> Row {
    row(name, move |scenario, seed, options| {
        let policy = policy(scenario);
        let reads = policy.reads();
        let builder = curriculum(scenario, seed, options).policy(policy);
        if reads.score {
            simulate(&mut builder.signal(signal.clone()).build()?, scenario, seed, options)
        } else {
            // A signal that nobody reads is refused.
            simulate(&mut builder.build()?, scenario, seed, options)
        }
    })
}

/// Any policy with a floor of 0.1.
fn floored<P: Policy>(policy: P) -> Bounded<P> {
    Bounded::new(policy).floor(0.1, Prior::Uniform)
}

/// All rows, in the order of the table.
pub fn rows() -> Vec<Row> {
    let sec = |tau| move |_: &Scenario| Boltzmann::new().temperature(tau).start(0.0);
    vec![
        of("uniform", |_| Uniform, MeanAdvantage),
        row("by hand, mastery 0.8", |scenario, seed, options| by_hand(scenario, seed, options, 0.8)),
        row("by hand, mastery 0.7", |scenario, seed, options| by_hand(scenario, seed, options, 0.7)),
        of("easy to hard, 1500 steps", |scenario| Levels::new(scenario, 1500), MeanAdvantage),
        of("SEC tau 1.0", sec(1.0), MeanAdvantage),
        of("SEC tau 0.4", sec(0.4), MeanAdvantage),
        of("SEC tau 0.2", sec(0.2), MeanAdvantage),
        of("sharp Boltzmann, start 0, no floor", sec(0.1), MeanAdvantage),
        of("sharp Boltzmann, start 0", move |scenario| floored(sec(0.1)(scenario)), MeanAdvantage),
        row("default", |scenario, seed, options| {
            let mut preset = curriculum(scenario, seed, options).post_training().build()?;
            simulate(&mut preset, scenario, seed, options)
        }),
        row("learnable_arms", |scenario, seed, options| {
            let mut preset = curriculum(scenario, seed, options).learnable_arms().build()?;
            simulate(&mut preset, scenario, seed, options)
        }),
        of("gated sharp Boltzmann", move |_| floored(Boltzmann::new()), Gated::new(MeanAdvantage)),
        of("gate only", move |_| floored(Boltzmann::new()), Gated::new(MeanAdvantage).without_ramp()),
        of("ramp only", move |_| floored(Boltzmann::new()), Gated::new(MeanAdvantage).least(1.0)),
        of(
            "gated, 3 effective arms, floor 0.1",
            move |_| floored(Boltzmann::new().effective_arms(3.0)),
            Gated::new(MeanAdvantage),
        ),
        of(
            "mastered at 0.85, sharp Boltzmann",
            move |_| Mastered::new(floored(Boltzmann::new()), 0.85),
            MeanAdvantage,
        ),
        of("D-UCB 0.9, c 0.5", |_| Ucb::discounted(0.9).width(0.5), MeanAdvantage),
        of("D-UCB 0.98, c 0.5", |_| Ucb::discounted(0.98).width(0.5), MeanAdvantage),
        of("SW-UCB 20, c 0.5", |_| Ucb::sliding_window(20).width(0.5), MeanAdvantage),
        of(
            "gated, D-UCB 0.9, c 0.5, floor 0.1",
            move |_| floored(Ucb::discounted(0.9).width(0.5)),
            Gated::new(MeanAdvantage),
        ),
        of(
            "Thompson, Gaussian, 0.95",
            |_| Thompson::gaussian(Forgetting::PerRound(0.95)),
            MeanAdvantage,
        ),
        of("Kalman, drift 0.002", |_| Kalman::new(0.002), MeanAdvantage),
        of("GLR-UCB, global", |_| Restart::glr_ucb(Scope::Global), MeanAdvantage),
        of(
            "CUSUM on Boltzmann, floor 0.1",
            move |_| {
                let cusum = Detector::Cusum { slack: 0.1, calibration: 50, threshold: 20.0 };
                let restart = Restart::new(Boltzmann::new(), cusum, Scope::Local);
                floored(restart)
            },
            MeanAdvantage,
        ),
        of("EXP3.S", |scenario| Exp3::auer(scenario.arms(), 2000, 10), MeanAdvantage),
        of(
            "EXP3.S, Graves, rescaled",
            |_| {
                let range = Range::Quantiles { low: 0.2, high: 0.8, visits: 1000 };
                Rescaled::new(Exp3::graves(), range).to(-1.0, 1.0)
            },
            MeanAdvantage,
        ),
        of("Rexp3, 200", |scenario| Exp3::auer(scenario.arms(), 200, 0).restart(200), MeanAdvantage),
        of(
            "EXP3-IX, fixed share",
            |scenario| Exp3::implicit_exploration(scenario.arms(), 2000, 10),
            MeanAdvantage,
        ),
        of(
            "learnability, floor 0.1",
            move |_| floored(Boltzmann::new().temperature(0.05)),
            Learnability(Source::Arm),
        ),
        of(
            "learning progress, tau 0.02",
            move |_| floored(Boltzmann::new().temperature(0.02).start(0.1)),
            LearningProgress::default(),
        ),
        of("DUMP", |_| Dump::new(), MeanAdvantage),
        of("PAC", |_| Pac::new(), MeanAdvantage),
        of("PAC, drift 0.002", |_| Pac::new().drift(0.002), MeanAdvantage),
        of("TSCL, sampling", |_| TeacherStudent::new(), Reported(Field::Success)),
        of("absolute progress", |_| AbsoluteProgress::new().rates(0.2, 0.05), MeanAdvantage),
        of("bidirectional progress", |_| AbsoluteProgress::bidirectional().floor(0.1), MeanAdvantage),
        of("level replay", |_| LevelReplay::new(), MeanAdvantage),
        of("MoPPS (meant for one prompt an arm)", move |_| floored(Posterior::new()), MeanAdvantage),
        of(
            "AdaRFT, paper settings",
            |scenario| {
                let levels = scenario.stages();
                let top = levels.len().max(2) as f64 - 1.0;
                let mut difficulties = vec![100.0; scenario.arms() as usize];
                for (level, arms) in levels.iter().enumerate() {
                    arms.iter().for_each(|arm| difficulties[arm.index()] = 100.0 * level as f64 / top);
                }
                Difficulty::new(difficulties)
            },
            MeanAdvantage,
        ),
        of("E2H-G, 1500 steps, arms by index", |_| EasyToHard::gaussian(1500), MeanAdvantage),
        of("ODM, by loss, no warm-up", |_| OnlineMixing::new().warm_up(0), MeanAdvantage),
        of("scaling law, by loss, refit 50", |_| ScalingLaw::new().refit(50), MeanAdvantage),
        row("oracle, gain", |scenario, seed, options| oracle(scenario, seed, options, Oracle::Gain)),
        row("oracle, gain below 0.85", |scenario, seed, options| {
            oracle(scenario, seed, options, Oracle::CappedGain(0.85))
        }),
        row("oracle, advantage", |scenario, seed, options| {
            oracle(scenario, seed, options, Oracle::AbsAdvantage)
        }),
    ]
}

/// A schedule in the manner of E2H-G: a Gaussian over the levels of the hand-made order, whose
/// centre goes from the first to the last evenly, and stays there.
///
/// `p_level ∝ exp(-(x - level)^2 / (2 sd^2))` with `x = min(t / horizon, 1) (levels - 1)` and
/// `sd = 0.75`, shared evenly by the arms of a level. It is blind: it depends on a good horizon.
#[derive(Clone, Serialize, Deserialize)]
struct Levels {
    stages: Vec<Vec<usize>>,
    horizon: u64,
}

impl Levels {
    fn new(scenario: &Scenario, horizon: u64) -> Self {
        let index = |stage: Vec<curricle::ArmId>| stage.iter().map(|arm| arm.index()).collect();
        Self { stages: scenario.stages().into_iter().map(index).collect(), horizon }
    }
}

impl Policy for Levels {
    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    #[expect(clippy::disallowed_methods, reason = "a benchmark may use the host's functions")]
    fn allot(&self, turn: &Turn<'_>, _: &mut Rng, allotment: &mut Allotment) -> Result<()> {
        let time = (turn.round.0 as f64 / self.horizon as f64).min(1.0);
        let centre = time * (self.stages.len() - 1) as f64;
        let p = allotment.arms(turn.population.arms().count());
        for (level, stage) in self.stages.iter().enumerate() {
            let distance = (centre - level as f64) / 0.75;
            let weight = (-0.5 * distance * distance).exp();
            stage.iter().for_each(|&arm| p[arm] = weight / stage.len() as f64);
        }
        let sum: f64 = p.iter().sum();
        p.iter_mut().for_each(|share| *share /= sum);
        Ok(())
    }

    fn learn(&mut self, _: &Population, _: &[Reward]) {}
}
