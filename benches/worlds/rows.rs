//! The curricula that are compared.

use curricle::policy::{
    Advance, Boltzmann, Bounded, Dump, Fixed, Guarded, PerCost, Policy, Prior, Staged, Tilt,
};
use curricle::signal::{Gated, MeanAdvantage, Signal};
use curricle::simulator::world::{Course, Groups, Lesson, Mind, Training, World, train};
use curricle::{ArmId, Result};

type Run = Box<dyn Fn(&World, u64, &Training) -> Result<Course> + Sync>;

/// A curriculum.
pub struct Row {
    pub name: &'static str,
    pub groups: Groups,
    /// One setting; or several, of which a world takes the best on the seeds that rates are tuned on.
    pub settings: Vec<Run>,
    /// Where there is such a row.
    pub is_in: fn(&World) -> bool,
}

impl Row {
    pub fn groups(&self) -> &'static str {
        match self.groups {
            Groups::All => "all",
            Groups::Refill => "refill",
            _ => "dropped",
        }
    }
}

/// A setting: a policy, which may depend on the world, and a signal.
fn of<P: Policy, S: Signal + Clone + Sync + 'static>(
    policy: impl Fn(&World) -> P + Sync + 'static,
    signal: S,
) -> Run {
    Box::new(move |world, seed, training| {
        let policy = policy(world);
        let reads = policy.reads();
        let builder = world.curriculum(seed).policy(policy);
        if reads.score {
            train(&mut builder.signal(signal.clone()).build()?, world, seed, training)
        } else {
            // A signal that nobody reads is refused.
            train(&mut builder.build()?, world, seed, training)
        }
    })
}

fn told(world: &World) -> Prior {
    Prior::Weights(world.told())
}

fn target() -> Run {
    of(|world| Fixed::weights(world.told()), MeanAdvantage)
}

/// SEC as published: values that start at 0.
fn sec(tau: f64) -> Run {
    of(move |_| Boltzmann::new().temperature(tau).start(0.0), MeanAdvantage)
}

fn sharp() -> Bounded<Boltzmann> {
    Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform)
}

/// A policy that is compared with the target as it goes.
fn guarded<P: Policy>(world: &World, policy: P) -> Guarded<P> {
    Guarded::new(policy).target(told(world))
}

fn ours() -> Run {
    Box::new(|world, seed, training| {
        let mut preset = world.curriculum(seed).post_training().target(told(world)).build()?;
        train(&mut preset, world, seed, training)
    })
}

/// The target, with twice the weight for some of the learnable arms, by their place among them, in `[0, 1)`.
fn twice(is_raised: fn(f64) -> bool) -> Run {
    let weights = move |world: &World| {
        let mut weights = world.told();
        let learnable: Vec<usize> =
            (0..weights.len()).filter(|&arm| world.arms[arm].can_be_learned()).collect();
        for (place, &arm) in learnable.iter().enumerate() {
            if is_raised(place as f64 / learnable.len() as f64) {
                weights[arm] *= 2.0;
            }
        }
        Fixed::weights(weights)
    };
    of(weights, MeanAdvantage)
}

/// The learnable arms by how many skills stand below them; one stage where nothing needs another.
pub fn stages(world: &World) -> Vec<Vec<ArmId>> {
    let skill = |arm: usize| match &world.arms[arm].lesson {
        Lesson::Skill { skill, needs, .. } => Some((*skill, needs.as_slice())),
        _ => None,
    };
    let mut levels: Vec<usize> = Vec::new();
    let mut stages: Vec<Vec<ArmId>> = Vec::new();
    // What is needed stands before what needs it.
    for arm in 0..world.arms.len() {
        let Some((number, needs)) = skill(arm) else { continue };
        let level = match world.mind {
            Mind::Softmax { length, .. } => number % length,
            _ => needs.iter().map(|&need| levels[need] + 1).max().unwrap_or(0),
        };
        levels.resize(levels.len().max(number + 1), 0);
        levels[number] = level;
        stages.resize(stages.len().max(level + 1), Vec::new());
        stages[level].push(ArmId(arm as u32));
    }
    stages
}

/// The stages in turn, from a success on to the next, with a fifth of review; then all that can be learned.
fn by_hand(mastery: f64) -> Run {
    let policy = move |world: &World| {
        let mut stages = stages(world);
        stages.push(stages.concat());
        Staged::new(stages, Advance::Mastery(mastery)).review(0.2)
    };
    of(policy, MeanAdvantage)
}

fn anywhere(_: &World) -> bool {
    true
}

fn row(name: &'static str, groups: Groups, settings: Vec<Run>) -> Row {
    Row { name, groups, settings, is_in: anywhere }
}

/// All rows, in the order of the table. The first is what the others are compared with.
pub fn rows() -> Vec<Row> {
    let dropped = |name, setting| row(name, Groups::Signal, vec![setting]);
    let has_levels = |world: &World| stages(world).len() > 1;
    let costs_differ = |world: &World| world.arms.iter().any(|arm| arm.tokens != world.arms[0].tokens);
    let costed = of(|world| PerCost::new(Tilt::new().target(told(world))), MeanAdvantage);
    let hand = [0.5, 0.7, 0.8].map(by_hand).into();
    let tuned = [1.0, 0.4, 0.2].map(sec).into();
    let mut rows = vec![
        dropped("target", target()),
        dropped("by size", of(|_| Fixed::by_size(), MeanAdvantage)),
        dropped("easy arms double", twice(|place| place < 0.5)),
        dropped("hard arms double", twice(|place| place >= 0.5)),
        Row { is_in: has_levels, ..row("hand order, tuned mastery", Groups::Signal, hand) },
        dropped("SEC 0.4", sec(0.4)),
        row("SEC, tuned temperature", Groups::Signal, tuned),
        dropped("DUMP", of(|_| Dump::new(), MeanAdvantage)),
        dropped("sharp Boltzmann", of(|_| sharp(), MeanAdvantage)),
        dropped("gated sharp Boltzmann", of(|_| sharp(), Gated::new(MeanAdvantage))),
        dropped("default", ours()),
        dropped(
            "learnable_arms",
            Box::new(|world, seed, training| {
                let builder = world.curriculum(seed).learnable_arms().target(told(world));
                train(&mut builder.build()?, world, seed, training)
            }),
        ),
        dropped(
            "prompts",
            Box::new(|world, seed, training| {
                let builder = world.curriculum(seed).prompts().target(told(world));
                train(&mut builder.build()?, world, seed, training)
            }),
        ),
        dropped("default, guarded", of(|world| guarded(world, Tilt::new()), MeanAdvantage)),
        dropped("sharp Boltzmann, guarded", of(|world| guarded(world, sharp()), MeanAdvantage)),
        Row { is_in: costs_differ, ..dropped("default, per cost", costed) },
    ];
    for groups in [Groups::All, Groups::Refill] {
        rows.push(row("target", groups, vec![target()]));
        rows.push(row("SEC 0.4", groups, vec![sec(0.4)]));
        rows.push(row("default", groups, vec![ours()]));
    }
    rows
}
