//! What the monitors say of series.

use curricle::monitor::{
    CurveFit, Dips, Direction, Forgetting, Interval, Limit, SeedNoise, StopPoint, Trend, TrendAlarm,
    bootstrap_interval, kendall_tau, seed_noise,
};
use curricle::{Error, Purpose, Rng, Round};

use super::Arguments;
use super::series::{Series, Watched};
use crate::fault::Fault;
use crate::progress::progress;

/// How many times the last points are drawn anew.
const RESAMPLES: usize = 1000;
/// The interval has this part of their means.
const LEVEL: f64 = 0.95;

/// What is read of a series. What cannot be read of so few points is `None`.
#[derive(Debug, Clone)]
pub struct Reading {
    pub series: Series,
    pub trend: Option<Trend>,
    /// Whether that is over the logarithm of x.
    pub log_x: bool,
    /// Kendall's tau-b against x; below 0 where losses fall.
    pub tau: Option<f64>,
    /// Of the mean of the last points, and how many those are.
    pub level: (Interval, usize),
    pub curve: Option<Curve>,
    pub dip: Dip,
}

/// The fitted curve, and where a run could have stopped.
#[derive(Debug, Clone)]
pub struct Curve {
    pub direction: Direction,
    pub bound: Option<f64>,
    pub limit: Limit,
    pub stop: StopPoint,
    /// How many points it goes through: those of x above 0.
    pub points: usize,
}

/// How far a series got worse within a window.
#[derive(Debug, Clone)]
pub struct Dip {
    pub drop: f64,
    pub rise: f64,
    /// Between which of its points, if it ever got worse.
    pub place: Option<(usize, usize)>,
    /// The worst since it was left.
    pub worst: Option<f64>,
}

/// What is read of all series.
#[derive(Debug, Clone)]
pub struct All {
    pub readings: Vec<Reading>,
    /// Of all tasks together; else why there is none.
    pub dips: Result<Dips, String>,
    pub noise: Option<SeedNoise>,
}

