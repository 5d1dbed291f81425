//! Samples and arms that come and go while a run lives.

use curricle::{ArmId, SampleId, Weight};
use pyo3::prelude::*;

use crate::curriculum::Curriculum;
use crate::{arrays, build, error};

/// Pairs of a sample and a number.
fn pairs(
    samples: &Bound<'_, PyAny>,
    what: &'static str,
    values: &Bound<'_, PyAny>,
) -> PyResult<Vec<(SampleId, f64)>> {
    let samples = arrays::numbers("samples", samples)?;
    let values = arrays::doubles(what, values)?;
    if samples.len() != values.len() {
        let (expected, found) = (samples.len(), values.len());
        return Err(error::raise(&curricle::Error::Length { what, expected, found }));
    }
    Ok(samples.into_iter().map(SampleId).zip(values).collect())
}

#[pymethods]
impl Curriculum {
    /// Adds a sample to an arm and returns its number; from the next draw on it can be drawn. Without a weight it has
    /// the greatest that any was ever given. Where samples have keys it needs one.
    ///
    /// >>> curriculum = Curriculum(2, keys=["math/1", "math/2"])
    /// >>> sample = curriculum.insert(0, key="math/3")
    /// >>> sample, curriculum.find("math/3"), len(curriculum)
    /// (2, 2, 3)
    #[pyo3(signature = (arm = 0, *, weight = None, key = None))]
    fn insert(
        &self,
        py: Python<'_>,
        arm: u32,
        weight: Option<f64>,
        key: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let weight = weight.map_or(Weight::Greatest, Weight::Given);
        let key = key.map(build::key).transpose()?;
        let inserted = self.with(py, |engine| match key {
            Some(key) => engine.insert_key(key, ArmId(arm), weight),
            None => engine.insert(ArmId(arm), weight),
        });
        inserted.map(|sample| sample.0)
    }

    /// Takes a sample out for good. Feedback on its open tickets is still taken in.
    fn remove(&self, py: Python<'_>, sample: u64) -> PyResult<()> {
        self.with(py, |engine| engine.remove(SampleId(sample)))
    }

    /// Moves a sample to another arm.
    fn retag(&self, py: Python<'_>, sample: u64, arm: u32) -> PyResult<()> {
        self.with(py, |engine| engine.retag(SampleId(sample), ArmId(arm)))
    }

    /// Adds an arm without samples, and returns its number.
    fn add_arm(&self, py: Python<'_>) -> PyResult<u32> {
        self.with(py, |engine| engine.add_arm()).map(|arm| arm.0)
    }

    /// Sets the weights of samples, >= 0; all or none.
    ///
    /// >>> curriculum = Curriculum(10)
    /// >>> curriculum.set_weights([0, 1], [0.0, 2.5])
    /// >>> curriculum.weight(1)
    /// 2.5
    fn set_weights(&self, samples: &Bound<'_, PyAny>, weights: &Bound<'_, PyAny>) -> PyResult<()> {
        let weights = pairs(samples, "weights", weights)?;
        self.with(samples.py(), |engine| engine.set_weights(&weights))
    }

    /// Sets what samples cost, > 0; all or none. For `draw_within`.
    fn set_costs(&self, samples: &Bound<'_, PyAny>, costs: &Bound<'_, PyAny>) -> PyResult<()> {
        let costs = pairs(samples, "costs", costs)?;
        self.with(samples.py(), |engine| engine.set_costs(&costs))
    }

    /// Sets the weights of a mixture from now on, one for each arm; for a policy that has some.
    fn set_mixture(&self, weights: &Bound<'_, PyAny>) -> PyResult<()> {
        let mixture = arrays::doubles("weights", weights)?;
        self.with(weights.py(), |engine| engine.set_mixture(&mixture))
    }
}
