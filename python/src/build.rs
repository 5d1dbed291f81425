//! A curriculum from keyword arguments: the data by arrays, all else by a `Config`.

use curricle::{Builder, Config, Key, SampleId, policy, sampler, signal};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyModule, PyString};

use crate::engine::Engine;
use crate::own::{OwnPolicy, OwnSignal, Played, Scored};
use crate::{arrays, error};

/// The builder of a configuration.
type AnyBuilder = Builder<policy::Any, signal::Any, sampler::Any>;

/// The keyword arguments that are data; the others are configuration.
const DATA: [&str; 7] = ["weights", "target", "costs", "keys", "order", "arm_names", "fingerprint"];

/// The samples, and what is known of each.
#[derive(Default)]
struct Data {
    arms: Option<Labels>,
    arm_names: Vec<String>,
    weights: Option<Vec<f64>>,
    target: Option<Vec<f64>>,
    costs: Option<Vec<f64>>,
    keys: Option<Vec<Key>>,
    order: Option<Vec<SampleId>>,
    fingerprint: u128,
}

/// The arm of each sample.
enum Labels {
    /// So many arms, of consecutive samples.
    Blocks(u32),
    Each(Vec<u32>),
}

/// Takes what is data out of keyword arguments.
fn data(arms: Option<&Bound<'_, PyAny>>, given: &Bound<'_, PyDict>) -> PyResult<Data> {
    let take = |name: &'static str| -> PyResult<Option<Bound<'_, PyAny>>> {
        let value = given.get_item(name)?;
        if value.is_some() {
            given.del_item(name)?;
        }
        Ok(value.filter(|value| !value.is_none()))
    };
    let doubles = |name| take(name)?.map(|value| arrays::doubles(name, &value)).transpose();
    let order = take("order")?.map(|value| arrays::numbers("order", &value)).transpose()?;
    let mut data = Data {
        weights: doubles("weights")?,
        target: doubles("target")?,
        costs: doubles("costs")?,
        order: order.map(|order| order.into_iter().map(SampleId).collect()),
        keys: take("keys")?.map(|value| keys(&value)).transpose()?,
        fingerprint: take("fingerprint")?.map_or(Ok(0), |value| value.extract())?,
        arm_names: take("arm_names")?.map_or(Ok(Vec::new()), |value| arm_names(&value))?,
        arms: None,
    };
    if let Some(arms) = arms {
        data.arms = Some(labels(arms, &mut data.arm_names)?);
    }
    Ok(data)
}

