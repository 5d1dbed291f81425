//! The rank of each sample: its permanent number in the order that a Gaussian moves along.

use curricle_kernels::{prefetch, roomy};
use serde::{Deserialize, Serialize};

use crate::files::column;

/// Stands for a sample that was removed before the list was made.
const NONE: u32 = u32::MAX;

/// Which sample has which rank.
///
/// A sample that was there at the beginning has the place that it had then in the order over all arms;
/// one that came later has its own number, which is the next rank after all others. Nothing changes a
/// rank: a removed sample leaves it vacant.
///
/// Memory: 4 bytes for each sample of the beginning, and none before a sample has changed its slot, nor
/// where the order of the beginning is that of the samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ranks {
    /// No sample has changed its slot: a rank is a slot.
    Slots,
    /// A rank is the number of a sample.
    Samples,
    /// The samples of the first ranks; beyond the end a rank is the number of a sample.
    Listed(#[serde(deserialize_with = "column::deserialize")] Vec<u32>),
}

impl Ranks {
    /// Keeps the present ranks, for slots that are about to change. Cost: O(N) the first time, then
    /// nothing.
    pub fn keep(&mut self, members: &[u32]) {
        if *self != Self::Slots {
            return;
        }
        let is_own = |(rank, &sample): (usize, &u32)| sample == NONE || sample as usize == rank;
        *self = if members.iter().enumerate().all(is_own) {
            Self::Samples
        } else {
            let mut list = roomy(members.len());
            list.extend_from_slice(members);
            Self::Listed(list)
        };
    }

    /// The slot of the sample that has a rank, if it is still there.
    #[inline]
    pub fn slot(&self, rank: usize, members: &[u32], slot_of: &[u32]) -> Option<usize> {
        let sample = match self {
            Self::Slots => return members.get(rank).filter(|&&sample| sample != NONE).map(|_| rank),
            Self::Samples => rank,
            Self::Listed(list) => list.get(rank).map_or(rank, |&sample| sample as usize),
        };
        slot_of.get(sample).filter(|&&slot| slot != NONE).map(|&slot| slot as usize)
    }

    /// The rank of a sample that is in a slot. Cost: O(N) where the ranks are listed.
    pub fn of(&self, sample: u32, slot: usize) -> usize {
        match self {
            Self::Slots => slot,
            Self::Samples => sample as usize,
            Self::Listed(list) if (sample as usize) < list.len() => {
                list.iter().position(|&listed| listed == sample).unwrap_or(sample as usize)
            }
            Self::Listed(_) => sample as usize,
        }
    }

    /// Asks the processor to fetch what [`slot`](Self::slot) reads first.
    #[inline]
    pub fn fetch(&self, rank: usize, members: &[u32], slot_of: &[u32]) {
        match self {
            Self::Slots => prefetch(members, rank),
            Self::Samples => prefetch(slot_of, rank),
            Self::Listed(list) => prefetch(list, rank),
        }
    }

    /// Whether each sample has one rank and each rank at most one sample; used after reading from a
    /// file.
    pub fn is_consistent(&self, members: &[u32], slot_of: &[u32]) -> bool {
        match self {
            Self::Slots => members.len() == slot_of.len(),
            Self::Samples => true,
            Self::Listed(list) => {
                let mut is_ranked = vec![false; list.len()];
                let is_new = |&sample: &u32| {
                    let ranked = is_ranked.get_mut(sample as usize);
                    sample == NONE || ranked.is_some_and(|ranked| !std::mem::replace(ranked, true))
                };
                list.len() <= slot_of.len()
                    && list.iter().all(is_new)
                    && is_ranked.iter().zip(slot_of).all(|(&ranked, &slot)| ranked || slot == NONE)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list that gives a sample two ranks, one that was never there a rank, or one that is there none, is
    /// told from a good one.
    #[test]
    fn damaged_lists_are_told() {
        let (members, slots) = ([2, 0, NONE], [1, NONE, 0]);
        let listed = |list: &[u32]| Ranks::Listed(list.to_vec()).is_consistent(&members, &slots);
        assert!(listed(&[2, 0, 1]) && listed(&[2, 0, NONE]) && listed(&[0, 2, NONE]) && listed(&[0]));
        // Sample 2 is there, and beyond the list a rank is the number of a sample: rank 2 is its own.
        assert!(listed(&[0, 1]));
        // Twice; none of the samples; sample 0 without a rank; longer than there are samples.
        for list in [&[2, 0, 0][..], &[2, 0, 3], &[2, NONE, NONE], &[2, 0, 1, NONE]] {
            assert!(!listed(list), "{list:?}");
        }
        assert!(Ranks::Slots.is_consistent(&members, &slots));
        assert!(!Ranks::Slots.is_consistent(&members, &slots[..2]));
    }
}
