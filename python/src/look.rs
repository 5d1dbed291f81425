//! What a curriculum shows of itself.

use std::collections::BTreeMap;

use curricle::{Allocation, ArmId, SampleId};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};

use crate::batch::Batch;
use crate::curriculum::Curriculum;
use crate::engine::Look;
use crate::{build, error};

impl Curriculum {
    /// Looks at the curriculum.
    fn look<T: Send>(&self, py: Python<'_>, look: impl FnOnce(&dyn Look) -> T + Send) -> PyResult<T> {
        self.with(py, |engine| Ok(look(engine.look())))
    }
}

/// The arm and the quantity of a name such as `arm/algebra/drawn`; names of arms may have slashes in them.
fn of_arm<'a>(name: &'a str, arms: &BTreeMap<String, usize>) -> Option<(usize, &'a str)> {
    let rest = name.strip_prefix("arm/")?;
    rest.rmatch_indices('/').find_map(|(at, _)| Some((*arms.get(&rest[..at])?, &rest[at + 1..])))
}

#[pymethods]
impl Curriculum {
    /// The round that the next draw will have.
    #[getter]
    fn round(&self, py: Python<'_>) -> PyResult<u64> {
        self.look(py, |it| it.round())
    }

    /// The version of the model that is trained now.
    #[getter]
    fn version(&self, py: Python<'_>) -> PyResult<u64> {
        self.look(py, |it| it.version())
    }

    /// A digest of all decisions so far: equal for equal streams of batches.
    #[getter]
    fn digest(&self, py: Python<'_>) -> PyResult<u64> {
        self.look(py, |it| it.digest())
    }

    /// How many rounds the feedback may lag behind; 2^64 - 1 in the pace of arrival, which waits for none.
    #[getter]
    fn lag(&self, py: Python<'_>) -> PyResult<u64> {
        self.look(py, |it| it.lag())
    }

