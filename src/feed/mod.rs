//! Feeds: the edge of a curriculum, and all that a training loop needs to see of it.

mod batches;
#[cfg(feature = "burn")]
pub mod burn;
mod lockstep;
mod prefetch;
pub mod ranks;
mod sync;

pub use batches::Batches;
pub use lockstep::{Lockstep, Reporter};
pub use prefetch::Prefetch;

use crate::base::error::{Error, Result};
use crate::base::metrics::Metrics;
use crate::curriculum::Curriculum;
use crate::curriculum::refill::Step;
use crate::event::{Batch, Feedback, Verdict};
use crate::policy::Policy;
use crate::sampler::Sampler;
use crate::signal::Signal;

/// Hands out batches and takes feedback: the one trait between a training loop and a curriculum.
///
/// A [`Curriculum`] is a feed for one thread, a [`Lockstep`] one for many, a [`ranks::Replicated`] one for the ranks of
/// a data-parallel training; [`Batches`] iterates over any of them.
///
/// ```
/// use curricle::{Curriculum, Feed, Feedback, Outcome};
///
/// fn train(feed: &mut impl Feed, steps: usize) -> curricle::Result<()> {
///     for _ in 0..steps {
///         let batch = feed.draw(16)?;
///         // Forward and backward pass over `batch.samples()` here.
///         let seen = Outcome::default().success(0.5);
///         let feedback: Vec<Feedback> =
///             batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen)).collect();
///         feed.observe(&feedback)?;
///     }
///     Ok(())
/// }
///
/// # fn main() -> curricle::Result<()> {
/// train(&mut Curriculum::builder(100).build()?, 3)
/// # }
/// ```
pub trait Feed {
    /// The next batch, of `n` samples.
    ///
    /// # Errors
    /// As [`Curriculum::draw`].
    fn draw(&mut self, n: usize) -> Result<Batch>;

    /// Takes in outcomes; the verdicts stand in the order of the feedback.
    ///
    /// # Errors
    /// As [`Curriculum::observe`].
    fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>>;

    /// Takes in what can be taken in; each feedback has a result of its own. See [`Curriculum::report`]. The default
    /// [observes](Self::observe) one by one.
    ///
    /// # Errors
    /// What is wrong with the feed, not with feedback: its files, or a panic of another thread. The default has then
    /// taken in what is good of the feedback before.
    fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        let one = |feedback: &Feedback| match self.observe(std::slice::from_ref(feedback)) {
            Ok(verdicts) => Ok(verdicts.first().copied().ok_or(Error::UnknownTicket(feedback.ticket))),
            Err(error) if error.is_of_feedback() => Ok(Err(error)),
            Err(error) => Err(error),
        };
        feedback.iter().map(one).collect()
    }

    /// Brings a training step of so many useful tickets together; see [`Curriculum::step`].
    ///
    /// # Errors
    /// As `Curriculum::step`. The default is [`Error::Unsupported`].
    fn step(&mut self, want: usize) -> Result<Step> {
        let _ = want;
        Err(Error::Unsupported { part: "feed", request: "step" })
    }

    /// Says which version of the model is trained from now on; see [`Curriculum::set_version`].
    ///
    /// # Errors
    /// As `Curriculum::set_version`. The default is [`Error::Unsupported`].
    fn set_version(&mut self, version: u64) -> Result<()> {
        let _ = version;
        Err(Error::Unsupported { part: "feed", request: "versions of the model" })
    }

    /// How many batches may be drawn before the feedback of a batch is due: the
    /// [lag](crate::Builder::lag). The default is 0, with which nothing is drawn ahead.
    fn lag(&self) -> u64 {
        0
    }

    /// The state of the run as names and numbers; see [`Curriculum::metrics`]. The default is none.
    fn metrics(&self) -> Metrics {
        Metrics::default()
    }
}

/// A feed that is borrowed.
impl<F: Feed + ?Sized> Feed for &mut F {
    fn draw(&mut self, n: usize) -> Result<Batch> {
        (**self).draw(n)
    }

    fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        (**self).observe(feedback)
    }

    fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        (**self).report(feedback)
    }

    fn step(&mut self, want: usize) -> Result<Step> {
        (**self).step(want)
    }

    fn set_version(&mut self, version: u64) -> Result<()> {
        (**self).set_version(version)
    }

    fn lag(&self) -> u64 {
        (**self).lag()
    }

    fn metrics(&self) -> Metrics {
        (**self).metrics()
    }
}

impl<P: Policy, S: Signal, D: Sampler> Feed for Curriculum<P, S, D> {
    fn draw(&mut self, n: usize) -> Result<Batch> {
        Curriculum::draw(self, n)
    }

    fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        Curriculum::observe(self, feedback)
    }

    fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        Ok(Curriculum::report(self, feedback))
    }

    fn step(&mut self, want: usize) -> Result<Step> {
        Curriculum::step(self, want)
    }

    fn set_version(&mut self, version: u64) -> Result<()> {
        Curriculum::set_version(self, version)
    }

    fn lag(&self) -> u64 {
        Curriculum::lag(self)
    }

    fn metrics(&self) -> Metrics {
        Curriculum::metrics(self)
    }
}
