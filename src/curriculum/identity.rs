//! What a snapshot must agree with to be restored.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::base::error::{Difference, Error, Result};
use crate::base::text::text;
use crate::curriculum::options::Options;

/// The options with other values of which a state can go on.
const EDGE: [&str; 8] =
    ["lag", "missing", "weighting", "importance", "gate", "retest", "arrival", "refill"];

/// The part that holds the configuration as it was read, for people and programs; the others are what it came to.
const CONFIG: &str = "config";

/// The data set and the configuration of a curriculum, as it was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub dataset: u128,
    pub configuration: u128,
    pub parts: Vec<Part>,
}

/// One option, or the policy, the signal or the sampler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    name: String,
    /// For people; a long list is shortened.
    value: String,
    hash: u64,
}

impl Identity {
    /// Describes what a curriculum is built from.
    pub fn new<P: Serialize, S: Serialize, D: Serialize>(
        dataset: u128,
        options: &Options,
        (policy, signal, sampler): (&P, &S, &D),
    ) -> Result<Self> {
        let Options {
            seed,
            pace,
            lag,
            missing,
            refill,
            exclude_in_flight,
            stop,
            weighting,
            importance,
            gate,
            retest,
        } = options;
        let parts = vec![
            part("seed", seed)?,
            part("pace", if pace.arrival().is_some() { &"arrival" } else { &"lockstep" })?,
            part("arrival", &pace.arrival())?,
            part("steps", if refill.is_some() { &"refilled" } else { &"drawn" })?,
            part("refill", refill)?,
            part("exclude_in_flight", exclude_in_flight)?,
            part("stop", stop)?,
            part("lag", lag)?,
            part("missing", missing)?,
            part("weighting", weighting)?,
            part("importance", importance)?,
            part("gate", gate)?,
            part("retest", retest)?,
            part("policy", policy)?,
            part("signal", signal)?,
            part("sampler", sampler)?,
        ];
        let whole = postcard::to_stdvec(&(options, policy, signal, sampler)).map_err(|_| refused())?;
        Ok(Self { dataset, configuration: xxh3_128(&whole), parts })
    }

    /// Keeps a configuration beside what was built from it, if that is still what it describes: a builder can have been
    /// changed in the meantime.
    #[cfg(feature = "config")]
    pub fn configured(mut self, config: Option<String>, population: &crate::Population) -> Self {
        let stands = |text: &String| {
            crate::config::identity_of(text, self.dataset, population) == Some(self.configuration)
        };
        if let Some(value) = config.filter(stands) {
            let hash = xxh3_64(value.as_bytes());
            self.parts.push(Part { name: CONFIG.to_owned(), value, hash });
        }
        self
    }

    /// In what the parts of a snapshot differ from these.
    pub fn differences(&self, found: &[Part]) -> Vec<Difference> {
        // The same curriculum can have been built by a configuration and by code.
        let told = |parts: &[Part]| -> Vec<Part> {
            parts.iter().filter(|part| part.name != CONFIG).cloned().collect()
        };
        let (own, found) = (&told(&self.parts), &told(found));
        let value = |parts: &[Part], name: &str| {
            let part = parts.iter().find(|part| part.name == name);
            part.map_or(String::new(), |part| part.value.clone())
        };
        let mut names: Vec<&str> = Vec::new();
        for part in own.iter().filter(|part| !found.contains(part)) {
            names.push(&part.name);
        }
        for part in found.iter().filter(|part| !own.contains(part)) {
            if !names.contains(&&part.name[..]) {
                names.push(&part.name);
            }
        }
        let difference = |name: &str| Difference {
            part: name.to_owned(),
            expected: value(own, name),
            found: value(found, name),
        };
        names.into_iter().map(difference).collect()
    }
}

/// The configuration among the parts of a snapshot.
#[cfg(feature = "config")]
pub(crate) fn config_of(parts: &[Part]) -> Option<&str> {
    parts.iter().find(|part| part.name == CONFIG).map(|part| &part.value[..])
}

/// Whether a snapshot that differs so can be gone on with all the same.
pub(crate) fn is_edge(differences: &[Difference]) -> bool {
    differences.iter().all(|difference| EDGE.contains(&&difference.part[..]))
}

fn part<T: Serialize>(name: &str, value: &T) -> Result<Part> {
    let bytes = postcard::to_stdvec(value).map_err(|_| refused())?;
    let value = text(value).map_err(|_| refused())?;
    Ok(Part { name: name.to_owned(), value, hash: xxh3_64(&bytes) })
}

fn refused() -> Error {
    Error::Unsupported { part: "configuration", request: "serialise" }
}