    /// The names of the arms: as given, else their numbers.
    #[getter]
    fn arm_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.look(py, arm_names)
    }

    /// How many samples there are that have not been removed.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.look(py, |it| {
            let arms = it.population().arms();
            (0..arms.count()).map(|arm| arms.size(ArmId(arm as u32))).sum()
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        // Whatever state it is in, a message can show it.
        let Ok((round, arms)) = self.look(py, |it| (it.round(), it.population().arms().count())) else {
            return Ok("<curricle.Curriculum: closed, or called by one of its parts>".to_owned());
        };
        let samples = self.__len__(py)?;
        Ok(format!("<curricle.Curriculum: {samples} samples in {arms} arms, round {round}>"))
    }

    /// The probability of each arm in the last draw; empty before the first, and over ranks. float64.
    fn shares<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        Ok(PyArray1::from_vec(py, self.look(py, |it| it.shares())?))
    }

    /// Where all tickets are: drawn = admitted + rejected + banked + lost + open.
    ///
    /// >>> curriculum = Curriculum(10)
    /// >>> batch = curriculum.draw(4)
    /// >>> curriculum.counts()
    /// {'drawn': 4, 'admitted': 0, 'rejected': 0, 'banked': 0, 'lost': 0, 'open': 4}
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = self.look(py, |it| it.counts())?;
        let made = PyDict::new(py);
        let parts = [
            ("drawn", counts.drawn),
            ("admitted", counts.admitted),
            ("rejected", counts.rejected),
            ("banked", counts.banked),
            ("lost", counts.lost),
            ("open", counts.open),
        ];
        parts.into_iter().try_for_each(|(name, count)| made.set_item(name, count)).map(|()| made)
    }

    /// The state of the run as names and finite numbers, for whatever logs a run.
    ///
    /// >>> curriculum = Curriculum(10, arms=["algebra"] * 5 + ["geometry"] * 5)
    /// >>> batch = curriculum.draw(4)
    /// >>> curriculum.metrics()["arm/algebra/share"]
    /// 0.5
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let made = PyDict::new(py);
        for (name, value) in self.with(py, |engine| Ok(engine.metrics()))? {
            made.set_item(name, value)?;
        }
        Ok(made)
    }

    /// What the metrics say by arm, as arrays by quantity, in the order of `arm_names`. float64; NaN where a quantity
    /// is not known yet.
    ///
    /// >>> curriculum = Curriculum(10, arms=2)
    /// >>> batch = curriculum.draw(4)
    /// >>> curriculum.arm_metrics()["share"]
    /// array([0.5, 0.5])
    fn arm_metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (names, metrics) = self.look(py, |it| (arm_names(it), it.metrics()))?;
        let count = names.len();
        let places: BTreeMap<String, usize> =
            names.into_iter().enumerate().map(|(at, it)| (it, at)).collect();
        let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, value) in &metrics {
            if let Some((arm, quantity)) = of_arm(name, &places) {
                found.entry(quantity.to_owned()).or_insert_with(|| vec![f64::NAN; count])[arm] = *value;
            }
        }
        let made = PyDict::new(py);
        for (quantity, values) in found {
            made.set_item(quantity, PyArray1::from_vec(py, values))?;
        }
        Ok(made)
    }

    /// Why a sample is drawn, or is not, in the next batch, of `n` samples or as many as the last: an `Explanation`,
    /// which is a dict and prints as sentences.
    ///
    /// >>> curriculum = Curriculum(10, weights=[0.0] + [1.0] * 9)
    /// >>> batch = curriculum.draw(4)
    /// >>> curriculum.explain(0)["obstacle"]
    /// 'no_weight'
    #[pyo3(signature = (sample, n = None))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        sample: u64,
        n: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let explained = self.with(py, |engine| engine.look().explain(SampleId(sample), n))?;
        let json =
            serde_json::to_string(&explained).map_err(|error| error::option(py, &error.to_string()))?;
        let class = PyModule::import(py, "curricle._explanation")?.getattr("Explanation")?;
        class.call_method1("_read", (json, explained.to_string()))
    }

    /// The open tickets, as the batches that they were drawn in: what a trainer has to do again after a restart.
    fn unfinished(&self, py: Python<'_>) -> PyResult<Vec<Batch>> {
        Ok(self.look(py, |it| it.unfinished())?.into_iter().map(Batch::from).collect())
    }

    /// Shares `budget` rollouts out among the draws of a batch by what is believed of their samples, for
    /// "useful_groups" or "neyman". uint32. Only where weights come from beliefs.
    ///
    /// >>> curriculum = Curriculum(100, preset="prompts")
    /// >>> curriculum.rollouts(curriculum.draw(4), 32)
    /// array([8, 8, 8, 8], dtype=uint32)
    #[pyo3(signature = (batch, budget, aim = "useful_groups"))]
    fn rollouts<'py>(
        &self,
        py: Python<'py>,
        batch: &Batch,
        budget: u64,
        aim: &str,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let aim = match aim {
            "useful_groups" => Allocation::UsefulGroups,
            "neyman" => Allocation::Neyman,
            other => {
                let text = format!("aim: `useful_groups` or `neyman` is expected, not `{other}`");
                return Err(error::option(py, &text));
            }
        };
        let shared = self.with(py, |engine| engine.look().rollouts(&batch.batch, budget, aim))?;
        Ok(PyArray1::from_vec(py, shared))
    }

    /// The sample of a key, or None.
    fn find(&self, key: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        let (py, key) = (key.py(), build::key(key)?);
        self.look(py, |it| it.population().find(key).map(|sample| sample.0))
    }

    /// The weight that a sample is drawn with now.
    fn weight(&self, py: Python<'_>, sample: u64) -> PyResult<f64> {
        self.with(py, |engine| engine.look().population().weight(SampleId(sample)))
    }

    /// The arm of a sample.
    fn arm_of(&self, py: Python<'_>, sample: u64) -> PyResult<u32> {
        self.with(py, |engine| {
            engine.look().population().arms().arm_of(SampleId(sample)).map(|arm| arm.0)
        })
    }
}

fn arm_names(it: &dyn Look) -> Vec<String> {
    (0..it.population().arms().count()).map(|arm| it.arm_name(ArmId(arm as u32))).collect()
}
