//! Whether adapting helps at all here, decided at any time.

use serde::{Deserialize, Serialize};

use crate::base::error::{Result, within};
use crate::base::math;

/// Bets that adapting harms, and turns it off for good when the bet has paid `1 / alpha` fold.
///
/// ```text
/// harm <- harm (1 - lambda r),   help <- help (1 + mu r),   r in [-1, 1];   off when harm >= 1 / alpha
/// ```
///
/// `r` is the verified paired gain of an improved answer: 1 if mended, -1 if spoiled, 0 if the same.
/// The stakes `lambda`, `mu` in `[0, 1/2]` depend on earlier gains only, so while adapting does not
/// harm on average, whatever came before, `harm` is a supermartingale: the probability that it *ever*
/// turns off is at most `alpha`, however often one looks (Ville's inequality). `help` is the same bet
/// the other way:
/// `1 / help` is an anytime-valid p-value against "adapting does not help".
///
/// Paper: Waudby-Smith and Ramdas, *Estimating means of bounded random variables by betting*,
/// arXiv 2010.09686.
///
/// ```
/// use curricle::test_time::self_improvement::Switch;
///
/// let mut switch = Switch::new(0.05)?;
/// (0..20).for_each(|_| switch.observe(-1.0));
/// assert!(switch.is_off());
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    alpha: f64,
    off: bool,
    /// Logarithms of the two wealths.
    harm: f64,
    help: f64,
    sum: f64,
    squares: f64,
}

impl Switch {
    /// A switch that is on; `alpha`, in `[1e-9, 0.5]`, bounds the probability of turning off in vain.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange).
    pub fn new(alpha: f64) -> Result<Self> {
        let alpha = within("alpha", alpha, 1e-9, 0.5)?;
        Ok(Self { alpha, off: false, harm: 0.0, help: 0.0, sum: 0.0, squares: 0.0 })
    }

    /// Takes in a paired gain, cut to `[-1, 1]`; NaN counts as 0.
    pub fn observe(&mut self, gain: f64) {
        let gain = if gain.is_nan() { 0.0 } else { gain.clamp(-1.0, 1.0) };
        // Before anything is seen a quarter is staked; then about mean over mean square.
        let stake = |towards: f64| ((0.25 + towards) / (1.0 + self.squares)).clamp(0.0, 0.5);
        self.harm += math::ln(1.0 - stake(-self.sum) * gain);
        self.help += math::ln(1.0 + stake(self.sum) * gain);
        self.sum += gain;
        self.squares += gain * gain;
        self.off |= self.harm >= -math::ln(self.alpha);
    }

    /// Whether it has turned adapting off.
    pub fn is_off(&self) -> bool {
        self.off
    }

    /// The wealth of the bet that adapting harms.
    pub fn evidence_of_harm(&self) -> f64 {
        math::exp(self.harm)
    }

    /// The wealth of the bet that adapting helps.
    pub fn evidence_of_help(&self) -> f64 {
        math::exp(self.help)
    }
}
