//! Costs that are known before a sample is drawn, and batches up to a ceiling of cost.

use serde::{Deserialize, Serialize};

use super::{Curriculum, Memory};
use crate::base::error::{Error, Result, finite, within};
use crate::base::id::SampleId;
use crate::curriculum::pace::Arrival;
use crate::event::Batch;
use crate::files::column;
use crate::policy::Policy;
use crate::population::Population;
use crate::sampler::{Pick, Sampler};
use crate::signal::Signal;

/// The greatest cost of a sample.
const MOST: f64 = 1e30;

/// Picks for each that a batch of mean costs would have. Where the arms drawn from cost less than this part of the
/// mean, it is decided again, for twice as many.
const SPARE: f64 = 16.0;

/// What is known of the cost of samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Costs {
    /// By sample; 0 where it is not known, and beyond the end.
    #[serde(deserialize_with = "column::deserialize")]
    known: Vec<f32>,
    /// The sum and the number of the known ones, and the least that there ever was.
    sum: f64,
    count: u64,
    least: f32,
    /// The pick that the last batch had no room for.
    pub carried: Option<Carried>,
}

/// A pick that waits for the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Carried {
    pub sample: SampleId,
    share: f64,
    propensity: f64,
}

impl Costs {
    /// Those that are given, by sample.
    pub fn new(costs: &[f64], samples: usize) -> Result<Self> {
        crate::base::error::length("costs", samples, costs.len())?;
        let mut all = Self::default();
        for (sample, &cost) in (0..).map(SampleId).zip(costs) {
            all.set(sample, cost)?;
        }
        Ok(all)
    }

    /// Checks one cost.
    fn check(sample: SampleId, cost: f64) -> Result<f32> {
        let low = f64::from(f32::MIN_POSITIVE);
        within("cost", finite("cost", sample.0, cost)?, low, MOST).map(|cost| cost as f32)
    }

    fn set(&mut self, sample: SampleId, cost: f64) -> Result<()> {
        let cost = Self::check(sample, cost)?;
        if self.known.len() <= sample.index() {
            self.known.resize(sample.index() + 1, 0.0);
        }
        let old = std::mem::replace(&mut self.known[sample.index()], cost);
        self.sum += f64::from(cost) - f64::from(old);
        self.count += u64::from(old == 0.0);
        self.least = if self.count == 1 && old == 0.0 { cost } else { self.least.min(cost) };
        Ok(())
    }

    /// The cost of a sample, if it is known.
    pub fn get(&self, sample: SampleId) -> Option<f32> {
        self.known.get(sample.index()).copied().filter(|cost| *cost > 0.0)
    }

    /// The costs of samples by new numbers: those that are given, else what was known under the old ones.
    pub fn renumbered(&self, found: &[Option<SampleId>], given: &Self) -> Self {
        let mut costs = Self { carried: self.carried, ..given.clone() };
        for (old, new) in (0..).map(SampleId).zip(found) {
            if let Some((new, cost)) = new.filter(|new| given.get(*new).is_none()).zip(self.get(old)) {
                // It was checked when it came in.
                let _ = costs.set(new, cost.into());
            }
        }
        costs
    }

    /// How many samples a batch up to a ceiling has at mean cost, how many are to be drawn for it at first, and at
    /// most.
    fn batch(&self, ceiling: f64) -> (f64, f64, f64) {
        let mean = (self.sum / self.count as f64).max(f64::from(self.least));
        let expected = (ceiling / mean).ceil().max(1.0);
        let most = (ceiling / f64::from(self.least)).floor().max(1.0);
        (expected, most.min(SPARE * expected + 64.0), most)
    }

    /// Whether the numbers can have come about; used after reading them from a file.
    pub fn is_consistent(&self, population: &Population) -> bool {
        let known = || self.known.iter().filter(|cost| **cost != 0.0);
        let carried = self.carried.is_none_or(|it| {
            let is_probability = |p: f64| p > 0.0 && p <= 1.0 + 1e-9;
            it.share.is_finite()
                && is_probability(it.propensity)
                && it.sample.index() < population.arms().samples()
        });
        self.known.len() <= population.arms().samples()
            && known().all(|cost| cost.is_normal() && f64::from(*cost) <= MOST && *cost >= self.least)
            && known().count() as u64 == self.count
            && self.sum.is_finite()
            && (self.count == 0 || self.least > 0.0)
            && carried
    }
}

