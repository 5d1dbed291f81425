//! Loading one batch ahead, on a thread of its own.

use std::collections::VecDeque;

use crossbeam::channel::{Receiver, Sender, unbounded};

use super::Feed;
use crate::base::error::{Error, Result};
use crate::event::{Batch, Feedback, Verdict};

/// Draws one batch ahead and loads its items on a worker thread, while the training loop works on
/// the batch before.
///
/// With a curriculum of lag 1 or more the draw ahead needs no feedback that is still missing, so
/// batch `r + 1` is loaded during training on batch `r`. With lag 0 there is nothing to do ahead:
/// each batch is drawn and loaded when it is asked for. Either way the decisions are those of the
/// feed alone; the thread only runs `load`.
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
///     let (batch, rows) = prefetch.next()?;
///     assert_eq!(rows[0], format!("row {}", batch.draws[0].sample.0));
///     let seen = Outcome::default().success(0.5);
///     let feedback: Vec<Feedback> =
///         batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
///     prefetch.report(&feedback)?;
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Prefetch<F, T> {
    feed: F,
    want: usize,
    /// Batches to hand out before any is drawn.
    again: VecDeque<Batch>,
    /// The batch that the worker has, or has done.
    ahead: Option<Batch>,
    orders: Sender<Batch>,
    items: Receiver<T>,
}

impl<F: Feed, T: Send + 'static> Prefetch<F, T> {
    /// Starts the worker. It ends when this value is dropped.
    pub fn new(feed: F, want: usize, mut load: impl FnMut(&Batch) -> T + Send + 'static) -> Self {
        let (orders, ordered) = unbounded::<Batch>();
        let (loaded, items) = unbounded();
        std::thread::spawn(move || {
            for batch in ordered {
                if loaded.send(load(&batch)).is_err() {
                    return;
                }
            }
        });
        Self { feed, want, again: VecDeque::new(), ahead: None, orders, items }
    }

    /// Hands these batches out first: those that a restored curriculum has unfinished.
    pub fn again(mut self, unfinished: Vec<Batch>) -> Self {
        self.again.extend(unfinished);
        self
    }

    /// The next batch with its items; starts on the one after it if that can be drawn already.
    ///
    /// # Errors
    /// As [`Curriculum::draw`](crate::Curriculum::draw); [`Error::Closed`] if `load` has panicked.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not be reported to")]
    pub fn next(&mut self) -> Result<(Batch, T)> {
        let batch = match self.ahead.take() {
            Some(batch) => batch,
            None => self.order()?,
        };
        let items = self.items.recv().map_err(|_| Error::Closed)?;
        // Whatever keeps the next batch from being drawn now is reported when it is asked for.
        self.ahead = self.order().ok();
        Ok((batch, items))
    }

    /// Reports outcomes to the feed.
    ///
    /// # Errors
    /// As [`Curriculum::observe`](crate::Curriculum::observe).
    pub fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        self.feed.report(feedback)
    }

    /// The feed, for instance to save a snapshot of it.
    pub fn feed(&self) -> &F {
        &self.feed
    }

    /// Draws a batch and gives it to the worker.
    fn order(&mut self) -> Result<Batch> {
        let batch = match self.again.pop_front() {
            Some(batch) => batch,
            None => self.feed.next(self.want)?,
        };
        self.orders.send(batch.clone()).map_err(|_| Error::Closed)?;
        Ok(batch)
    }
}
