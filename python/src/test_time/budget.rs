//! The class `Budget`: which of the items of a stream are worth an effort.

use std::sync::{Arc, Mutex, MutexGuard};

use curricle::test_time::budget::{
    self, Always, Budget as Core, Conformal, ErrorRecall, Fixed, Horizon, ResidualRisk, TokenBucket,
    Tracking,
};
use curricle::{Error, Metrics, Purpose, Result, Rng, Round};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};

use super::Choice;
use crate::arrays;
use crate::error::raised;

/// A budget, and how many items `select` has been given.
struct Counted {
    inner: Box<dyn Core + Send>,
    items: u64,
}

/// A budget that has several owners: the object, an improver, a cap around it.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Counted>>);

impl Shared {
    /// Nothing else is locked while this is, but what it stands around.
    fn lock(&self) -> Result<MutexGuard<'_, Counted>> {
        self.0.lock().map_err(|_| Error::Poisoned)
    }
}

impl Core for Shared {
    fn wants(&mut self, uncertainty: f64, coin: f64) -> Result<budget::Choice> {
        self.lock()?.inner.wants(uncertainty, coin)
    }

    fn metrics(&self) -> Metrics {
        self.lock().map(|counted| counted.inner.metrics()).unwrap_or_default()
    }
}

/// Decides, item by item, which of a stream are worth an effort, so that the whole stays affordable.
///
/// All budgets take uncertainty: HIGH means that an effort is wanted. Of a score that is low for uncertain items, such
/// as a margin, give the complement or the negative.
///
/// A budget is made by name. It is one object wherever it is handed to: an improver or a cap that has it goes on with
/// its state.
///
/// >>> from curricle.test_time import Budget
/// >>> budget = Budget.tracking(0.2)
/// >>> selected = sum(bool(budget.select(item * 37 % 101)) for item in range(10_000))
/// >>> 1900 < selected < 2100
/// True
#[pyclass(frozen, module = "curricle.test_time")]
pub struct Budget {
    shared: Shared,
    /// How it was made.
    name: String,
}

impl Budget {
    fn new(name: impl Into<String>, inner: impl Core + Send + 'static) -> Self {
        let counted = Counted { inner: Box::new(inner), items: 0 };
        Self { shared: Shared(Arc::new(Mutex::new(counted))), name: name.into() }
    }

    /// The budget, for a loop.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }
}

/// One item; without a coin it is that of its number.
fn choose(counted: &mut Counted, uncertainty: f64, coin: Option<f64>) -> Result<budget::Choice> {
    let own = || Rng::at(0, Round(counted.items), Purpose::TestTime).unit();
    let choice = counted.inner.wants(uncertainty, coin.unwrap_or_else(own))?;
    counted.items += 1;
    Ok(choice)
}

#[pymethods]
impl Budget {
    /// Everything.
    #[staticmethod]
    fn always() -> Self {
        Self::new("always", Always)
    }

    /// What is more uncertain than a threshold; infinities select none or all. How much that is, is up to the stream.
    #[staticmethod]
    fn fixed(threshold: f64) -> PyResult<Self> {
        Ok(Self::new("fixed", raised(Fixed::new(threshold))?))
    }

    /// Where the margin of the likeliest two answers is below `tau`, the uncertainty being one less the margin.
    /// TT-SI as published has 0.95.
    #[staticmethod]
    fn margin(tau: f64) -> PyResult<Self> {
        Ok(Self::new("margin", raised(Fixed::margin(tau))?))
    }

    /// A fixed threshold: the least that selects at most `rate` of a sample.
    ///
    /// >>> from curricle.test_time import Budget
    /// >>> Budget.at_rate([0.1, 0.7, 0.3, 0.5], 0.25).metrics()
    /// {'budget/threshold': 0.5}
    #[staticmethod]
    fn at_rate(sample: &Bound<'_, PyAny>, rate: f64) -> PyResult<Self> {
        let sample = arrays::doubles("sample", sample)?;
        Ok(Self::new("at_rate", raised(Fixed::at_rate(&sample, rate))?))
    }

    /// A part `rate` of what is exchangeable with a sample, ties included; it does not adapt to a drift.
    #[staticmethod]
    fn conformal(sample: &Bound<'_, PyAny>, rate: f64) -> PyResult<Self> {
        let sample = arrays::doubles("sample", sample)?;
        Ok(Self::new("conformal", raised(Conformal::new(&sample, rate))?))
    }

    /// At least a part `1 - alpha` of the model's errors, from the uncertainties of known errors.
    #[staticmethod]
    fn error_recall(errors: &Bound<'_, PyAny>, alpha: f64) -> PyResult<Self> {
        let errors = arrays::doubles("errors", errors)?;
        Ok(Self::new("error_recall", raised(ErrorRecall::new(&errors, alpha))?))
    }

