//! What showing a candidate to a student is worth.

use crate::base::error::{Error, Result, length};
use crate::base::numbers::{
    LEAST, all_binary, count_of, falling, first_greatest, first_least, in_range, mean, rounded, some,
    sum,
};

use super::Treatment;

/// Scores candidates by how well students do on probes after they were shown them, and makes pairs of the best and the worst
/// of each question.
///
/// Cost: O(outcomes + candidates questions).
///
/// Papers: ARTE (a quarter of the questions at both ends; its experiments take 50 of 250); *Learning by Teaching*, whose votes
/// these are, but that its ties fall to the last seen.
///
/// ```
/// use curricle::route::{StudentProbe, Treatment};
///
/// // Two rationales of one question, shown to one student who then answers three probes.
/// let outcomes = [vec![vec![1.0, 1.0, 0.0]], vec![vec![1.0, 0.0, 0.0]]];
/// let reading = StudentProbe::default().read(&outcomes, &[0, 0], None)?;
/// assert_eq!(reading.pairs, [Some(Treatment::Pair { chosen: 0, rejected: 1 })]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StudentProbe {
    /// The share of questions at each end, rounded down.
    pub share: f64,
}

impl Default for StudentProbe {
    fn default() -> Self {
        Self { share: 0.25 }
    }
}

/// What [`StudentProbe`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StudentReading {
    /// The mean over students and probes, of each candidate.
    pub score: Vec<f64>,
    /// The mean over its candidates, of each question in ascending order.
    pub question_score: Vec<f64>,
    /// The best against the worst candidate of each question; `None` if they are equal.
    pub pairs: Vec<Option<Treatment>>,
    /// The questions of the greatest scores.
    pub top: Vec<i64>,
    /// The questions of the least.
    pub bottom: Vec<i64>,
    /// The answer that wins, by each way to vote; `None` without answers.
    pub vote: Option<Votes>,
}

/// The answer that wins among all candidates. Ties go to the answer with more candidates, and then to the first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Votes {
    /// By the number of candidates.
    pub majority: i64,
    /// By the greatest score.
    pub max: i64,
    /// By the sum of the scores.
    pub sum: i64,
    /// By their mean.
    pub mean: i64,
}

impl StudentProbe {
    /// Reads `outcomes[candidate][student][probe]`, each 0 or 1, the question of every candidate and, for votes, its
    /// answer.
    ///
    /// # Errors
    /// No candidate, no student or no probe; lists of different lengths; an outcome that is neither 0 nor 1; a share
    /// outside (0, 1/2].
    pub fn read<C: AsRef<[S]>, S: AsRef<[f64]>>(
        &self,
        outcomes: &[C],
        question: &[i64],
        answer: Option<&[i64]>,
    ) -> Result<StudentReading> {
        some("outcomes", outcomes)?;
        length("question", outcomes.len(), question.len())?;
        in_range("share", self.share, LEAST, 0.5)?;
        if let Some(answer) = answer {
            length("answer", outcomes.len(), answer.len())?;
        }
        let score = scores(outcomes)?;
        let mut questions = question.to_vec();
        questions.sort_unstable();
        questions.dedup();
        let members =
            |of: &i64| (0..question.len()).filter(|&at| question[at] == *of).collect::<Vec<usize>>();
        let of = |candidates: &[usize]| candidates.iter().map(|&at| score[at]).collect::<Vec<f64>>();
        let question_score: Vec<f64> =
            questions.iter().map(|question| mean(&of(&members(question)))).collect();
        let pair = |question: &i64| {
            let candidates = members(question);
            let scores = of(&candidates);
            let (best, worst) = (first_greatest(&scores), first_least(&scores));
            let differ = rounded(scores[best]) > rounded(scores[worst]);
            differ.then(|| Treatment::Pair { chosen: candidates[best], rejected: candidates[worst] })
        };
        let few = count_of(self.share, questions.len());
        let ends = |values: &[f64]| {
            falling(values).into_iter().take(few).map(|at| questions[at]).collect::<Vec<i64>>()
        };
        let negated: Vec<f64> = question_score.iter().map(|score| -score).collect();
        Ok(StudentReading {
            pairs: questions.iter().map(pair).collect(),
            top: ends(&question_score),
            bottom: ends(&negated),
            vote: answer.map(|answer| votes(answer, &score)),
            score,
            question_score,
        })
    }
}

fn scores<C: AsRef<[S]>, S: AsRef<[f64]>>(outcomes: &[C]) -> Result<Vec<f64>> {
    let students = outcomes[0].as_ref().len();
    some("outcomes", outcomes[0].as_ref())?;
    let probes = outcomes[0].as_ref()[0].as_ref().len();
    let mut score = Vec::with_capacity(outcomes.len());
    for (index, candidate) in (0..).zip(outcomes) {
        length("outcomes", students, candidate.as_ref().len())?;
        let mut right = 0.0;
        for student in candidate.as_ref() {
            if student.as_ref().is_empty() {
                return Err(Error::Empty { what: "outcomes", index });
            }
            length("outcomes", probes, student.as_ref().len())?;
            all_binary("outcomes", student.as_ref())?;
            right += student.as_ref().iter().sum::<f64>();
        }
        score.push(right / (students * probes) as f64);
    }
    Ok(score)
}

fn votes(answer: &[i64], score: &[f64]) -> Votes {
    let mut seen: Vec<i64> = Vec::new();
    answer.iter().for_each(|of| {
        if !seen.contains(of) {
            seen.push(*of)
        }
    });
    let of = |answered: i64| -> Vec<f64> {
        answer.iter().zip(score).filter(|(of, _)| **of == answered).map(|(_, score)| *score).collect()
    };
    let scores: Vec<Vec<f64>> = seen.iter().map(|&answered| of(answered)).collect();
    let winner = |reading: &dyn Fn(&[f64]) -> f64| {
        let key = |at: usize| (rounded(reading(&scores[at])), scores[at].len());
        let best = (1..seen.len()).fold(0, |best, at| if key(at) > key(best) { at } else { best });
        seen[best]
    };
    Votes {
        majority: winner(&|scores| scores.len() as f64),
        max: winner(&|scores| scores.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        sum: winner(&|scores| sum(scores.iter().copied())),
        mean: winner(&mean),
    }
}
