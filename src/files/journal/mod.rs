//! A journal: a snapshot and, beside it, a log of what has happened since.

mod event;
mod log;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, JournalError, Result};
use crate::base::id::{ArmId, SampleId, Ticket};
use crate::base::metrics::Metrics;
use crate::curriculum::Curriculum;
use crate::event::{Batch, Feedback, Verdict};
use crate::feed::Feed;
use crate::files::snapshot::Compression;
use crate::files::whole_file::{Whole, at};
use crate::policy::{Policy, Uniform};
use crate::sampler::{Distinct, Sampler};
use crate::signal::{GroupSpread, Signal};
use event::Event;
use log::Log;

/// What stands behind the name of the base in that of its log, and of the log that is about to take its place.
const LOG: &str = ".log";
const NEXT: &str = ".log.next";

/// A curriculum that can be killed at any moment: each call that changes it is written to a log.
///
/// A curriculum is `f(seed, ordered events)`, so the events since a full snapshot, the *base*, are all that has changed.
/// Appending one costs what the event is in size, 9 to 40 bytes an outcome, whatever the number of samples;
/// [`open`](Self::open) reads the base and lets the events happen again. The [`Curriculum`] in it can be
/// [looked at](Self::curriculum); it is changed only through the journal's own verbs, which have the same names. It is a
/// [`Feed`], so [`Lockstep`](crate::feed::Lockstep), [`Prefetch`](crate::feed::Prefetch) and the burn loader take it in
/// the place of a curriculum.
///
/// ```
/// use curricle::{Curriculum, Feedback, Journal, Opening, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// # let folder = tempfile::tempdir().expect("a folder for the example");
/// # let path = folder.path().join("run.curriculum");
/// let build = || Curriculum::builder(1000).seed(7).build();
/// let mut journal = Journal::open(&path, build()?)?; // starts, or resumes
/// let batch = journal.draw(4)?;
/// drop(journal); // killed
///
/// let mut journal = Journal::open(&path, build()?)?;
/// assert_eq!(journal.opening(), Opening::Resumed { events: 1, torn: 0 });
/// assert_eq!(journal.curriculum().unfinished(), [batch.clone()]);
/// let seen = Outcome::default().success(0.5);
/// let feedback: Vec<Feedback> = batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
/// journal.observe(&feedback)?;
/// if journal.log_bytes() > 1 << 20 {
///     journal.compact()?;
/// }
/// # Ok(()) }
/// ```
///
/// Files: `path` is the base, an ordinary snapshot that [`Curriculum::restore`] takes too; `path` with `.log` behind it is
/// the log; `.log.next` is there for the moment of a [`compact`](Self::compact). The log names the checksum of its base. The
/// log is locked while it is open, where the file system has locks.
///
/// What a crash leaves: a record that was not written to its end is cut off and [reported](Self::opening); the event it was
/// about to hold had not returned to its caller. Damage before the last record is an error. Every draw in the log
/// holds the digest of all decisions, so a build that would decide otherwise is refused, not continued.
///
/// **Errors of the disk.** A verb first changes the curriculum, then writes. If the write fails it gives [`Error::Io`], and
/// from then on every verb gives [`JournalError::Behind`]: the files hold what happened before. Either drop the journal and
/// open it again, without the event; or [`compact`](Self::compact), which writes the present state, with the event
/// ([`unfinished`](Curriculum::unfinished) has a batch that was drawn). Any other error has changed nothing, but for what
/// a failed draw has [folded in](Curriculum::fold); that is written to the log.
#[derive(Debug)]
pub struct Journal<P = Uniform, S = GroupSpread, D = Distinct> {
    curriculum: Curriculum<P, S, D>,
    path: PathBuf,
    log: Log,
    opening: Opening,
    durability: Durability,
    compression: Compression,
    /// The curriculum knows of an event that the log does not.
    behind: bool,
}

/// When events are flushed to the disk. Until then they are with the operating system: they outlive the process, but
/// may not outlive a power cut, which then takes the last events and leaves the earlier ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Each before its call returns; the default. A flush takes some milliseconds.
    #[default]
    Each,
    /// After every so many events.
    Every(NonZeroU32),
    /// When [`Journal::sync`] is called, for instance before the model is saved.
    OnDemand,
}

