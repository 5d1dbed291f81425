//! Series from a journal: what the arms come to, by windows of rounds.

use super::Arguments;
use super::series::{Series, Watched};
use crate::fault::Fault;
use crate::report::{Column, Sums, Told, arm_name, read};

/// The mean success of the arms, or their mean reward by the signal where no success was reported.
pub fn series(arguments: &Arguments) -> Result<Watched, Fault> {
    let (history, told) = read(&arguments.input, arguments.window)?;
    let curriculum = history.curriculum();
    let has_success = told.all.success.count > 0;
    let score = |sums: &Sums| if has_success { sums.success.mean() } else { sums.score.mean() };
    let mut arms: Vec<usize> = (0..told.arms.len()).collect();
    arms.sort_by_key(|&arm| (u64::MAX - told.arms[arm].drawn, arm));
    let others = arms.len().saturating_sub(arguments.arms);
    arms.truncate(arguments.arms);
    arms.sort_unstable();
    let mut notes = Vec::new();
    if others > 0 {
        notes.push(format!("{others} arms with fewer tickets are not shown"));
    }
    if told.columns.width != arguments.window {
        notes.push(format!(
            "windows of {} rounds: there would be too many of {}",
            told.columns.width, arguments.window
        ));
    }
    let bound = arguments.left_below.unwrap_or(0.5 / told.arms.len().max(1) as f64);
    let mut series = Vec::new();
    for arm in arms {
        let name = arm_name(curriculum, arm as u32);
        let points: Vec<(f64, f64)> = windows(&told, arm)
            .filter_map(|(x, _, sums)| sums.and_then(score).map(|score| (x, score)))
            .collect();
        if points.is_empty() {
            notes.push(format!("{name} has no outcome"));
            continue;
        }
        let left = left(&told, arm, bound);
        series.push(Series { left, ..Series::new(&name, points) });
    }
    if series.is_empty() {
        return Err(Fault::file(&arguments.input, "no outcome has been reported"));
    }
    let y = if has_success { "mean success" } else { "mean reward of the signal" };
    Ok(Watched { x: "rounds".into(), y: y.into(), series, notes })
}

/// The windows of a run: how many rounds there were at their end, all that happened, and what did to an arm.
fn windows(told: &Told, arm: usize) -> impl Iterator<Item = (f64, &Column, Option<&Sums>)> {
    let columns = told.columns.all.iter().enumerate();
    columns.map(move |(place, column)| {
        let rounds = told.columns.last(place) + 1;
        (rounds as f64, column, column.arms.get(&(arm as u32)))
    })
}

/// Where an arm was left: the first window from which on its share stays below the bound.
fn left(told: &Told, arm: usize, bound: f64) -> Option<f64> {
    let mut left = None;
    for (x, column, sums) in windows(told, arm) {
        // What the policy asked for has no noise of drawing in it; of very many arms it is not summed up.
        let share = match column.all.asked {
            asked if asked > 0.0 => sums.map_or(0.0, |sums| sums.asked) / asked,
            _ if column.all.drawn == 0 => continue,
            _ => sums.map_or(0, |sums| sums.drawn) as f64 / column.all.drawn as f64,
        };
        left = if share < bound { left.or(Some(x)) } else { None };
    }
    left
}
