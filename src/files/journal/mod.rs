//! A journal: a snapshot and, beside it, a log of what has happened since.

mod event;
mod log;

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, JournalError, Result};
use crate::base::id::{ArmId, Round, SampleId, Ticket};
use crate::base::metrics::Metrics;
use crate::curriculum::Curriculum;
use crate::event::{Batch, Feedback, Verdict};
use crate::feed::Feed;
use crate::files::snapshot::Compression;
use crate::files::whole_file::{Whole, at, remove_left_over, target};
use crate::policy::{Policy, Uniform};
use crate::sampler::{Distinct, Sampler};
use crate::signal::{GroupSpread, Signal};
use event::Event;
use log::{Claim, Log, Rest};

/// What stands behind the name of the base in that of its log, of the log that is about to take its
/// place, and of what the log was before a part of it was taken back.
const LOG: &str = ".log";
const NEXT: &str = ".log.next";
const CUT: &str = ".log.cut";

/// A curriculum that can be killed at any moment: each call that changes it is written to a log.
///
/// A curriculum is `f(seed, ordered events)`, so the events since a full snapshot, the *base*, are all
/// that has changed. Appending one costs what the event is in size, 9 to 40 bytes an outcome, whatever
/// the number of samples; [`open`](Self::open) reads the base and lets the events happen again. The
/// [`Curriculum`] in it can be [looked at](Self::curriculum); it is changed only through the journal's
/// own verbs, which have the same names. It is a [`Feed`], so [`Lockstep`](crate::feed::Lockstep),
/// [`Prefetch`](crate::feed::Prefetch) and the burn loader take it in the place of a curriculum.
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
/// Files: `path` is the base, an ordinary snapshot that [`Curriculum::restore`] takes too; `path` with
/// `.log` behind it is the log; `.log.next` is there for the moment of a [`compact`](Self::compact);
/// `.log.cut` is what [`open_at`](Self::open_at) took back. The log names the checksum of its base. A
/// symbolic link stands for the file it leads to.
///
/// **One at a time.** The log is locked from the first moment of `open` until the journal is dropped,
/// where the file system has locks. Of any number of threads and processes that open one path at the
/// same time, be it for the first time, again, or while the files are replaced by a `compact`, one gets
/// the journal, the others [`JournalError::Locked`]. Other names of the same log (hard links) are
/// locked with it until the next `compact`, which makes new files.
///
/// What a crash leaves: a record that was not written to its end is cut off and
/// [reported](Self::opening); the event it was about to hold had not returned to its caller. Damage
/// before the last record is an error. Every draw in the log holds the digest of all decisions, so a
/// build that would decide otherwise is refused, not continued.
///
/// **Beside a model.** The journal is ahead of the last checkpoint of the model by what happened since.
/// Save [`position`](Self::position) in each checkpoint, and resume with [`open_at`](Self::open_at).
///
/// **Errors of the disk.** A verb first changes the curriculum, then writes. If the write or its flush
/// fails, the verb gives [`Error::Io`], its event is cut off the log again, and from then on every verb
/// gives [`JournalError::Behind`]: the files hold what happened before. Either drop the journal and
/// open it again, without the event; or [`compact`](Self::compact), which writes the present state,
/// with the event, into new files ([`unfinished`](Curriculum::unfinished) has a batch that was drawn).
/// If a failing disk does not let the event be cut off, or a power cut comes before the next flush, the
/// log may hold it when it is opened again, whole, or as a part that `open` cuts off. Earlier events
/// that were not [flushed](Durability) are written once more, so that a later flush does not answer for
/// pages that the failing one has given up. Any other error has changed nothing, but for what a failed
/// draw has [folded in](Curriculum::fold); that is written to the log.
///
/// **Panics.** After a panic in a policy, signal or sampler of one's own every verb, `compact` too, gives
/// [`Error::Poisoned`]; the files hold what happened before. Open it again.
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
    /// A verb is changing the curriculum, or has panicked while it was.
    changing: bool,
}

