//! The partition of the samples into arms.

use curricle_kernels::{filled, prefetch, roomy};
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, SampleId};
use crate::files::column;
use crate::population::labels::Labels;
use crate::population::ranks::Ranks;
use crate::population::work;

/// Marks a slot without a sample, and a sample without a slot.
const NONE: u32 = u32::MAX;

/// The most arms: 2^24. A wrong label must not ask for gigabytes.
const MOST_ARMS: f64 = 16_777_216.0;

/// Which sample belongs to which arm, in compressed-row form: the members of an arm stand side by
/// side in *slots*, in the order in which they were added.
///
/// The *rank* of a sample, along which a [`Gaussian`](crate::policy::Gaussian) policy moves, is a
/// permanent number: at the beginning its place arm by arm, and within an arm in the order given. A
/// sample that is inserted gets the next one after all, a retagged one keeps its own, and a removed one
/// leaves it vacant for ever.
///
/// Slots change. Removing leaves a vacant one; an arm without a free slot closes its gaps if a third of
/// its slots are vacant, and moves to the end with half as much room again if not. When more than half
/// of all slots, beside one for each arm and 1024, are waste, the whole is packed in the order of arms,
/// with half as much room again for each. All of it is deterministic, and the order within an arm
/// stays.
///
/// Memory: 8 bytes a sample, and 1 more with up to 256 arms, 2 with up to 65 536, 4 beyond; none with
/// one arm. Once a sample has changed its slot there are up to 2 slots of 4 bytes for each, and 4 more
/// bytes for the rank, unless all samples stood in the order of their numbers. Costs: look-up O(1);
/// insert, remove and retag O(1) amortised, the building included: the first change of an arm may cost
/// as much as its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arms {
    spans: Vec<Span>,
    /// slot -> sample
    #[serde(deserialize_with = "column::deserialize")]
    members: Vec<u32>,
    /// sample -> slot
    #[serde(deserialize_with = "column::deserialize")]
    slot_of: Vec<u32>,
    /// sample -> arm, also of removed samples
    arm_of: Labels,
    ranks: Ranks,
    /// Members of all arms.
    alive: usize,
}

/// The slots of one arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    start: u32,
    /// Slots in use or vacated.
    len: u32,
    /// Slots reserved.
    room: u32,
    /// Members.
    alive: u32,
}

/// Members that changed their slot, from where to where, for whoever keeps data by slot. One after the
/// other, each finds its new slot vacant.
pub(crate) type Moves = Vec<(usize, usize)>;

impl Arms {
    /// The partition in which sample `i` belongs to arm `labels[i]`; arms are `0..arms`. Cost: O(N).
    ///
    /// # Errors
    /// [`Error::UnknownArm`] if a label is `>= arms`; [`Error::OutOfRange`] if there are no arms or
    /// more than 2^24, or 2^32 - 1 samples or more.
    pub fn from_labels(arms: u32, labels: &[u32]) -> Result<Self> {
        Self::from_fn(arms, labels.len(), |sample| ArmId(labels[sample]))
    }

    /// The partition by good labels.
    fn partition(arms: u32, labels: Labels) -> Self {
        let mut spans = vec![Span::default(); arms as usize];
        (0..labels.len()).for_each(|sample| spans[labels.get(sample) as usize].room += 1);
        let mut start = 0;
        for span in &mut spans {
            *span = Span { start, alive: span.room, ..*span };
            start += span.room;
        }
        let mut slot_of = roomy(labels.len());
        let mut members = filled(NONE, labels.len());
        for sample in 0..labels.len() {
            let span = &mut spans[labels.get(sample) as usize];
            let slot = span.start + span.len;
            span.len += 1;
            members[slot as usize] = sample as u32;
            slot_of.push(slot);
        }
        let alive = labels.len();
        Self { spans, members, slot_of, arm_of: labels, ranks: Ranks::Slots, alive }
    }

    /// The partition in which sample `i` belongs to arm `i mod arms`. Cost: O(N).
    ///
    /// # Errors
    /// As [`from_labels`](Self::from_labels).
    pub fn even(arms: u32, samples: usize) -> Result<Self> {
        Self::from_fn(arms, samples, |sample| ArmId(sample as u32 % arms.max(1)))
    }

