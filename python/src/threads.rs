//! The threads that the crate shares work out to, which a forked process does not have.

use std::sync::OnceLock;

use curricle::{Error, Result};

/// The process that has loaded the package.
static LOADED_BY: OnceLock<u32> = OnceLock::new();

/// Notes the process that loads the package, before it uses any thread.
pub fn loaded() {
    LOADED_BY.get_or_init(std::process::id);
}

/// Does work on all cores; in a process that is forked from the one that has loaded the package, such as the worker of a
/// data loader, on one: the threads of the other would be waited for in vain.
pub fn on_all<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if LOADED_BY.get() == Some(&std::process::id()) {
        return work();
    }
    let refused = Error::Unsupported { part: "process", request: "a thread" };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|_| refused)?;
    one.install(work)
}
