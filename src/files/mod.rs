//! What is written to a disk: snapshots and journals.

pub(crate) mod column;
pub(crate) mod journal;
pub(crate) mod snapshot;
pub(crate) mod whole_file;
