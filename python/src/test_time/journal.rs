//! Entries and sums of a journal, as dicts.

use curricle::test_time::self_improvement::{Entry, Summary};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::name;
use super::outcome::of_action;

/// One input; all keys are there, None where nothing is known.
pub fn entry<'py>(py: Python<'py>, entry: &Entry) -> PyResult<Bound<'py, PyDict>> {
    let (action, why, cluster) = of_action(entry.action);
    let made = PyDict::new(py);
    made.set_item("ticket", entry.ticket.0)?;
    made.set_item("uncertainty", entry.uncertainty)?;
    made.set_item("lesson", entry.lesson)?;
    made.set_item("selected", entry.choice.map(|choice| choice.selected))?;
    made.set_item("wanted", entry.choice.map(|choice| choice.wanted))?;
    made.set_item("rank", entry.choice.and_then(|choice| choice.rank))?;
    made.set_item("threshold", entry.choice.map(|choice| choice.threshold))?;
    made.set_item("standing", entry.standing)?;
    made.set_item("expected_gain", entry.expected.map(|expected| expected.gain))?;
    made.set_item("expected_harm", entry.expected.map(|expected| expected.harm))?;
    made.set_item("propensity", entry.propensity)?;
    made.set_item("synthesised", entry.synthesised)?;
    made.set_item("accepted", entry.accepted)?;
    made.set_item("loss_before", entry.held_out.map(|(before, _)| before))?;
    made.set_item("loss_after", entry.held_out.map(|(_, after)| after))?;
    made.set_item("spent", entry.spent)?;
    made.set_item("action", action)?;
    made.set_item("why", why)?;
    made.set_item("cluster", cluster)?;
    made.set_item("failed", entry.failed.map(|stage| name(&stage)))?;
    made.set_item("base_right", entry.verified.map(|verified| verified.base))?;
    made.set_item("given_right", entry.verified.map(|verified| verified.given))?;
    Ok(made)
}

/// What a journal adds up to.
pub fn summary<'py>(py: Python<'py>, summary: &Summary) -> PyResult<Bound<'py, PyDict>> {
    let made = PyDict::new(py);
    let counts = [
        ("inputs", summary.inputs),
        ("wanted", summary.wanted),
        ("spent", summary.spent),
        ("improved", summary.improved),
        ("failed", summary.failed),
        ("verified", summary.verified),
        ("fixed", summary.fixed),
        ("harmed", summary.harmed),
    ];
    counts.into_iter().try_for_each(|(name, count)| made.set_item(name, count))?;
    made.set_item("p_value", summary.p_value())?;
    Ok(made)
}
