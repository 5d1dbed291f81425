//! Prompts that are all failed get another try, with a hint.

use crate::base::error::{Result, length};
use crate::base::numbers::{all_within, in_range, some};

use super::Treatment;

/// Routes groups by their accuracy: trained on within a band, sent back with a hint up to a threshold, dropped else; then the
/// hinted ones by the same band.
///
/// Where the band and the threshold overlap, a group is trained on. Keep drawing until the batch is full. Hinted rollouts
/// are trained on under the hint-free prompt, shaped by [`OffPolicyShape`](crate::weigh::OffPolicyShape). Cost: O(groups).
///
/// Paper: Guide, arXiv 2506.13923 (8 rollouts, band .001 to .999, threshold .001). Its code sends the whole batch back if no
/// group is inside the band, solved prompts included.
///
/// ```
/// use curricle::route::{HintRoute, Treatment};
///
/// let routes = HintRoute::default().route(&[0.0, 0.5, 1.0], &[Some(0.25), None, None])?;
/// assert_eq!(routes.treatment, [Treatment::Hint, Treatment::TRAIN, Treatment::Drop]);
/// assert_eq!((routes.hinted[0], routes.trained), (Some(Treatment::TRAIN), 2));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HintRoute {
    /// The least accuracy that is trained on.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// Up to this accuracy a hint is given.
    pub threshold: f64,
}

impl Default for HintRoute {
    fn default() -> Self {
        Self { low: 0.001, high: 0.999, threshold: 0.001 }
    }
}

/// What [`HintRoute`] says, a value for each group.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HintRoutes {
    /// What is done with it.
    pub treatment: Vec<Treatment>,
    /// What is done with its hinted try; `None` without one.
    pub hinted: Vec<Option<Treatment>>,
    /// How many groups are trained on, hinted ones included.
    pub trained: usize,
}

impl HintRoute {
    /// Routes groups: the accuracy of each and, where it was tried again, that with the hint.
    ///
    /// # Errors
    /// No group; lists of different lengths; a number outside [0, 1] or not finite.
    pub fn route(&self, accuracy: &[f64], hinted: &[Option<f64>]) -> Result<HintRoutes> {
        some("accuracy", accuracy)?;
        length("hinted", accuracy.len(), hinted.len())?;
        all_within("accuracy", accuracy, 0.0, 1.0)?;
        all_within("hinted", &hinted.iter().copied().flatten().collect::<Vec<_>>(), 0.0, 1.0)?;
        in_range("low", self.low, 0.0, 1.0)?;
        in_range("high", self.high, self.low, 1.0)?;
        in_range("threshold", self.threshold, 0.0, 1.0)?;
        let is_inside = |accuracy: f64| accuracy >= self.low && accuracy <= self.high;
        let first = |&accuracy: &f64| match accuracy {
            _ if is_inside(accuracy) => Treatment::TRAIN,
            _ if accuracy <= self.threshold => Treatment::Hint,
            _ => Treatment::Drop,
        };
        let treatment: Vec<Treatment> = accuracy.iter().map(first).collect();
        let again = |(route, hinted): (&Treatment, &Option<f64>)| {
            let hinted = hinted.filter(|_| *route == Treatment::Hint)?;
            Some(if is_inside(hinted) { Treatment::TRAIN } else { Treatment::Drop })
        };
        let hinted: Vec<Option<Treatment>> = treatment.iter().zip(hinted).map(again).collect();
        let trained = treatment.iter().chain(hinted.iter().flatten());
        let trained = trained.filter(|route| **route == Treatment::TRAIN).count();
        Ok(HintRoutes { treatment, hinted, trained })
    }
}
