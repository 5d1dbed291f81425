//! What there is to run: the workloads and the curricula, as the tables see them.

use crate::Result;

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
}

/// A curriculum, and what it is in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub name: String,
    pub about: String,
}

/// What is judged: the library's default.
pub const OURS: &str = "default";
/// What the others are measured against: the best of these, by workload. Groups without signal are dropped in all.
pub const BASELINES: [&str; 3] = ["uniform", "refill-32", "refill-16"];
/// Whose rate the curricula that are not ours run at.
pub const UNIFORM: &str = BASELINES[0];
/// The default without one of its parts, or with another beside.
const PARTS: [&str; 3] = ["default-", "guarded", "rollouts"];

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

/// All workloads but those of the map.
pub fn tasks() -> Result<Vec<Task>> {
    ["sequence", "sequence-noise", "chain", "ladder", "map/signal=10/transfer=none/noise=20"]
        .into_iter()
        .map(task)
        .collect()
}

/// The workload of a name.
///
/// # Errors
/// There is none.
pub fn task(name: &str) -> Result<Task> {
    Ok(Task { name: name.into(), arms: crate::synthetic::arms(name), tokens: 50_000 })
}

/// All curricula, in the order of the tables.
pub fn curricula() -> Vec<Choice> {
    let choice = |(name, about): (&str, &str)| Choice { name: name.into(), about: about.into() };
    let all = [
        ("uniform", "every arm alike"),
        ("uniform-all", "every arm alike, and no group is dropped"),
        ("refill-32", "every arm alike, refilled to 32 groups"),
        ("refill-16", "every arm alike, refilled to 16 groups"),
        ("hand", "by hand"),
        ("sec", "SEC as published"),
        ("default", "our default"),
        ("default-no-floor", "our default without its floor"),
    ];
    all.into_iter().map(choice).collect()
}
