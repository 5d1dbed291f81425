//! A curriculum as data: TOML or JSON, for choices that are made at run time.

mod gate;
mod options;
mod policy;
mod signal;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::curriculum::builder::Builder;
use crate::curriculum::identity::{Identity, config_of};
use crate::curriculum::options::{Missing, Weighting};
use crate::curriculum::pace::Pace;
use crate::curriculum::refill::Refill;
use crate::curriculum::stop::Stop;
use crate::population::Population;
use crate::{policy as policies, sampler, signal as signals};
use options::Value;

/// A curriculum over policies, signals and samplers that are chosen at run time.
pub type AnyCurriculum = crate::Curriculum<policies::Any, signals::Any, sampler::Any>;

/// The description of a curriculum as data. What is left out has the default of the [`Builder`]; a key that is not
/// known, a value out of its place or a missing option is refused, with the path to it.
///
/// | key | default | values |
/// |--|--|--|
/// | `seed`, `lag` | 0 | |
/// | `missing` | `refuse` | `refuse`, `lose` |
/// | `pace` | `lockstep` | `lockstep`, `{ arrival = { in_flight, give_up = { rounds, versions } } }`, each optional |
/// | `refill` | none | `{ confidence, most, window, bank = { rounds, versions }, starvation }`, each optional; `starvation` is `fail`, `partial`, `relax`, `best_rejected` or `banked` |
/// | `gate` | `all` | one of the table below |
/// | `retest` | 50 | rounds |
/// | `exclude_in_flight` | false | |
/// | `stop` | `never` | `never`, `{ first_exhausted = passes }`, `{ all_exhausted = passes }`, `{ cycle = passes }` |
/// | `weighting` | `given` | `given`, `{ score = { floor } }`, `{ belief = { rollouts, decay, floor, retest, patience } }`, each optional |
/// | `importance` | 0 | a number or a schedule |
/// | `sampler` | `distinct` | `replace`, `distinct`, `systematic`, `passes`, `sequential`, `top` |
/// | `policy` | `uniform` | one of the table below |
/// | `signal` | none asked for | `group_spread`, `mean_advantage`, `learnability { source }`, `learning_progress { nulls }`, `reported { field }`, `utility`, `gated { inner, least, ramp }` |
///
/// | gate | required | optional |
/// |--|--|--|
/// | `all` | | |
/// | `zero_signal` | | `by` (`reported`, `abs_advantage`, `spread`, `range`, `success`), `tolerance` |
/// | `advantages`, `rollouts` | `least` | |
/// | `band` | `low`, `high` (numbers or schedules) | |
/// | `stale` | `most` (`rounds`, `versions`) | `teaches` |
/// | `route` | `by` (a field), `edges` (numbers or schedules), `treatments` (one more: `drop`, `retire`, `hint`, `{ train = { weight } }`, ...) | |
/// | `every`, `arms` | a list of gates | |
///
/// The samples themselves, their arms and their weights are data, not configuration: [`builder`](Self::builder) is
/// handed their number, and [`Builder::labels`] and its like the rest.
///
/// | policy | required | optional |
/// |--|--|--|
/// | `uniform` | | |
/// | `fixed` | | `weights` (by size, if left out) |
/// | `mixture` | `table` (pairs of a position and weights) | `between` (`steps`, `lines`), `clock` (`rounds`, `cost`), `unit` (`samples`, `cost`), `domains` |
/// | `boltzmann` | | `alpha`, `temperature`, `effective_arms`, `start`, `unsampled` |
/// | `ucb` | `bound`, `forgetting` | |
/// | `thompson` | `belief`, `forgetting` | |
/// | `kalman` | `drift` | `noise`, `start` (mean, variance) |
/// | `gaussian_process` | `similarity` (`tree` or `points`) | `retention`, `noise`, `start` (mean, variance) |
/// | `exp3` | `update` | `restart` |
/// | `gaussian` | `rule`, `spread` | `start` |
/// | `teacher_student` | | `teacher`, `epsilon` |
/// | `absolute_progress` | `bidirectional` | `rates` (fast, slow), `theta`, `floor` |
/// | `level_replay` | | `beta`, `rho`, `nu` |
/// | `posterior` | | `decay`, `prior` (successes, failures), `band` (low, high) |
/// | `difficulty` | `difficulties` | `eta`, `alpha`, `beta`, `range` (low, high), `start` |
/// | `staged` | `stages`, `advance` | `review`, `rate` |
/// | `easy_to_hard` | `pace`, `rounds` | |
/// | `online_mixing` | | `scale`, `estimate`, `warm_up` |
/// | `scaling_law` | | `prior`, `refit`, `least` |
/// | `dump` | | `window`, `temperature` |
/// | `pac` | | `window`, `drift`, `start` (mean, variance), `cold` |
/// | `bounded` | `inner` | `floor` (`epsilon`, `prior`), `cap` |
/// | `cold_start` | `inner`, `tickets` | |
/// | `mastered` | `inner`, `mastery` | `rest`, `retest` (every, test) |
/// | `per_cost` | `inner` | `rate`, `limit` |
/// | `rehearsed` | `inner` | `dip`, `share` |
/// | `rescaled` | `inner`, `range` | `to` (low, high) |
/// | `restart` | `inner`, `detector`, `scope` | `explore` |
///
/// Each option means what the setter of that name says; enums are written in snake case, as
/// `advance = { mastery = 0.8 }` or `temperature = { linear = { from = 1.0, to = 0.1, rounds = 500 } }`.
///
/// ```
/// use curricle::Config;
///
/// # fn main() -> curricle::Result<()> {
/// let config = Config::from_toml(
///     r#"
///     seed = 7
///     lag = 1
///     sampler = "systematic"
///     gate = { zero_signal = { tolerance = 1e-6 } }
///     signal.gated.inner.mean_advantage = {}
///
///     [policy.bounded]
///     floor = { epsilon = 0.1, prior = "uniform" }
///     inner.boltzmann = { temperature = 0.1 }
///     "#,
/// )?;
/// let mut curriculum = config.builder(1000).arms(10, |sample| (sample.0 / 100) as u32).build()?;
/// assert_eq!(curriculum.draw(64)?.draws.len(), 64);
///
/// let error = Config::from_toml("policy.boltzmann.temprature = 0.1").unwrap_err();
/// assert!(error.to_string().contains("policy.boltzmann"), "{error}");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    seed: u64,
    lag: u64,
    missing: Missing,
    pace: Pace,
    #[serde(skip_serializing_if = "Option::is_none")]
    refill: Option<Refill>,
    exclude_in_flight: bool,
    stop: Stop,
    gate: gate::Described,
    #[serde(skip_serializing_if = "Option::is_none")]
    retest: Option<u64>,
    weighting: Weighting,
    #[serde(skip_serializing_if = "Option::is_none")]
    importance: Option<Value>,
    sampler: sampler::Any,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<policy::Described>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<signal::Described>,
}

