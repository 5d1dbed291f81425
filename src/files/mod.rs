//! What is written to a disk: snapshots, journals and checkpoints.

pub(crate) mod checkpoint;
pub(crate) mod column;
pub(crate) mod journal;
mod names;
pub(crate) mod snapshot;
pub(crate) mod whole_file;
