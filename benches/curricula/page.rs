//! The table as a part of a Markdown page.

use std::fmt::Write;
use std::path::Path;

use curricle::simulator::Scenario;

use crate::{Cell, Row};

const BEGIN: &str = "<!-- table: begin -->\n";
const END: &str = "<!-- table: end -->";

/// Replaces what stands between the marks of a page by the table.
pub fn insert(
    path: &Path,
    rows: &[Row],
    table: &[Vec<Cell>],
) -> Result<(), Box<dyn std::error::Error>> {
    let page = std::fs::read_to_string(path)?;
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no mark for a table")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no mark for the end of a table")?;
    std::fs::write(path, format!("{before}{BEGIN}{}{END}{after}", markdown(rows, table)?))?;
    Ok(())
}

fn markdown(rows: &[Row], table: &[Vec<Cell>]) -> Result<String, std::fmt::Error> {
    let mut text = String::from("| curriculum |");
    Scenario::ALL.iter().try_for_each(|scenario| write!(text, " {} |", scenario.name()))?;
    writeln!(text, " mean score |\n|--|{}--|", "--|".repeat(Scenario::ALL.len()))?;
    for (row, cells) in rows.iter().zip(table) {
        write!(text, "| {} |", row.name)?;
        let mut score = 0.0;
        for (cell, scenario) in cells.iter().zip(Scenario::ALL) {
            score += cell.score(scenario) / cells.len() as f64;
            match cell.quantile(0.5) {
                Some(steps) => write!(text, " {steps:.0} |")?,
                None => write!(text, " never ({}/{}) |", cell.reached(), cell.steps.len())?,
            }
        }
        writeln!(text, " {score:.2} |")?;
    }
    Ok(text)
}