/// When events are flushed to the disk. Until then they are with the operating system: they outlive the
/// process, but may not outlive a power cut, which then takes the last events and leaves the earlier
/// ones.
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
    /// From its files, of which the end was taken back by [`Journal::open_at`].
    TakenBack {
        /// How many events happened again.
        events: u64,
        /// How many bytes of later events were cut off; `.log.cut` has them.
        cut: u64,
    },
}

/// A moment in the life of a journal.
///
/// The [`Position`](Self::Position) is exact. The two others name the first moment at which they hold,
/// which is that behind the draw that led to it: what happened between this draw and the next, such as
/// its feedback, comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So many events after the journal was started: [`Journal::position`].
    Position(u64),
    /// The first at which this is the next round to be drawn: [`Curriculum::round`].
    Round(Round),
    /// The first at which the decisions have this digest: [`Curriculum::digest`].
    Digest(u64),
}

impl Moment {
    fn is_now<P, S, D>(self, curriculum: &Curriculum<P, S, D>, position: u64) -> bool {
        match self {
            Self::Position(wanted) => wanted == position,
            Self::Round(wanted) => wanted == curriculum.round(),
            Self::Digest(wanted) => wanted == curriculum.digest(),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(formatter, "position {position}"),
            Self::Round(round) => write!(formatter, "{round}"),
            Self::Digest(digest) => write!(formatter, "digest {digest:016x}"),
        }
    }
}

impl<P: Policy, S: Signal, D: Sampler> Journal<P, S, D> {
    /// Resumes from the files at `path`, or starts there if there are none. The curriculum must have
    /// been built in the same way each time. Its state is replaced, and its memory is free before the
    /// base is read.
    ///
    /// Cost: that of [`restored`](Curriculum::restored) and of all events in the log; of a new one,
    /// that of [`save`](Curriculum::save).
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Snapshot`] or [`Error::Feature`] for the base; [`Error::Journal`] for
    /// the log. The files are then as they were, except that an interrupted [`compact`](Self::compact)
    /// is completed.
    pub fn open(path: impl AsRef<Path>, curriculum: Curriculum<P, S, D>) -> Result<Self> {
        Self::resume(path.as_ref(), curriculum, None)
    }

    /// As [`open`](Self::open), but goes back to a moment: for a journal that is ahead of the model's
    /// checkpoint. Events up to that moment happen again, and later ones are taken back: the log as it
    /// was is copied to `.log.cut`, in the place of an earlier one, and then cut. To undo it, put that
    /// copy back in the place of `.log` before the next [`compact`](Self::compact).
    ///
    /// Save [`position`](Self::position) with the model, which is exact. A round or a digest will do
    /// where a model is saved before the feedback of its last batch is reported; otherwise this
    /// feedback is taken back too.
    ///
    /// ```
    /// use curricle::{Curriculum, Journal, Moment};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let path = folder.path().join("run.curriculum");
    /// let build = || Curriculum::builder(1000).missing(curricle::Missing::Lose).build();
    /// let mut journal = Journal::open(&path, build()?)?;
    /// journal.draw(4)?;
    /// let checkpoint = journal.position(); // saved with the model
    /// let next = journal.draw(4)?;
    /// drop(journal); // killed, before the model was saved again
    ///
    /// let mut journal = Journal::open_at(&path, build()?, Moment::Position(checkpoint))?;
    /// assert_eq!(journal.draw(4)?, next);
    /// # Ok(()) }
    /// ```
    ///
    /// A crash at any point leaves the whole log, or the part up to the moment and the copy. Cost: as
    /// `open`, and a copy of the log if anything is cut.
    ///
    /// # Errors
    /// As `open`; [`JournalError::Moment`] if the moment is not in the journal: it lies before the
    /// base, which the last `compact` wrote, or after the end. The files are then as they were.
    pub fn open_at(
        path: impl AsRef<Path>,
        curriculum: Curriculum<P, S, D>,
        moment: Moment,
    ) -> Result<Self> {
        Self::resume(path.as_ref(), curriculum, Some(moment))
    }