impl Config {
    /// Reads TOML.
    ///
    /// # Errors
    /// [`Error::Config`], with the path of what is wrong.
    pub fn from_toml(text: &str) -> Result<Self> {
        let read = || toml::Deserializer::parse(text).map_err(|error| refused(".", &error));
        let config: Self =
            serde_path_to_error::deserialize(read()?).map_err(|error| at_path(&error))?;
        let given = serde_json::Value::deserialize(read()?).map_err(|error| refused(".", &error))?;
        config.has_its_keys(&given)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`Error::Config`], with the path of what is wrong.
    pub fn from_json(text: &str) -> Result<Self> {
        if !text.trim_start().starts_with('{') {
            return Err(refused(".", &"expected an object"));
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let config = serde_path_to_error::deserialize(&mut reader).map_err(|error| at_path(&error))?;
        reader.end().map_err(|error| refused(".", &error))?;
        let given = serde_json::from_str(text).map_err(|error| refused(".", &error))?;
        Self::has_its_keys(config, &given)
    }

    /// The configuration, if what was given has a table wherever it has one: a list would be taken for the values of
    /// a table without its keys.
    fn has_its_keys(self, given: &serde_json::Value) -> Result<Self> {
        let own = serde_json::to_value(&self).map_err(|error| refused(".", &error))?;
        match list_for_a_table(given, &own, "") {
            Some(path) => Err(refused(
                &path,
                &"a list of another length, or in the place of a table with its keys",
            )),
            None => Ok(self),
        }
    }

    /// Writes TOML that [`from_toml`](Self::from_toml) reads back as the same configuration.
    ///
    /// # Errors
    /// [`Error::Config`] for what would not be read back as the same, such as a number that is not one.
    pub fn to_toml(&self) -> Result<String> {
        let text = toml::to_string(self).map_err(|error| refused(".", &error))?;
        self.is_said_by(Self::from_toml(&text)).map(|()| text)
    }

    /// Writes JSON that [`from_json`](Self::from_json) reads back as the same configuration.
    ///
    /// # Errors
    /// [`Error::Config`] for what would not be read back as the same: a number that is not finite.
    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| refused(".", &error))?;
        self.is_said_by(Self::from_json(&text)).map(|()| text)
    }

    fn is_said_by(&self, read: Result<Self>) -> Result<()> {
        match read {
            Ok(read) if read == *self => Ok(()),
            _ => Err(refused(".", &"it cannot be written down: a number is not finite")),
        }
    }

    /// The builder that is described, over so many samples. Options are checked by [`Builder::build`].
    pub fn builder(&self, samples: usize) -> Builder<policies::Any, signals::Any, sampler::Any> {
        let policy =
            self.policy.clone().map_or(policies::Any::from(policies::Uniform), |it| it.build());
        let builder = Builder::new(samples)
            .seed(self.seed)
            .lag(self.lag)
            .missing(self.missing)
            .pace(self.pace)
            .exclude_in_flight(self.exclude_in_flight)
            .stop(self.stop)
            .gate(self.gate.build())
            .weighting(self.weighting)
            .importance(self.importance.unwrap_or(Value::Constant(0.0)))
            .sampler(self.sampler)
            .policy(policy);
        let builder = match self.refill {
            Some(refill) => builder.refill(refill),
            None => builder,
        };
        let builder = match self.retest {
            Some(rounds) => builder.retest(rounds),
            None => builder,
        };
        let builder = match self.signal.clone() {
            Some(signal) => builder.signal(signal.build()),
            None => builder.unscored_any(),
        };
        builder.configured(serde_json::to_string(self).ok())
    }

    /// The configuration that stands in a snapshot, which the base of a [`Journal`](crate::Journal) is, too. None if
    /// the curriculum was built in code, or if the [`builder`](Self::builder) was changed afterwards in its options,
    /// its policy, its signal or its sampler, so that it no longer is what was configured.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let file = folder.path().join("curriculum.snapshot");
    /// use curricle::Config;
    ///
    /// let config = Config::from_toml("seed = 7\npolicy.boltzmann.temperature = 0.2")?;
    /// config.builder(100).build()?.save(&file)?;
    /// assert_eq!(Config::of_snapshot(&file)?, Some(config));
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: one reading of the file, for its checksum.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Snapshot`] for what is no snapshot of this [schema](crate::SCHEMA), or is damaged;
    /// [`Error::Feature`] if it is compressed and this build does not have what it takes; [`Error::Config`] if it
    /// describes something that this build does not know.
    pub fn of_snapshot(path: impl AsRef<std::path::Path>) -> Result<Option<Self>> {
        let parts = crate::files::snapshot::parts(path.as_ref())?;
        config_of(&parts).map(Self::from_json).transpose()
    }
}

/// Reads a snapshot by itself, without the data that it is of.
impl AnyCurriculum {
    /// The curriculum of a snapshot, or of the base of a journal, from the file alone: one that was built from a
    /// configuration, which stands in it. It goes on exactly as the one that was saved. Names of arms are not in the
    /// file.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let file = folder.path().join("curriculum.snapshot");
    /// use curricle::{AnyCurriculum, Config};
    ///
    /// let mut before = Config::from_toml("policy = 'boltzmann'")?.builder(100).build()?;
    /// before.draw(4)?;
    /// before.save(&file)?;
    /// let mut after = AnyCurriculum::of_snapshot(&file)?;
    /// assert_eq!(after.unfinished(), before.unfinished());
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: one reading of the file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Snapshot`] for what is no snapshot of this schema and this decision stream, or is
    /// damaged; [`Error::Config`] if it holds no configuration, or one that this build does not know.
    pub fn of_snapshot(path: impl AsRef<std::path::Path>) -> Result<Self> {
        let describe = |identity: &Identity| match config_of(&identity.parts) {
            Some(text) => Config::from_json(text),
            None => Err(refused(
                ".",
                &"the snapshot is of a curriculum that was built in code: only one that was built from a `Config` can be read by itself",
            )),
        };
        let (config, memory, identity) = crate::files::snapshot::alone(path.as_ref(), describe)?;
        config.builder(0).adopt(memory, identity)
    }
}

