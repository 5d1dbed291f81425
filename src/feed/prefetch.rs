//! Loading one batch ahead, on a thread of its own.

use std::collections::VecDeque;

use super::Feed;
use super::sync::{Receiver, Sender, spawn, unbounded};
use crate::base::error::{Error, Result};
use crate::base::metrics::Metrics;
use crate::event::{Batch, Feedback, Verdict};

/// Draws one batch ahead and loads its items on a worker thread, while the training loop works on
/// the batch before.
///
/// With a feed of [lag](Feed::lag) 1 or more the draw ahead needs no feedback that is still missing, so
/// batch `r + 1` is loaded during training on batch `r`. With lag 0 nothing is drawn ahead: each batch is
/// drawn and loaded when it is asked for. Either way the decisions are those of the
/// feed alone; the thread only runs `load`.
///
/// If `load` panics, its batch is not lost: this call and all later ones give [`Error::Closed`] and draw nothing, and
/// the tickets stay open.
///
/// A batch that was drawn ahead is in the snapshot as [unfinished](crate::Curriculum::unfinished);
/// hand the unfinished batches to [`again`](Self::again) after a restore.
///
/// ```
/// use curricle::feed::Prefetch;
/// use curricle::{Batch, Curriculum, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// let data: Vec<String> = (0..100).map(|row| format!("row {row}")).collect();
/// let load = move |batch: &Batch| -> Vec<String> {
///     batch.samples().map(|sample| data[sample.index()].clone()).collect()
/// };
/// let mut prefetch = Prefetch::new(Curriculum::builder(100).lag(1).build()?, 8, load);
/// for _ in 0..5 {
///     let (batch, rows) = prefetch.draw()?;
///     assert_eq!(rows[0], format!("row {}", batch.draws[0].sample.0));
///     let seen = Outcome::default().success(0.5);
///     let feedback: Vec<Feedback> =
///         batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
///     prefetch.observe(&feedback)?;
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Prefetch<F, T> {
    feed: F,
    n: usize,
    /// Batches to hand out before any is drawn.
    again: VecDeque<Batch>,
    /// The worker is gone.
    closed: bool,
    /// The batch that the worker has, or has done.
    ahead: Option<Batch>,
    orders: Sender<Batch>,
    items: Receiver<T>,
}

impl<F: Feed, T: Send + 'static> Prefetch<F, T> {
    /// Starts the worker. It ends when this value is dropped.
    pub fn new(feed: F, n: usize, mut load: impl FnMut(&Batch) -> T + Send + 'static) -> Self {
        let (orders, ordered) = unbounded::<Batch>();
        let (loaded, items) = unbounded();
        spawn(move || {
            for batch in ordered {
                if loaded.send(load(&batch)).is_err() {
                    return;
                }
            }
        });
        Self { feed, n, closed: false, again: VecDeque::new(), ahead: None, orders, items }
    }

    /// Hands these batches out first: those that a restored curriculum has unfinished.
    #[must_use]
    pub fn again(mut self, unfinished: Vec<Batch>) -> Self {
        self.again.extend(unfinished);
        self
    }

    /// The next batch with its items; starts on the one after it if that can be drawn already.
    ///
    /// # Errors
    /// As [`Curriculum::draw`](crate::Curriculum::draw); [`Error::Closed`] if `load` has panicked.
    pub fn draw(&mut self) -> Result<(Batch, T)> {
        let batch = match self.ahead.take() {
            Some(batch) => batch,
            None => self.order()?,
        };
        let items = self.items.recv().map_err(|_| self.close())?;
        // Without a lag the feedback of this batch is due first.
        if self.feed.lag() > 0 || !self.again.is_empty() {
            // Whatever keeps the next batch from being drawn now is reported when it is asked for.
            self.ahead = self.order().ok();
        }
        Ok((batch, items))
    }

    /// Takes in outcomes, as the feed does.
    ///
    /// # Errors
    /// As [`Curriculum::observe`](crate::Curriculum::observe).
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

    /// The metrics of the feed, and `prefetch/ahead`: 1 if a batch has been drawn ahead.
    pub fn metrics(&self) -> Metrics {
        let mut metrics = self.feed.metrics();
        metrics.push("prefetch/ahead", f64::from(u8::from(self.ahead.is_some())));
        metrics
    }

    /// The feed, for instance to save a snapshot of it.
    pub fn feed(&self) -> &F {
        &self.feed
    }

    /// Draws a batch and gives it to the worker.
    fn order(&mut self) -> Result<Batch> {
        if self.closed {
            return Err(Error::Closed);
        }
        let batch = match self.again.pop_front() {
            Some(batch) => batch,
            None => self.feed.draw(self.n)?,
        };
        self.orders.send(batch.clone()).map_err(|_| self.close())?;
        Ok(batch)
    }

    fn close(&mut self) -> Error {
        self.closed = true;
        Error::Closed
    }
}
