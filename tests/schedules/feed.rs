//! The files of `src/feed`, compiled here with the primitives of a scheduler.

#[path = "../../src/feed/batches.rs"]
mod batches;
#[path = "../../src/feed/lockstep.rs"]
mod lockstep;
#[path = "../../src/feed/prefetch.rs"]
mod prefetch;
#[path = "sync.rs"]
mod sync;

pub use batches::Batches;
pub use curricle::Feed;
pub use lockstep::{Lockstep, Reporter};
pub use prefetch::Prefetch;