    /// The partition in which a function says the arm of each sample. It is asked twice for each.
    ///
    /// # Errors
    /// As [`from_labels`](Self::from_labels).
    pub(crate) fn from_fn(arms: u32, samples: usize, label: impl Fn(usize) -> ArmId) -> Result<Self> {
        crate::base::error::within("arms", f64::from(arms), 1.0, MOST_ARMS)?;
        if let Some(unknown) = (0..samples).map(&label).find(|label| label.0 >= arms) {
            return Err(Error::UnknownArm(unknown));
        }
        crate::base::error::within("samples", samples as f64, 0.0, f64::from(NONE - 1))?;
        Ok(Self::partition(arms, Labels::new(arms, samples, |sample| label(sample).0)))
    }

    /// One arm whose members stand in the given order, best first; `order` must name each of the
    /// samples `0..N` once. This is how a score table's order becomes the ranks of a
    /// [`Gaussian`](crate::policy::Gaussian) curriculum. Cost: O(N).
    ///
    /// # Errors
    /// [`Error::UnknownSample`] for a sample that is out of range or named twice.
    pub fn from_order(order: &[SampleId]) -> Result<Self> {
        let mut arms = Self::even(1, order.len())?;
        arms.slot_of.fill(NONE);
        for (slot, &sample) in order.iter().enumerate() {
            match arms.slot_of.get_mut(sample.index()) {
                Some(free) if *free == NONE => *free = slot as u32,
                Some(_) => {
                    return Err(Error::Duplicate { what: "position of the order", index: slot as u64 });
                }
                None => return Err(Error::UnknownSample(sample)),
            }
            arms.members[slot] = sample.0 as u32;
        }
        Ok(arms)
    }

    /// How many arms there are.
    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// How many samples were ever inserted; the next one gets this number.
    pub fn samples(&self) -> usize {
        self.slot_of.len()
    }

    /// How many members an arm has; 0 for an unknown arm.
    pub fn size(&self, arm: ArmId) -> usize {
        self.spans.get(arm.index()).map_or(0, |span| span.alive as usize)
    }

