//! The events of a journal, one by one, from its files alone and without a touch of them.

use std::path::{Path, PathBuf};

use super::event::Event;
use super::happened::Happened;
use super::reader::Reader;
use super::{LOG, Moment, NEXT, beside};
use crate::base::error::{Error, JournalError, Result};
use crate::curriculum::Curriculum;
use crate::files::whole_file::{at, target};
use crate::policy::{Policy, Uniform};
use crate::sampler::{Distinct, Sampler};
use crate::signal::{GroupSpread, Signal};

/// How often the base is read again whose log is not there. Only a journal that is compacted just then leaves such a
/// pair.
const TRIES: usize = 8;

/// What has happened in a [`Journal`](crate::Journal), event by event: the state after each, and what it gave.
///
/// It takes no lock and writes nothing, so the run may go on; [`next`](Self::next) gives `None` at the end of the log,
/// and more when it is asked again after the log has grown. A record that is not written to its end is not there yet.
/// Each draw is checked against the digest in the log, as [`Journal::open`](crate::Journal::open) does.
///
/// ```
/// use curricle::{Curriculum, Feedback, Happened, History, Journal, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// # let folder = tempfile::tempdir().expect("a folder for the example");
/// # let path = folder.path().join("run.curriculum");
/// let build = || Curriculum::builder(1000).seed(7).build();
/// let mut journal = Journal::open(&path, build()?)?;
/// let batch = journal.draw(4)?;
///
/// let mut history = History::open(&path, build()?)?;
/// assert_eq!(history.next()?, Some(Happened::Draw(batch.clone())));
/// assert_eq!((history.next()?, history.position()), (None, 1));
/// let seen = Feedback::new(batch.draws[0].ticket, Outcome::default().success(0.5));
/// journal.observe(&[seen])?;
/// assert!(matches!(history.next()?, Some(Happened::Observed { .. })));
/// assert_eq!(history.curriculum().counts(), journal.curriculum().counts());
/// # Ok(()) }
/// ```
///
/// **Compaction.** A log that was replaced is read to its end first. Then the new base is read. If still other events
/// came in between, which only a second compaction can have taken away, [`Happened::Missed`] says how many.
///
/// **What was taken back.** A journal that was opened at an earlier moment, or that could not flush an event, may have
/// cut off what was read here already. That is [`JournalError::TakenBack`] as soon as it is noticed; open another
/// history.
///
/// Windows lets nobody read a log that a journal has open.
///
/// Cost: as [`Journal::open`](crate::Journal::open), spread over the events.
#[derive(Debug)]
#[must_use = "a history goes on when it is asked"]
pub struct History<P = Uniform, S = GroupSpread, D = Distinct> {
    curriculum: Curriculum<P, S, D>,
    path: PathBuf,
    log: Reader,
    /// What came after the last good event, if the state is not known since.
    failed: Option<Error>,
}

/// What there is behind what was read.
enum Next {
    Event(Event<'static>),
    /// Another log, in the place of this one.
    Successor(Reader),
    Nothing,
}

impl<P: Policy, S: Signal, D: Sampler> History<P, S, D> {
    /// Begins at the base of the journal at a path. The curriculum must have been built in the same way as that of the
    /// journal; its state is replaced.
    ///
    /// # Errors
    /// Those of [`Journal::open`](crate::Journal::open) for a base and the header of a log, but never that it is in
    /// use. [`Error::Io`], too, if there is no journal.
    pub fn open(path: impl AsRef<Path>, mut curriculum: Curriculum<P, S, D>) -> Result<Self> {
        let path = target(path.as_ref())?;
        let path = std::path::absolute(&path).map_err(at(&path))?;
        curriculum.forget()?;
        let log = begin(&path, &mut curriculum)?;
        Ok(Self { curriculum, path, log, failed: None })
    }

    /// Lets events happen until a moment, at which it may stand already.
    ///
    /// # Errors
    /// Those of [`next`](Self::next); [`JournalError::Moment`] if it does not come before the present end of the log.
    pub fn go_to(&mut self, moment: Moment) -> Result<()> {
        let (first, from) = (self.curriculum.round(), self.position());
        while !moment.is_now(&self.curriculum, self.position()) {
            if self.next()?.is_none() {
                let (last, positions) = (self.curriculum.round(), (from, self.position()));
                return Err(JournalError::Moment { wanted: moment, first, last, positions }.into());
            }
        }
        Ok(())
    }

    /// Lets one more event happen; none at the present end of the log.
    ///
    /// # Errors
    /// [`Error::Journal`], as [`Journal::open`](crate::Journal::open) gives it for a damaged record or for a build that
    /// decides otherwise; [`JournalError::TakenBack`]; [`Error::Io`]; for a new base those of [`open`](Self::open). The
    /// state behind a bad event is not known, so the same error is given from then on. One of the disk may pass.
    #[expect(clippy::should_implement_trait, reason = "an iterator has a `position` that moves it")]
    pub fn next(&mut self) -> Result<Option<Happened>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        loop {
            let next = match self.log.next()? {
                Some(event) => Next::Event(event),
                None => self.past_the_end()?,
            };
            let position = self.position();
            match next {
                Next::Event(event) => {
                    let number = self.log.events - 1;
                    let happened = event.replay(&mut self.curriculum, number);
                    return happened.map(Some).map_err(|error| self.fail(error));
                }
                Next::Nothing => return Ok(None),
                Next::Successor(log) => self.go_over_to(log).map_err(|error| self.fail(error))?,
            }
            if self.position() > position {
                return Ok(Some(Happened::Missed(self.position() - position)));
            }
        }
    }

