//! Times of works that take turns, and the read bandwidth that they are held against.

use std::hint::black_box;
use std::time::Instant;

use rayon::prelude::*;

/// How often each work is timed.
pub const PASSES: usize = 15;

/// The least and the median time of the passes of each work, in seconds. The works take turns, so that they
/// meet the same neighbours.
pub fn times<const N: usize>(mut works: [&mut dyn FnMut(); N]) -> [(f64, f64); N] {
    let mut seconds = [const { Vec::new() }; N];
    for pass in 0..=PASSES {
        for (work, seconds) in works.iter_mut().zip(&mut seconds) {
            let start = Instant::now();
            work();
            // The first pass is for the caches and the pages.
            if pass > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        (seconds[0], seconds[PASSES / 2])
    })
}

/// A sum on all threads: as quick as memory can be read.
pub fn stream(data: &[f32]) {
    let sum: f32 = data.par_chunks(1 << 18).map(add_up).sum();
    black_box(sum);
}

fn add_up(part: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 64];
    for chunk in part.as_chunks::<64>().0 {
        for lane in 0..64 {
            lanes[lane] += chunk[lane];
        }
    }
    lanes.iter().sum::<f32>()
}
