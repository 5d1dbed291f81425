//! Semantic entropy: over meanings instead of wordings.

use curricle_kernels::logits::exact;
use serde::{Deserialize, Serialize};

use super::candidates::log_sum;
use super::texts::once;
use super::votes::Votes;
use crate::base::error::{Error, Result, finite, length};
use crate::base::math::log1p;

/// The probabilities of clusters of answers that mean the same.
///
/// ```text
/// l_c = ln sum e^l_i over the members i of c  -  ln sum e^l_i over all
/// rao         -sum_c e^l_c l_c
/// sampled     -(1/n) sum_i l_c(i)             by Monte Carlo over the samples
/// discrete    -sum_c (n_c/n) ln(n_c/n)        from the counts alone
/// ```
///
/// The sums are over different texts: the probability of a meaning is that of all its wordings, and a
/// wording that was sampled twice is no likelier for it. [`of_texts`](Self::of_texts) sees to that; to
/// [`of`](Self::of) give each text once. `sampled` and `discrete` are over the samples, repeated ones
/// as often as they came.
///
/// Log-likelihoods of any size may be given: they are shifted before they are exponentiated, so a long
/// answer does not underflow.
///
/// Paper: Kuhn, Gal and Farquhar, *Semantic Uncertainty*, arXiv 2302.09664; Farquhar et al., *Detecting
/// hallucinations in large language models using semantic entropy*, Nature 630, 2024.
///
/// ```
/// use curricle::signal::uncertainty::Semantic;
///
/// let semantic = Semantic::of(&[0, 1, 2, 1], &[-2.0, -1.5, -3.0, -2.5])?;
/// assert!((semantic.rao - 0.8827).abs() < 1e-4);
/// assert!((semantic.discrete - 1.0397).abs() < 1e-4);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Semantic {
    /// The log-probability `l_c` of each cluster, in rising order of their numbers.
    pub log_probabilities: Vec<f64>,
    /// The entropy of the clusters' probabilities.
    pub rao: f64,
    /// The mean surprise of the samples' clusters.
    pub sampled: f64,
    /// The entropy of the clusters' sizes.
    pub discrete: f64,
}

impl Semantic {
    /// From the text, the cluster and the log-likelihood of each sample, equal texts summed once.
    ///
    /// # Errors
    /// As for [`of`](Self::of), and [`Error::OutOfRange`] for one text in two clusters.
    ///
    /// ```
    /// use curricle::signal::uncertainty::Semantic;
    ///
    /// let texts = ["Paris", "Paris", "Paris", "It is Paris", "London"];
    /// let logs = [0.6f64, 0.6, 0.6, 0.3, 0.1].map(f64::ln);
    /// let semantic = Semantic::of_texts(&texts, &[0, 0, 0, 0, 1], &logs)?;
    /// assert!((semantic.log_probabilities[0] - 0.9f64.ln()).abs() < 1e-12);
    /// assert!((semantic.rao - 0.3251).abs() < 1e-4);
    /// # Ok::<(), curricle::Error>(())
    /// ```
    ///
    /// Cost: O(n log n) comparisons of texts.
    pub fn of_texts<T: Ord>(texts: &[T], clusters: &[usize], log_likelihoods: &[f64]) -> Result<Self> {
        length("texts", clusters.len(), texts.len())?;
        check(clusters, log_likelihoods)?;
        let mut logs = log_likelihoods.to_vec();
        once(texts, "cluster of a repeated text", |sample| clusters[sample], &mut logs)?;
        Self::of(clusters, &logs)
    }

    /// From the cluster and the log-likelihood of each sample, no text of which is given twice.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples, or if none is possible; [`Error::NonFinite`] for a
    /// log-likelihood of NaN or
    /// `+inf`; [`Error::Length`] if the lists differ.
    ///
    /// Cost: O(n log n).
    pub fn of(clusters: &[usize], log_likelihoods: &[f64]) -> Result<Self> {
        check(clusters, log_likelihoods)?;
        let mut order: Vec<usize> = (0..clusters.len()).collect();
        order.sort_by_key(|&sample| (clusters[sample], sample));
        let members: Vec<Vec<f64>> = order
            .chunk_by(|&a, &b| clusters[a] == clusters[b])
            .map(|cluster| cluster.iter().map(|&sample| log_likelihoods[sample]).collect())
            .collect();
        let sums: Vec<f64> = members.iter().map(|logs| log_sum(logs)).collect();
        let all = exact(&sums, 1.0);
        if all.count == 0 {
            return Err(Error::Empty { what: "possible samples", index: 0 });
        }
        let whole = all.max + log1p(all.rest);
        let counts: Vec<u64> = members.iter().map(|logs| logs.len() as u64).collect();
        let log_probabilities: Vec<f64> =
            if sums.len() == 1 { vec![0.0] } else { sums.iter().map(|&sum| sum - whole).collect() };
        let surprise = members.iter().zip(&log_probabilities).map(|(m, log)| -(m.len() as f64) * log);
        Ok(Self {
            rao: log1p(all.rest) - all.weighted / (1.0 + all.rest),
            sampled: surprise.sum::<f64>() / clusters.len() as f64 + 0.0,
            discrete: Votes::of(&counts)?.entropy(),
            log_probabilities,
        })
    }
}

fn check(clusters: &[usize], log_likelihoods: &[f64]) -> Result<()> {
    length("log-likelihoods", clusters.len(), log_likelihoods.len())?;
    for (index, &log) in log_likelihoods.iter().enumerate() {
        if log > f64::NEG_INFINITY || log.is_nan() {
            finite("log-likelihood", index as u64, log)?;
        }
    }
    Ok(())
}
