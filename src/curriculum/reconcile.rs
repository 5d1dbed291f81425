//! Going on with the state of a run on data that has changed since.

use std::collections::BTreeMap;
use std::fmt;

use super::{Curriculum, Memory};
use crate::base::error::{Error, Result};
use crate::base::id::{ArmId, SampleId};
use crate::ledger::Record;
use crate::policy::Policy;
use crate::population::{Key, Population};

/// What has become of the samples of a run that goes on with other data; see [`Curriculum::reconcile`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// How many samples are there before and after, those that moved included.
    pub kept: usize,
    /// The samples that are new.
    pub added: Vec<SampleId>,
    /// The keys of the samples that are there no more.
    pub removed: Vec<Key>,
    /// The samples that are in another arm.
    pub moved: Vec<Moved>,
    /// How many open or banked tickets are of samples that were removed: their feedback is still taken in.
    pub tickets_of_removed: usize,
}

/// A sample that is in another arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// The sample, by its new number.
    pub sample: SampleId,
    /// The arm that it was in.
    pub from: ArmId,
    /// The arm that it is in.
    pub to: ArmId,
}

impl fmt::Display for Reconciled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kept, added, removed, moved, tickets_of_removed } = self;
        write!(
            formatter,
            "{kept} samples kept, {} of them in another arm; {} added; {} removed, of which {tickets_of_removed} tickets are \
             under way",
            moved.len(),
            added.len(),
            removed.len()
        )
    }
}

impl<P: Policy, S, D> Curriculum<P, S, D> {
    /// Takes over a state whose samples had other numbers.
    pub(crate) fn go_on_from(&mut self, old: Memory<P>) -> Result<Reconciled> {
        if self.memory.ledger.counts.drawn > 0 {
            let part = "curriculum that has drawn";
            return Err(Error::Unsupported { part, request: "the state of another run" });
        }
        let Memory { round, version, mut policy, population: before, .. } = old;
        let Memory { mut ledger, mut bank, mut costs, mut allotment, batch, digest, .. } = old;
        let mut population = self.memory.population.clone();
        let (were, are) = (before.arms().count(), population.arms().count());
        if are < were {
            return Err(Error::Length { what: "arms", expected: were, found: are });
        }
        if are > were {
            policy.grow(are)?;
            ledger.grow(are);
            bank.rates.grow(are);
            allotment.grow(are);
        }
        let (found, mut report) = find_again(&before, &population)?;
        let kept: Vec<(SampleId, SampleId)> = (0..)
            .map(SampleId)
            .zip(&found)
            .filter_map(|(old, new)| new.map(|new| (old, new)))
            .collect();
        population.take_over(&before, &kept)?;
        let mut records = vec![Record::default(); population.arms().samples()];
        for &(old, new) in &kept {
            records[new.index()] = *ledger.record(old)?;
        }
        let is_gone = |sample: &SampleId| found.get(sample.index()).copied().flatten().is_none();
        let open = ledger.pending.iter().flat_map(|pending| pending.open_draws());
        let under_way = open.map(|draw| draw.sample).chain(bank.samples());
        report.tickets_of_removed = under_way.filter(is_gone).count();
        // Tickets can be of samples that are gone: they get numbers behind all others.
        let mut gone: BTreeMap<SampleId, SampleId> = BTreeMap::new();
        let mut number = |sample: SampleId| -> Result<SampleId> {
            if let Some(new) = found.get(sample.index()).copied().flatten() {
                return Ok(new);
            }
            if let Some(&new) = gone.get(&sample) {
                return Ok(new);
            }
            let new = population.insert_gone(before.key(sample))?;
            records.push(*ledger.records.get(sample.index()).ok_or(Error::UnknownSample(sample))?);
            gone.insert(sample, new);
            Ok(new)
        };
        for draw in ledger.pending.iter_mut().flat_map(|pending| &mut pending.draws) {
            draw.sample = number(draw.sample)?;
        }
        bank.each_sample(&mut number)?;
        costs.carried = match costs.carried {
            // One that is gone need not wait any more.
            Some(mut carried) => found.get(carried.sample.index()).copied().flatten().map(|new| {
                carried.sample = new;
                carried
            }),
            None => None,
        };
        ledger.records = records;
        let costs = costs.renumbered(&found, &self.memory.costs);
        let stands = Memory {
            round,
            version,
            policy,
            population,
            ledger,
            bank,
            costs,
            allotment,
            batch,
            digest,
        };
        stands.check(&self.options, self.memory.population.keeps_passes())?;
        self.replace(stands);
        Ok(report)
    }
}

/// The new number of each sample of the old population, if it is there again, and what has become of all.
fn find_again(old: &Population, new: &Population) -> Result<(Vec<Option<SampleId>>, Reconciled)> {
    let mut report = Reconciled::default();
    let mut found: Vec<Option<SampleId>> = Vec::with_capacity(old.arms().samples());
    for sample in (0..old.arms().samples() as u64).map(SampleId) {
        let Ok(from) = old.arms().arm_of(sample) else {
            found.push(None);
            continue;
        };
        let key = old.key(sample).ok_or(NO_KEYS)?;
        let again = new.find(key);
        found.push(again);
        let Some(sample) = again else {
            report.removed.push(key);
            continue;
        };
        report.kept += 1;
        let to = new.arms().label(sample);
        if from != to {
            report.moved.push(Moved { sample, from, to });
        }
    }
    let mut is_new = vec![true; new.arms().samples()];
    found.iter().flatten().for_each(|sample| is_new[sample.index()] = false);
    let all = (0..).map(SampleId).zip(is_new);
    report.added = all.filter(|(_, is_new)| *is_new).map(|(sample, _)| sample).collect();
    Ok((found, report))
}

/// Without keys nobody knows which sample is which.
pub(crate) const NO_KEYS: Error =
    Error::Unsupported { part: "curriculum without keys", request: "other data" };
