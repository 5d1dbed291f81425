//! Ranks that agree: every rank of a data-parallel training holds the same curriculum.
//!
//! Once a round the ranks exchange one frame of bytes, over the engine that the trainer runs on anyway. Each puts the
//! feedback of all together in the order of tickets, makes the same decision, and keeps its part of the batch. No
//! rank is special, no decision is sent, and how many ranks there are is in no decision: **the batch of all ranks
//! together is a function of the seed, of the feedback and of how many samples the ranks want in all**. A run that is
//! saved on eight ranks goes on, with the same batches, on five.
//!
//! ```text
//! draw(want)   this rank's frame  -> all ranks    feedback, tickets given up, version, want, digest
//!              the frames of all  -> this rank    refused by rank if they differ in what must be the same
//!              merged in the order of tickets     observe, lose, set_version
//!              sum of want drawn once             this rank's part of it
//! ```
//!
//! ```
//! use curricle::feed::ranks::{Replicated, Threads};
//! use curricle::{Curriculum, Feed, Feedback, Outcome, Result};
//!
//! fn train(rank: Threads) -> Result<u64> {
//!     let curriculum = Curriculum::builder(1000).arms(4, |sample| (sample.0 / 250) as u32).post_training();
//!     let mut feed = Replicated::new(curriculum.seed(7).build()?, rank);
//!     for _ in 0..20 {
//!         let batch = feed.draw(16)?; // a part of 32
//!         let seen = |arm: u32| Outcome::group(if arm == 2 { &[1.0, 0.0] } else { &[0.0, 0.0] });
//!         for draw in batch.draws {
//!             feed.observe(&[Feedback::new(draw.ticket, seen(draw.arm.0)?)])?;
//!         }
//!     }
//!     Ok(feed.exchange()?.digest())
//! }
//!
//! # fn main() -> Result<()> {
//! let digests = std::thread::scope(|scope| {
//!     let ranks = Threads::group(2).into_iter().map(|rank| scope.spawn(|| train(rank)));
//!     ranks.collect::<Vec<_>>().into_iter().map(|rank| rank.join().unwrap()).collect::<Vec<_>>()
//! });
//! assert_eq!(digests[0], digests[1]);
//! # Ok(()) }
//! ```
//!
//! [`Replicated`] is the [`Feed`](crate::Feed) of a rank. What carries the frames is an [`Exchange`]: [`Threads`] of
//! one process, [`Alone`], `Mpi` (feature `mpi`), or one of your own. What is held is a [`Replica`]: a curriculum, or
//! a journal of one.
//!
//! # What is promised
//!
//! - The same batches for 1, 2, 3 or any number of ranks, whatever rank reports what and in which order, for any way
//!   of dividing the same sum of wants.
//! - A rank that has come to another state is named on every rank by [`Error::Diverged`](crate::Error::Diverged),
//!   before anything is learned or drawn with it. Compared are what the curriculum was built from, the digest of all
//!   decisions, the frames so far, and the numbers of rounds, versions, samples and of tickets in each state. What
//!   differs in nothing of this, as a bit of a policy's state, is found out by the first decision that it changes.
//! - A frame that does not arrive as it was sent is [`Error::Frame`](crate::Error::Frame), with the rank.
//! - Nothing is lost by such an error: what was reported waits, and the same call can be made again.
//!
//! # What is not
//!
//! - Every rank needs room for the whole curriculum, about 40 bytes a sample; where that is much, let one rank of
//!   each machine hold it.
//! - A rank that stays away stops the others, as in any collective call of the engine; how long they wait is up to
//!   it.
//! - In the [pace of arrival](crate::Arrival) what arrives between two exchanges is one step of learning: the number
//!   of ranks does not matter, when feedback comes does.
//! - A batch is handed out in the order of its tickets, which is that of arms for some samplers: the parts of ranks
//!   can differ in arms. The gradient of all ranks together does not.
//!
//! # Saving
//!
//! ```no_run
//! # use curricle::feed::ranks::{Alone, Replicated};
//! # use curricle::{Curriculum, Feed};
//! # fn main() -> curricle::Result<()> {
//! # let build = || Curriculum::builder(100).lag(1).build();
//! # let (mut feed, rank, file) = (Replicated::new(build()?, Alone), 0, "curriculum.snapshot");
//! // On all ranks: nothing waits any more, and all copies are equal. One of them is written.
//! let replica = feed.exchange()?;
//! if rank == 0 {
//!     replica.save(file)?;
//! }
//!
//! // On all ranks of the next run, however many: each works on its part of what was open.
//! let restored = build()?.restored(file)?;
//! let open = restored.unfinished();
//! let mut feed = Replicated::new(restored, Alone);
//! for batch in &open {
//!     let mine = feed.part(batch);
//! }
//! # Ok(()) }
//! ```

mod agreement;
mod exchange;
mod frame;
mod inbox;
#[cfg(feature = "mpi")]
mod mpi;
mod replica;
mod replicated;
mod threads;

pub use agreement::Dissent;
pub use exchange::{Alone, Exchange};
pub use frame::FrameError;
#[cfg(feature = "mpi")]
pub use mpi::Mpi;
pub use replica::Replica;
pub use replicated::Replicated;
pub use threads::Threads;