impl<P: Policy, S: Signal, D: Sampler> Curriculum<P, S, D> {
    /// As [`draw`](Self::draw), but for a batch that costs at most so much, by the costs that are
    /// [known](crate::Builder::costs) beforehand: as many samples as fit, in the order in which they are drawn.
    ///
    /// The first sample that does not fit is not left out, which would put the long ones at a disadvantage: it waits,
    /// and is the first of the next batch, also of a plain `draw`, with the propensity that it was drawn with. Costs
    /// are held in single precision: one of 0.3 is 0.30000001, and does not fit into 0.3.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// use curricle::{Curriculum, Missing};
    ///
    /// let lengths: Vec<f64> = (0..100).map(|sample| 10.0 * f64::from(1 + sample % 20)).collect();
    /// let builder = Curriculum::builder(100).costs(lengths.clone());
    /// let mut curriculum = builder.missing(Missing::Lose).build()?;
    /// for _ in 0..10 {
    ///     let batch = curriculum.draw_within(1024.0)?;
    ///     let cost: f64 = batch.samples().map(|sample| lengths[sample.index()]).sum();
    ///     assert!(cost <= 1024.0 && cost > 1024.0 - 200.0);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: that of a draw of 17 times as many samples as the batch would have at mean cost; where so many fit,
    /// because the arms drawn from cost far less than the mean, that of a few draws more, of four times as many as
    /// fit at most.
    ///
    /// # Errors
    /// As `draw`; [`Error::OutOfRange`] for a ceiling that is not positive; [`Error::Cost`] for a sample that costs
    /// more than the ceiling by itself, or whose cost is not known. Then nothing has been drawn, and the same sample
    /// comes again:
    /// [`set_costs`](Self::set_costs), [`set_weight`](Self::set_weight) or [`remove`](Self::remove) help.
    pub fn draw_within(&mut self, ceiling: f64) -> Result<Batch> {
        within("ceiling of cost", finite("ceiling of cost", 0, ceiling)?, f64::MIN_POSITIVE, 1e300)?;
        if self.options.refill.is_some() {
            return Err(Error::Unsupported { part: "curriculum with refill", request: "draw" });
        }
        if self.memory.costs.count == 0 {
            let part = "curriculum without costs";
            return Err(Error::Unsupported { part, request: "a batch up to a ceiling" });
        }
        self.fold()?;
        let (memory, open) = (&self.memory, self.memory.ledger.counts.open);
        let room = self.options.pace.arrival().map_or(u64::MAX, Arrival::most).saturating_sub(open);
        if room == 0 {
            return Err(Error::Hold { open, want: 1, most: open });
        }
        let first = self.carried();
        let (expected, n, most) = memory.costs.batch(ceiling);
        let of_sampler = self.sampler.most(&memory.population).min(u32::MAX as usize);
        let most = (most as usize).min(of_sampler).max(1);
        let mut n = (n as usize).clamp(1, most);
        // Where nothing else is left, the one that waits makes a batch.
        let is_alone = first.is_some() && memory.population.drawable_total() == 0;
        let next = loop {
            if is_alone {
                self.work.decision.clear();
            } else {
                match self.decide_some(n, (expected as usize).clamp(1, n)) {
                    // What waits is handed out in any case.
                    Err(Error::Finished | Error::NothingToDraw) if first.is_some() => {
                        self.work.decision.clear();
                    }
                    decided => decided?,
                }
            }
            let Self { memory, work, .. } = &mut *self;
            let is_short = work.decision.picks() < n;
            if let Some(first) = first {
                work.decision.put_first(first);
            }
            let all = work.decision.picks();
            let next = work.decision.cut(ceiling, room, |sample| memory.costs.get(sample))?;
            let is_filled = work.decision.picks() < all;
            if is_alone || is_short || is_filled || n == most {
                break next;
            }
            n = n.saturating_mul(2).min(most);
        };
        self.weigh_losses();
        let mut batch = Batch::default();
        self.let_carried_go();
        self.open_decided(&mut batch, 0);
        self.carry(next);
        Ok(batch)
    }

    /// Decides a draw of so many samples, or of those that there are.
    fn decide_some(&mut self, n: usize, expected: usize) -> Result<()> {
        self.with_retired(|curriculum| curriculum.decide_present_some(n, expected))
    }

    fn decide_present_some(&mut self, n: usize, expected: usize) -> Result<()> {
        self.check_first_exhausted()?;
        match self.decide_for(n, expected, 0) {
            Err(Error::BatchExceedsPool { available, .. }) if (1..n).contains(&available) => {
                self.decide_for(available, expected.min(available), 0)?;
            }
            Err(error) => {
                let rest = self.rest_of_last_pass(error);
                let rest = rest.map_err(|it| self.hold_for_samples(it, 1))?;
                self.decide_for(rest, expected.min(rest), 0)?;
            }
            Ok(()) => {}
        }
        self.check_cycle()
    }

    /// Keeps a pick for the next batch.
    fn carry(&mut self, next: Option<Pick>) {
        let Some(Pick { sample, share, propensity, .. }) = next else { return };
        // One that a batch has drawn as well rests already, or may be drawn again.
        if self.memory.population.holds(sample) {
            return;
        }
        self.memory.costs.carried = Some(Carried { sample, share, propensity });
        let held = self.memory.population.carry(sample);
        debug_assert_eq!(held, Ok(()), "a weight that moves changes no sum");
        self.touch_sample(sample);
    }

    /// The pick that waits for this batch, if its sample can still be drawn.
    pub(super) fn carried(&self) -> Option<Pick> {
        let Memory { costs, population, .. } = &self.memory;
        let Carried { sample, share, propensity } = costs.carried?;
        let can_be_drawn = population.weight(sample).is_ok_and(|weight| weight > 0.0);
        let arm = population.arms().label(sample);
        can_be_drawn.then_some(Pick { sample, arm, share, propensity })
    }

    /// No sample waits any more.
    pub(super) fn let_carried_go(&mut self) {
        let drawable = self.carried().map(|pick| pick.sample);
        if let Some(carried) = self.memory.costs.carried.take() {
            self.work.waited = drawable;
            self.release(std::iter::once(carried.sample));
        }
    }
}

impl<P, S, D> Curriculum<P, S, D> {
    /// Sets what samples cost, `> 0`, in tokens or seconds, for [`draw_within`](Self::draw_within); all or none.
    ///
    /// # Errors
    /// [`Error::UnknownSample`], [`Error::NonFinite`] or [`Error::OutOfRange`], naming the sample.
    pub fn set_costs(&mut self, costs: &[(SampleId, f64)]) -> Result<()> {
        let Memory { population, costs: known, .. } = &mut self.memory;
        for &(sample, cost) in costs {
            population.arms().arm_of(sample)?;
            Costs::check(sample, cost)?;
        }
        costs.iter().try_for_each(|&(sample, cost)| known.set(sample, cost))
    }

    /// What a sample costs, if that is known beforehand.
    pub fn cost(&self, sample: SampleId) -> Option<f32> {
        self.memory.costs.get(sample)
    }
}
