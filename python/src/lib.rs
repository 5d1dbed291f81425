//! The Python package of curricle: its classes, over the crate.

#![forbid(unsafe_code)]

mod arrays;
mod batch;
mod build;
mod changes;
mod code;
mod curriculum;
mod engine;
mod error;
mod journal;
mod look;
mod outcomes;
mod own;
mod ranks;
mod results;
mod scores;
mod state;
mod step;
mod table;
mod test_time;
mod threads;

#[pyo3::pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::threads::loaded();
        Ok(())
    }

    #[pymodule_export]
    use crate::batch::Batch;
    #[pymodule_export]
    use crate::build::fingerprint;
    #[pymodule_export]
    use crate::code::codes;
    #[pymodule_export]
    use crate::curriculum::Curriculum;
    #[pymodule_export]
    use crate::journal::Journal;
    #[pymodule_export]
    use crate::outcomes::outcomes_of_groups;
    #[pymodule_export]
    use crate::ranks::Replicated;
    #[pymodule_export]
    use crate::results::Results;
    #[pymodule_export]
    use crate::scores::{angle_concentration, score_logits};
    #[pymodule_export]
    use crate::step::Step;
    #[pymodule_export]
    use crate::table::{Table, merge};
    #[pymodule_export]
    use crate::test_time::{Budget, Choice, Failure, Improver, Outcome};
}
