//! How a journal is started and resumed.

use std::path::{Path, PathBuf};

use super::log::{Claim, Log, Rest};
use super::{CUT, Durability, Journal, LOG, Moment, NEXT, beside, write_base};
use crate::base::error::{JournalError, Result};
use crate::curriculum::Curriculum;
use crate::curriculum::reconcile::Reconciled;
use crate::files::snapshot::Compression;
use crate::files::whole_file::{at, remove_left_over, target};
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// How a journal began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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

impl<P: Policy, S: Signal, D: Sampler> Journal<P, S, D> {
    /// Resumes from the files at `path`, or starts there if there are none. The curriculum must have
    /// been built in the same way each time. Its state is replaced, and its memory is free before the
    /// base is read.
    ///
    /// Cost: that of [`restored`](Curriculum::restored) and of all events in the log; of a new one,
    /// that of [`save`](Curriculum::save).
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Snapshot`](crate::Error::Snapshot) or
    /// [`Error::Feature`](crate::Error::Feature) for the base; [`Error::Journal`](crate::Error::Journal) for the
    /// log. The files are then as they were, except that an interrupted [`compact`](Self::compact)
    /// is completed.
    pub fn open(path: impl AsRef<Path>, curriculum: Curriculum<P, S, D>) -> Result<Self> {
        Self::resume(path.as_ref(), curriculum, None, None)
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
        Self::resume(path.as_ref(), curriculum, Some(moment), None)
    }

    /// Resumes with data that has changed since, as [`Curriculum::reconcile`]: the events of the log happen again over
    /// the old data, then the state goes over to this curriculum, and a new base is [written](Self::compact).
    ///
    /// # Errors
    /// As [`open`](Self::open) and `Curriculum::reconcile`, and those of `compact`; the files are then as they were.
    pub fn reconcile(
        path: impl AsRef<Path>,
        mut curriculum: Curriculum<P, S, D>,
    ) -> Result<(Self, Reconciled)>
    where
        S: Clone,
    {
        let shell = curriculum.clone_for(path.as_ref())?;
        let mut journal = Self::open(path, shell)?;
        let report = curriculum.go_on_from(journal.curriculum.memory.clone())?;
        journal.curriculum = curriculum;
        journal.compact()?;
        Ok((journal, report))
    }

    /// As [`open_at`](Self::open_at) a position, at which the decisions must have this digest.
    pub(crate) fn open_with_digest(
        path: &Path,
        curriculum: Curriculum<P, S, D>,
        position: u64,
        digest: u64,
    ) -> Result<Self> {
        Self::resume(path, curriculum, Some(Moment::Position(position)), Some(digest))
    }

    fn resume(
        path: &Path,
        curriculum: Curriculum<P, S, D>,
        moment: Option<Moment>,
        digest: Option<u64>,
    ) -> Result<Self> {
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
            event.replay(&mut curriculum, number).map(|_| true)
        })?;
        if let Some(wanted) = moment.filter(|_| !is_now(&curriculum, before + log.events)) {
            let (last, positions) = (curriculum.round(), (before, before + log.events));
            return Err(JournalError::Moment { wanted, first, last, positions }.into());
        }
        let events = log.events;
        if let Some(expected) = digest.filter(|&digest| digest != curriculum.digest()) {
            let (position, found) = (before + events, curriculum.digest());
            return Err(JournalError::Other { position, expected, found }.into());
        }
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
            return Err(JournalError::Moment { wanted, first, last, positions: (0, 0) }.into());
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
            unlogged: 0,
            changing: false,
        }
    }
}