/// Labels by number, by name, or as so many blocks.
fn labels(arms: &Bound<'_, PyAny>, names: &mut Vec<String>) -> PyResult<Labels> {
    if let Some(blocks) = arrays::one("arms", arms)? {
        return Ok(Labels::Blocks(blocks));
    }
    if arrays::are_words("arms", arms)? {
        // Names in the order that is given, else in that of the alphabet.
        let sorted = PyModule::import(arms.py(), "curricle._labels")?.getattr("numbered")?;
        let (found, numbers): (Vec<String>, Bound<'_, PyAny>) =
            sorted.call1((arms, names.clone()))?.extract()?;
        *names = found;
        return labels(&numbers, names);
    }
    let label = |label: u64| {
        let (what, value, low, high) = ("arms", label as f64, 0.0, f64::from(u32::MAX));
        let refused = curricle::Error::OutOfRange { what, value, low, high };
        u32::try_from(label).map_err(|_| error::raise(&refused))
    };
    let labels = arrays::numbers("arms", arms)?.into_iter().map(label);
    Ok(Labels::Each(labels.collect::<PyResult<_>>()?))
}

/// The names of the arms, in order.
fn arm_names(given: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    given.extract().map_err(|refused| {
        error::option(given.py(), &format!("arm_names: a text for each arm is expected: {refused}"))
    })
}

/// A key is a string, or a number of 128 bits.
fn keys(given: &Bound<'_, PyAny>) -> PyResult<Vec<Key>> {
    if given.is_instance_of::<PyString>() {
        return Err(error::option(given.py(), "keys: a key for each sample is expected, not one text"));
    }
    given.try_iter()?.map(|value| key(&value?)).collect()
}

/// One key.
pub fn key(value: &Bound<'_, PyAny>) -> PyResult<Key> {
    let read = match value.cast::<PyString>() {
        // One with half a character in it is none: two of them would be one key.
        Ok(text) => text.to_str().ok().map(Key::from),
        Err(_) if value.is_instance_of::<PyBool>() => None,
        Err(_) => value.extract::<u128>().ok().map(Key),
    };
    read.ok_or_else(|| {
        let given = value.repr().map_or_else(|_| String::new(), |repr| format!(", not {repr}"));
        let text = format!("keys: a text or a whole number from 0 to 2^128 - 1 is expected{given}");
        error::option(value.py(), &text)
    })
}

/// Keyword arguments that are configuration, read as such.
pub fn configured(given: &Bound<'_, PyDict>) -> PyResult<Config> {
    let text = PyModule::import(given.py(), "curricle._config")?.getattr("to_json")?.call1((given,))?;
    error::raised(Config::from_json(text.cast::<PyString>()?.to_str()?))
}

/// The parts that are objects of Python, and not names.
#[derive(Default)]
struct Own {
    policy: Option<OwnPolicy>,
    signal: Option<OwnSignal>,
}

impl Own {
    fn is_none(&self) -> bool {
        self.policy.is_none() && self.signal.is_none()
    }

    /// Takes objects out of keyword arguments. What stands for them in the configuration is never asked.
    fn taken(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut own = Self::default();
        if let Some(policy) = given.get_item("policy")?
            && OwnPolicy::is_one(&policy)?
        {
            own.policy = Some(OwnPolicy::new(policy)?);
            given.set_item("policy", "uniform")?;
        }
        if let Some(signal) = given.get_item("signal")?
            && OwnSignal::is_one(&signal)?
        {
            own.signal = Some(OwnSignal::new(signal)?);
            given.set_item("signal", "mean_advantage")?;
        }
        Ok(own)
    }
}

/// A curriculum, and its configuration as JSON.
pub fn build(
    samples: usize,
    arms: Option<&Bound<'_, PyAny>>,
    config: Option<Config>,
    given: &Bound<'_, PyDict>,
) -> PyResult<(Box<dyn Engine>, String)> {
    let data = data(arms, given)?;
    let (config, own) = match config {
        Some(_) if !given.is_empty() => {
            let text = format!(
                "beside a configuration: only data ({}), not {}",
                DATA.join(", "),
                given.keys()
            );
            return Err(error::option(given.py(), &text));
        }
        Some(config) => (config, Own::default()),
        None => {
            let own = Own::taken(given)?;
            (configured(given)?, own)
        }
    };
    let text = error::raised(config.to_json())?;
    let built = given.py().detach(|| {
        let builder = described(samples, data, &config);
        if own.is_none() {
            return Ok(Box::new(builder.build()?) as Box<dyn Engine>);
        }
        let Own { policy, signal } = own;
        let played = |named| policy.map_or(Played::Named(Box::new(named)), Played::Own);
        let scored = |named| signal.map_or(Scored::Named(named), Scored::Own);
        Ok(Box::new(builder.map_policy(played).map_signal(scored).build()?) as Box<dyn Engine>)
    });
    Ok((error::raised(built)?, text))
}

fn described(samples: usize, data: Data, config: &Config) -> AnyBuilder {
    let mut builder = config.builder(samples).fingerprint(data.fingerprint);
    let named = data.arm_names.len() as u32;
    builder = match &data.arms {
        Some(Labels::Blocks(arms)) => {
            let (arms, samples) = (*arms, samples as u64);
            builder.arms(arms, |sample| block(sample.0, arms, samples))
        }
        Some(Labels::Each(labels)) if named > 0 && labels.len() == samples => {
            builder.arms(named, |sample| labels[sample.index()])
        }
        Some(Labels::Each(labels)) => builder.labels(labels),
        None => builder,
    };
    if named > 0 {
        builder = builder.arm_names(data.arm_names);
    }
    if let Some(order) = &data.order {
        builder = builder.order(order);
    }
    if let Some(weights) = data.weights {
        builder = builder.weights(weights);
    }
    if let Some(target) = data.target {
        builder = builder.target_by_sample(target);
    }
    if let Some(costs) = data.costs {
        builder = builder.costs(costs);
    }
    if let Some(keys) = data.keys {
        builder = builder.keys(keys);
    }
    builder
}

/// Which of so many blocks a sample is in: sizes differ by one at most.
fn block(sample: u64, arms: u32, samples: u64) -> u32 {
    (u128::from(sample) * u128::from(arms) / u128::from(samples.max(1))) as u32
}

/// A number for the rows of a data set, of bytes or text, so that a state is not restored onto other data.
///
/// >>> from curricle import fingerprint
/// >>> fingerprint(["first row", "second row"]) == fingerprint([b"first row", b"second row"])
/// True
#[pyfunction]
pub fn fingerprint(rows: &Bound<'_, PyAny>) -> PyResult<u128> {
    let mut failed = None;
    let bytes = rows.try_iter()?.map_while(|row| {
        let read = row.and_then(|row| match row.cast::<PyString>() {
            Ok(text) => Ok(text.to_str()?.as_bytes().to_vec()),
            Err(_) => row.extract::<Vec<u8>>(),
        });
        read.map_err(|error| failed = Some(error)).ok()
    });
    let number = curricle::fingerprint(bytes);
    failed.map_or(Ok(number), Err)
}
