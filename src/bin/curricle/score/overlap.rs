//! `curricle score overlap`: how much two texts of a row have in common.

use curricle::gauge::{NgramIndex, distinct_ngrams, edit_distance, overlap_coefficient};
use curricle::table::Column;

use crate::fault::Fault;
use crate::options::count;
use crate::rows::{Row, Scored};
use crate::texts::{Kind, Text, Vocabulary};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    rows: Scored,
    /// The field with the first text: a string, of which runs of letters and digits in lower case are the tokens, or
    /// a list of token ids.
    #[arg(long)]
    a: String,
    /// The field with the second text, of the same kind.
    #[arg(long)]
    b: String,
    /// Tokens of an n-gram.
    #[arg(long, default_value_t = 8, value_parser = count::<usize>)]
    ngram: usize,
}

/// The names of the columns: the share of the tokens of b in n-grams that a has too, the edits between the two over
/// the length of the longer one, what the sets of their tokens have in common, and the share of different n-grams in
/// each.
const COLUMNS: [&str; 5] = ["coverage", "edit_distance", "token_overlap", "distinct_a", "distinct_b"];

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    arguments.rows.out()?;
    let mut columns: [Vec<Option<f64>>; COLUMNS.len()] = Default::default();
    let ids = arguments.rows.each(&[&arguments.a, &arguments.b], |row| {
        let read = read(row, arguments.ngram)?;
        columns.iter_mut().zip(read).for_each(|(column, value)| column.push(value));
        Ok(())
    })?;
    let signal = format!("overlap of {}-grams", arguments.ngram);
    arguments.rows.write(signal, ids, COLUMNS.into_iter().zip(columns.map(Column::Number)))
}

/// The columns of one row. What a text shorter than an n-gram does not have is `None`.
fn read(mut row: Row, n: usize) -> Result<[Option<f64>; COLUMNS.len()], Fault> {
    let (a, b) = (Text::of(&mut row, 0)?, Text::of(&mut row, 1)?);
    let mut kind = Kind::default();
    kind.check(&a, &row).and_then(|()| kind.check(&b, &row))?;
    let mut vocabulary = Vocabulary::default();
    let (a, b) = (vocabulary.learn(&a), vocabulary.learn(&b));
    let refused = |error: curricle::Error| row.fault(error);
    let index = NgramIndex::new(&[&b], n).map_err(refused)?;
    let covered = index.coverage(&a).first().map_or(0.0, |(_, share)| *share);
    let longer = a.len().max(b.len());
    let edits = if longer == 0 { 0.0 } else { edit_distance(&a, &b) as f64 / longer as f64 };
    let distinct = |tokens: &[u32]| distinct_ngrams(tokens, n).map(|read| read.ratio);
    Ok([
        (b.len() >= n).then_some(covered),
        Some(edits),
        Some(overlap_coefficient(&a, &b)),
        distinct(&a).map_err(refused)?,
        distinct(&b).map_err(refused)?,
    ])
}
