//! Training runs, two at a time, each with a progress bar.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Does all jobs, two at a time, and returns what they made in the order of the jobs.
pub fn run_all<J: Send, R: Send>(
    jobs: Vec<(String, J)>,
    steps: usize,
    run: impl Fn(J, &ProgressBar) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let bars = MultiProgress::new();
    let style =
        ProgressStyle::with_template("{prefix:24} {bar:32} {pos:>5} steps  {elapsed:>4}  {msg}")?;
    let (orders, ordered) = crossbeam::channel::unbounded();
    let (results, finished) = crossbeam::channel::unbounded();
    // The receivers outlive the scope: nothing that is sent is refused.
    for job in jobs.into_iter().enumerate() {
        let _ = orders.send(job);
    }
    drop(orders);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (ordered, results) = (ordered.clone(), results.clone());
            let (bars, style, run) = (&bars, &style, &run);
            scope.spawn(move || {
                for (place, (name, job)) in ordered {
                    let bar = bars.add(ProgressBar::new(steps as u64).with_style(style.clone()));
                    bar.set_prefix(name);
                    let _ = results.send((place, run(job, &bar)));
                }
            });
        }
    });
    drop(results);
    let mut made: Vec<(usize, Result<R>)> = finished.into_iter().collect();
    made.sort_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, made)| made).collect()
}
