//! What a budget made of one item.

use curricle::test_time::budget;
use pyo3::prelude::*;

/// What a budget made of one item. It is true if the item is selected.
#[pyclass(frozen, module = "curricle.test_time")]
#[derive(Clone, Copy)]
pub struct Choice {
    /// Whether the item should be given the effort.
    #[pyo3(get)]
    selected: bool,
    /// Whether it would have been without a cap.
    #[pyo3(get)]
    wanted: bool,
    /// Its smoothed rank in [0, 1), low for uncertain items, where the budget ranks.
    #[pyo3(get)]
    rank: Option<f64>,
    /// What it was compared with: a rank where there is one, else an uncertainty.
    #[pyo3(get)]
    threshold: f64,
}

impl From<budget::Choice> for Choice {
    fn from(choice: budget::Choice) -> Self {
        let budget::Choice { selected, wanted, rank, threshold, .. } = choice;
        Self { selected, wanted, rank, threshold }
    }
}

#[pymethods]
impl Choice {
    fn __bool__(&self) -> bool {
        self.selected
    }

    fn __repr__(&self) -> String {
        let said = match (self.selected, self.wanted) {
            (true, _) => "selected",
            (false, true) => "capped",
            (false, false) => "not selected",
        };
        format!("<curricle.test_time.Choice: {said}>")
    }
}
