//! What there is to run: the workloads and the curricula, as the tables see them.

use crate::{Result, curriculum, workload};

/// An arm of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arm {
    pub name: String,
    /// Whether its pass rate can grow.
    pub learnable: bool,
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub name: String,
    pub arms: Vec<Arm>,
    /// Rollout tokens of a run of the tables.
    pub tokens: u64,
    /// Whether it is trained on by imitation: then nothing is refilled, and no rollouts are shared out.
    pub is_supervised: bool,
}

/// A curriculum, and what it is in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub name: String,
    pub about: String,
    /// Whether a step has the prompts of one draw, of which each counts alike.
    pub is_plain: bool,
}

/// What is judged: the library's default.
pub const OURS: &str = "default";
/// What the others are measured against: the best of these, by workload. Groups without signal are dropped in all.
pub const BASELINES: [&str; 4] = ["uniform", "refill-32", "refill-16", "uniform-16"];
/// Whose rate the curricula that are not ours run at.
pub const UNIFORM: &str = BASELINES[0];
/// The default without one of its parts, or with another beside.
const PARTS: [&str; 3] = ["default-", "guarded", "rollouts"];

/// The default with what it may be put together with, and in smaller steps: they stand beside the baselines, too.
pub const TOGETHER: [&str; 4] =
    ["default-belief", "default-refill-16", "default-belief-16", "default-16"];

/// Whether a curriculum is the default with a part more or less.
pub fn is_part(curriculum: &str) -> bool {
    PARTS.iter().any(|part| curriculum.starts_with(part))
}

/// How much of what is learned on one level serves the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transfer {
    None,
    Weak,
    Strong,
}

impl Transfer {
    pub const ALL: [Self; 3] = [Self::None, Self::Weak, Self::Strong];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Weak => "weak",
            Self::Strong => "strong",
        }
    }
}

/// A place on the map of when a curriculum pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Per cent of the arms that cannot be learned.
    pub unlearnable: u64,
    pub transfer: Transfer,
    /// Per cent of the prompts with signal at the start.
    pub signal: u64,
}

impl Place {
    pub const SIGNALS: [u64; 5] = [5, 10, 25, 50, 100];
    pub const UNLEARNABLE: [u64; 3] = [0, 20, 50];

    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for unlearnable in Self::UNLEARNABLE {
            for transfer in Transfer::ALL {
                for signal in Self::SIGNALS {
                    all.push(Self { unlearnable, transfer, signal });
                }
            }
        }
        all
    }

    /// The workload of this place.
    pub fn workload(self) -> String {
        let Self { unlearnable, transfer, signal } = self;
        format!("map/signal={signal}/transfer={}/noise={unlearnable}", transfer.name())
    }

    /// The place of a workload; `None` if it is not on the map.
    pub fn of(workload: &str) -> Option<Self> {
        Self::all().into_iter().find(|place| place.workload() == workload)
    }
}

/// All workloads that have a name of their own; of the map, one place.
///
/// # Errors
/// None, as long as the names of the workloads are right.
pub fn tasks() -> Result<Vec<Task>> {
    Ok(workload::all()?.into_iter().map(Task::of).collect())
}

/// The workload of a name.
///
/// # Errors
/// There is none.
pub fn task(name: &str) -> Result<Task> {
    Ok(Task::of(workload::about(name)?))
}

impl Task {
    fn of(about: workload::About) -> Self {
        let workload::About { name, arms, tokens, is_supervised } = about;
        let arm = |(name, learnable)| Arm { name, learnable };
        Self { name, arms: arms.into_iter().map(arm).collect(), tokens, is_supervised }
    }
}

/// All curricula, in the order of the tables.
pub fn curricula() -> Vec<Choice> {
    let choice = |recipe: curriculum::Recipe| Choice {
        name: recipe.name.into(),
        about: recipe.line.into(),
        is_plain: matches!(recipe.filling, curriculum::Filling::Drawn(_)),
    };
    curriculum::all().into_iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the tables call by name is there.
    #[test]
    fn names_are_those_of_curricula_and_workloads() {
        let curricula = curricula();
        for name in BASELINES.iter().chain(&TOGETHER).chain(&[OURS]) {
            assert!(curricula.iter().any(|choice| choice.name == *name), "{name}");
        }
        for part in PARTS {
            assert!(curricula.iter().any(|choice| choice.name.starts_with(part)), "{part}");
        }
        assert_eq!(Place::all().len(), 45);
        for place in Place::all() {
            let task = task(&place.workload()).unwrap();
            assert_eq!(Place::of(&task.name), Some(place));
            let lost = task.arms.iter().filter(|arm| !arm.learnable).count();
            assert_eq!(100 * lost, place.unlearnable as usize * task.arms.len(), "{}", task.name);
        }
        // The place whose rates all have is among those that are tuned.
        assert!(tasks().unwrap().iter().any(|task| task.name == crate::rates::CENTRE.workload()));
    }
}
