//! The curricula that are compared, each a few lines over curricle's public names.
//!
//! Groups without signal are dropped by a gate in all of them but one. All are told the target, the learnable arms and the
//! unlearnable ones alike: nobody is told which are which, but for the order by hand.

use curricle::policy::{
    Advance, Boltzmann, Bounded, Dump, Fixed, Gaussian, Guarded, MeanRule, Policy, Posterior, Prior,
    Spread, Staged, Tilt, Uniform,
};
use curricle::sampler::{Sampler, Systematic};
use curricle::signal::{Angle, MeanAdvantage, Signal};
use curricle::{
    AgeLimit, Allocation, ArmId, Batch, Belief, Builder, Curriculum, Feedback, Gate, Purpose, Refill,
    Rng, Round, SampleId, Step, Verdict, Weighting,
};

use crate::Result;
use crate::angle;
use crate::model::Writer;
use crate::prompts::Prompts;
use crate::workload::Arm;

/// Prompts of a step.
pub const PROMPTS: usize = 32;
/// Rollouts of a prompt.
pub const ROLLOUTS: usize = 8;

/// What a curriculum may know of a run beforehand.
pub struct Class<'a> {
    pub arms: &'a [Arm],
    pub prompts: &'a Prompts,
    /// The model that the run begins with.
    pub model: &'a Writer,
    pub seed: u64,
    /// Held-out pass rate of each arm at the start.
    pub passes: &'a [f64],
    /// About how many rounds there will be.
    pub rounds: u64,
}

/// A curriculum of any kind.
pub trait Teacher {
    fn draw(&mut self, n: usize) -> curricle::Result<Batch>;
    fn step(&mut self, n: usize) -> curricle::Result<Step>;
    fn observe(&mut self, feedback: &[Feedback]) -> curricle::Result<Vec<Verdict>>;
    fn rollouts(&self, batch: &Batch, budget: u64, aim: Allocation) -> curricle::Result<Vec<u32>>;
}

impl<P: Policy, S: Signal, D: Sampler> Teacher for Curriculum<P, S, D> {
    fn draw(&mut self, n: usize) -> curricle::Result<Batch> {
        self.draw(n)
    }

    fn step(&mut self, n: usize) -> curricle::Result<Step> {
        self.step(n)
    }

    fn observe(&mut self, feedback: &[Feedback]) -> curricle::Result<Vec<Verdict>> {
        self.observe(feedback)
    }

    fn rollouts(&self, batch: &Batch, budget: u64, aim: Allocation) -> curricle::Result<Vec<u32>> {
        self.rollouts(batch, budget, aim)
    }
}

/// How the prompts of a training step come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// So many are drawn, and those without signal are left out.
    Drawn(usize),
    /// Prompts are drawn until there are so many with signal.
    Refilled(usize),
    /// So many are drawn, and the curriculum shares the rollouts out among them.
    Shared(usize, Allocation),
}

