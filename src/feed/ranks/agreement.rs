//! Whether ranks agree, and what their frames come to together.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use super::frame::Frame;
use crate::base::error::{Error, Result};
use crate::base::id::Ticket;
use crate::curriculum::Curriculum;
use crate::event::Feedback;
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// What must be the same on all ranks, as one number: what the curriculum was built from, its decisions, where all
/// tickets are, how many samples there are, and the frames so far. Cost: O(1).
pub fn standing<P: Policy, S: Signal, D: Sampler>(
    curriculum: &Curriculum<P, S, D>,
    frames: u64,
) -> u64 {
    let counts = curriculum.counts();
    let population = curriculum.population();
    let numbers = [
        curriculum.round().0,
        curriculum.version(),
        curriculum.digest(),
        counts.drawn,
        counts.admitted,
        counts.rejected,
        counts.banked,
        counts.lost,
        counts.open,
        population.arms().samples() as u64,
        population.drawable_total() as u64,
        frames,
    ];
    let mut hash = Xxh3::new();
    hash.update(&curriculum.identity.dataset.to_le_bytes());
    hash.update(&curriculum.identity.configuration.to_le_bytes());
    numbers.iter().for_each(|number| hash.update(&number.to_le_bytes()));
    hash.digest()
}

/// The ranks that say otherwise than most, each with what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissent {
    /// What more than half of the ranks say, if so many agree.
    pub majority: Option<u64>,
    /// Rank and value of all that say otherwise; of all ranks, where there is no majority.
    pub ranks: Vec<(usize, u64)>,
}

impl fmt::Display for Dissent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (rank, value)) in self.ranks.iter().enumerate() {
            let between = if place > 0 { ", " } else { "" };
            write!(formatter, "{between}rank {rank} has {value:x}")?;
        }
        match self.majority {
            Some(value) => write!(formatter, ", the majority {value:x}"),
            None => Ok(()),
        }
    }
}

/// Whether all say the same. Cost: O(n²) where they do not.
fn agree(what: &'static str, said: &[(usize, u64)], of: usize) -> Result<()> {
    if said.iter().all(|(_, value)| *value == said[0].1) {
        return Ok(());
    }
    let count = |value: u64| said.iter().filter(|it| it.1 == value).count();
    let majority = said.iter().map(|it| it.1).find(|&value| 2 * count(value) > of);
    let ranks = said.iter().copied().filter(|it| Some(it.1) != majority).collect();
    Err(Error::Diverged { what, dissent: Dissent { majority, ranks } })
}

/// What the frames of all ranks come to.
#[derive(Debug, Default, PartialEq)]
pub struct Merged {
    /// In the order of tickets, whatever the ranks.
    pub feedback: Vec<Feedback>,
    pub lost: Vec<Ticket>,
    pub version: Option<u64>,
    /// By rank.
    pub wants: Vec<u64>,
}

impl Merged {
    /// Puts frames together whose ranks agree. A ticket that any rank gives up is lost; one that two ranks report
    /// alike is reported once.
    pub fn of(frames: &[Frame]) -> Result<Self> {
        let said = |value: fn(&Frame) -> Option<u64>| -> Vec<(usize, u64)> {
            let frames = frames.iter().enumerate();
            frames.filter_map(|(rank, frame)| Some((rank, value(frame)?))).collect()
        };
        let all = frames.len();
        agree("the number of exchanges", &said(|frame| Some(frame.exchanges)), all)?;
        agree("what is called", &said(|frame| Some(frame.call as u64)), all)?;
        agree("the rounds between exchanges", &said(|frame| Some(frame.rounds)), all)?;
        agree("the state of the curriculum", &said(|frame| Some(frame.standing)), all)?;
        let versions = said(|frame| frame.version);
        agree("the version of the model", &versions, versions.len())?;
        let mut lost: Vec<Ticket> = frames.iter().flat_map(|frame| &frame.lost).copied().collect();
        lost.sort_unstable();
        lost.dedup();
        let is_kept = |it: &&Feedback| lost.binary_search(&it.ticket).is_err();
        let reported = || frames.iter().flat_map(|frame| &frame.feedback);
        let mut feedback: Vec<Feedback> = Vec::with_capacity(reported().count());
        feedback.extend(reported().filter(is_kept));
        // Those of each rank rise already; of equal ones that of the first rank comes first.
        feedback.sort_by_key(|it| it.ticket);
        for pair in feedback.windows(2) {
            let ticket = pair[0].ticket;
            if ticket == pair[1].ticket && pair[0] != pair[1] {
                let says = |rank: &usize| frames[*rank].feedback.iter().any(|it| it.ticket == ticket);
                return Err(Error::Conflict { ticket, ranks: (0..all).filter(says).collect() });
            }
        }
        feedback.dedup_by_key(|it| it.ticket);
        let version = versions.first().map(|(_, version)| *version);
        Ok(Self { feedback, lost, version, wants: frames.iter().map(|frame| frame.want).collect() })
    }
}