    fn resume(path: &Path, curriculum: Curriculum<P, S, D>, moment: Option<Moment>) -> Result<Self> {
        // A program that changes its folder later must not change the files.
        let path = &std::path::absolute(target(path)?).map_err(at(path))?;
        let (log_path, next_path) = (beside(path, LOG), beside(path, NEXT));
        let there = || path.try_exists().map_err(at(path));
        // The log is locked before the base is looked at, so that no other journal replaces it in
        // between.
        let mut claim = Claim::open(&log_path)?;
        let mut next = None;
        if claim.is_none() {
            if there()? {
                // A journal makes its log before its base, so now there is one, or there is no journal.
                // A log that still has its other name gets its own under its lock.
                next = Claim::open(&next_path)?;
                claim = Claim::open(&log_path)?;
            } else {
                claim = Claim::make(&log_path)?;
            }
        }
        let log = match claim {
            Some(claim) if !there()? && claim.is_blank()? => {
                return Self::start(path, curriculum, claim, moment);
            }
            Some(claim) => Some(claim.into_log()?),
            None => None,
        };
        let (mut curriculum, base) = curriculum.restored_with_checksum(path)?;
        let mut log = match log {
            Some(log) if log.base == base => log,
            // Killed while compacting: the new base is there, and its log has not got its name yet.
            other => {
                let next = match next {
                    None => Claim::open(&next_path)?,
                    next => next,
                };
                match next.map(Claim::into_log).transpose()? {
                    Some(mut next) if next.base == base => {
                        next.rename(&log_path)?;
                        next
                    }
                    _ => {
                        let found = other.map(|log| log.base);
                        let error = |found| JournalError::Base { expected: base, found };
                        return Err(found.map_or(JournalError::NoLog, error).into());
                    }
                }
            }
        };
        // Killed before the new base was there: its log belongs to nothing. It does no harm if it
        // stays.
        let _ = std::fs::remove_file(&next_path);
        for end in ["", NEXT, CUT] {
            remove_left_over(&beside(path, end));
        }
        let (first, before) = (curriculum.round(), log.before);
        let is_now = |curriculum: &_, position| {
            moment.is_some_and(|moment: Moment| moment.is_now(curriculum, position))
        };
        let rest = log.replay(|event, number| {
            if is_now(&curriculum, before + number) {
                return Ok(false);
            }
            event.replay(&mut curriculum, number).map(|()| true)
        })?;
        if let Some(wanted) = moment.filter(|_| !is_now(&curriculum, before + log.events)) {
            return Err(JournalError::Moment { wanted, first, last: curriculum.round() }.into());
        }
        let events = log.events;
        let opening = match rest {
            Rest::Torn(torn) => Opening::Resumed { events, torn },
            Rest::Later(cut) => {
                log.keep(&beside(path, CUT))?;
                Opening::TakenBack { events, cut }
            }
        };
        log.cut()?;
        Ok(Self { path: path.to_path_buf(), opening, ..Self::over(curriculum, log) })
    }

