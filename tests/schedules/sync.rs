//! The primitives of `src/feed/sync.rs`, made of those of shuttle, which says at each of their calls who goes on.

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync;

pub use shuttle::sync::Arc;
pub use shuttle::sync::atomic::{AtomicBool, Ordering};
pub use shuttle::sync::mpsc::{Receiver, Sender, channel as unbounded};
pub use shuttle::thread::spawn;
pub use std::thread::panicking;

/// Like that of `parking_lot`: a panic does not poison it.
#[derive(Debug)]
pub struct Mutex<T>(sync::Mutex<T>);

/// Empty only while its thread waits.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    mutex: &'a sync::Mutex<T>,
    held: Option<sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        let held = Some(self.0.lock().unwrap_or_else(PoisonError::into_inner));
        MutexGuard { mutex: &self.0, held }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_deref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_deref_mut().unwrap()
    }
}

#[derive(Debug)]
pub struct Condvar(sync::Condvar);

pub struct Waited(bool);

impl Waited {
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub fn new() -> Self {
        Self(sync::Condvar::new())
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    /// There is no time here. The greatest patience waits until it is woken, so that a wake-up which is lost is a deadlock,
    /// which shuttle finds; none at all is over at once; any other ends when the schedule says so, also without reason.
    pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, patience: Duration) -> Waited {
        let held = guard.held.take().unwrap();
        let is_over =
            patience == Duration::ZERO || patience < Duration::MAX && thread_rng().gen_bool(0.5);
        let held = if is_over {
            drop(held);
            guard.mutex.lock()
        } else {
            self.0.wait(held)
        };
        guard.held = Some(held.unwrap_or_else(PoisonError::into_inner));
        Waited(is_over)
    }
}
