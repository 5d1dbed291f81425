//! Scores of hidden states and of logits.

use curricle::signal::uncertainty::{Logits, NonFinite, Score, ScoreSet};
use curricle::signal::{Concentration, HiddenStates, Spans};
use numpy::{PyArray1, PyArrayDescrMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{self, raised};
use crate::{arrays, threads};

/// A matrix in single precision, as it is where its elements are of that type and stand in C order.
fn matrix<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray2<'py, f32>> {
    let array = arrays::any(what, value)?;
    arrays::dimensions(what, 2, &array)?;
    if !b"biuf".contains(&array.dtype().kind()) {
        return Err(error::dtype(what, "numbers", &array));
    }
    let array = PyModule::import(value.py(), "numpy")?
        .call_method1("require", (array, "float32", ["C", "A"]))?;
    array.extract::<PyReadonlyArray2<'py, f32>>()
}

/// Ranges of rows: pairs of the first row and the one behind the last.
fn ranges(what: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Vec<std::ops::Range<usize>>> {
    let array = arrays::any(what, value)?;
    arrays::dimensions(what, 2, &array)?;
    let [rows, width] = [array.shape()[0], array.shape()[1]];
    if width != 2 {
        return Err(error::raise(&curricle::Error::Length { what, expected: 2, found: width }));
    }
    let bounds = arrays::whole(what, &array)?;
    let range = |row: usize| {
        let (start, end) = (bounds[2 * row], bounds[2 * row + 1]);
        let (value, low, high) = (start as f64, 0.0, end as f64);
        let refused = curricle::Error::OutOfRange { what, value, low, high };
        if start > end { Err(error::raise(&refused)) } else { Ok(start as usize..end as usize) }
    };
    (0..rows).map(range).collect()
}

/// The name of a part, and how it is read.
type Part = (&'static str, fn(&Concentration) -> Option<f64>);

/// How far the hidden states of samples point one way: mean cosines, the signal of GAIN-RL (arXiv 2506.02281).
///
/// `states` is [tokens, dim], of the last layer after its normalisation; `questions` and `prefixes` are [samples, 2],
/// the first row of each and the one behind the last. Returns arrays by part, float64, NaN where a part is undefined:
/// `intra` within the question, each token with itself included; `intra_no_diag` without; `inter` of question and
/// prefix; `total` and `total_no_diag`, the sums of what is defined; and `tokens` of the question, uint64.
///
/// >>> from curricle.scores import angle_concentration
/// >>> found = angle_concentration([[1.0, 0.0], [3.0, 4.0], [4.0, 3.0]], questions=[[1, 3]], prefixes=[[0, 1]])
/// >>> found["intra"].round(6), found["total"].round(6)
/// (array([0.98]), array([1.68]))
///
/// Raises `OutOfRangeError` for a range beyond the states or a row of it that is not finite, `LengthError` for
/// another number of prefixes. Cost: one read of the rows, on all cores, or on one in a process that was forked once the
/// package had been imported; nothing is copied from float32 in C order.
#[pyfunction]
#[pyo3(signature = (states, questions, prefixes = None))]
pub fn angle_concentration<'py>(
    states: &Bound<'py, PyAny>,
    questions: &Bound<'py, PyAny>,
    prefixes: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = states.py();
    let states = matrix("states", states)?;
    let questions = ranges("questions", questions)?;
    let prefixes = match prefixes {
        Some(prefixes) => ranges("prefixes", prefixes)?,
        None => vec![0..0; questions.len()],
    };
    if prefixes.len() != questions.len() {
        let (expected, found) = (questions.len(), prefixes.len());
        return Err(error::raise(&curricle::Error::Length { what: "prefixes", expected, found }));
    }
    let spans =
        prefixes.into_iter().zip(questions).map(|(prefix, question)| Spans { prefix, question });
    let (spans, dim): (Vec<Spans>, usize) = (spans.collect(), states.shape()[1]);
    let rows = states.as_slice()?;
    let states = HiddenStates { states: rows, dim, spans: &spans };
    let found = raised(py.detach(|| threads::on_all(|| states.concentrations())))?;
    let made = PyDict::new(py);
    let parts: [Part; 5] = [
        ("intra", |it| it.intra),
        ("intra_no_diag", |it| it.intra_no_diag),
        ("inter", |it| it.inter),
        ("total", Concentration::total),
        ("total_no_diag", Concentration::total_no_diag),
    ];
    for (name, part) in parts {
        let values = found.iter().map(|it| part(it).unwrap_or(f64::NAN));
        made.set_item(name, PyArray1::from_iter(py, values))?;
    }
    made.set_item("tokens", PyArray1::from_iter(py, found.iter().map(|it| it.tokens as u64)))?;
    Ok(made)
}

/// Scores of rows of logits [rows, vocab], each in its own sense: arrays by name, float64.
///
/// entropy, normalised-entropy, renyi-ORDER (renyi-2, renyi-inf), gini, least-confidence, margin-complement and
/// energy are high for uncertain rows; margin, relative-margin, logit-margin, normalised-logit-margin,
/// log-max-probability and self-certainty for certain ones. A logit of -inf is an impossible token. `faulty` says
/// what becomes of a row with NaN, more than one +inf or nothing possible: "error", "nan", or "uncertain", as if
/// nothing were known.
///
/// >>> from curricle.scores import score_logits
/// >>> found = score_logits([[5.0, 0.0, 0.0], [0.0, 0.0, 0.0]], ["entropy", "margin"])
/// >>> found["entropy"].round(6), found["margin"].round(6)
/// (array([0.079869, 1.098612]), array([0.980055, 0.      ]))
///
/// Raises `NonFiniteError` or `EmptyError` with the row as index, `OutOfRangeError` for a temperature outside
/// [1e-6, 1e6], `UnsupportedError` for a name that is none. Cost: one read of the rows for each temperature, on all
/// cores, or on one in a process that was forked once the package had been imported; nothing is copied from float32 in
/// C order.
#[pyfunction]
#[pyo3(signature = (logits, scores, *, temperature = 1.0, faulty = "error"))]
pub fn score_logits<'py>(
    logits: &Bound<'py, PyAny>,
    scores: Vec<String>,
    temperature: f64,
    faulty: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let py = logits.py();
    let non_finite = match faulty {
        "error" => NonFinite::Error,
        "nan" => NonFinite::Propagate,
        "uncertain" => NonFinite::TreatAsUncertain,
        other => {
            let text = format!("faulty: `error`, `nan` or `uncertain` is expected, not `{other}`");
            return Err(error::option(py, &text));
        }
    };
    let named: Vec<Score> = raised(scores.iter().map(|name| name.parse()).collect())?;
    let set = ScoreSet::new(&named).temperature(temperature).non_finite(non_finite);
    let logits = matrix("logits", logits)?;
    let (rows, vocab) = (logits.as_slice()?, logits.shape()[1]);
    if vocab == 0 && logits.shape()[0] > 0 {
        return Err(error::raise(&curricle::Error::Empty { what: "support", index: 0 }));
    }
    let logits = Logits { rows, vocab };
    let read = raised(py.detach(|| threads::on_all(|| set.read(&logits, 0))))?;
    let made = PyDict::new(py);
    for (name, readings) in scores.iter().zip(read) {
        let values = readings.into_iter().map(|reading| reading.map_or(f64::NAN, |it| it.value));
        made.set_item(name, PyArray1::from_iter(py, values))?;
    }
    Ok(made)
}
