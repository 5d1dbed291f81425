//! Gauges: readings of one observation, from numbers that a training loop has anyway.
//!
//! Each is a pure function of rewards, log-probabilities, scores or token ids; no model is run, nothing is remembered.
//! [`monitor`](crate::monitor) reads what is remembered, [`weigh`](crate::weigh) makes weights of readings, and
//! [`route`](crate::route) decides by them what is done.
//!
//! | gauge | of | paper |
//! |--|--|--|
//! | [`Consistency`] | rewards and answer log-probabilities of a group | GRPO-CARE, arXiv 2506.16141 |
//! | [`PreferenceRanking`] | pairs under the reference and the policy | Chen et al., *Preference Learning Algorithms Do Not Learn Preference Rankings* |
//! | [`preference_loss`] | gaps of pairs | Wang et al., *Secrets of RLHF in Large Language Models Part II*, arXiv 2401.06080 |
//! | [`quality_gap`] | a quality of both sides of pairs | Geng et al., *The Delta Learning Hypothesis*, arXiv 2507.06187 |
//! | [`density_ratio`] | answers under a strong and a weak model | CDR, arXiv 2411.02481 |
//! | [`implicit_reward`] | answers under the policy and the reference | DPO's implicit reward |
//! | [`self_reward`], [`coverage`] | a model's own log-probability of its samples | Huang et al., *Self-Improvement in Language Models: The Sharpening Mechanism* |
//! | [`surprise`] | the reference answers under the policy | iTool, arXiv 2501.09766 |
//! | [`InformationGain`] | the gold answer after every turn | IGPO, arXiv 2510.14967 |
//! | [`step_advantage`] | rollouts from every prefix of a solution | Setlur et al., *RL on Incorrect Synthetic Data*, arXiv 2406.14532 |
//! | [`balance_score`], [`pass_at_k_s`] | counts of right and of kept answers | B-STaR |
//! | [`slot_guess`] | exact guesses of what was masked | Deng et al., *Investigating Data Contamination* |
//! | [`Overlap`] | test texts against training texts | Lambert et al., *Tülu 3* |
//! | [`edit_distance`], [`overlap_coefficient`], [`distinct_ngrams`] | token ids | RISE, arXiv 2410.06638; iTool; R3 |
//!
//! The spread of a group is [`Group`](crate::Group), the margin of candidates
//! [`Relative`](crate::signal::uncertainty::Relative), the angle of hidden states [`Angle`](crate::signal::Angle).
//!
//! Logarithms are natural, log-probabilities finite and at most 0 (1e-6 is taken for rounding), unless a gauge says
//! otherwise. A number that is not defined is `None`, which is a result; an error says that the input was wrong.

mod chance;
mod consistency;
mod coverage;
mod log_ratio;
mod overlap;
mod preference;
mod quality_gap;
mod steps;
mod turns;

pub use chance::{Guess, Shares, balance_score, pass_at_k_s, slot_guess};
pub use consistency::{Consistency, ConsistencyReading};
pub use coverage::{Coverage, coverage};
pub use log_ratio::{
    DensityRatio, ImplicitReward, SelfReward, Surprise, density_ratio, implicit_reward, self_reward,
    surprise,
};
pub use overlap::{
    Contamination, Distinct, NgramIndex, Overlap, distinct_ngrams, edit_distance, overlap_coefficient,
};
pub use preference::{Losses, PairLogps, PreferenceRanking, Ranking, preference_loss};
pub use quality_gap::{QualityGap, quality_gap};
pub use steps::{StepAdvantage, step_advantage};
pub use turns::{GainKind, GainNorm, Gains, InformationGain};
