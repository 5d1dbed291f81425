//! How well uncertainty tells wrong answers from right ones.

use crate::base::error::{Error, Result, length};

/// The probability that a wrong answer is more uncertain than a right one, ties counted half: the area
/// under the ROC curve, by mid-ranks (Mann and Whitney).
///
/// ```text
/// (sum of the ranks of the wrong - n_w (n_w + 1) / 2) / (n_w n_r)
/// ```
///
/// 1/2 says that uncertainty tells nothing. Cost: O(n log n).
///
/// # Errors
/// [`Error::Length`] if the lists differ; [`Error::NonFinite`] for NaN; [`Error::Empty`] if no answer
/// is wrong, or none is right.
///
/// ```
/// use curricle::test_time::calibration::auroc;
///
/// let area = auroc(&[0.9, 0.3, 0.5, 0.5], &[true, false, false, true])?;
/// assert_eq!(area, 0.875);
/// # Ok::<(), curricle::Error>(())
/// ```
pub fn auroc(uncertainties: &[f64], wrong: &[bool]) -> Result<f64> {
    let order = ascending(uncertainties, wrong)?;
    let count = wrong.iter().filter(|&&wrong| wrong).count();
    if count == 0 {
        return Err(Error::Empty { what: "wrong answers", index: 0 });
    }
    if count == wrong.len() {
        return Err(Error::Empty { what: "right answers", index: 0 });
    }
    let (mut before, mut sum) = (0, 0.0);
    for ties in order.chunk_by(|&a, &b| uncertainties[a] == uncertainties[b]) {
        let rank = before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        sum += rank * ties.iter().filter(|&&item| wrong[item]).count() as f64;
        before += ties.len();
    }
    let (count, others) = (count as f64, (wrong.len() - count) as f64);
    Ok((sum - count * (count + 1.0) / 2.0) / (count * others))
}

/// The area under the risk-coverage curve: the mean, over all `k`, of the error rate among the `k`
/// least uncertain.
///
/// Low is good; the error rate itself says that uncertainty tells nothing. Among ties the errors are
/// spread evenly, which is the mean over their orders. Cost: O(n log n).
///
/// Paper: Geifman, Uziel and El-Yaniv, *Bias-Reduced Uncertainty Estimation for Deep Neural
/// Classifiers*, arXiv
/// 1805.08206.
///
/// # Errors
/// [`Error::Length`] if the lists differ; [`Error::NonFinite`] for NaN; [`Error::Empty`] of nothing.
///
/// ```
/// use curricle::test_time::calibration::aurc;
///
/// assert_eq!(aurc(&[0.1, 0.9], &[false, true])?, 0.25);
/// assert_eq!(aurc(&[0.9, 0.1], &[false, true])?, 0.75);
/// assert_eq!(aurc(&[0.5, 0.5], &[false, true])?, 0.5);
/// # Ok::<(), curricle::Error>(())
/// ```
pub fn aurc(uncertainties: &[f64], wrong: &[bool]) -> Result<f64> {
    let order = ascending(uncertainties, wrong)?;
    if order.is_empty() {
        return Err(Error::Empty { what: "answers", index: 0 });
    }
    let (mut taken, mut errors, mut area) = (0, 0.0, 0.0);
    for ties in order.chunk_by(|&a, &b| uncertainties[a] == uncertainties[b]) {
        let share = ties.iter().filter(|&&item| wrong[item]).count() as f64 / ties.len() as f64;
        for _ in ties {
            taken += 1;
            errors += share;
            area += errors / f64::from(taken);
        }
    }
    Ok(area / order.len() as f64)
}

/// The items from the least uncertain up.
fn ascending(uncertainties: &[f64], wrong: &[bool]) -> Result<Vec<usize>> {
    length("labels", uncertainties.len(), wrong.len())?;
    if let Some(index) = uncertainties.iter().position(|x| x.is_nan()) {
        let value = uncertainties[index];
        return Err(Error::NonFinite { what: "uncertainty", index: index as u64, value });
    }
    let mut order: Vec<usize> = (0..uncertainties.len()).collect();
    // `+ 0.0` makes one zero of the two, so that equal numbers stand together.
    order.sort_by(|&a, &b| (uncertainties[a] + 0.0).total_cmp(&(uncertainties[b] + 0.0)));
    Ok(order)
}