pub fn read(watched: &Watched, arguments: &Arguments) -> Result<All, Fault> {
    let refused = |error: Error| Fault::Input(error.to_string());
    let bar = progress(watched.series.len(), "series");
    let mut readings = Vec::new();
    for series in &watched.series {
        let of_series = |error: Error| Fault::Input(format!("`{}`: {error}", series.name));
        within_bound(series, arguments)?;
        readings.push(read_one(series, arguments).map_err(of_series)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let is_common = watched.series.iter().all(|series| series.x == watched.series[0].x);
    let dips = dips(&watched.series, is_common, arguments).map_err(refused)?;
    let rows: Vec<&[f64]> = watched.series.iter().map(|series| series.y.as_slice()).collect();
    let noise = match (arguments.seeds, is_common) {
        (true, false) => {
            return Err(Fault::Input("--seeds: all series need values at the same x".into()));
        }
        (true, true) if rows.len() < 2 => {
            return Err(Fault::Input(
                "--seeds: --y names one series, the noise is that between two".into(),
            ));
        }
        (true, true) => Some(seed_noise(&rows).map_err(refused)?),
        (false, _) => None,
    };
    Ok(All { readings, dips, noise })
}

/// Refuses a bound that a score is beyond: a limit that is held there would be no limit.
fn within_bound(series: &Series, arguments: &Arguments) -> Result<(), Fault> {
    let Some(bound) = arguments.bound else { return Ok(()) };
    let beyond = series.x.iter().zip(&series.y).find(|(_, y)| is_beyond(**y, bound, arguments));
    beyond.map_or(Ok(()), |(x, y)| {
        let name = &series.name;
        Err(Fault::Input(format!("--bound {bound}: `{name}` is {y} at {x}, which is beyond it")))
    })
}

fn is_beyond(y: f64, bound: f64, arguments: &Arguments) -> bool {
    if arguments.falling { y < bound } else { y > bound }
}

fn read_one(series: &Series, arguments: &Arguments) -> curricle::Result<Reading> {
    let Series { x, y, .. } = series;
    let higher_is_better = !arguments.falling;
    let alarm = TrendAlarm { log_x: arguments.log_x, higher_is_better, least_t: arguments.least_t };
    let (trend, tau) = match x.len() {
        0 | 1 => (None, None),
        _ => (Some(alarm.read(x, y)?), kendall_tau(y, Some(x))?.tau_b),
    };
    Ok(Reading {
        series: series.clone(),
        trend,
        log_x: arguments.log_x,
        tau,
        level: level(y, arguments)?,
        curve: curve(series, arguments)?,
        dip: dip(series, arguments)?,
    })
}

/// The interval of the mean of the last points.
fn level(y: &[f64], arguments: &Arguments) -> curricle::Result<(Interval, usize)> {
    let last = &y[y.len().saturating_sub(arguments.last as usize)..];
    let mut rng = Rng::at(arguments.seed, Round(0), Purpose::User);
    let mut resample =
        || -> Vec<usize> { last.iter().map(|_| rng.below(last.len() as u64) as usize).collect() };
    let resamples: Vec<Vec<usize>> = (0..RESAMPLES).map(|_| resample()).collect();
    Ok((bootstrap_interval(last, &resamples, LEVEL, 1.96)?, last.len()))
}

/// The fit through the points of x above 0; none through fewer than three.
fn curve(series: &Series, arguments: &Arguments) -> curricle::Result<Option<Curve>> {
    let from = series.x.partition_point(|&x| x <= 0.0);
    let (x, y) = (&series.x[from..], &series.y[from..]);
    if x.len() < 3 {
        return Ok(None);
    }
    let fit = if arguments.falling { CurveFit::loss() } else { CurveFit::share() };
    let is_held = |bound: &f64| !series.y.iter().any(|&y| is_beyond(y, *bound, arguments));
    let bound = arguments.bound.or(fit.bound.filter(is_held));
    let fit = CurveFit { bound, ..fit };
    let stop = fit.stop(x, y, arguments.threshold, arguments.patience)?;
    let limit = fit.fit(x, y)?;
    Ok(Some(Curve { direction: fit.direction, bound, limit, stop, points: x.len() }))
}

/// Values of which the greater is the better.
fn better(y: &[f64], arguments: &Arguments) -> Vec<f64> {
    if arguments.falling { y.iter().map(|y| -y).collect() } else { y.to_vec() }
}

fn dip(series: &Series, arguments: &Arguments) -> curricle::Result<Dip> {
    let y = better(&series.y, arguments);
    let forgetting = Forgetting { window: arguments.dip_window };
    let dips = forgetting.read(&[&y], &[None])?;
    let (drop, rise) = (dips.drop[0], dips.rise[0]);
    let ends = (0..y.len()).flat_map(|from| {
        let to = from.saturating_add(forgetting.window).min(y.len());
        (from + 1..to).map(move |to| (from, to))
    });
    let place = ends.into_iter().find(|&(from, to)| drop > 0.0 && y[from] - y[to] == drop);
    let since = series.left_at().filter(|&left| left < y.len());
    // The least since a task was left is asked for beside one that is being learned.
    let read = |left: usize| forgetting.read(&[&y, &y], &[Some(left), None]);
    let least = since.map(read).transpose()?.and_then(|dips| dips.min_accuracy[0]);
    let worst = least.map(|least| if arguments.falling { -least } else { least });
    Ok(Dip { drop, rise, place, worst })
}

/// Of all tasks together, where they were probed at the same x and all but one were left.
fn dips(
    series: &[Series],
    is_common: bool,
    arguments: &Arguments,
) -> curricle::Result<Result<Dips, String>> {
    let learned = series.iter().filter(|series| series.left.is_none()).count();
    if !is_common {
        return Ok(Err("the tasks do not all have values at the same x".into()));
    }
    if learned != 1 {
        return Ok(Err(format!("{learned} tasks were not left, where one is being learned")));
    }
    let left: Vec<Option<usize>> = series.iter().map(Series::left_at).collect();
    if left.iter().flatten().any(|&left| left >= series[0].x.len()) {
        return Ok(Err("a task has no value since it was left".into()));
    }
    let rows: Vec<Vec<f64>> = series.iter().map(|series| better(&series.y, arguments)).collect();
    let mut dips = Forgetting { window: arguments.dip_window }.read(&rows, &left)?;
    if arguments.falling {
        // They were read with their signs changed.
        (dips.final_mean, dips.worst_case) = (0.0 - dips.final_mean, 0.0 - dips.worst_case);
        dips.mean_min = dips.mean_min.map(|least| 0.0 - least);
    }
    Ok(Ok(dips))
}