    /// Starts under a lock that has the name of the log already.
    fn start(
        path: &Path,
        curriculum: Curriculum<P, S, D>,
        claim: Claim,
        moment: Option<Moment>,
    ) -> Result<Self> {
        if let Some(wanted) = moment.filter(|moment| !moment.is_now(&curriculum, 0)) {
            claim.give_up();
            let (first, last) = (curriculum.round(), curriculum.round());
            return Err(JournalError::Moment { wanted, first, last }.into());
        }
        let (base, checksum) = match write_base(path, &curriculum, Compression::None) {
            Ok(written) => written,
            Err(error) => {
                claim.give_up();
                return Err(error);
            }
        };
        let mut log = claim.start(checksum)?;
        base.appear()?;
        log.cut()?;
        let _ = std::fs::remove_file(beside(path, NEXT));
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
            changing: false,
        }
    }

    /// Sets when events are flushed to the disk.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// Sets how the bases that [`compact`](Self::compact) writes are stored.
    #[must_use]
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
        let rounds = self.change(Curriculum::fold);
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

    /// Writes a new base, with all that has happened, and starts an empty log. A crash at any point
    /// leaves the old pair or the new one. Cost: that of [`save_with`](Curriculum::save_with).
    ///
    /// # Errors
    /// As `save_with`. Either nothing has changed, or the journal is [behind](JournalError::Behind) the
    /// files, and this must be called again.
    pub fn compact(&mut self) -> Result<()> {
        if self.changing {
            return Err(Error::Poisoned);
        }
        let (base, checksum) = write_base(&self.path, &self.curriculum, self.compression)?;
        let mut log = Log::create(&beside(&self.path, NEXT), checksum, self.position())?;
        // From here on the present log may be that of a base which is gone. The new log is there
        // already, so whichever base a crash leaves has its log beside it, under one name or the other.
        self.behind = true;
        base.appear()?;
        log.rename(&beside(&self.path, LOG))?;
        self.log = log;
        self.behind = false;
        Ok(())
    }

    /// Waits until all events have reached the disk.
    ///
    /// # Errors
    /// [`Error::Io`]; then it is not known which have, and the journal is
    /// [behind](JournalError::Behind).
    pub fn sync(&mut self) -> Result<()> {
        self.check()?;
        self.log.sync().inspect_err(|_| {
            self.behind = true;
            let _ = self.log.rewrite();
        })
    }

    /// Changes the curriculum and writes down what happened.
    fn happen<'a, T>(
        &mut self,
        verb: impl FnOnce(&mut Curriculum<P, S, D>) -> Result<T>,
        event: impl FnOnce(&Curriculum<P, S, D>) -> Event<'a>,
    ) -> Result<T> {
        self.check()?;
        let changes = self.curriculum.changes();
        let seen = self.change(verb);
        if seen.is_ok() {
            self.log(|curriculum| event(curriculum))?;
        } else if self.curriculum.changes() != changes {
            self.log(|_| Event::Fold)?;
        }
        seen
    }

    /// Changes the curriculum. After a panic in it nobody knows its state: it is neither written nor gone on with.
    fn change<T>(&mut self, verb: impl FnOnce(&mut Curriculum<P, S, D>) -> T) -> T {
        self.changing = true;
        let seen = verb(&mut self.curriculum);
        self.changing = false;
        seen
    }

    /// Writes down what happened.
    fn log<'a>(&mut self, event: impl FnOnce(&Curriculum<P, S, D>) -> Event<'a>) -> Result<()> {
        let mark = self.log.mark();
        self.write(&event(&self.curriculum)).inspect_err(|_| {
            self.behind = true;
            // No more can be done if this fails too.
            let _ = self.log.take_back(mark).and_then(|()| self.log.rewrite());
        })
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
        match (self.changing, self.behind) {
            (true, _) => Err(Error::Poisoned),
            (_, true) => Err(Error::Journal(JournalError::Behind)),
            _ => Ok(()),
        }
    }
}

impl<P, S, D> Journal<P, S, D> {
    /// The curriculum, to be looked at. It is changed through the verbs of the journal only, so that no
    /// event is left out of the log.
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

