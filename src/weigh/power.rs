//! Weights of sources by how sure they are.

use crate::base::error::{Result, finite};
use crate::base::math::ln;
use crate::base::numbers::{all_within, shares, some};

/// `value^-gamma`, scaled to a sum of 1, in logarithms so that nothing overflows.
///
/// Zeros share all the weight alike. `gamma = 0` is uniform; a negative gamma gives everything to the first of the least
/// values. Turns the entropies of sources into weights of a mixture. Cost: O(n).
///
/// Paper: domain-specific risk minimisation (gamma 1), whose code leaves a head out of the sum.
///
/// ```
/// let weights = curricle::weigh::inverse_power(&[1.0, 3.0], 1.0)?;
/// assert!((weights[0] - 0.75).abs() < 1e-12 && (weights[1] - 0.25).abs() < 1e-12);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No value; one below 0 or not finite; a gamma that is not finite.
pub fn inverse_power(values: &[f64], gamma: f64) -> Result<Vec<f64>> {
    some("values", values)?;
    all_within("values", values, 0.0, f64::MAX)?;
    finite("gamma", 0, gamma)?;
    let only = |is: &dyn Fn(usize) -> bool| {
        let few = (0..values.len()).filter(|&at| is(at)).count() as f64;
        (0..values.len()).map(|at| if is(at) { 1.0 / few } else { 0.0 }).collect::<Vec<f64>>()
    };
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let first = values.iter().position(|&value| value == least);
    Ok(if gamma == 0.0 {
        only(&|_| true)
    } else if gamma < 0.0 {
        only(&|at| Some(at) == first)
    } else if least == 0.0 {
        only(&|at| values[at] == 0.0)
    } else {
        // Next to the least one: a logarithm times gamma may be beyond all numbers.
        let log = |value: f64| if value == least { 0.0 } else { -gamma * (ln(value) - ln(least)) };
        shares(&values.iter().map(|&value| log(value)).collect::<Vec<_>>())
    })
}