    /// The members of an arm, in order.
    ///
    /// ```
    /// use curricle::{ArmId, Arms};
    ///
    /// let arms = Arms::from_labels(2, &[1, 0, 1])?;
    /// assert_eq!(arms.members(ArmId(1)).map(|sample| sample.0).collect::<Vec<_>>(), [0, 2]);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    pub fn members(&self, arm: ArmId) -> impl Iterator<Item = SampleId> + '_ {
        self.slots(arm).filter_map(|slot| self.sample_at(slot))
    }

    /// The arm of a sample.
    ///
    /// # Errors
    /// [`Error::UnknownSample`] if it was never inserted, or has been removed.
    pub fn arm_of(&self, sample: SampleId) -> Result<ArmId> {
        self.slot_of(sample)?;
        Ok(ArmId(self.arm_of.get(sample.index())))
    }

    /// How many slots there are, vacant ones included.
    pub fn slot_count(&self) -> usize {
        self.members.len()
    }

    /// The sample in a slot.
    #[inline]
    pub fn sample_at(&self, slot: usize) -> Option<SampleId> {
        self.members.get(slot).filter(|&&sample| sample != NONE).map(|&sample| SampleId(sample.into()))
    }

    /// The slots of an arm, vacated ones included.
    #[inline]
    pub fn slots(&self, arm: ArmId) -> std::ops::Range<usize> {
        let span = self.spans.get(arm.index()).copied().unwrap_or_default();
        span.start as usize..(span.start + span.len) as usize
    }

    /// The slot of a sample.
    ///
    /// # Errors
    /// [`Error::UnknownSample`] if it was never inserted, or has been removed.
    #[inline]
    pub fn slot_of(&self, sample: SampleId) -> Result<usize> {
        match self.slot_of.get(sample.index()) {
            Some(&slot) if slot != NONE => Ok(slot as usize),
            _ => Err(Error::UnknownSample(sample)),
        }
    }

    /// The arm of a sample that is in the partition; it costs no look-up if there is one arm.
    #[inline]
    pub(crate) fn label(&self, sample: SampleId) -> ArmId {
        ArmId(self.arm_of.get(sample.index()))
    }

    /// Asks the processor to fetch the place of an arm.
    #[inline]
    pub(crate) fn fetch_span(&self, arm: ArmId) {
        prefetch(&self.spans, arm.index());
    }

    /// Asks the processor to fetch the entry of a slot.
    #[inline]
    pub(crate) fn fetch_slot(&self, slot: usize) {
        prefetch(&self.members, slot);
    }

    /// Asks the processor to fetch the slot and the arm of a sample.
    #[inline]
    pub(crate) fn fetch_sample(&self, sample: SampleId) {
        prefetch(&self.slot_of, sample.index());
        self.arm_of.fetch(sample.index());
    }

    /// How many ranks there are, vacant ones included: as many as samples were ever inserted.
    pub fn ranks(&self) -> usize {
        self.samples()
    }

    /// The sample that has a rank; `None` if it has been removed, and beyond the last rank.
    ///
    /// ```
    /// use curricle::{Arms, SampleId};
    ///
    /// let arms = Arms::from_labels(2, &[1, 0, 1])?;
    /// let ranked: Vec<_> = (0..arms.ranks()).filter_map(|rank| arms.sample_at_rank(rank)).collect();
    /// assert_eq!(ranked, [SampleId(1), SampleId(0), SampleId(2)]);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    #[inline]
    pub fn sample_at_rank(&self, rank: usize) -> Option<SampleId> {
        self.slot_at_rank(rank).and_then(|slot| self.sample_at(slot))
    }

    /// The rank of a sample. Cost: O(1); O(N) once a sample has changed its slot, if the ranks are not those of the numbers.
    ///
    /// # Errors
    /// [`Error::UnknownSample`].
    pub(crate) fn rank_of(&self, sample: SampleId) -> Result<usize> {
        let slot = self.slot_of(sample)?;
        Ok(self.ranks.of(sample.0 as u32, slot))
    }

    /// The slot of the sample that has a rank.
    #[inline]
    pub(crate) fn slot_at_rank(&self, rank: usize) -> Option<usize> {
        self.ranks.slot(rank, &self.members, &self.slot_of)
    }

    /// Asks the processor to fetch the entry of a rank.
    #[inline]
    pub(crate) fn fetch_rank(&self, rank: usize) {
        self.ranks.fetch(rank, &self.members, &self.slot_of);
    }

    /// Checks that there can be so many arms.
    pub(crate) fn check_count(arms: usize) -> Result<()> {
        crate::base::error::within("arms", arms as f64, 1.0, MOST_ARMS).map(drop)
    }

    /// Adds an arm without samples.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond 2^24 arms.
    pub(crate) fn add(&mut self) -> Result<ArmId> {
        Self::check_count(self.count() + 1)?;
        let arm = ArmId(self.count() as u32);
        self.arm_of.widen(self.count() + 1);
        let start = self.members.len() as u32;
        self.spans.push(Span { start, ..Span::default() });
        Ok(arm)
    }

    /// Adds a new sample to an arm.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`Error::OutOfRange`] beyond 2^32 - 2 samples. Nothing has changed
    /// then.
    pub(crate) fn insert(&mut self, arm: ArmId) -> Result<(SampleId, Moves)> {
        self.check(arm)?;
        crate::base::error::within("samples", self.samples() as f64, 0.0, f64::from(NONE - 2))?;
        let sample = SampleId(self.samples() as u64);
        if !matches!(self.want(arm), Want::Growth) {
            self.ranks.keep(&self.members);
        }
        self.slot_of.push(NONE);
        self.arm_of.push(arm.0);
        Ok((sample, self.place(sample, arm)))
    }

    /// Takes a sample out of its arm.
    ///
    /// # Errors
    /// [`Error::UnknownSample`].
    pub(crate) fn remove(&mut self, sample: SampleId) -> Result<()> {
        let slot = self.slot_of(sample)?;
        self.members[slot] = NONE;
        self.slot_of[sample.index()] = NONE;
        self.spans[self.arm_of.get(sample.index()) as usize].alive -= 1;
        self.alive -= 1;
        Ok(())
    }

    /// Moves a sample to the end of another arm.
    ///
    /// # Errors
    /// As [`remove`](Self::remove) and [`check`](Self::check). Nothing has changed then.
    pub(crate) fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<Moves> {
        self.slot_of(sample)?;
        self.check(arm)?;
        self.ranks.keep(&self.members);
        self.remove(sample)?;
        self.arm_of.set(sample.index(), arm.0);
        Ok(self.place(sample, arm))
    }

    /// Checks that an arm exists and that one more member finds a slot.
    ///
    /// # Errors
    /// [`Error::UnknownArm`]; [`Error::OutOfRange`] if there would be 2^32 - 1 slots or more.
    pub(crate) fn check(&self, arm: ArmId) -> Result<()> {
        if arm.index() >= self.count() {
            return Err(Error::UnknownArm(arm));
        }
        let more = match self.want(arm) {
            Want::Nothing | Want::Closing => 0,
            Want::Growth => 1,
            Want::Move(room) => room as usize,
        };
        let slots = (self.members.len() + more) as f64;
        crate::base::error::within("slots", slots, 0.0, f64::from(NONE - 1)).map(drop)
    }

    /// What must be done before an arm can have one more member.
    fn want(&self, arm: ArmId) -> Want {
        let span = self.spans[arm.index()];
        let gaps = span.room - span.alive;
        if span.len < span.room {
            Want::Nothing
        } else if gaps > 0 && gaps >= span.room / 3 {
            Want::Closing
        } else if (span.start + span.room) as usize == self.members.len() {
            Want::Growth
        } else {
            Want::Move(span.alive + self.spare(span.alive) + 1)
        }
    }

    /// How many slots more than members an arm is given: in proportion, so that it is not full again at
    /// once; none where numbers of 32 bits would run out.
    fn spare(&self, members: u32) -> u32 {
        if self.alive < NONE as usize / 2 { members / 2 } else { 0 }
    }

    /// Gives a sample the slot behind the last one of an arm. Says which members went to other slots
    /// for it.
    fn place(&mut self, sample: SampleId, arm: ArmId) -> Moves {
        let moves = match self.want(arm) {
            Want::Nothing => Moves::new(),
            Want::Growth => {
                self.spans[arm.index()].room += 1;
                self.members.push(NONE);
                Moves::new()
            }
            Want::Closing => {
                self.shift(arm, self.spans[arm.index()].start, self.spans[arm.index()].room)
            }
            Want::Move(room) => {
                let start = self.members.len();
                self.members.resize(start + room as usize, NONE);
                self.shift(arm, start as u32, room)
            }
        };
        work::done(1 + moves.len());
        let span = &mut self.spans[arm.index()];
        let slot = span.start + span.len;
        span.len += 1;
        span.alive += 1;
        self.alive += 1;
        self.members[slot as usize] = sample.0 as u32;
        self.slot_of[sample.index()] = slot;
        moves
    }

    /// Lets the members of an arm stand side by side from a slot on, which is the arm's first or lies
    /// behind all.
    fn shift(&mut self, arm: ArmId, start: u32, room: u32) -> Moves {
        let old = self.slots(arm);
        work::done(old.len() + room as usize);
        let mut moves = Moves::with_capacity(self.spans[arm.index()].alive as usize);
        let mut end = start;
        for slot in old {
            let member = std::mem::replace(&mut self.members[slot], NONE);
            if member != NONE {
                self.members[end as usize] = member;
                self.slot_of[member as usize] = end;
                if slot != end as usize {
                    moves.push((slot, end as usize));
                }
                end += 1;
            }
        }
        self.spans[arm.index()] = Span { start, len: end - start, room, alive: end - start };
        moves
    }

    /// Whether so many slots are vacant that [`pack`](Self::pack) is due. Cost: O(1).
    pub(crate) fn is_wasteful(&self) -> bool {
        self.members.len() > 2 * self.alive + self.spans.len() + 1024
    }

    /// Assigns all slots afresh: arm by arm, keeping the order within each arm, with half as much room
    /// again. Gives the old slot of each new one, or `u32::MAX` for a vacant one. Cost: that of all
    /// slots and arms, which is that of the changes since it was done last.
    pub(crate) fn pack(&mut self) -> Vec<u32> {
        self.ranks.keep(&self.members);
        work::done(self.members.len() + self.spans.len() + 3 * self.alive);
        let spare: Vec<u32> = self.spans.iter().map(|span| self.spare(span.alive)).collect();
        let slots = self.alive + spare.iter().map(|&spare| spare as usize).sum::<usize>();
        let old = std::mem::replace(&mut self.members, roomy(slots));
        let mut from = Vec::with_capacity(slots);
        for (span, spare) in self.spans.iter_mut().zip(spare) {
            let start = self.members.len();
            let taken = span.start as usize..(span.start + span.len) as usize;
            for (slot, &member) in taken.clone().zip(&old[taken]) {
                if member != NONE {
                    self.slot_of[member as usize] = self.members.len() as u32;
                    self.members.push(member);
                    from.push(slot as u32);
                }
            }
            let len = (self.members.len() - start) as u32;
            let room = len + spare;
            self.members.resize(start + room as usize, NONE);
            from.resize(self.members.len(), NONE);
            *span = Span { start: start as u32, len, room, alive: len };
        }
        from
    }

    /// Whether the lists agree with each other; used after reading them from a file.
    pub(crate) fn is_consistent(&self) -> bool {
        let linked = self.members.iter().enumerate().all(|(slot, &sample)| {
            sample == NONE || self.slot_of.get(sample as usize) == Some(&(slot as u32))
        });
        let placed = |(sample, &slot): (usize, &u32)| {
            let span = self.spans.get(self.arm_of.get(sample) as usize);
            span.is_some_and(|span| {
                slot == NONE
                    || self.members.get(slot as usize) == Some(&(sample as u32))
                        && slot >= span.start
                        && slot - span.start < span.len
            })
        };
        let mut ends: Vec<(u64, u64)> = self
            .spans
            .iter()
            .filter(|span| span.room > 0)
            .map(|span| (u64::from(span.start), u64::from(span.start) + u64::from(span.room)))
            .collect();
        ends.sort_unstable();
        let apart = ends.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        let inside = ends.last().is_none_or(|last| last.1 <= self.members.len() as u64);
        self.arm_of.len() == self.slot_of.len()
            && self.arm_of.fits(self.spans.len())
            && linked
            && self.slot_of.iter().enumerate().all(placed)
            && apart
            && inside
            && self.alive as u64 == self.spans.iter().map(|span| u64::from(span.alive)).sum::<u64>()
            && self.ranks.is_consistent(&self.members, &self.slot_of)
            && self.spans.iter().enumerate().all(|(arm, span)| {
                span.len <= span.room && self.members(ArmId(arm as u32)).count() == span.alive as usize
            })
    }
}