    /// How many events there were since the journal was started, also before its present base: what to
    /// save with a model, for [`Moment::Position`].
    pub fn position(&self) -> u64 {
        self.log.before + self.log.events
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

/// Writes a new base beside the old one, safe on the disk; gives its checksum too.
fn write_base<P: Policy, S, D>(
    path: &Path,
    curriculum: &Curriculum<P, S, D>,
    compression: Compression,
) -> Result<(Whole, u64)> {
    compression.check()?;
    let mut base = Whole::new(path)?;
    let checksum = curriculum.write(base.file(), compression, path)?;
    base.sync()?;
    Ok((base, checksum))
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

    fn build() -> Curriculum {
        Curriculum::builder(50).missing(crate::Missing::Lose).seed(3).build().unwrap()
    }

    /// A journal opened over copies of the files.
    fn reopened(path: &Path) -> Journal {
        let copy = path.with_file_name("copy");
        for end in ["", LOG] {
            std::fs::copy(beside(path, end), beside(&copy, end)).unwrap();
        }
        Journal::open(&copy, build()).unwrap()
    }

    /// A write that fails stops the journal; its files hold what happened before, and a new base what
    /// happened after.
    #[test]
    fn a_failing_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base");
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
        assert!(reopened(&path).curriculum().to_bytes().unwrap() == before);

        journal.compact().unwrap();
        drop(good);
        journal.draw(4).unwrap();
        let last = journal.curriculum().to_bytes().unwrap();
        drop(journal);
        let journal = Journal::open(&path, build()).unwrap();
        assert!(journal.curriculum().to_bytes().unwrap() == last);
        assert_eq!(journal.opening(), Opening::Resumed { events: 1, torn: 0 });
    }

    /// An event whose flush fails is not in the files: it was refused. Earlier ones stay, whether they
    /// were flushed or not.
    #[test]
    fn a_failing_flush() {
        let every = Durability::Every(NonZeroU32::new(3).unwrap());
        for (durability, good) in [(Durability::Each, 4), (every, 2), (every, 5)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("base");
            let mut journal = Journal::open(&path, build()).unwrap().durability(durability);
            for _ in 0..good {
                journal.draw(2).unwrap();
            }
            let (before, position) = (journal.curriculum().to_bytes().unwrap(), journal.position());
            journal.log.fails = true;
            let error = journal.draw(2).unwrap_err();
            assert!(matches!(&error, Error::Io { source, .. } if source.raw_os_error() == Some(5)));
            assert_eq!(journal.draw(2), Err(Error::Journal(JournalError::Behind)));
            assert_eq!((journal.position(), journal.events()), (position, position));
            assert!(journal.curriculum().to_bytes().unwrap() != before);
            let again = reopened(&path);
            assert_eq!(again.opening(), Opening::Resumed { events: position, torn: 0 });
            assert!(again.curriculum().to_bytes().unwrap() == before);
            drop(again);
            // The new files hold the event.
            journal.compact().unwrap();
            let after = journal.curriculum().to_bytes().unwrap();
            assert_eq!(journal.position(), position);
            assert!(reopened(&path).curriculum().to_bytes().unwrap() == after);
            journal.draw(2).unwrap();
        }
    }

    /// A flush on demand that fails refuses no event.
    #[test]
    fn a_failing_sync() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base");
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        for _ in 0..5000 {
            journal.draw(2).unwrap();
        }
        // More than one page, so that all of them are written once more.
        assert!(journal.log_bytes() > 1 << 16);
        let before = journal.curriculum().to_bytes().unwrap();
        let log = std::fs::read(beside(&path, LOG)).unwrap();
        journal.log.fails = true;
        assert!(matches!(journal.sync(), Err(Error::Io { .. })));
        assert_eq!(journal.sync(), Err(Error::Journal(JournalError::Behind)));
        assert!(std::fs::read(beside(&path, LOG)).unwrap() == log);
        assert!(reopened(&path).curriculum().to_bytes().unwrap() == before);
    }

    /// What another process has not flushed is flushed by the next one that is asked to.
    #[test]
    fn a_sync_after_opening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base");
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        journal.sync().unwrap();
        journal.draw(2).unwrap();
        drop(journal);
        let mut journal = Journal::open(&path, build()).unwrap();
        journal.log.fails = true;
        assert!(matches!(journal.sync(), Err(Error::Io { .. })), "nothing was flushed");
    }
}
