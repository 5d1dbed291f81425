//! The ladder: a score from whatever is known of an answer.

use curricle_kernels::logits::exact;

use super::{Candidate, NonFinite, PerLength, Relative, Score, Semantic, TopK, Uncertainty, Votes};
use crate::base::error::{Error, Result};

/// What is known of one prediction, from the most telling down.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Evidence<'a, K = String> {
    /// All logits of a token.
    Logits(&'a [f64]),
    /// The greatest log-probabilities of a token.
    TopK(&'a TopK),
    /// Candidate answers with their likelihoods.
    Candidates(&'a [Candidate<K>], PerLength),
    /// How often each of several sampled answers was given.
    Votes(&'a Votes),
    /// Sampled answers by meaning: the cluster of each, and its log-likelihood. No text is given twice.
    Clusters(&'a [usize], &'a [f64]),
    /// The same with the texts, of which equal ones count once.
    Texts {
        /// What was answered.
        texts: &'a [K],
        /// The cluster of each.
        clusters: &'a [usize],
        /// Its log-likelihood.
        log_likelihoods: &'a [f64],
    },
}

/// A score, or where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "a number is known or bounded")]
pub enum Scored {
    /// Its value.
    Exact(f64),
    /// Its least and greatest possible values.
    Within {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
    },
}

impl<K: Ord> Evidence<'_, K> {
    /// The score of the distribution that the evidence describes: over tokens, candidates, answers or
    /// meanings.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the evidence does not determine the score, never a default in its
    /// place; else what the evidence's own type reports.
    ///
    /// ```
    /// use curricle::Error;
    /// use curricle::signal::uncertainty::{Evidence, Score, Scored, Votes};
    ///
    /// let votes = Votes::of(&[5, 3, 2])?;
    /// let evidence = Evidence::<String>::Votes(&votes);
    /// assert_eq!(evidence.score(Score::Margin)?, Scored::Exact(0.2));
    /// assert!(matches!(evidence.score(Score::Energy), Err(Error::Unavailable { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn score(&self, score: Score) -> Result<Scored> {
        let unavailable = |evidence| Err(Error::Unavailable { score, evidence });
        match self {
            Self::Logits(row) => {
                let reading = Uncertainty::new(score).non_finite(NonFinite::Error).read_exactly(row)?;
                reading
                    .map(|reading| Scored::Exact(reading.value))
                    .ok_or(Error::Unavailable { score, evidence: "logits" })
            }
            Self::TopK(top) => top.score(score),
            Self::Candidates(candidates, per_length) => {
                Relative::of(candidates, *per_length)?.score(score).map(Scored::Exact)
            }
            Self::Votes(votes) => match score {
                Score::Energy => unavailable("votes"),
                Score::Entropy => Ok(Scored::Exact(votes.entropy())),
                Score::Margin => Ok(Scored::Exact(votes.margin())),
                Score::Gini => Ok(Scored::Exact(votes.gini())),
                score => score.of(&exact(&votes.logs(), 1.0)).map(Scored::Exact),
            },
            Self::Clusters(..) | Self::Texts { .. } if score == Score::Energy => {
                unavailable("clusters")
            }
            Self::Clusters(clusters, log_likelihoods) => {
                of_meanings(score, &Semantic::of(clusters, log_likelihoods)?)
            }
            Self::Texts { texts, clusters, log_likelihoods } => {
                of_meanings(score, &Semantic::of_texts(texts, clusters, log_likelihoods)?)
            }
        }
    }
}

fn of_meanings(score: Score, semantic: &Semantic) -> Result<Scored> {
    score.of(&exact(&semantic.log_probabilities, 1.0)).map(Scored::Exact)
}
