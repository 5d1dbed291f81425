//! Series from a table: a column for x, and one for each task.

use super::Arguments;
use super::series::{Series, Watched};
use crate::fault::Fault;
use crate::progress::progress_of_rows;
use crate::rows::{Place, Reader, Row};

/// Reads the columns. A row without a value of a task is no point of its series.
pub fn series(arguments: &Arguments) -> Result<Watched, Fault> {
    let Arguments { input, x, y, window, .. } = arguments;
    let x = x.as_ref().ok_or_else(|| Fault::file(input, "--x and --y name the columns of a table"))?;
    let fields: Vec<String> = std::iter::once(x).chain(y).cloned().collect();
    let mut points: Vec<Vec<(f64, f64, Place)>> = vec![Vec::new(); y.len()];
    let mut rows = 0;
    let bar = progress_of_rows("rows", 1);
    for row in Reader::open(input, &fields)? {
        let row = row?;
        let mut at = None;
        for (task, points) in points.iter_mut().enumerate() {
            if let Some(score) = row.maybe_number(1 + task)? {
                let x = at.map_or_else(|| position(&row, arguments), Ok)?;
                at = Some(x);
                points.push((x, score, row.place));
            }
        }
        rows += 1;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let (mut series, mut notes) = (Vec::new(), Vec::new());
    for (name, mut points) in y.iter().zip(points) {
        if points.is_empty() {
            return Err(Fault::file(input, format!("no row has a `{name}`")));
        }
        if points.len() < rows {
            notes.push(format!("{} of {rows} rows have a `{name}`", points.len()));
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let Some([(x, _, first), (_, _, second)]) = points.array_windows().find(|[a, b]| a.0 == b.0)
        {
            let what = format!("{second}: `{name}` has a value at {x}, as in {first}");
            return Err(Fault::file(input, what));
        }
        let points = points.into_iter().map(|(x, score, _)| (x, score));
        series.push(Series::new(name, points).in_windows(*window as usize)?);
    }
    for (name, left) in &arguments.left {
        let named = series.iter_mut().find(|series| series.name == *name);
        let series = named.ok_or_else(|| Fault::Input(format!("--left: there is no `{name}`")))?;
        if series.left.replace(*left).is_some() {
            return Err(Fault::Input(format!("--left names `{name}` twice")));
        }
    }
    Ok(Watched { x: x.clone(), y: "score".into(), series, notes })
}

/// The x of a row.
fn position(row: &Row, arguments: &Arguments) -> Result<f64, Fault> {
    let x = row.number(0)?;
    match arguments.log_x && x <= 0.0 {
        true => Err(row.fault(format!("x is {x}, of which --log-x would take the logarithm"))),
        false => Ok(x),
    }
}
