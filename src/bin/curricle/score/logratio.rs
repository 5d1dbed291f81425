//! `curricle score logratio`: what one model finds likelier than another.

use curricle::gauge::{density_ratio, implicit_reward};
use curricle::table::Column;

use crate::fault::Fault;
use crate::options::finite;
use crate::rows::{Numbers, Row, Scored};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    rows: Scored,
    /// The field with the log-probabilities under the strong model, the policy, or the later time: a list with one
    /// for each token, or a number that is their sum.
    #[arg(long)]
    strong: String,
    /// Those under the weak model, the reference, or the earlier time.
    #[arg(long)]
    weak: String,
    /// Divide by the number of the strong model's tokens; needs lists.
    #[arg(long)]
    per_token: bool,
    /// Write the implicit reward, too: the log-ratio times this, or, with --per-token, the mean of it over the tokens.
    /// Lists must be of the same tokens.
    #[arg(long, value_parser = finite)]
    beta: Option<f64>,
}

/// What is read of the rows.
#[derive(Default)]
struct Found {
    log_ratio: Vec<Option<f64>>,
    score: Vec<Option<f64>>,
    reward: Vec<Option<f64>>,
    /// Of the strong model's lists.
    tokens: Vec<u64>,
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    arguments.rows.out()?;
    let mut found = Found::default();
    let fields = [arguments.strong.as_str(), arguments.weak.as_str()];
    let ids = arguments.rows.each(&fields, |row| read(&row, arguments, &mut found))?;
    let Found { log_ratio, score, reward, tokens } = found;
    let mut columns = vec![("log_ratio", Column::Number(log_ratio))];
    if arguments.per_token {
        columns.push(("per_token", Column::Number(score)));
    }
    if arguments.beta.is_some() {
        columns.push(("reward", Column::Number(reward)));
    }
    if !tokens.is_empty() {
        columns.push(("tokens", Column::Count(tokens)));
    }
    arguments.rows.write("log-ratio".into(), ids, columns)
}

fn read(row: &Row, arguments: &Arguments, found: &mut Found) -> Result<(), Fault> {
    let has_lists = found.tokens.len() == found.log_ratio.len();
    let strong = match row.numbers(0)? {
        Numbers::List(tokens) if has_lists => {
            found.tokens.push(tokens.len() as u64);
            tokens
        }
        Numbers::One(sum) if found.tokens.is_empty() && !arguments.per_token => vec![sum],
        Numbers::One(_) if arguments.per_token => {
            let why = format!("`{}` is a sum; a mean per token needs a list", arguments.strong);
            return Err(row.fault(why));
        }
        _ => return Err(row.fault(format!("`{}` is a sum here and a list there", arguments.strong))),
    };
    let weak = match row.numbers(1)? {
        Numbers::List(tokens) => tokens,
        Numbers::One(sum) => vec![sum],
    };
    let refused = |error: curricle::Error| row.fault(error);
    let (strong, weak) = ([strong], [weak]);
    let read = density_ratio(&strong, &weak, arguments.per_token).map_err(refused)?;
    found.log_ratio.extend(read.log_ratio.into_iter().map(Some));
    found.score.extend(read.score.into_iter().map(Some));
    if let Some(beta) = arguments.beta {
        let read = implicit_reward(&strong, &weak, beta, arguments.per_token).map_err(refused)?;
        found.reward.extend(read.reward.into_iter().map(Some));
    }
    Ok(())
}