/// How a journal began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// There were no files.
    New,
    /// From its files.
    Resumed {
        /// How many events happened again.
        events: u64,
        /// How many bytes of a record that was not written to its end were cut off.
        torn: u64,
    },
}

impl<P: Policy, S: Signal, D: Sampler> Journal<P, S, D> {
    /// Resumes from the files at `path`, or starts there if there are none. The curriculum must have been built in the same
    /// way each time. Its state is replaced, and its memory is free before the base is read.
    ///
    /// Cost: that of [`restored`](Curriculum::restored) and of all events in the log; of a new one, that of
    /// [`save`](Curriculum::save).
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Snapshot`] or [`Error::Feature`] for the base; [`Error::Journal`] for the log. The files
    /// are then as they were, except that an interrupted [`compact`](Self::compact) is completed.
    pub fn open(path: impl AsRef<Path>, curriculum: Curriculum<P, S, D>) -> Result<Self> {
        let path = path.as_ref();
        let (log_path, next_path) = (beside(path, LOG), beside(path, NEXT));
        // The log is locked before the base is read, so that no other journal replaces it in between.
        let log = Log::open(&log_path)?;
        if log.is_none() && !path.try_exists().map_err(at(path))? {
            return Self::start(path, curriculum);
        }
        let (mut curriculum, base) = curriculum.restored_with_checksum(path)?;
        let mut log = match log {
            Some(log) if log.base == base => log,
            // Killed while compacting: the new base is there, and its log has not got its name yet.
            other => match Log::open(&next_path)? {
                Some(mut next) if next.base == base => {
                    next.rename(&log_path)?;
                    next
                }
                _ => {
                    let found = other.map(|log| log.base);
                    let error = |found| JournalError::Base { expected: base, found };
                    return Err(found.map_or(JournalError::NoLog, error).into());
                }
            },
        };
        // Killed before the new base was there: its log belongs to nothing. It does no harm if it stays.
        let _ = std::fs::remove_file(&next_path);
        let torn = log.replay(|event, number| event.replay(&mut curriculum, number))?;
        let opening = Opening::Resumed { events: log.events, torn };
        Ok(Self { path: path.to_path_buf(), opening, ..Self::over(curriculum, log) })
    }

    fn start(path: &Path, curriculum: Curriculum<P, S, D>) -> Result<Self> {
        let (base, log) = prepare(path, &curriculum, Compression::None)?;
        let log = replace(path, base, log)?;
        Ok(Self { path: path.to_path_buf(), ..Self::over(curriculum, log) })
    }

    fn over(curriculum: Curriculum<P, S, D>, log: Log) -> Self {
        Self {
            curriculum,
            path: PathBuf::new(),
            log,
            opening: Opening::New,
            durability: Durability::default(),
            compression: Compression::None,
            behind: false,
        }
    }

    /// Sets when events are flushed to the disk.
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// Sets how the bases that [`compact`](Self::compact) writes are stored.
    pub fn compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// As [`Curriculum::draw`].
    ///
    /// # Errors
    /// As `Curriculum::draw`; those of the disk.
    pub fn draw(&mut self, n: usize) -> Result<Batch> {
        self.happen(|curriculum| curriculum.draw(n), |curriculum| draw(n, curriculum))
    }

    /// As [`Curriculum::draw_into`]; writing it down allocates nothing either.
    ///
    /// # Errors
    /// As `Curriculum::draw_into`; those of the disk, when the batch is the one that was drawn.
    pub fn draw_into(&mut self, n: usize, batch: &mut Batch) -> Result<()> {
        self.happen(|curriculum| curriculum.draw_into(n, batch), |curriculum| draw(n, curriculum))
    }

    /// As [`Curriculum::fold`]. Nothing is written where nothing was due.
    ///
    /// # Errors
    /// As `Curriculum::fold`; those of the disk.
    pub fn fold(&mut self) -> Result<u64> {
        self.check()?;
        let changes = self.curriculum.changes();
        let rounds = self.curriculum.fold();
        if self.curriculum.changes() != changes {
            self.log(|_| Event::Fold)?;
        }
        rounds
    }

    /// As [`Curriculum::observe`].
    ///
    /// # Errors
    /// As `Curriculum::observe`; those of the disk.
    pub fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        self.happen(|curriculum| curriculum.observe(feedback), |_| Event::Observe(feedback.into()))
    }

    /// As [`Curriculum::observe_into`].
    ///
    /// # Errors
    /// As `Curriculum::observe_into`; those of the disk.
    pub fn observe_into(&mut self, feedback: &[Feedback], verdicts: &mut Vec<Verdict>) -> Result<()> {
        let observe =
            |curriculum: &mut Curriculum<P, S, D>| curriculum.observe_into(feedback, verdicts);
        self.happen(observe, |_| Event::Observe(feedback.into()))
    }

    /// As [`Curriculum::lose`].
    ///
    /// # Errors
    /// As `Curriculum::lose`; those of the disk.
    pub fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        self.happen(|curriculum| curriculum.lose(tickets), |_| Event::Lose(tickets.into()))
    }

    /// As [`Curriculum::insert`].
    ///
    /// # Errors
    /// As `Curriculum::insert`; those of the disk.
    pub fn insert(&mut self, arm: ArmId, weight: f64) -> Result<SampleId> {
        self.happen(|curriculum| curriculum.insert(arm, weight), |_| Event::Insert(arm, weight))
    }

    /// As [`Curriculum::remove`].
    ///
    /// # Errors
    /// As `Curriculum::remove`; those of the disk.
    pub fn remove(&mut self, sample: SampleId) -> Result<()> {
        self.happen(|curriculum| curriculum.remove(sample), |_| Event::Remove(sample))
    }

    /// As [`Curriculum::retag`].
    ///
    /// # Errors
    /// As `Curriculum::retag`; those of the disk.
    pub fn retag(&mut self, sample: SampleId, arm: ArmId) -> Result<()> {
        self.happen(|curriculum| curriculum.retag(sample, arm), |_| Event::Retag(sample, arm))
    }

    /// As [`Curriculum::set_weight`].
    ///
    /// # Errors
    /// As `Curriculum::set_weight`; those of the disk.
    pub fn set_weight(&mut self, sample: SampleId, weight: f64) -> Result<()> {
        let event = |_: &_| Event::SetWeight(sample, weight);
        self.happen(|curriculum| curriculum.set_weight(sample, weight), event)
    }

    /// As [`Curriculum::set_weights`]; one event.
    ///
    /// # Errors
    /// As `Curriculum::set_weights`; those of the disk.
    pub fn set_weights(&mut self, weights: &[(SampleId, f64)]) -> Result<()> {
        let event = |_: &_| Event::SetWeights(weights.into());
        self.happen(|curriculum| curriculum.set_weights(weights), event)
    }

    /// Writes a new base, with all that has happened, and starts an empty log. A crash at any point leaves the old pair or
    /// the new one. Cost: that of [`save_with`](Curriculum::save_with).
    ///
    /// # Errors
    /// As `save_with`. Either nothing has changed, or the journal is [behind](JournalError::Behind) the files, and this
    /// must be called again.
    pub fn compact(&mut self) -> Result<()> {
        let (base, log) = prepare(&self.path, &self.curriculum, self.compression)?;
        // From here on the present log may be that of a base which is gone.
        self.behind = true;
        self.log = replace(&self.path, base, log)?;
        self.behind = false;
        Ok(())
    }

    /// Waits until all events have reached the disk.
    ///
    /// # Errors
    /// [`Error::Io`]; then it is not known which have, and the journal is [behind](JournalError::Behind).
    pub fn sync(&mut self) -> Result<()> {
        self.check()?;
        self.log.sync().inspect_err(|_| self.behind = true)
    }

    /// Changes the curriculum and writes down what happened.
    fn happen<'a, T>(
        &mut self,
        verb: impl FnOnce(&mut Curriculum<P, S, D>) -> Result<T>,
        event: impl FnOnce(&Curriculum<P, S, D>) -> Event<'a>,
    ) -> Result<T> {
        self.check()?;
        let changes = self.curriculum.changes();
        let seen = verb(&mut self.curriculum);
        if seen.is_ok() {
            self.log(|curriculum| event(curriculum))?;
        } else if self.curriculum.changes() != changes {
            self.log(|_| Event::Fold)?;
        }
        seen
    }

    /// Writes down what happened.
    fn log<'a>(&mut self, event: impl FnOnce(&Curriculum<P, S, D>) -> Event<'a>) -> Result<()> {
        self.write(&event(&self.curriculum)).inspect_err(|_| self.behind = true)
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        self.log.append(event)?;
        match self.durability {
            Durability::Each => self.log.sync(),
            Durability::Every(events) if self.log.unsynced >= u64::from(events.get()) => {
                self.log.sync()
            }
            Durability::Every(_) | Durability::OnDemand => Ok(()),
        }
    }

    fn check(&self) -> Result<()> {
        if self.behind { Err(Error::Journal(JournalError::Behind)) } else { Ok(()) }
    }
}

impl<P, S, D> Journal<P, S, D> {
    /// The curriculum, to be looked at. It is changed through the verbs of the journal only, so that no event is left out of
    /// the log.
    pub fn curriculum(&self) -> &Curriculum<P, S, D> {
        &self.curriculum
    }

    /// How the journal began.
    pub fn opening(&self) -> Opening {
        self.opening
    }

    /// The size of the log, in bytes: what [`compact`](Self::compact) would save.
    pub fn log_bytes(&self) -> u64 {
        self.log.len
    }

    /// How many events the log holds: those that [`open`](Self::open) would let happen again.
    pub fn events(&self) -> u64 {
        self.log.events
    }
}

impl<P: Policy, S: Signal, D: Sampler> Feed for Journal<P, S, D> {
    fn draw(&mut self, n: usize) -> Result<Batch> {
        Journal::draw(self, n)
    }

    fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        Journal::observe(self, feedback)
    }

    fn lag(&self) -> u64 {
        self.curriculum.lag()
    }

    fn metrics(&self) -> Metrics {
        let mut metrics = self.curriculum.metrics();
        metrics.push("journal/events", self.events() as f64);
        metrics.push("journal/bytes", self.log_bytes() as f64);
        metrics
    }
}

/// The event of a draw that has just happened.
fn draw<P, S, D>(n: usize, curriculum: &Curriculum<P, S, D>) -> Event<'static> {
    // A draw of more than 2^32 is refused.
    Event::Draw { want: n as u32, digest: curriculum.digest() }
}

/// Writes a new base and its empty log beside the old pair.
fn prepare<P: Policy, S, D>(
    path: &Path,
    curriculum: &Curriculum<P, S, D>,
    compression: Compression,
) -> Result<(Whole, Log)> {
    compression.check()?;
    let mut base = Whole::new(path)?;
    let checksum = curriculum.write(base.file(), compression, path)?;
    Ok((base, Log::create(&beside(path, NEXT), checksum)?))
}

/// Puts them in its place. The new log is there already, so whichever base a crash leaves has its log beside it, under
/// one name or the other.
fn replace(path: &Path, base: Whole, mut log: Log) -> Result<Log> {
    base.appear()?;
    log.rename(&beside(path, LOG))?;
    Ok(log)
}

/// The path with something behind its name.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::event::Outcome;

    /// A write that fails stops the journal; its files hold what happened before, and a new base what happened after.
    #[test]
    fn a_failing_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base");
        let build = || Curriculum::builder(50).seed(3).build().unwrap();
        let mut journal = Journal::open(&path, build()).unwrap();
        let batch = journal.draw(4).unwrap();
        let before = journal.curriculum().to_bytes().unwrap();
        let outcome = Outcome::default().success(0.5);
        let feedback: Vec<Feedback> =
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome)).collect();

        // A handle that cannot be written to.
        let good = journal.log.exchange_file(File::open(beside(&path, LOG)).unwrap());
        assert!(matches!(journal.observe(&feedback), Err(Error::Io { .. })));
        let behind = Error::Journal(JournalError::Behind);
        assert_eq!(journal.draw(4), Err(behind.clone()));
        assert_eq!(journal.sync(), Err(behind.clone()));
        assert_eq!(journal.set_weight(SampleId(0), 1.0), Err(behind));
        let after = journal.curriculum().to_bytes().unwrap();
        assert!(after != before);
        let copy = folder.path().join("copy");
        for end in ["", LOG] {
            std::fs::copy(beside(&path, end), beside(&copy, end)).unwrap();
        }
        assert!(Journal::open(&copy, build()).unwrap().curriculum().to_bytes().unwrap() == before);

        journal.compact().unwrap();
        drop(good);
        journal.draw(4).unwrap();
        let last = journal.curriculum().to_bytes().unwrap();
        drop(journal);
        let journal = Journal::open(&path, build()).unwrap();
        assert!(journal.curriculum().to_bytes().unwrap() == last);
        assert_eq!(journal.opening(), Opening::Resumed { events: 1, torn: 0 });
    }
}
