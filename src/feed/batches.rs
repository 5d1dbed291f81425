//! Batches one after another, for a loop without a framework.

use std::collections::VecDeque;
use std::iter::FusedIterator;

use super::Feed;
use crate::base::error::{Error, Result};
use crate::event::{Batch, Feedback, Verdict};

/// Batches of one size, one after another: `for batch in feed.batches(32)` over a
/// [`Lockstep`](super::Lockstep), whose other handles report between the items. Nothing is drawn before it is asked
/// for.
///
/// ```
/// use curricle::feed::Lockstep;
/// use curricle::{Curriculum, Feed, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// let mut feed = Lockstep::new(Curriculum::builder(100).build()?);
/// for batch in feed.batches(32).take(5) {
///     let batch = batch?;
///     // Forward and backward pass over `batch.samples()` here.
///     let seen = Outcome::default().success(0.5);
///     let feedback: Vec<Feedback> =
///         batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
///     feed.observe(&feedback)?;
/// }
/// # Ok(()) }
/// ```
///
/// A feed that is not shared is asked through the iterator, which has it:
///
/// ```
/// use curricle::feed::Batches;
/// use curricle::{Curriculum, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// let mut curriculum = Curriculum::builder(100).build()?;
/// let mut batches = Batches::new(&mut curriculum, 32);
/// for _ in 0..5 {
///     let Some(batch) = batches.next().transpose()? else { break };
///     let seen = Outcome::default().success(0.5);
///     let feedback: Vec<Feedback> =
///         batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
///     batches.observe(&feedback)?;
/// }
/// assert_eq!(curriculum.round().0, 5);
/// # Ok(()) }
/// ```
///
/// **The end.** A [stop rule](crate::Stop) ends the iterator without an item; where there is none, `take` does. Any
/// error is an item, and the last one: the feed is as it was before the draw, but for what was due, so a new iterator
/// goes on where this one has stopped. A batch is smaller than it was asked for only as the last one before a stop;
/// else too few samples are [`Error::BatchExceedsPool`]. A curriculum with [refill](crate::Builder::refill) draws by
/// [`step`](Feed::step), not by this.
#[derive(Debug)]
#[must_use = "nothing is drawn before it is asked for"]
pub struct Batches<F> {
    feed: F,
    n: usize,
    /// Batches to hand out before any is drawn.
    again: VecDeque<Batch>,
    ended: bool,
}

impl<F: Feed> Batches<F> {
    /// Batches of `n` samples from a feed, or from a borrowed one.
    pub fn new(feed: F, n: usize) -> Self {
        Self { feed, n, again: VecDeque::new(), ended: false }
    }

    /// Hands these batches out first, whatever their size: those that a restored curriculum has
    /// [unfinished](crate::Curriculum::unfinished).
    ///
    /// ```
    /// use curricle::Curriculum;
    /// use curricle::feed::Batches;
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let build = || Curriculum::builder(100).lag(1).build();
    /// let mut before = build()?;
    /// let batch = before.draw(4)?; // killed before it was reported
    ///
    /// let mut after = build()?;
    /// after.restore_bytes(&before.to_bytes()?)?;
    /// let unfinished = after.unfinished();
    /// let mut batches = Batches::new(after, 4).again(unfinished);
    /// assert_eq!(batches.next(), Some(Ok(batch)));
    /// # Ok(()) }
    /// ```
    pub fn again(mut self, unfinished: Vec<Batch>) -> Self {
        self.again.extend(unfinished);
        self
    }

    /// Takes in outcomes, as the feed does.
    ///
    /// # Errors
    /// As [`Feed::observe`].
    pub fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        self.feed.observe(feedback)
    }

    /// Takes in what can be taken in, as the feed does.
    ///
    /// # Errors
    /// As [`Feed::report`].
    pub fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        self.feed.report(feedback)
    }

    /// The feed, for instance to look at its metrics.
    pub fn feed(&self) -> &F {
        &self.feed
    }

    /// The feed, for instance to [compact](crate::Journal::compact) a journal between two batches.
    pub fn feed_mut(&mut self) -> &mut F {
        &mut self.feed
    }
}

impl<F: Feed> Iterator for Batches<F> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if self.ended {
            return None;
        }
        if let Some(batch) = self.again.pop_front() {
            return Some(Ok(batch));
        }
        let drawn = self.feed.draw(self.n);
        self.ended = drawn.is_err();
        match drawn {
            Err(Error::Finished) => None,
            drawn => Some(drawn),
        }
    }
}

impl<F: Feed> FusedIterator for Batches<F> {}
