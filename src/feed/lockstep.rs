//! A feed that several threads share.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Feed;
use crate::base::error::{Error, Result};
use crate::event::{Batch, Feedback, Verdict};

/// A feed behind a lock, for the threads of one process: clone it for every thread that draws or
/// reports.
///
/// Feedback takes effect by round and ticket, not by arrival, so the batches are the same whatever
/// the number and the timing of the reporting threads. A thread that asks for a batch before all
/// feedback that is due has arrived gets [`Error::Awaiting`] at once, or, with
/// [`patience`](Self::patience), waits for the other threads to report it.
///
/// ```
/// use std::time::Duration;
///
/// use curricle::feed::Lockstep;
/// use curricle::{Curriculum, Feed, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// let mut feed = Lockstep::new(Curriculum::builder(100).build()?).patience(Duration::from_secs(60));
/// let batch = feed.next(8)?;
/// std::thread::scope(|scope| {
///     for half in batch.draws.chunks(4) {
///         let mut feed = feed.clone();
///         scope.spawn(move || {
///             let outcome = Outcome::default().success(1.0);
///             let feedback: Vec<Feedback> =
///                 half.iter().map(|draw| Feedback::new(draw.ticket, outcome)).collect();
///             feed.report(&feedback)
///         });
///     }
///     feed.next(8).map(drop)
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
    reported: Condvar,
}

impl<F> Clone for Lockstep<F> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), patience: self.patience }
    }
}

impl<F> Lockstep<F> {
    /// Puts a feed behind a lock.
    pub fn new(feed: F) -> Self {
        let shared = Shared { feed: Mutex::new(feed), reported: Condvar::new() };
        Self { shared: Arc::new(shared), patience: Duration::ZERO }
    }

    /// Sets how long this handle waits for others to report, counted from the last report; default 0.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Does something with the feed itself, such as saving a snapshot, while no other thread can.
    pub fn with<T>(&self, work: impl FnOnce(&mut F) -> T) -> T {
        let done = work(&mut self.shared.feed.lock());
        self.shared.reported.notify_all();
        done
    }
}

impl<F: Feed + Send + 'static> Lockstep<F> {
    /// A handle that can only report, whatever the type of the feed: what a training step carries.
    pub fn reporter(&self) -> Reporter {
        let feed = self.clone();
        Reporter(Arc::new(move |feedback| feed.with(|feed| feed.report(feedback))))
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
/// feed.next(1)?;
/// let outcome = Outcome::default().success(0.5);
/// assert_eq!(reporter.report(&[Feedback::new(Ticket(0), outcome)])?, [Verdict::Admit]);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Reporter(Arc<Report>);

type Report = dyn Fn(&[Feedback]) -> Result<Vec<Verdict>> + Send + Sync;

impl Reporter {
    /// Reports outcomes; the verdicts stand in the order of the feedback.
    ///
    /// # Errors
    /// As [`Curriculum::observe`](crate::Curriculum::observe).
    pub fn report(&self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        (self.0)(feedback)
    }
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reporter")
    }
}

impl<F: Feed> Feed for Lockstep<F> {
    fn next(&mut self, want: usize) -> Result<Batch> {
        let mut feed = self.shared.feed.lock();
        loop {
            match feed.next(want) {
                Err(error @ Error::Awaiting { .. }) => {
                    if self.shared.reported.wait_for(&mut feed, self.patience).timed_out() {
                        return Err(error);
                    }
                }
                decided => return decided,
            }
        }
    }

    fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        self.with(|feed| feed.report(feedback))
    }
}