/// What must be done before an arm can have one more member.
enum Want {
    Nothing,
    /// Its gaps must be closed.
    Closing,
    /// It stands behind all others and can have one slot more.
    Growth,
    /// It must move to the end, with so much room.
    Move(u32),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any sequence of changes agrees with a plain list of lists.
        #[test]
        fn agrees_with_lists_of_members(
            labels in prop::collection::vec(0..5u32, 0..60),
            changes in prop::collection::vec((0..3u8, any::<prop::sample::Index>(), 0..5u32), 0..400),
            packs in prop::bool::weighted(0.1),
        ) {
            let mut arms = Arms::from_labels(5, &labels).unwrap();
            let mut twin: Vec<Vec<u64>> = vec![Vec::new(); 5];
            for (sample, label) in labels.iter().enumerate() {
                twin[*label as usize].push(sample as u64);
            }
            for (verb, which, arm) in changes {
                let alive: Vec<u64> = twin.iter().flatten().copied().collect();
                let chosen = (!alive.is_empty()).then(|| alive[which.index(alive.len().max(1))]);
                match (verb, chosen) {
                    (0, _) => {
                        let (sample, _) = arms.insert(ArmId(arm)).unwrap();
                        twin[arm as usize].push(sample.0);
                    }
                    (1, Some(sample)) => {
                        arms.remove(SampleId(sample)).unwrap();
                        twin.iter_mut().for_each(|list| list.retain(|&other| other != sample));
                        prop_assert!(arms.remove(SampleId(sample)).is_err());
                    }
                    (2, Some(sample)) => {
                        arms.retag(SampleId(sample), ArmId(arm)).unwrap();
                        twin.iter_mut().for_each(|list| list.retain(|&other| other != sample));
                        twin[arm as usize].push(sample);
                    }
                    _ => {}
                }
                if arms.is_wasteful() || packs {
                    arms.pack();
                }
                prop_assert!(arms.is_consistent());
            }
            for (arm, list) in twin.iter().enumerate() {
                let members: Vec<u64> = arms.members(ArmId(arm as u32)).map(|s| s.0).collect();
                prop_assert_eq!(&members, list);
                prop_assert_eq!(arms.size(ArmId(arm as u32)), list.len());
            }
        }
    }

    #[test]
    fn an_order_must_name_each_sample_once() {
        let order =
            |ids: &[u64]| Arms::from_order(&ids.iter().map(|&id| SampleId(id)).collect::<Vec<_>>());
        assert!(order(&[2, 0, 1]).is_ok_and(|arms| arms.sample_at(0) == Some(SampleId(2))));
        assert_eq!(order(&[0, 0]), Err(Error::Duplicate { what: "position of the order", index: 1 }));
        assert_eq!(order(&[0, 2]), Err(Error::UnknownSample(SampleId(2))));
    }

    #[test]
    fn unknown_arms_are_refused() {
        assert_eq!(Arms::from_labels(2, &[2]), Err(Error::UnknownArm(ArmId(2))));
        assert!(Arms::from_labels(0, &[]).is_err());
        let mut arms = Arms::from_labels(1, &[0]).unwrap();
        assert!(arms.insert(ArmId(1)).is_err());
        assert!(arms.retag(SampleId(0), ArmId(1)).is_err());
        assert_eq!(arms.arm_of(SampleId(0)), Ok(ArmId(0)));
    }
}
