//! A burn data loader whose batches a curriculum picks.

use std::marker::PhantomData;
use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::data::dataset::{Dataset, DatasetError};
use burn::tensor::Device;

use super::{Feed, Lockstep};
use crate::base::error::Error;
use crate::event::Draw;

/// One item of a data set, with the draw that picked it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled<I> {
    /// The draw: its ticket for the report, its weight for the loss.
    pub draw: Draw,
    /// The item.
    pub item: I,
}

/// A burn [`DataLoader`] that asks a feed for every batch at the moment burn asks for it.
///
/// Each epoch has a fixed number of batches. The items come from a burn [`Dataset`], whose index is
/// the [`SampleId`](crate::SampleId); the [`Batcher`] gets them as [`Sampled`] items, so it can put
/// the tickets into the batch. The training step reports their outcomes through a
/// [`Reporter`](super::Reporter) of the same [`Lockstep`].
///
/// burn's own loop on one device asks for a batch, trains on it, and asks for the next: with lag 0
/// every batch is drawn with all outcomes before it known, on the condition that the step reports
/// them. If it does not, the loader yields an error and burn ends the training with
/// [`Error::Awaiting`]. A draw can only run ahead of its feedback as far as
/// the lag of the curriculum allows, so burn's own multi-worker loader is not used here.
///
/// On several devices burn slices the loader; a slice is a part of the epoch's batches, drawn from
/// the shared feed in the order in which the devices ask. That order is up to the threads, so only
/// one device is reproducible.
///
/// ```
/// use std::sync::Arc;
///
/// use burn::data::{dataloader::DataLoader, dataloader::batcher::Batcher, dataset::InMemDataset};
/// use burn::tensor::Device;
/// use curricle::feed::burn::{CurriculumLoader, Sampled};
/// use curricle::feed::Lockstep;
/// use curricle::{Curriculum, Feedback, Outcome, Ticket};
///
/// struct Rows;
///
/// impl Batcher<Sampled<f32>, Vec<(Ticket, f32)>> for Rows {
///     fn batch(&self, items: Vec<Sampled<f32>>, _: &Device) -> Vec<(Ticket, f32)> {
///         items.into_iter().map(|sampled| (sampled.draw.ticket, sampled.item)).collect()
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let data = Arc::new(InMemDataset::new(vec![0.5f32; 100]));
/// let feed = Lockstep::new(Curriculum::builder(100).build()?);
/// let reporter = feed.reporter();
/// let loader = CurriculumLoader::new(feed, data, Rows, 8, 5, Device::default());
/// for batch in loader.iter() {
///     let seen = Outcome::default().success(1.0);
///     let feedback: Vec<Feedback> =
///         batch?.into_iter().map(|(ticket, _)| Feedback::new(ticket, seen)).collect();
///     reporter.observe(&feedback)?;
/// }
/// # Ok(()) }
/// ```
pub struct CurriculumLoader<F, I, B> {
    feed: Lockstep<F>,
    dataset: Arc<dyn Dataset<I>>,
    batcher: Arc<B>,
    batch: usize,
    batches: usize,
    device: Device,
}

impl<F, I, B> CurriculumLoader<F, I, B> {
    /// A loader of `batches` batches of `batch` samples an epoch, made on a device.
    pub fn new(
        feed: Lockstep<F>,
        dataset: Arc<dyn Dataset<I>>,
        batcher: B,
        batch: usize,
        batches: usize,
        device: Device,
    ) -> Self {
        Self { feed, dataset, batcher: Arc::new(batcher), batch, batches, device }
    }

    fn with(&self, batches: usize, device: Device) -> Self {
        let (feed, dataset, batcher) = (self.feed.clone(), self.dataset.clone(), self.batcher.clone());
        Self { feed, dataset, batcher, batch: self.batch, batches, device }
    }
}

impl<F, I, B, O> DataLoader<O> for CurriculumLoader<F, I, B>
where
    F: Feed + Send + 'static,
    I: 'static,
    B: Batcher<Sampled<I>, O> + 'static,
    O: 'static,
{
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<O> + 'a> {
        Box::new(Epoch {
            loader: self,
            feed: self.feed.clone(),
            done: 0,
            failed: false,
            makes: PhantomData,
        })
    }

    fn num_items(&self) -> usize {
        self.batch * self.batches
    }

    fn to_device(&self, device: &Device) -> Arc<dyn DataLoader<O>> {
        Arc::new(self.with(self.batches, device.clone()))
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<O>> {
        let batches = end.saturating_sub(start).div_ceil(self.batch.max(1));
        Arc::new(self.with(batches, self.device.clone()))
    }
}

/// One pass over an epoch's number of batches; it ends early after an error, and where the curriculum is finished.
struct Epoch<'a, F, I, B, O> {
    loader: &'a CurriculumLoader<F, I, B>,
    feed: Lockstep<F>,
    done: usize,
    failed: bool,
    makes: PhantomData<fn() -> O>,
}

impl<F: Feed, I, B: Batcher<Sampled<I>, O>, O> Epoch<'_, F, I, B, O> {
    fn load(&mut self, batch: crate::Batch) -> Result<O, DatasetError> {
        let indices = batch.samples().map(|sample| sample.index()).collect();
        let items = self.loader.dataset.get_many(indices)?;
        let sampled = batch.draws.into_iter().zip(items).map(|(draw, item)| Sampled { draw, item });
        Ok(self.loader.batcher.batch(sampled.collect(), &self.loader.device))
    }
}

impl<F: Feed, I, B: Batcher<Sampled<I>, O>, O> Iterator for Epoch<'_, F, I, B, O> {
    type Item = Result<O, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.done == self.loader.batches {
            return None;
        }
        let loaded = match self.feed.draw(self.loader.batch) {
            // The stop rule of the curriculum ends the epoch.
            Err(Error::Finished) => {
                self.failed = true;
                return None;
            }
            drawn => drawn.map_err(DatasetError::new).and_then(|batch| self.load(batch)),
        };
        self.failed = loaded.is_err();
        self.done += usize::from(loaded.is_ok());
        Some(loaded)
    }
}

impl<F: Feed, I, B: Batcher<Sampled<I>, O>, O> DataLoaderIterator<O> for Epoch<'_, F, I, B, O> {
    fn progress(&self) -> Progress {
        let CurriculumLoader { batch, batches, .. } = self.loader;
        Progress::new(self.done * batch, batches * batch, Some("samples".into()))
    }
}
