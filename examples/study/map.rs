//! When a curriculum pays: the default at every place of the map, against the best baseline of the place.

use crate::catalogue::{OURS, Place, Transfer};
use crate::compare::{Row, Table};
use crate::page::grid::{Cell, MARKS, Panel, draw, mark, of_ratio};
use crate::table::{interval, percent, ratio};

fn cell(row: &Row) -> Option<Cell> {
    let (gain, tokens) = (row.gain.as_ref()?, row.tokens.as_ref());
    let area = format!("area {} % {}", percent(gain.mean), mark(gain.verdict()));
    let (first, second, hue) = match tokens {
        Some(tokens) => {
            (ratio(tokens.median), interval(tokens.interval, ratio), of_ratio(tokens.median))
        }
        None => ("no level".into(), "uniform gains nothing".into(), 0.0),
    };
    Some(Cell { lines: vec![first, second, area], hue })
}

/// The picture; with `alone` as a file of its own.
pub fn picture(tables: &[Table], alone: bool) -> String {
    let panel = |unlearnable: u64| {
        let row = |transfer: Transfer| {
            let cell = |&signal: &u64| {
                let place = Place { unlearnable, transfer, signal };
                let found = tables.iter().find(|table| Place::of(&table.workload) == Some(place));
                found.and_then(|table| cell(table.row(OURS)?))
            };
            (format!("transfer {}", transfer.name()), Place::SIGNALS.iter().map(cell).collect())
        };
        Panel {
            title: format!("{unlearnable} % unlearnable"),
            columns: Place::SIGNALS.iter().map(|signal| format!("signal {signal} %")).collect(),
            rows: Transfer::ALL.into_iter().map(row).collect(),
        }
    };
    let panels = Place::UNLEARNABLE.map(panel);
    let note = format!(
        "Tokens to uniform's final level, in those of uniform, with 95 % interval. Area: {MARKS}"
    );
    draw("When the default pays: tokens and area against uniform sampling", &panels, &note, alone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Reference, tables};
    use crate::run::Setting;
    use crate::store::Kept;
    use crate::synthetic;

    #[test]
    fn every_place_has_its_cell() {
        let place = Place { unlearnable: 20, transfer: Transfer::Weak, signal: 25 };
        let run = |curriculum: &str, seed| {
            let (workload, curriculum) = (place.workload(), curriculum.to_owned());
            synthetic::kept(&Setting { workload, curriculum, seed, rate: 4e-3, tokens: 20_000 })
        };
        let runs: Vec<Kept> =
            (1..=6).flat_map(|seed| ["uniform", "default"].map(|name| run(name, seed))).collect();
        let tables = tables(&runs, (&[], &[]), Reference::Baseline).unwrap();
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].reference.as_deref(), Some("uniform"));
        let picture = picture(&tables, true);
        let gain = tables[0].row(OURS).unwrap().gain.clone().unwrap();
        let area = format!("area {} % {}<", percent(gain.mean), mark(gain.verdict()));
        assert_eq!(
            (picture.matches("<text class=\"c\"").count(), picture.matches(&area).count()),
            (1, 1)
        );
        assert_eq!(picture.matches("transfer weak").count(), 3);
    }
}
