//! A feed that several threads share.

use std::time::Duration;

use super::sync::{Arc, AtomicBool, Condvar, Mutex, MutexGuard, Ordering, panicking};
use super::{Batches, Feed};
use crate::base::error::{Error, Result};
use crate::base::metrics::Metrics;
use crate::curriculum::refill::Step;
use crate::event::{Batch, Feedback, Verdict};

/// A feed behind a lock, for the threads of one process: clone it for every thread that draws or
/// reports.
///
/// Feedback takes effect by round and ticket, not by arrival (but in the [pace](crate::Pace) of that name), so the
/// batches are the same whatever the number and the timing of the reporting threads. A thread that asks for a batch
/// before all feedback that is due has arrived gets [`Error::Awaiting`] at once, or [`Error::Hold`] in the
/// [pace of arrival](crate::Arrival); with [`patience`](Self::patience), it waits for the other threads to report.
///
/// If a thread panics while it has the feed, say in a policy of one's own, nobody knows what state the feed is in:
/// every other call then gives [`Error::Poisoned`], also those that are waiting.
///
/// ```
/// use std::time::Duration;
///
/// use curricle::feed::Lockstep;
/// use curricle::{Curriculum, Feed, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// let mut feed = Lockstep::new(Curriculum::builder(100).build()?).patience(Duration::from_secs(60));
/// let batch = feed.draw(8)?;
/// std::thread::scope(|scope| {
///     for half in batch.draws.chunks(4) {
///         let mut feed = feed.clone();
///         scope.spawn(move || {
///             let outcome = Outcome::default().success(1.0);
///             let feedback: Vec<Feedback> =
///                 half.iter().map(|draw| Feedback::new(draw.ticket, outcome)).collect();
///             feed.observe(&feedback)
///         });
///     }
///     feed.draw(8).map(drop)
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Lockstep<F> {
    shared: Arc<Shared<F>>,
    patience: Duration,
}

#[derive(Debug)]
struct Shared<F> {
    feed: Mutex<F>,
    observed: Condvar,
    poisoned: AtomicBool,
}

/// The feed, for as long as this thread has it.
struct Held<'a, F> {
    shared: &'a Shared<F>,
    feed: MutexGuard<'a, F>,
    /// Whether the thread was panicking before.
    panicking: bool,
}

impl<F> Shared<F> {
    fn lock(&self) -> Result<Held<'_, F>> {
        let held = Held { shared: self, feed: self.feed.lock(), panicking: panicking() };
        held.check()?;
        Ok(held)
    }
}

impl<F> Held<'_, F> {
    fn check(&self) -> Result<()> {
        if self.shared.poisoned.load(Ordering::Relaxed) { Err(Error::Poisoned) } else { Ok(()) }
    }
}

/// Runs before the lock is given back.
impl<F> Drop for Held<'_, F> {
    fn drop(&mut self) {
        if !self.panicking && panicking() {
            self.shared.poisoned.store(true, Ordering::Relaxed);
        }
        self.shared.observed.notify_all();
    }
}

impl<F> Clone for Lockstep<F> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), patience: self.patience }
    }
}

impl<F> Lockstep<F> {
    /// Puts a feed behind a lock.
    pub fn new(feed: F) -> Self {
        let (observed, poisoned) = (Condvar::new(), AtomicBool::new(false));
        let shared = Shared { feed: Mutex::new(feed), observed, poisoned };
        Self { shared: Arc::new(shared), patience: Duration::ZERO }
    }

    /// Sets how long this handle waits for others to report, counted from the last report; default 0.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Does something with the feed itself, such as saving a snapshot, while no other thread can.
    ///
    /// # Errors
    /// [`Error::Poisoned`]; then nothing has been done.
    pub fn with<T>(&self, work: impl FnOnce(&mut F) -> T) -> Result<T> {
        let mut held = self.shared.lock()?;
        Ok(work(&mut held.feed))
    }
}

impl<F: Feed> Lockstep<F> {
    /// Batches of `n` samples, one after another, drawn by another handle of this feed; see [`Batches`]. This one can
    /// report meanwhile.
    pub fn batches(&self, n: usize) -> Batches<Self> {
        Batches::new(self.clone(), n)
    }
}

impl<F: Feed + Send + 'static> Lockstep<F> {
    /// A handle that can only report, whatever the type of the feed: what a training step carries.
    pub fn reporter(&self) -> Reporter {
        let (strict, lenient) = (self.clone(), self.clone());
        Reporter {
            observe: Arc::new(move |feedback| strict.with(|feed| feed.observe(feedback))?),
            report: Arc::new(move |feedback| lenient.with(|feed| feed.report(feedback))?),
        }
    }
}

/// Reports outcomes to a [`Lockstep`], from any thread. Cheap to clone.
///
/// ```
/// use curricle::feed::Lockstep;
/// use curricle::{Curriculum, Feed, Feedback, Outcome, Ticket, Verdict};
///
/// # fn main() -> curricle::Result<()> {
/// let mut feed = Lockstep::new(Curriculum::builder(10).build()?);
/// let reporter = feed.reporter();
/// feed.draw(1)?;
/// let outcome = Outcome::default().success(0.5);
/// assert_eq!(reporter.observe(&[Feedback::new(Ticket(0), outcome)])?, [Verdict::Admit]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Reporter {
    observe: Arc<Observe>,
    report: Arc<Report>,
}

type Observe = dyn Fn(&[Feedback]) -> Result<Vec<Verdict>> + Send + Sync;
type Report = dyn Fn(&[Feedback]) -> Result<Vec<Result<Verdict>>> + Send + Sync;

impl Reporter {
    /// Reports outcomes; the verdicts stand in the order of the feedback.
    ///
    /// # Errors
    /// As [`Curriculum::observe`](crate::Curriculum::observe); [`Error::Poisoned`].
    pub fn observe(&self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        (self.observe)(feedback)
    }

    /// Reports what can be taken in; each feedback has a result of its own.
    ///
    /// # Errors
    /// As [`Feed::report`]; [`Error::Poisoned`].
    pub fn report(&self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        (self.report)(feedback)
    }
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reporter")
    }
}

impl<F: Feed> Feed for Lockstep<F> {
    fn draw(&mut self, n: usize) -> Result<Batch> {
        let mut held = self.shared.lock()?;
        loop {
            match held.feed.draw(n) {
                Err(error @ (Error::Awaiting { .. } | Error::Hold { .. })) => {
                    let waited = self.shared.observed.wait_for(&mut held.feed, self.patience);
                    held.check()?;
                    if waited.timed_out() {
                        return Err(error);
                    }
                }
                decided => return decided,
            }
        }
    }

    fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        self.with(|feed| feed.observe(feedback))?
    }

    fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        self.with(|feed| feed.report(feedback))?
    }

    fn step(&mut self, want: usize) -> Result<Step> {
        let mut held = self.shared.lock()?;
        loop {
            match held.feed.step(want) {
                Ok(wait @ Step::Wait { .. }) => {
                    let waited = self.shared.observed.wait_for(&mut held.feed, self.patience);
                    held.check()?;
                    if waited.timed_out() {
                        return Ok(wait);
                    }
                }
                decided => return decided,
            }
        }
    }

    fn set_version(&mut self, version: u64) -> Result<()> {
        self.with(|feed| feed.set_version(version))?
    }

    fn lag(&self) -> u64 {
        self.with(|feed| feed.lag()).unwrap_or(0)
    }

    fn metrics(&self) -> Metrics {
        self.with(|feed| feed.metrics()).unwrap_or_default()
    }
}