/// The configuration digest of what a text describes, over these samples; none if it describes nothing that can be
/// built.
pub(crate) fn identity_of(text: &str, dataset: u128, population: &Population) -> Option<u128> {
    Config::from_json(text).ok()?.builder(0).identity(dataset, population).ok()
}

/// Where something has a list in the place of a table.
fn list_for_a_table(given: &serde_json::Value, own: &serde_json::Value, path: &str) -> Option<String> {
    use serde_json::Value::{Array, Object};
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (given, own) {
        (Array(_), Object(_)) => Some(path.to_owned()),
        // A pair is read without a look at what stands behind it.
        (Array(given), Array(own)) if given.len() != own.len() => Some(path.to_owned()),
        (Array(given), Array(own)) => {
            let each = given.iter().zip(own).enumerate();
            each.into_iter().find_map(|(place, (given, own))| {
                list_for_a_table(given, own, &format!("{path}[{place}]"))
            })
        }
        (Object(given), Object(own)) => given.iter().find_map(|(key, given)| {
            let own = own.get(key)?;
            list_for_a_table(given, own, &below(key))
        }),
        _ => None,
    }
}

fn at_path<E: std::fmt::Display>(error: &serde_path_to_error::Error<E>) -> Error {
    refused(&error.path().to_string(), error.inner())
}

fn refused(path: &str, reason: &impl std::fmt::Display) -> Error {
    Error::Config { path: path.into(), reason: reason.to_string() }
}
