//! One curriculum behind the Python classes, whatever its policy and its signal: by itself, or in a journal.

use curricle::feed::ranks::{Replica, Replicated};
use curricle::{
    ArmId, Batch, Compression, Counts, Curriculum, Error, Feedback, Journal, Key, Metrics, Policy,
    Result, SampleId, Sampler, Signal, Step, Ticket, Verdict, Weight,
};
use std::path::Path;

use pyo3::{Py, PyAny};

use crate::journal::Wanted;
use crate::own;
use crate::ranks::{Given, Rank};

/// Declares the verbs: as a trait, for a curriculum by itself and for one in a journal.
macro_rules! verbs {
    ($($name:ident($($argument:ident: $type:ty),*) -> $out:ty;)*) => {
        /// What changes a curriculum.
        pub trait Engine: Send {
            $(fn $name(&mut self, $($argument: $type),*) -> Result<$out>;)*
            fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>>;
            /// The curriculum, to be looked at.
            fn look(&self) -> &dyn Look;
            /// The objects of Python that it is made of, each as often as it is referred to.
            fn objects(&self) -> Vec<&Py<PyAny>>;
            /// What is shown of the run.
            fn metrics(&self) -> Metrics {
                self.look().metrics()
            }
            /// What only a rank has.
            fn rank(&mut self) -> Result<&mut dyn Rank> {
                Err(Error::Unsupported { part: "curriculum", request: "an exchange among ranks" })
            }
            /// Takes over a state; a journal has its own.
            fn restore_bytes(&mut self, bytes: &[u8]) -> Result<()>;
            fn restore(&mut self, path: &Path) -> Result<()>;
            /// The files of a journal.
            fn log(&mut self) -> Result<&mut dyn Log>;
            /// Puts a curriculum into a journal.
            fn into_journal(self: Box<Self>, opening: &Wanted) -> Turned;
            /// Makes it the copy of a rank.
            fn into_rank(self: Box<Self>, exchange: Given, every: u64) -> Turned;
        }

        impl<P, S, D> Engine for Curriculum<P, S, D>
        where
            P: Policy + Send + 'static,
            S: Signal + Clone + Send + 'static,
            D: Sampler + Send + 'static,
        {
            $(fn $name(&mut self, $($argument: $type),*) -> Result<$out> {
                Curriculum::$name(self, $($argument),*)
            })*
            fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
                Ok(Curriculum::report(self, feedback))
            }
            fn look(&self) -> &dyn Look {
                self
            }
            fn objects(&self) -> Vec<&Py<PyAny>> {
                own::objects(self)
            }
            fn restore_bytes(&mut self, bytes: &[u8]) -> Result<()> {
                Curriculum::restore_bytes(self, bytes)
            }
            fn restore(&mut self, path: &Path) -> Result<()> {
                Curriculum::restore(self, path)
            }
            fn log(&mut self) -> Result<&mut dyn Log> {
                Err(Error::Unsupported { part: "curriculum without a journal", request: "its files" })
            }
            fn into_journal(self: Box<Self>, wanted: &Wanted) -> Turned {
                match wanted.open(*self) {
                    Ok(journal) => Ok(Box::new(journal)),
                    Err(error) => gone(error),
                }
            }
            fn into_rank(self: Box<Self>, exchange: Given, every: u64) -> Turned {
                replicated(self, exchange, every)
            }
        }

        impl<P, S, D> Engine for Journal<P, S, D>
        where
            P: Policy + Send + 'static,
            S: Signal + Clone + Send + 'static,
            D: Sampler + Send + 'static,
        {
            $(fn $name(&mut self, $($argument: $type),*) -> Result<$out> {
                Journal::$name(self, $($argument),*)
            })*
            fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
                Journal::report(self, feedback)
            }
            fn look(&self) -> &dyn Look {
                self.curriculum()
            }
            fn objects(&self) -> Vec<&Py<PyAny>> {
                own::objects(self.curriculum())
            }
            fn restore_bytes(&mut self, _: &[u8]) -> Result<()> {
                Err(RESTORE)
            }
            fn restore(&mut self, _: &Path) -> Result<()> {
                Err(RESTORE)
            }
            fn log(&mut self) -> Result<&mut dyn Log> {
                Ok(self)
            }
            fn into_journal(self: Box<Self>, _: &Wanted) -> Turned {
                kept(self, Error::Unsupported { part: "journal", request: "another journal" })
            }
            fn into_rank(self: Box<Self>, exchange: Given, every: u64) -> Turned {
                replicated(self, exchange, every)
            }
        }
    };
}

/// What an engine has been turned into.
pub type Turned = std::result::Result<Box<dyn Engine>, Box<Refused>>;

/// Why an engine was not turned into anything, and the engine, unless its files have got it.
pub struct Refused {
    pub error: Error,
    pub engine: Option<Box<dyn Engine>>,
}

/// An engine that is not turned into anything.
pub fn kept(engine: Box<dyn Engine>, error: Error) -> Turned {
    Err(Box::new(Refused { error, engine: Some(engine) }))
}