/// A curriculum by name.
pub struct Recipe {
    pub name: &'static str,
    /// What it is.
    pub line: &'static str,
    pub filling: Filling,
    /// What is reported of the prompts of each batch beside the rewards, if anything.
    pub angle: Option<Angle>,
    pub make: fn(&Class<'_>) -> Result<Box<dyn Teacher>>,
}

const DRAWN: Filling = Filling::Drawn(PROMPTS);

/// All curricula; the first is what the others are compared with.
pub fn all() -> Vec<Recipe> {
    let filled = |name, line, filling, make| Recipe { name, line, filling, angle: None, make };
    let recipe = |name, line, make| filled(name, line, DRAWN, make);
    let angled =
        |name, line, angle, make| Recipe { name, line, filling: DRAWN, angle: Some(angle), make };
    vec![
        recipe("uniform", "every arm alike", |class| made(class.arms().policy(Uniform))),
        recipe("uniform-all", "every arm alike, and no group is dropped", |class| {
            made(class.arms().policy(Uniform).gate(Gate::All))
        }),
        filled("uniform-16", "every arm alike, half the prompts a step", Filling::Drawn(16), |class| {
            made(class.arms().policy(Uniform))
        }),
        recipe("by-size", "every sample alike", |class| made(class.arms().policy(Fixed::by_size()))),
        filled("refill-32", "every arm alike, refilled to 32 groups", Filling::Refilled(32), |class| {
            made(class.arms().policy(Uniform).refill(refill()))
        }),
        filled("refill-16", "every arm alike, refilled to 16 groups", Filling::Refilled(16), |class| {
            made(class.arms().policy(Uniform).refill(refill()))
        }),
        recipe("static", "arms by the spread of their success at the start", |class| {
            // A little for those that seem solved or hopeless.
            let weights = class.passes.iter().map(|pass| (pass * (1.0 - pass)).sqrt() + 0.02);
            made(class.arms().policy(Fixed::weights(weights.collect())))
        }),
        recipe(
            "hand",
            "by hand: stage after stage at a success of 0.7, a fifth of review, no noise",
            |class| {
                let last = class.learnable().map(|(_, arm)| arm.stage).max().unwrap_or(0);
                let stage = |stage| class.learnable().filter(move |(_, arm)| arm.stage == stage);
                let mut stages: Vec<Vec<ArmId>> =
                    (0..=last).map(|it| stage(it).map(|(id, _)| id).collect()).collect();
                stages.retain(|stage| !stage.is_empty());
                stages.push(class.learnable().map(|(id, _)| id).collect());
                made(class.arms().policy(Staged::new(stages, Advance::Mastery(0.7)).review(0.2)))
            },
        ),
        recipe("length", "sorted by the length of the prompt", |class| {
            let length = |sample| class.prompts.get(sample).len();
            let mut lengths: Vec<usize> = class.prompts.samples().map(length).collect();
            lengths.sort_unstable();
            lengths.dedup();
            let stages = lengths.len() as u32;
            let arm = |sample| lengths.partition_point(|&shorter| shorter < length(sample)) as u32;
            let each = Advance::Rounds((class.rounds / u64::from(stages)).max(1));
            made(class.builder().arms(stages, arm).policy(Staged::one_by_one(stages, each)))
        }),
        recipe("sec", "SEC as published: temperature 0.4", |class| {
            made(class.arms().policy(Boltzmann::sec_math()).signal(MeanAdvantage))
        }),
        recipe("sharp", "sharp Boltzmann: temperature 0.1, start 1, floor 0.1", |class| {
            let policy = Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform);
            made(class.arms().policy(policy).signal(MeanAdvantage))
        }),
        recipe("dump", "DUMP as published", |class| {
            made(class.arms().policy(Dump::new()).signal(MeanAdvantage))
        }),
        recipe("mopps", "MoPPS as published: a posterior for each prompt", |class| {
            let builder = class.builder().arms(class.prompts.count() as u32, |sample| sample.0 as u32);
            made(builder.policy(Posterior::new()))
        }),
        angled("gain-rl", "GAIN-RL in the paper's proportions", Angle::new(), |class| {
            class.along(class.by_angle(Angle::new())?)
        }),
        angled(
            "gain-rl-unbiased",
            "the same by angles without the bias towards short prompts",
            Angle::unbiased(),
            |class| class.along(class.by_angle(Angle::unbiased())?),
        ),
        angled("gain-rl-shuffled", "the same along ranks drawn at random", Angle::new(), |class| {
            let mut order: Vec<SampleId> = class.prompts.samples().collect();
            Rng::at(class.seed, Round(2), Purpose::User).shuffle(&mut order);
            class.along(order)
        }),
        recipe("default", "our default, told that all arms count alike", |class| {
            made(class.ours(tilt()))
        }),
        filled("default-16", "our default, half the prompts a step", Filling::Drawn(16), |class| {
            made(class.ours(tilt()))
        }),
        recipe("default-by-size", "our default, told nothing", |class| made(class.ours(Tilt::new()))),
        recipe("default-trusting", "our default without the gate on progress", |class| {
            made(class.ours(tilt().trusting()))
        }),
        recipe("default-sized", "our default by the size of the signal", |class| {
            made(class.ours(tilt().enough(1.0)))
        }),
        recipe("default-no-floor", "our default without its floor", |class| {
            made(class.ours(tilt().floor(0.0)))
        }),
        recipe("default-sharp", "our default at temperature 0.15", |class| {
            made(class.ours(tilt().temperature(0.15)))
        }),
        filled(
            "default-refill",
            "our default, refilled to 32 groups",
            Filling::Refilled(32),
            |class| made(class.ours(tilt()).refill(refill())),
        ),
        filled(
            "default-refill-16",
            "our default, refilled to 16 groups",
            Filling::Refilled(16),
            |class| made(class.ours(tilt()).refill(refill())),
        ),
        recipe("belief", "every arm alike, prompts by belief", |class| {
            made(class.arms().policy(Uniform).weighting(belief()))
        }),
        recipe("default-belief", "our default, prompts by belief", |class| {
            made(class.arms().prompts().target(Prior::Uniform).weighting(belief()))
        }),
        filled(
            "default-belief-16",
            "our default, prompts by belief, refilled to 16 groups",
            Filling::Refilled(16),
            |class| {
                let builder = class.arms().prompts().target(Prior::Uniform).weighting(belief());
                made(builder.refill(refill()))
            },
        ),
        recipe("guarded", "our default, guarded", |class| {
            made(class.ours(Guarded::new(tilt()).target(Prior::Uniform)))
        }),
        filled(
            "rollouts",
            "our default, prompts by belief, which shares rollouts out for most useful groups",
            Filling::Shared(PROMPTS, Allocation::UsefulGroups),
            |class| made(class.arms().prompts().target(Prior::Uniform).weighting(belief())),
        ),
        filled(
            "rollouts-neyman",
            "the same, for the least variance",
            Filling::Shared(PROMPTS, Allocation::Neyman),
            |class| made(class.arms().prompts().target(Prior::Uniform).weighting(belief())),
        ),
    ]
}