    /// As little as leaves at most a part `risk` of all items both wrong and unselected, with probability at least
    /// `1 - delta` over the labelled items that it is calibrated on.
    #[staticmethod]
    fn residual_risk(
        uncertainties: &Bound<'_, PyAny>,
        wrong: &Bound<'_, PyAny>,
        risk: f64,
        delta: f64,
    ) -> PyResult<Self> {
        let uncertainties = arrays::doubles("uncertainties", uncertainties)?;
        let wrong = arrays::doubles("wrong", wrong)?;
        let wrong: Vec<bool> = wrong.into_iter().map(|is| is != 0.0).collect();
        let made = ResidualRisk::new(&uncertainties, &wrong, risk, delta);
        Ok(Self::new("residual_risk", raised(made)?))
    }

    /// At most `budget` of a stream of `length` items, ranked among the last `window` (2000).
    #[staticmethod]
    #[pyo3(signature = (budget, length, window = None))]
    fn horizon(budget: u64, length: u64, window: Option<usize>) -> PyResult<Self> {
        let horizon = raised(Horizon::new(budget, length))?;
        let horizon = match window {
            Some(window) => raised(horizon.window(window))?,
            None => horizon,
        };
        Ok(Self::new("horizon", horizon))
    }

    /// A part `rate` of any stream, the most uncertain of it, ranked among the last `window` (2000). The threshold
    /// moves by `eta` (0.005) an item: a greater one holds the rate over shorter spans, a smaller one selects better
    /// in bursts.
    ///
    /// Whatever the items are, of the first `T` at least `rate T - (1 - rate) / eta - rate` are selected, and at most
    /// `rate T + rate / eta + 1 - rate`.
    #[staticmethod]
    #[pyo3(signature = (rate, eta = None, window = None))]
    fn tracking(rate: f64, eta: Option<f64>, window: Option<usize>) -> PyResult<Self> {
        let made = Tracking::with(rate, eta.unwrap_or(0.005), window.unwrap_or(2000));
        Ok(Self::new("tracking", raised(made)?))
    }

    /// This budget with a hard cap: at most `rate w + burst` are selected in any `w` items in a row. What is selected
    /// is less than what is wanted then.
    ///
    /// >>> from curricle.test_time import Budget
    /// >>> capped = Budget.fixed(0.5).within(0.25, 2)
    /// >>> [bool(capped.select(0.9)) for _ in range(6)]
    /// [True, True, False, False, True, False]
    fn within(&self, rate: f64, burst: u32) -> PyResult<Self> {
        let name = format!("{} within {rate} and {burst}", self.name);
        Ok(Self::new(name, raised(TokenBucket::new(self.shared(), rate, burst))?))
    }

    /// Takes one item in. Its uncertainty may be infinite, but not NaN.
    ///
    /// `coin`, in [0, 1), decides among ties, and is best drawn from a generator addressed by the item. Without it the
    /// coin is that of the number of the item: the one that an improver of seed 0 has for its input of this number.
    #[pyo3(signature = (uncertainty, coin = None))]
    fn select(&self, uncertainty: f64, coin: Option<f64>) -> PyResult<Choice> {
        let choice = self.shared.lock().and_then(|mut it| choose(&mut it, uncertainty, coin));
        raised(choice).map(Choice::from)
    }

    /// Takes items in, in order, each with the coin of its number: which of them are selected. bool.
    ///
    /// >>> from curricle.test_time import Budget
    /// >>> Budget.margin(0.95).select_each([0.3, 0.01, 0.6])
    /// array([ True, False,  True])
    fn select_each<'py>(
        &self,
        uncertainties: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<bool>>> {
        let given = arrays::doubles("uncertainties", uncertainties)?;
        let selected = self.shared.lock().and_then(|mut counted| {
            // Nothing is taken in if something cannot be.
            if let Some(index) = given.iter().position(|value| value.is_nan()) {
                let (what, index, value) = ("uncertainty", index as u64, f64::NAN);
                return Err(Error::NonFinite { what, index, value });
            }
            let one = |&uncertainty| Ok(choose(&mut counted, uncertainty, None)?.selected);
            given.iter().map(one).collect::<Result<Vec<bool>>>()
        });
        Ok(PyArray1::from_vec(uncertainties.py(), raised(selected)?))
    }

    /// The state of the budget as names and numbers: "budget/threshold", and what else there is of it: "budget/seen",
    /// "budget/left", "budget/items_left", "budget/tokens".
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.shared.metrics().into_iter().into_py_dict(py)
    }

    fn __repr__(&self) -> String {
        format!("<curricle.test_time.Budget: {}>", self.name)
    }
}
