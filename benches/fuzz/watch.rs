//! What an input takes: memory, and time.

use std::alloc::System;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stats_alloc::{Region, StatsAlloc};

use crate::decoders::Bound;

/// What an input may take. Each is done in some milliseconds; the machine is shared.
pub const LONGEST: Duration = Duration::from_secs(10);

pub struct Watch {
    allocator: &'static StatsAlloc<System>,
    bound: Bound,
    /// The most bytes that were asked for beside the constant, for each byte of a file.
    pub greatest: Cell<f64>,
    /// The most bytes that were asked for, and by a file of what size.
    pub most: Cell<(usize, usize)>,
}

impl Watch {
    pub fn new(allocator: &'static StatsAlloc<System>, bound: Bound) -> Self {
        Self { allocator, bound, greatest: Cell::new(0.0), most: Cell::new((0, 0)) }
    }

    /// Reads files of so many bytes; what the allocator is asked for meanwhile, all in all, must be within the bound.
    pub fn reads<T>(&self, size: usize, read: impl FnOnce() -> T) -> T {
        let region = Region::new(self.allocator);
        let value = read();
        let taken = region.change().bytes_allocated;
        if taken > self.most.get().0 {
            self.most.set((taken, size));
        }
        self.greatest.set(self.greatest.get().max(taken as f64 / size.max(1) as f64));
        let Bound { factor, beside } = self.bound;
        assert!(taken <= beside + factor * size, "{taken} bytes are asked for by {size}");
        value
    }
}

/// Ends the process if one input takes too long: nothing else could end it.
pub fn guard(current: &'static AtomicU64, name: &'static str) {
    std::thread::spawn(move || {
        let (mut last, mut since) = (u64::MAX, Instant::now());
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let now = current.load(Ordering::Relaxed);
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() > LONGEST {
                eprintln!("{name}: input {now} does not end within {LONGEST:?}");
                std::process::exit(3);
            }
        }
    });
}
