//! A call that may panic on damaged bytes, and then says so in its result.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is in a guarded call.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Does it; `None` if it panics. Nothing that it changes may be looked at afterwards.
///
/// The message of such a panic is not printed: with the first call the hook of the process is replaced
/// by one that passes on all panics but those of guarded calls. A program that is built to abort on a
/// panic aborts here, too.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    // In a thread that panics already the hook cannot be set.
    if !std::thread::panicking() {
        HOOK.call_once(|| {
            let before = take_hook();
            set_hook(Box::new(move |panic| {
                // A thread at its end has no such value any more, and is in no guarded call.
                if !GUARDED.try_with(Cell::get).unwrap_or(false) {
                    before(panic);
                }
            }));
        });
    }
    let outer = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    GUARDED.set(outer);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_result() {
        assert_eq!(guarded(|| 5), Some(5));
        assert_eq!(
            guarded(|| if GUARDED.get() {
                panic!("damaged")
            }),
            None
        );
        assert!(!GUARDED.get());
    }
}
