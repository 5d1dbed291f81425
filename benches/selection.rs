//! Time and peak memory of the batch selections on pools of 20 000.
//!
//! ```text
//! cargo bench --bench selection
//! ```
//!
//! Two twins run beside them: k-center that measures all distances to all taken again for every pick,
//! and BADGE on gradients that are formed (on fewer items and classes, since 20 000 gradients of 100 x 768
//! numbers are 6.1 GB). The last two columns are the high-water mark of the process during the
//! selection, its input included, and how much of that was not resident before; memory that the
//! allocator had kept is not counted in the latter. Linux only, elsewhere they read `-`.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use curricle::test_time::select::{Badge, KCenter, Rows, Select};
use curricle::{Purpose, Rng, Round};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn normals(count: usize, round: u64) -> Vec<f32> {
    let mut rng = Rng::at(1, Round(round), Purpose::User);
    (0..count.div_ceil(2)).flat_map(|_| <[f64; 2]>::from(rng.two_normals())).map(|x| x as f32).collect()
}

/// A line of `/proc/self/status`, in KiB.
fn status(field: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|line| {
        line.strip_prefix(field)?.trim_matches([':', ' ', '\t', 'k', 'B']).parse().ok()
    })
}

fn report<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    // Writing 5 sets the high-water mark back to what is resident.
    let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = status("VmRSS");
    let start = Instant::now();
    let value = black_box(work()?);
    let spent = start.elapsed();
    let grown = match (reset, before, status("VmHWM")) {
        (true, Some(before), Some(peak)) => {
            let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
            format!("{:>12} {:>12}", mib(peak), mib(peak.saturating_sub(before)))
        }
        _ => format!("{:>12} {:>12}", "-", "-"),
    };
    println!("{name:<44} {:>9.3} s {grown}", spent.as_secs_f64());
    Ok((value, spent))
}

fn main() -> Result<()> {
    println!("{} threads", std::thread::available_parallelism()?);
    println!("{:<44} {:>11} {:>12} {:>12}", "", "time", "peak", "of it new");
    let mut rng = Rng::at(1, Round(0), Purpose::User);

    let points = normals(20_000 * 256, 1);
    let rows = Rows::new(&points, 256)?;
    let (picked, spent) = report("k-center n=20000 d=256 k=100", || {
        Ok(KCenter::new(rows).select(&[], 100, &mut rng)?)
    })?;
    let (twin, naive) =
        report("  twin: all distances again for each pick", || Ok(k_center(rows, 100)))?;
    assert_eq!(picked, twin, "the same picks");
    println!("  same picks, {:.0} times as fast", naive.as_secs_f64() / spent.as_secs_f64());
    drop(points);

    let residuals = curricle::test_time::select::residuals(Rows::new(&normals(20_000 * 100, 2), 100)?);
    let embeddings = normals(20_000 * 768, 3);
    let badge = Badge::new(Rows::new(&residuals, 100)?, Rows::new(&embeddings, 768)?)?;
    report("BADGE n=20000 C=100 d=768 k=100", || Ok(badge.select(&[], 100, &mut rng)?))?;
    report("BADGE n=20000 C=100 d=768 k=10", || Ok(badge.select(&[], 10, &mut rng)?))?;

    let (n, classes, dim) = (2_000, 20, 256);
    let small = Badge::new(
        Rows::new(&residuals[..n * classes], classes)?,
        Rows::new(&embeddings[..n * dim], dim)?,
    )?;
    let seeded = || Rng::at(9, Round(0), Purpose::User);
    let (picked, spent) =
        report("BADGE n=2000 C=20 d=256 k=10", || Ok(small.select(&[], 10, &mut seeded())?))?;
    let (twin, naive) = report("  twin: gradients formed", || {
        let gradients = gradients(&residuals[..n * classes], classes, &embeddings[..n * dim], dim);
        Ok(plus_plus(&gradients, classes * dim, 10, &mut seeded()))
    })?;
    assert_eq!(picked, twin, "the same picks");
    println!("  same picks, {:.0} times as fast", naive.as_secs_f64() / spent.as_secs_f64());
    Ok(())
}

fn square(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    for (x, y) in x.chunks(16).zip(y.chunks(16)) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += (x - y) * (x - y);
        }
    }
    lanes.iter().sum()
}

fn k_center(rows: Rows<'_>, count: usize) -> Vec<usize> {
    let mut picked = vec![0];
    while picked.len() < count {
        let nearest = |item: usize| {
            let distances = picked.iter().map(|&other| square(rows.row(item), rows.row(other)));
            distances.fold(f32::INFINITY, f32::min)
        };
        let open = (0..rows.count()).filter(|item| !picked.contains(item));
        let next = open
            .map(|item| (item, nearest(item)))
            .fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best });
        picked.push(next.0);
    }
    picked
}

fn gradients(residuals: &[f32], classes: usize, embeddings: &[f32], dim: usize) -> Vec<f32> {
    let pairs = residuals.chunks(classes).zip(embeddings.chunks(dim));
    pairs.flat_map(|(r, h)| r.iter().flat_map(move |r| h.iter().map(move |h| r * h))).collect()
}

fn plus_plus(points: &[f32], dim: usize, count: usize, rng: &mut Rng) -> Vec<usize> {
    let rows: Vec<&[f32]> = points.chunks(dim).collect();
    let zero = vec![0.0; dim];
    let norms: Vec<f32> = rows.iter().map(|row| square(row, &zero)).collect();
    let longest =
        (0..rows.len()).fold(0, |best, item| if norms[item] > norms[best] { item } else { best });
    let mut picked = vec![longest];
    let mut nearest = vec![f64::INFINITY; rows.len()];
    while picked.len() < count {
        let newest = rows[picked[picked.len() - 1]];
        for (nearest, row) in nearest.iter_mut().zip(&rows) {
            *nearest = nearest.min(square(row, newest).into());
        }
        let mut left = rng.unit() * nearest.iter().sum::<f64>();
        let next = nearest.iter().position(|&distance| {
            left -= distance;
            left < 0.0
        });
        picked.push(next.unwrap_or(rows.len() - 1));
    }
    picked
}
