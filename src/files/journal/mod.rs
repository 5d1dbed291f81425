//! A journal: a snapshot and, beside it, a log of what has happened since.

mod event;
#[cfg(test)]
mod failing_disk;
mod happened;
mod history;
mod log;
mod moment;
mod opening;
mod reader;
mod verbs;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::id::Ticket;
use crate::base::metrics::Metrics;
use crate::curriculum::Curriculum;
use crate::curriculum::refill::Step;
use crate::event::{Batch, Feedback, Verdict};
use crate::feed::Feed;
use crate::feed::ranks::Replica;
use crate::files::names::{CUT, LOG, NEXT, beside};
use crate::files::snapshot::Compression;
use crate::files::whole_file::Whole;
use crate::policy::{Policy, Uniform};
use crate::sampler::{Distinct, Sampler};
use crate::signal::{GroupSpread, Signal};
pub use happened::Happened;
pub use history::History;
use log::Log;
pub use moment::Moment;
pub use opening::Opening;

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
/// the journal, the others [`JournalError::Locked`](crate::JournalError::Locked). Other names of the same log (hard
/// links) are locked with it until the next `compact`, which makes new files. A [`History`] reads beside it, without a
/// lock.
///
/// What a crash leaves: a record that was not written to its end is cut off and
/// [reported](Self::opening); the event it was about to hold had not returned to its caller. Damage
/// before the last record is an error. Every draw in the log holds the digest of all decisions, so a
/// build that would decide otherwise is refused, not continued.
///
/// **Beside a model.** The journal is ahead of the last checkpoint of the model by what happened since.
/// Save [`position`](Self::position) in each checkpoint, and resume with [`open_at`](Self::open_at), as
/// [`Checkpoints`](crate::Checkpoints) do.
///
/// **Errors of the disk.** A verb first changes the curriculum, then writes. If the write or its flush
/// fails, the verb gives [`Error::Io`](crate::Error::Io), its event is cut off the log again, and from then on every
/// verb gives [`JournalError::Behind`](crate::JournalError::Behind): the files hold what happened before. Either drop the
/// journal and open it again, without the event; or [`compact`](Self::compact), which writes the present state, with
/// the event, into new files ([`unfinished`](Curriculum::unfinished) has a batch that was drawn). If a failing disk
/// does not let the event be cut off, or a power cut comes before the next flush, the log may hold it when it is opened
/// again, whole, or as a part that `open` cuts off. Earlier events that were not [flushed](Durability) are written once
/// more, so that a later flush does not answer for pages that the failing one has given up. Any other error has changed
/// nothing, but for what a failed draw has [folded in](Curriculum::fold) or brought back; that is written to the log.
///
/// **Forks.** In a process that is forked from the one that opened it, every verb, `sync` and `compact` give
/// [`JournalError::Forked`](crate::JournalError::Forked): the log would not be that of either of them.
///
/// **Panics.** After a panic in a policy, signal or sampler of one's own every verb, `compact` too, gives
/// [`Error::Poisoned`](crate::Error::Poisoned); the files hold what happened before. Open it again.
#[derive(Debug)]
pub struct Journal<P = Uniform, S = GroupSpread, D = Distinct> {
    curriculum: Curriculum<P, S, D>,
    path: PathBuf,
    log: Log,
    opening: Opening,
    durability: Durability,
    compression: Compression,
    /// The curriculum knows of an event that the log does not, or may not.
    behind: bool,
    /// How many events the curriculum knows of that were cut off the log again: one, or none.
    unlogged: u64,
    /// A verb is changing the curriculum, or has panicked while it was.
    changing: bool,
}

/// When events are flushed to the disk. Until then they are with the operating system: they outlive the
/// process, but may not outlive a power cut, which then takes the last events and leaves the earlier
/// ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Each before its call returns; the default. A flush takes some milliseconds.
    #[default]
    Each,
    /// After every so many events.
    Every(NonZeroU32),
    /// When [`Journal::sync`] is called, for instance before the model is saved.
    OnDemand,
}

impl<P: Policy, S: Signal, D: Sampler> Journal<P, S, D> {
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

    /// Writes a new base, with all that has happened, and starts an empty log. A crash at any point
    /// leaves the old pair or the new one. Cost: that of [`save_with`](Curriculum::save_with).
    ///
    /// # Errors
    /// As `save_with`. Either nothing has changed, or the journal is [behind](crate::JournalError::Behind) the
    /// files, and this must be called again.
    pub fn compact(&mut self) -> Result<()> {
        self.check_owner()?;
        let (base, checksum) = write_base(&self.path, &self.curriculum, self.compression)?;
        // The event that could not be written is in the base.
        let before = self.position() + self.unlogged;
        let mut log = Log::create(&beside(&self.path, NEXT), checksum, before)?;
        // From here on the present log may be that of a base which is gone. The new log is there
        // already, so whichever base a crash leaves has its log beside it, under one name or the other.
        self.behind = true;
        base.appear()?;
        log.rename(&beside(&self.path, LOG))?;
        self.log = log;
        (self.behind, self.unlogged) = (false, 0);
        Ok(())
    }

    /// Waits until all events have reached the disk.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); then it is not known which have, and the journal is
    /// [behind](crate::JournalError::Behind).
    pub fn sync(&mut self) -> Result<()> {
        self.check()?;
        self.log.sync().inspect_err(|_| {
            self.behind = true;
            let _ = self.log.rewrite();
        })
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
    /// save with a model, for [`Moment::Position`]. One that the disk did not take counts from the next
    /// [`compact`](Self::compact) on.
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

    fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        Journal::report(self, feedback)
    }

    fn step(&mut self, want: usize) -> Result<Step> {
        Journal::step(self, want)
    }

    fn set_version(&mut self, version: u64) -> Result<()> {
        Journal::set_version(self, version)
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

impl<P: Policy, S: Signal, D: Sampler> Replica for Journal<P, S, D> {
    type Policy = P;
    type Signal = S;
    type Sampler = D;

    fn curriculum(&self) -> &Curriculum<P, S, D> {
        Journal::curriculum(self)
    }

    fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        Journal::lose(self, tickets)
    }
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