/// The curriculum of a name.
///
/// # Errors
/// There is none of that name.
pub fn find(name: &str) -> Result<Recipe> {
    let found = all().into_iter().find(|recipe| recipe.name == name);
    found.ok_or_else(|| format!("no curriculum `{name}`").into())
}

fn made<P, S, D>(builder: Builder<P, S, D>) -> Result<Box<dyn Teacher>>
where
    P: Policy + 'static,
    S: Signal + 'static,
    D: Sampler + 'static,
{
    Ok(Box::new(builder.build()?))
}

fn tilt() -> Tilt {
    Tilt::new().target(Prior::Uniform)
}

fn belief() -> Weighting {
    Weighting::Belief(Belief::new().rollouts(ROLLOUTS as u32))
}

/// What is left over from a step is used in the next, or not at all.
fn refill() -> Refill {
    Refill::new().bank(AgeLimit::rounds(1))
}

impl<'a> Class<'a> {
    /// Samples and seed; all other parts are set behind it.
    fn builder(&self) -> Builder<Uniform, curricle::signal::GroupSpread, Systematic> {
        let builder = Curriculum::builder(self.prompts.count());
        builder.sampler(Systematic).gate(Gate::zero_signal()).seed(self.seed)
    }

    fn arms(&self) -> Builder<Uniform, curricle::signal::GroupSpread, Systematic> {
        self.builder().arms(self.prompts.arms() as u32, |sample| self.prompts.arm(sample) as u32)
    }

    /// All samples, greatest angle concentration first.
    fn by_angle(&self, angle: Angle) -> Result<Vec<SampleId>> {
        let texts: Vec<&[u8]> = self.prompts.samples().map(|sample| self.prompts.get(sample)).collect();
        let scores = angle::of(self.model, angle, &texts)?;
        let mut order: Vec<(f32, SampleId)> = scores.into_iter().zip(self.prompts.samples()).collect();
        order.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        Ok(order.into_iter().map(|(_, sample)| sample).collect())
    }

    /// GAIN-RL along ranks, in the proportions of the paper: of 8000 samples a step of 1024 and a deviation of 1000.
    fn along(&self, best_first: Vec<SampleId>) -> Result<Box<dyn Teacher>> {
        let step = best_first.len() as f64 * 1024.0 / 8000.0;
        let gaussian = Gaussian::new(MeanRule::paper(step), Spread::Fraction(0.125));
        let builder =
            Curriculum::builder(self.prompts.count()).gate(Gate::zero_signal()).seed(self.seed);
        made(builder.ranked(&best_first, PROMPTS as u32).policy(gaussian))
    }

    /// The default preset with a policy in the place of its own.
    fn ours<P: Policy>(&self, policy: P) -> Builder<P, MeanAdvantage, Systematic> {
        self.arms().post_training().policy(policy)
    }

    fn learnable(&self) -> impl Iterator<Item = (ArmId, &'a Arm)> + use<'a> {
        (0..).map(ArmId).zip(self.arms).filter(|(_, arm)| arm.is_learnable())
    }
}
