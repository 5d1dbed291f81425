//! A learning gain that must show progress.

use serde::{Deserialize, Serialize};

use super::{Signal, Trial};
use crate::base::error::{Result, within};
use crate::event::{Field, Fields};

/// Any gain, multiplied by a gate that closes on arms without progress and a ramp that closes on
/// mastered ones.
///
/// ```text
/// score = inner * g * h
/// g = g0 + (1 - g0) clip((e - 0.1) / 0.3, 0, 1)     e = evidence of the arm's progress, g0 = 0
/// h = clip((0.9 - slow) / 0.2, 0, 1)                slow = slow running success of the arm
/// ```
///
/// A gain such as the mean absolute advantage measures how much an update moves the model, not whether it helps: an
/// arm of coin tosses scores highest of all and never gets better. The gate reads the [`Progress`](crate::Progress)
/// of the arm, whose evidence is about 0 when success only fluctuates, and negative while it falls. Where nothing
/// makes progress all scores are 0: no arm is preferred for being the noisiest. So a policy around it needs a floor,
/// or arms that were closed once are not tried again. The ramp hands the time of arms that are nearly mastered to
/// others before they stop paying.
///
/// [`Tilt`](crate::policy::Tilt) does the same with evidence that is compared between arms, and knows a target.
///
/// ```
/// use curricle::signal::{Gated, MeanAdvantage};
/// use curricle::{Curriculum, policy::Boltzmann};
///
/// # fn main() -> curricle::Result<()> {
/// let curriculum = Curriculum::builder(100).policy(Boltzmann::new()).signal(Gated::new(MeanAdvantage)).build()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gated<S> {
    inner: S,
    least: f64,
    ramp: Option<(f64, f64)>,
}

impl<S> Gated<S> {
    /// The gain with its gate and its ramp: `g0` 0, closing from a success of 0.7 to 0.9.
    pub fn new(inner: S) -> Self {
        Self { inner, least: 0.0, ramp: Some((0.7, 0.9)) }
    }

    /// Sets `g0`, the opening that the gate keeps without progress, in `[0, 1]`.
    #[must_use]
    pub fn least(mut self, least: f64) -> Self {
        self.least = least;
        self
    }

    /// Sets the successes from which the ramp falls and at which it reaches 0.
    #[must_use]
    pub fn ramp(mut self, from: f64, to: f64) -> Self {
        self.ramp = Some((from, to));
        self
    }

    /// Takes the ramp away.
    #[must_use]
    pub fn without_ramp(mut self) -> Self {
        self.ramp = None;
        self
    }

    fn opening(&self, trial: &Trial) -> f64 {
        let gate = self.least
            + (1.0 - self.least) * crate::ledger::progress::opening(trial.progress.evidence());
        let ramp = self
            .ramp
            .map_or(1.0, |(from, to)| ((to - trial.progress.slow()) / (to - from)).clamp(0.0, 1.0));
        gate * ramp
    }
}

impl<S: Signal> Signal for Gated<S> {
    fn score(&self, trials: &[Trial], scores: &mut [f32]) -> Result<()> {
        self.inner.score(trials, scores)?;
        for (trial, score) in trials.iter().zip(scores) {
            *score = (f64::from(*score) * self.opening(trial)) as f32;
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        within("least opening of the gate", self.least, 0.0, 1.0)?;
        if let Some((from, to)) = self.ramp {
            within("end of the ramp", to, -1e6, 1e6)?;
            // Far enough from its end for the slope to be a number.
            within("start of the ramp", from, -1e6, to - 1e-6)?;
        }
        self.inner.check()
    }

    fn needs(&self) -> Fields {
        self.inner.needs() | Field::Success
    }
}
