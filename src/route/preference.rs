//! Preference pairs by how strongly several reward models prefer them.

use crate::base::error::{Error, Result, length};
use crate::base::numbers::{SLACK, all_finite, all_within, count_of, deviation, falling, mean, some};

use super::Treatment;

/// Routes preference pairs by the rank of their mean strength over several reward models, `mean_m (chosen_m - rejected_m)`:
///
/// ```text
/// up to the first band, where the mean is below 0   flip, with the margin -mean
/// up to the second                                  soften
/// up to the third                                   margin max(mean, 0)
/// beyond                                            soften and margin
/// ```
///
/// Only a mean below -1e-9 is below 0, so that no pair of positive strength is flipped for its rounding. A softened pair
/// has the margin 0. Of equal means those that come first are the weaker.
/// [`preference_loss`](crate::gauge::preference_loss) has the losses. Cost: O(pairs models + pairs log pairs).
///
/// Paper: Wang et al., *Secrets of RLHF in Large Language Models Part II*, arXiv 2401.06080 (10 models, bands .2, .4, .9).
///
/// ```
/// use curricle::route::{PreferenceBands, Treatment};
///
/// let strengths = PreferenceBands { bands: [0.5, 0.5, 1.0] }.route(&[vec![0.5], vec![-0.5]], &[vec![0.0], vec![0.0]])?;
/// assert_eq!(strengths.treatment, [Treatment::Margin { margin: 0.5 }, Treatment::Flip]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PreferenceBands {
    /// The shares of pairs at which treatments change, ascending.
    pub bands: [f64; 3],
}

impl Default for PreferenceBands {
    fn default() -> Self {
        Self { bands: [0.2, 0.4, 0.9] }
    }
}

/// What [`PreferenceBands`] says, a value for each pair.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Strengths {
    /// The mean over the models.
    pub mean: Vec<f64>,
    /// The deviation over the models, that divides by their number.
    pub std: Vec<f64>,
    /// Pairs from the weakest to the strongest.
    pub order: Vec<usize>,
    /// What is done with it.
    pub treatment: Vec<Treatment>,
    /// How far apart its sides have to be, flipped ones included.
    pub margin: Vec<f64>,
}

impl PreferenceBands {
    /// Routes pairs: the rewards of both sides by every model.
    ///
    /// # Errors
    /// No pair, or no model; lists of different lengths; a number, or a difference, that is not finite; bands that do not
    /// ascend in [0, 1].
    pub fn route<C: AsRef<[f64]>, R: AsRef<[f64]>>(
        &self,
        chosen: &[C],
        rejected: &[R],
    ) -> Result<Strengths> {
        some("chosen", chosen)?;
        length("rejected", chosen.len(), rejected.len())?;
        all_within("bands", &self.bands, 0.0, 1.0)?;
        if let Some(pair) = self.bands.windows(2).find(|pair| pair[0] > pair[1]) {
            let (value, low) = (pair[1], pair[0]);
            return Err(Error::OutOfRange { what: "bands", value, low, high: 1.0 });
        }
        let models = chosen[0].as_ref().len();
        some("chosen", chosen[0].as_ref())?;
        let mut apart = Vec::with_capacity(chosen.len());
        for (chosen, rejected) in chosen.iter().zip(rejected) {
            let (chosen, rejected) = (chosen.as_ref(), rejected.as_ref());
            length("chosen", models, chosen.len())?;
            length("rejected", models, rejected.len())?;
            all_finite("chosen", chosen)?;
            all_finite("rejected", rejected)?;
            apart.push(chosen.iter().zip(rejected).map(|(a, b)| a - b).collect::<Vec<f64>>());
        }
        let means: Vec<f64> = apart.iter().map(|row| mean(row)).collect();
        all_finite("mean difference", &means)?;
        let std = apart.iter().map(|row| deviation(row)).collect();
        let order = falling(&means.iter().map(|mean| -mean).collect::<Vec<_>>());
        let [first, second, third] = self.bands.map(|band| count_of(band, means.len()));
        let (mut treatment, mut margins) = (vec![Treatment::Drop; means.len()], vec![0.0; means.len()]);
        for (rank, &pair) in order.iter().enumerate() {
            let margin = means[pair].max(0.0);
            (treatment[pair], margins[pair]) = match rank {
                _ if rank < first && means[pair] < -SLACK => (Treatment::Flip, -means[pair]),
                _ if rank < second => (Treatment::Soften, 0.0),
                _ if rank < third => (Treatment::Margin { margin }, margin),
                _ => (Treatment::SoftenMargin { margin }, margin),
            };
        }
        Ok(Strengths { mean: means, std, order, treatment, margin: margins })
    }
}