    /// What comes next where the log had come to its end.
    fn past_the_end(&mut self) -> Result<Next> {
        let Some(successor) = self.successor()? else { return Ok(Next::Nothing) };
        // What has lost its name no longer grows. What came before it did, since the end was seen, comes first.
        let late = self.log.next()?;
        Ok(late.map_or(Next::Successor(successor), Next::Event))
    }

    /// The log that stands in the place of the one that is read, if that has lost its name.
    fn successor(&self) -> Result<Option<Reader>> {
        if self.log.is_in_place()? {
            return Ok(None);
        }
        let log = Reader::open(&beside(&self.path, LOG))?;
        log.map(Some).ok_or(JournalError::NoLog.into())
    }

    fn go_over_to(&mut self, mut successor: Reader) -> Result<()> {
        let position = self.position();
        let taken_back = Error::Journal(JournalError::TakenBack { position });
        if successor.start.link == self.log.start.link {
            // A copy of the same log.
            let is_same = successor.go_on_from(&self.log)?;
            self.log = successor;
            return if is_same { Ok(()) } else { Err(taken_back) };
        }
        self.log = begin(&self.path, &mut self.curriculum)?;
        if self.position() < position { Err(taken_back) } else { Ok(()) }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.failed = Some(error.clone());
        error
    }
}

/// Takes over the base at a path, and opens its log.
fn begin<P: Policy, S, D>(path: &Path, curriculum: &mut Curriculum<P, S, D>) -> Result<Reader> {
    let mut error = JournalError::NoLog;
    for _ in 0..TRIES {
        let expected = curriculum.restore_with_checksum(path)?;
        // While a journal is compacted, the log of its new base still has its other name.
        for end in [LOG, NEXT] {
            match Reader::open(&beside(path, end))? {
                Some(log) if log.start.base == expected => return Ok(log),
                Some(log) if end == LOG => {
                    error = JournalError::Base { expected, found: log.start.base };
                }
                _ => {}
            }
        }
    }
    Err(error.into())
}

impl<P, S, D> History<P, S, D> {
    /// The state after the last event, to be looked at.
    pub fn curriculum(&self) -> &Curriculum<P, S, D> {
        &self.curriculum
    }

    /// The state after the last event, for oneself: it goes on without the journal.
    pub fn into_curriculum(self) -> Curriculum<P, S, D> {
        self.curriculum
    }

    /// How many events have happened since the journal was started, as [`Journal::position`](crate::Journal::position).
    pub fn position(&self) -> u64 {
        self.log.position()
    }

    /// How many bytes of the log were read, as [`Journal::log_bytes`](crate::Journal::log_bytes).
    pub fn log_bytes(&self) -> u64 {
        self.log.len
    }
}

#[cfg(feature = "config")]
impl History<crate::policy::Any, crate::signal::Any, crate::sampler::Any> {
    /// As [`open`](Self::open), from the files alone: of a journal whose curriculum was built from a
    /// [`Config`](crate::Config), which stands in its base.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let path = folder.path().join("run.curriculum");
    /// use curricle::{Config, History, Journal};
    ///
    /// let config = Config::from_toml("policy = 'boltzmann'")?;
    /// let mut journal = Journal::open(&path, config.builder(100).build()?)?;
    /// journal.draw(4)?;
    /// let mut history = History::of_files(&path)?;
    /// while history.next()?.is_some() {}
    /// assert_eq!(history.curriculum().round().0, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: two readings of the base.
    ///
    /// # Errors
    /// Those of `open` and of [`AnyCurriculum::of_snapshot`](crate::AnyCurriculum::of_snapshot).
    pub fn of_files(path: impl AsRef<Path>) -> Result<Self> {
        let curriculum = crate::AnyCurriculum::of_snapshot(path.as_ref())?;
        Self::open(path, curriculum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::journal::Journal;

    /// An event that came, and whose log was replaced, between two looks at the end: it is not left out.
    #[test]
    fn written_and_compacted_between_two_looks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base");
        let build = || Curriculum::builder(50).missing(crate::Missing::Lose).seed(3).build().unwrap();
        let mut journal = Journal::open(&path, build()).unwrap();
        let mut history = History::open(&path, build()).unwrap();
        assert!(history.log.next().unwrap().is_none());
        journal.draw(4).unwrap();
        journal.compact().unwrap();
        let Ok(Next::Event(event)) = history.past_the_end() else { panic!("the draw is left out") };
        event.replay(&mut history.curriculum, 0).unwrap();
        assert!(matches!(history.past_the_end(), Ok(Next::Successor(_))));
        assert_eq!(history.next(), Ok(None));
        let states = [history.curriculum(), journal.curriculum()].map(|it| it.to_bytes().unwrap());
        assert!(states[0] == states[1]);
        assert_eq!(history.position(), journal.position());
    }
}