/// One that is gone, since what it was to be turned into has been refused.
fn gone(error: Error) -> Turned {
    Err(Box::new(Refused { error, engine: None }))
}

/// Makes an engine the copy of a rank.
fn replicated<F: Engine + Replica + 'static>(engine: Box<F>, exchange: Given, every: u64) -> Turned {
    match Replicated::<F, Given>::check_every(&engine, every) {
        Ok(()) => match Replicated::new(*engine, exchange).every(every) {
            Ok(rank) => Ok(Box::new(rank)),
            Err(error) => gone(error),
        },
        Err(error) => kept(engine, error),
    }
}

/// A journal goes back by its own files.
const RESTORE: Error =
    Error::Unsupported { part: "journal", request: "another state (open it `at` a position instead)" };

verbs! {
    draw(n: usize) -> Batch;
    draw_within(ceiling: f64) -> Batch;
    step(want: usize) -> Step;
    fold() -> u64;
    observe(feedback: &[Feedback]) -> Vec<Verdict>;
    lose(tickets: &[Ticket]) -> ();
    set_version(version: u64) -> ();
    insert(arm: ArmId, weight: Weight) -> SampleId;
    insert_key(key: Key, arm: ArmId, weight: Weight) -> SampleId;
    add_arm() -> ArmId;
    remove(sample: SampleId) -> ();
    retag(sample: SampleId, arm: ArmId) -> ();
    set_weights(weights: &[(SampleId, f64)]) -> ();
    set_costs(costs: &[(SampleId, f64)]) -> ();
    set_mixture(weights: &[f64]) -> ();
}

/// What a curriculum shows of itself.
pub trait Look {
    fn round(&self) -> u64;
    fn version(&self) -> u64;
    fn digest(&self) -> u64;
    fn lag(&self) -> u64;
    fn counts(&self) -> Counts;
    fn shares(&self) -> Vec<f64>;
    fn metrics(&self) -> Metrics;
    fn unfinished(&self) -> Vec<Batch>;
    fn explain(&self, sample: SampleId, n: Option<usize>) -> Result<curricle::Explanation>;
    fn rollouts(&self, batch: &Batch, budget: u64, aim: curricle::Allocation) -> Result<Vec<u32>>;
    fn population(&self) -> &curricle::Population;
    fn arm_name(&self, arm: ArmId) -> String;
    fn to_bytes(&self) -> Result<Vec<u8>>;
    fn save(&self, path: &Path, compression: Compression) -> Result<()>;
}

impl<P: Policy, S: Signal, D: Sampler> Look for Curriculum<P, S, D> {
    fn round(&self) -> u64 {
        Curriculum::round(self).0
    }
    fn version(&self) -> u64 {
        Curriculum::version(self)
    }
    fn digest(&self) -> u64 {
        Curriculum::digest(self)
    }
    fn lag(&self) -> u64 {
        Curriculum::lag(self)
    }
    fn counts(&self) -> Counts {
        Curriculum::counts(self)
    }
    fn shares(&self) -> Vec<f64> {
        Curriculum::shares(self)
    }
    fn metrics(&self) -> Metrics {
        Curriculum::metrics(self)
    }
    fn unfinished(&self) -> Vec<Batch> {
        Curriculum::unfinished(self)
    }
    fn explain(&self, sample: SampleId, n: Option<usize>) -> Result<curricle::Explanation> {
        match n {
            Some(n) => self.explain_in(sample, n),
            None => Curriculum::explain(self, sample),
        }
    }
    fn rollouts(&self, batch: &Batch, budget: u64, aim: curricle::Allocation) -> Result<Vec<u32>> {
        Curriculum::rollouts(self, batch, budget, aim)
    }
    fn population(&self) -> &curricle::Population {
        Curriculum::population(self)
    }
    fn arm_name(&self, arm: ArmId) -> String {
        Curriculum::arm_name(self, arm)
    }
    fn to_bytes(&self) -> Result<Vec<u8>> {
        Curriculum::to_bytes(self)
    }
    fn save(&self, path: &Path, compression: Compression) -> Result<()> {
        self.save_with(path, compression)
    }
}

/// The files of a journal.
pub trait Log {
    fn compact(&mut self) -> Result<()>;
    fn sync(&mut self) -> Result<()>;
    fn position(&self) -> u64;
    fn log_bytes(&self) -> u64;
    fn opening(&self) -> curricle::Opening;
}

impl<P: Policy, S: Signal, D: Sampler> Log for Journal<P, S, D> {
    fn compact(&mut self) -> Result<()> {
        Journal::compact(self)
    }
    fn sync(&mut self) -> Result<()> {
        Journal::sync(self)
    }
    fn position(&self) -> u64 {
        Journal::position(self)
    }
    fn log_bytes(&self) -> u64 {
        Journal::log_bytes(self)
    }
    fn opening(&self) -> curricle::Opening {
        Journal::opening(self)
    }
}
