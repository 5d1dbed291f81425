//! What a rollout is worth.

use curricle::gauge::distinct_ngrams;
use curricle::weigh::weighted_sum;
use curricle::{Outcome, Result, Schedule, dial::RewardRange, weigh};

/// ToolRL: the range of the reward for correctness widens from -2..2 to -3..3 over 150 steps, so that form is learned
/// before content. `fraction` is how correct a call is.
pub fn ramped(fraction: f64) -> Result<Vec<f64>> {
    let range = RewardRange {
        low: Schedule::Linear { from: -2.0, to: -3.0, rounds: 150 },
        high: Schedule::Linear { from: 2.0, to: 3.0, rounds: 150 },
    };
    Ok(range.read(&[0, 150], &[fraction, fraction])?.reward)
}

/// R3: what a relevance model says counts as far as the text does not repeat itself.
pub fn undegenerate(text: &str, relevance: f64) -> Result<f64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    Ok(relevance * distinct_ngrams(&words, 3)?.ratio.unwrap_or(1.0))
}

/// Fine-grained RLHF: signals of different scales become one reward, which the curriculum takes as a utility.
pub fn standardised() -> Result<Vec<f32>> {
    let (relevance, length) = ([0.2, 0.4, 0.9], [900.0, 300.0, 600.0]);
    let rewards = weighted_sum(&[relevance, length], &[1.0, -0.3], None)?;
    let outcomes = rewards.iter().map(|&reward| Outcome::default().utility(reward as f32));
    Ok(outcomes.filter_map(|outcome| outcome.utility).collect())
}

/// SFT or contrastive reranking: the loss of an item weighs as much as its answer is still wrong.
pub fn residual() -> Result<Vec<f64>> {
    let (yes, no) = ([3.0, 0.0, -1.0], [0.0, 0.0, 0.0]);
    Ok(weigh::residual(&yes, &no, &[true, true, true])?.weight)
}

#[test]
fn rewards_are_those_of_the_papers() -> Result<()> {
    assert_eq!(ramped(0.75)?, [1.0, 1.5]);
    // "a b a b a b" has four trigrams, two of them different.
    assert_eq!(undegenerate("a b a b a b", 0.9)?, 0.45);
    assert_eq!(undegenerate("short", 0.9)?, 0.9);
    let sums = standardised()?;
    assert!(sums[2] > sums[1] && sums[1] > sums[0], "{sums:?}");
    assert!(sums.iter().sum::<f32>().abs() < 1e-6);
    let weights = residual()?;
    assert!(weights[0] < weights[1] && weights[1] < weights[2], "{weights:?}");
    assert_eq!(weights[1], 0.5);
    Ok(())
}
