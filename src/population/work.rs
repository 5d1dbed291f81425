//! A count of the slots and arms that changes of samples touch, for tests of what they cost.

/// Notes so much work.
#[inline(always)]
pub(super) fn done(count: usize) {
    #[cfg(test)]
    DONE.set(DONE.get() + count);
    let _ = count;
}

#[cfg(test)]
thread_local! {
    static DONE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The work of this thread since the last call.
#[cfg(test)]
pub(super) fn taken() -> usize {
    DONE.take()
}
