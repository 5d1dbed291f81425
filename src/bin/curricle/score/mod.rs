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
    Logratio(logratio::Arguments),
    /// How much two texts of a row have in common: n-grams, edits, tokens; how much each repeats itself.
    Overlap(overlap::Arguments),
    /// Preference pairs: how strongly reward models prefer a side, what is done with the pair, how hard it is.
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
