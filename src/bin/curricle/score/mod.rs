//! `curricle score`: samples by a signal of the model, as a table.

mod angle;
mod logratio;
mod overlap;
mod pairs;
mod uncertainty;

use clap::Subcommand;

use crate::fault::Fault;

#[derive(Subcommand)]
pub enum Score {
    /// Angle concentration of hidden states (GAIN-RL).
    Angle(angle::Arguments),
    /// Uncertainty of rows of logits, and which rows a budget selects.
    Uncertainty(uncertainty::Arguments),
    /// What one model finds likelier than another: log-ratio, implicit reward (CDR, DPO).
    ///
    /// Columns of the table: log_ratio, the sum of the first less that of the second; with --per-token per_token,
    /// that over the number of the first one's tokens; with --beta reward; of lists tokens, how many the first one has.
    Logratio(logratio::Arguments),
    /// How much two texts of a row have in common: n-grams, edits, tokens; how much each repeats itself.
    ///
    /// Columns of the table: coverage, the part of the tokens of b in n-grams that a has too, empty if b is shorter than
    /// one; edit_distance, over the length of the longer text; token_overlap, the tokens that both have over those of the
    /// text with fewer different ones; distinct_a and distinct_b, the part of the n-grams of each that differ, empty if
    /// there is none.
    Overlap(overlap::Arguments),
    /// Preference pairs: how strongly reward models prefer a side, what is done with the pair, how hard it is.
    ///
    /// Columns of the table: strength, the mean difference of the rewards, and deviation, over the models; flip: exchange
    /// the sides; soften: smooth the label; with_margin: ask for a margin; margin, how much, of a flipped pair by how much
    /// the other side is preferred; with the log-probabilities difficulty, that of the rejected side less that of the
    /// chosen one. Pairs go to their bands by rank: of equal ones, those that come first are the weaker.
    Pairs(pairs::Arguments),
}

pub fn run(score: &Score) -> Result<(), Fault> {
    match score {
        Score::Angle(arguments) => angle::run(arguments),
        Score::Uncertainty(arguments) => uncertainty::run(arguments),
        Score::Logratio(arguments) => logratio::run(arguments),
        Score::Overlap(arguments) => overlap::run(arguments),
        Score::Pairs(arguments) => pairs::run(arguments),
    }
}
