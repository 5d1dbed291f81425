//! Sums and means of log-probabilities, of one model or of two.

use crate::base::error::{Result, length};
use crate::base::math::exp;
use crate::base::numbers::{
    first_greatest, first_least, mean, positive, rows_of_log_probabilities, sum,
};

/// Answers by the log-ratio of a strong and a weak model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DensityRatio {
    /// `sum strong - sum weak` of each answer.
    pub log_ratio: Vec<f64>,
    /// The same, for each token of the strong model if so asked.
    pub score: Vec<f64>,
    /// The first of the greatest scores.
    pub best: usize,
    /// The first of the least.
    pub worst: usize,
    /// The score of the best less that of the worst.
    pub gap: f64,
}

/// Scores answers by `sum log p_strong - sum log p_weak`, over the number of the strong model's tokens if `per_token`.
///
/// The two models may cut an answer into different tokens. The best against the worst is a preference pair. Cost:
/// O(tokens).
///
/// Paper: CDR, arXiv 2411.02481; its library returns the form per token, the paper writes the sum.
///
/// ```
/// let strong = [vec![-0.5, -0.5], vec![-2.0, -2.0]];
/// let weak = [vec![-1.0, -1.0], vec![-1.0, -1.0]];
/// let reading = curricle::gauge::density_ratio(&strong, &weak, true)?;
/// assert_eq!((reading.score, reading.best, reading.worst), (vec![0.5, -1.0], 0, 1));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No answer, or one without tokens; lists of different lengths; a log-probability that is not one.
pub fn density_ratio<S: AsRef<[f64]>, W: AsRef<[f64]>>(
    strong: &[S],
    weak: &[W],
    per_token: bool,
) -> Result<DensityRatio> {
    length("weak", strong.len(), weak.len())?;
    rows_of_log_probabilities("strong", strong)?;
    rows_of_log_probabilities("weak", weak)?;
    let negated = |row: &W| row.as_ref().iter().map(|logp| -logp).collect::<Vec<_>>();
    let log_ratio: Vec<f64> = strong
        .iter()
        .zip(weak)
        .map(|(strong, weak)| sum(strong.as_ref().iter().copied().chain(negated(weak))))
        .collect();
    let tokens = |row: &S| if per_token { row.as_ref().len() as f64 } else { 1.0 };
    let score: Vec<f64> =
        log_ratio.iter().zip(strong).map(|(ratio, strong)| ratio / tokens(strong)).collect();
    let (best, worst) = (first_greatest(&score), first_least(&score));
    let gap = score[best] - score[worst];
    Ok(DensityRatio { log_ratio, score, best, worst, gap })
}

/// Answers by what a policy has learned to prefer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ImplicitReward {
    /// `beta (log p - log p_reference)` of every token.
    pub token: Vec<Vec<f64>>,
    /// Their sum, or their mean if so asked.
    pub reward: Vec<f64>,
}

/// The implicit reward of a policy: `beta (log p - log p_reference)`, summed over the tokens of an answer, or their mean
/// if `per_token`.
///
/// Exchanging the two models changes the sign and nothing else. Padding has to be left out before. Cost: O(tokens).
///
/// Paper: Rafailov et al., *Direct Preference Optimization*, arXiv 2305.18290 (beta 0.1).
///
/// ```
/// let reading = curricle::gauge::implicit_reward(&[vec![-1.0, -2.0]], &[vec![-2.0, -2.0]], 0.1, false)?;
/// assert_eq!(reading.reward, [0.1]);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No answer, or one without tokens; lists of different lengths; a log-probability or a beta that is none.
pub fn implicit_reward<P: AsRef<[f64]>, R: AsRef<[f64]>>(
    policy: &[P],
    reference: &[R],
    beta: f64,
    per_token: bool,
) -> Result<ImplicitReward> {
    positive("beta", beta)?;
    length("reference", policy.len(), reference.len())?;
    rows_of_log_probabilities("policy", policy)?;
    rows_of_log_probabilities("reference", reference)?;
    let token = policy
        .iter()
        .zip(reference)
        .map(|(policy, reference)| {
            let (policy, reference) = (policy.as_ref(), reference.as_ref());
            length("reference", policy.len(), reference.len())?;
            Ok(policy.iter().zip(reference).map(|(of, before)| beta * (of - before)).collect())
        })
        .collect::<Result<Vec<Vec<f64>>>>()?;
    // Summed before they are multiplied: long answers lose no digits.
    let whole = |(policy, reference): (&P, &R)| {
        let (policy, reference) = (policy.as_ref(), reference.as_ref());
        let apart = sum(policy.iter().copied().chain(reference.iter().map(|logp| -logp)));
        beta * if per_token { apart / policy.len() as f64 } else { apart }
    };
    let reward = policy.iter().zip(reference).map(whole).collect();
    Ok(ImplicitReward { token, reward })
}

/// Samples by the log-probability that their own model gives them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SelfReward {
    /// The sum of the log-probabilities, or their mean if so asked.
    pub score: Vec<f64>,
    /// The first of the greatest: what to train on.
    pub best: usize,
    /// The first of the least.
    pub worst: usize,
}

/// Ranks samples by the model's own log-probability, without a label: best of N.
///
/// The sum prefers short answers; the mean (`per_token`) works better in practice. Cost: O(tokens).
///
/// Paper: Huang et al., *Self-Improvement in Language Models: The Sharpening Mechanism*.
///
/// ```
/// let reading = curricle::gauge::self_reward(&[vec![-1.0], vec![-0.6, -0.6]], true)?;
/// assert_eq!((reading.best, reading.worst), (1, 0));
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No sample, or one without tokens; a log-probability that is not one.
pub fn self_reward<R: AsRef<[f64]>>(logps: &[R], per_token: bool) -> Result<SelfReward> {
    rows_of_log_probabilities("logps", logps)?;
    let whole = |row: &[f64]| if per_token { mean(row) } else { sum(row.iter().copied()) };
    let score: Vec<f64> = logps.iter().map(|row| whole(row.as_ref())).collect();
    let (best, worst) = (first_greatest(&score), first_least(&score));
    Ok(SelfReward { score, best, worst })
}

/// How little a model expects answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Surprise {
    /// Minus the mean log-probability of a token. Rank by this one: perplexities overflow.
    pub mean_surprise: Vec<f64>,
    /// Its exponential.
    pub perplexity: Vec<f64>,
}

/// The mean surprise of each answer, in nats a token, and its perplexity.
///
/// [`top_share`](crate::weigh::top_share) takes the most surprising share of every stratum, as iTool does. Cost: O(tokens).
///
/// Paper: iTool, arXiv 2501.09766.
///
/// ```
/// let reading = curricle::gauge::surprise(&[vec![-1.0, -3.0]])?;
/// assert_eq!(reading.mean_surprise, [2.0]);
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No answer, or one without tokens; a log-probability that is not one.
pub fn surprise<R: AsRef<[f64]>>(logps: &[R]) -> Result<Surprise> {
    rows_of_log_probabilities("logps", logps)?;
    let mean_surprise: Vec<f64> = logps.iter().map(|row| -mean(row.as_ref())).collect();
    let perplexity = mean_surprise.iter().map(|&surprise| exp(surprise)).collect();
    Ok(Surprise { mean_surprise, perplexity })
}
