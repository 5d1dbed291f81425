//! The files of `src/feed`, compiled here with the primitives of a scheduler.

#[path = "../../src/feed/batches.rs"]
mod batches;
#[path = "../../src/feed/lockstep.rs"]
mod lockstep;
#[path = "../../src/feed/prefetch.rs"]
mod prefetch;
#[path = "sync.rs"]
mod sync;
#[path = "../../src/feed/ranks/threads.rs"]
mod threads;

pub use batches::Batches;
pub use curricle::Feed;
pub use curricle::feed::ranks::Exchange;
pub use lockstep::{Lockstep, Reporter};
pub use prefetch::Prefetch;
pub use threads::Threads;
