//! `curricle decontaminate`: training texts against test texts, and which of them to drop.

use std::path::PathBuf;

use crossbeam::channel::{Sender, bounded};
use curricle::gauge::{NgramIndex, Overlap};
use curricle::table::{Column, Provenance, Table};
use indicatif::ProgressBar;

use crate::fault::Fault;
use crate::options::{count, part};
use crate::progress::progress_of_rows;
use crate::said::say;
use crate::table_file::TableFile;
use crate::texts::{Kind, Reader, Text, Vocabulary};

/// Texts that a thread takes at a time.
const CHUNK: usize = 256;
/// Bytes of them, at most, but for the last one.
const BYTES: usize = 1 << 20;

#[derive(clap::Args)]
pub struct Arguments {
    /// Training texts: .jsonl, .parquet or .csv, read one by one.
    #[arg(long, required = true, num_args = 1..)]
    train: Vec<PathBuf>,
    /// Test texts, which are kept in memory: about 25 bytes a token.
    #[arg(long, required = true, num_args = 1..)]
    test: Vec<PathBuf>,
    /// The field that has the text: a string, of which runs of letters and digits in lower case are the tokens, or a list
    /// of token ids. Scripts without spaces need token ids.
    #[arg(long, default_value = "text")]
    field: String,
    /// Tokens of an n-gram.
    #[arg(long, default_value_t = 8, value_parser = count::<usize>)]
    ngram: usize,
    /// A training text is dropped, and a test text flagged, if more than this part of the test text stands in n-grams of
    /// the training text.
    #[arg(long, default_value_t = 0.5, value_parser = part)]
    coverage: f64,
    /// The test texts are said to be contaminated if more than this part of them is flagged.
    #[arg(long, default_value_t = 0.02, value_parser = part)]
    rate: f64,
    /// The table to write, .parquet or .csv, a row for each training text, by its number over all files from 0: coverage,
    /// the greatest of any test text; test, the number of that text, empty if there is none; drop.
    #[arg(long)]
    out: PathBuf,
}

/// What was found of a training text: its greatest coverage, and of which test text, if of any.
type Found = (f64, Option<f64>);

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    let inputs = arguments.train.iter().chain(&arguments.test);
    let out = TableFile::new(&arguments.out, inputs.map(PathBuf::as_path))?;
    let refused = |error: curricle::Error| Fault::Input(error.to_string());
    let &Arguments { ngram: n, coverage, rate, .. } = arguments;
    let overlap = Overlap { n, coverage, rate };
    let mut vocabulary = Vocabulary::default();
    let (mut tests, mut kind) = (Vec::new(), Kind::default());
    for path in &arguments.test {
        for text in Reader::open(path, &arguments.field, &mut kind)? {
            tests.push(vocabulary.learn(&text?));
        }
    }
    let index = NgramIndex::new(&tests, arguments.ngram).map_err(refused)?;
    let (count, short) =
        (tests.len(), tests.iter().filter(|test| test.len() < arguments.ngram).count());
    drop(tests);
    if short == count {
        let what = if count == 0 {
            "there is no test text"
        } else {
            "every test text is shorter than an n-gram"
        };
        return Err(Fault::files(&arguments.test, what));
    }
    let (found, greatest) = search(arguments, (&vocabulary, kind), (&index, count))?;
    if found.is_empty() {
        return Err(Fault::files(&arguments.train, "there is no training text"));
    }
    let dropped: Vec<bool> = found.iter().map(|(coverage, _)| overlap.is_above(*coverage)).collect();
    let flagged = greatest.iter().filter(|coverage| overlap.is_above(**coverage)).count();
    let counts = (dropped.iter().filter(|is| **is).count(), found.len());
    let made_by =
        Provenance { signal: format!("overlap of {}-grams", arguments.ngram), ..Default::default() };
    let table = Table::new(made_by, (0..found.len() as u64).collect())
        .and_then(|table| {
            table.column("coverage", Column::Number(found.iter().map(|it| Some(it.0)).collect()))
        })
        .and_then(|table| table.column("test", Column::Number(found.iter().map(|it| it.1).collect())))
        .and_then(|table| table.column("drop", Column::Flag(dropped)))
        .map_err(Fault::Output)?;
    out.write(&table)?;
    let rate = flagged as f64 / count as f64;
    let verdict = if overlap.is_contaminated(rate) { "contaminated" } else { "clean" };
    let mut said = format!(
        "{} of {} training texts to drop; {flagged} of {} test texts flagged ({:.2} %): {verdict}\n",
        counts.0,
        counts.1,
        count,
        100.0 * rate,
    );
    if short > 0 {
        said += &format!(
            "{short} test texts are shorter than {} tokens, of which nothing can be found\n",
            arguments.ngram
        );
    }
    eprintln!("written to {}", arguments.out.display());
    say(&said)
}

/// Looks all training texts up, on all cores, in their order: what was found of each, and the greatest coverage of each test
/// text.
fn search(
    arguments: &Arguments,
    (vocabulary, kind): (&Vocabulary, Kind),
    (index, tests): (&NgramIndex, usize),
) -> Result<(Vec<Found>, Vec<f64>), Fault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (to_do, taken) = bounded::<Vec<(usize, Text)>>(2 * threads);
    let (done, results) = bounded(2 * threads);
    let bar = progress_of_rows("texts", arguments.train.len());
    std::thread::scope(|scope| {
        let look_ups = (0..threads).map(|_| {
            let (taken, done) = (taken.clone(), done.clone());
            scope.spawn(move || {
                for chunk in taken {
                    let look_up =
                        |(row, text): (usize, Text)| (row, index.coverage(&vocabulary.tokens(&text)));
                    let found: Vec<_> = chunk.into_iter().map(look_up).collect();
                    // Whoever collects is there until all threads are done.
                    let _ = done.send(found);
                }
            })
        });
        let look_ups: Vec<_> = look_ups.collect();
        drop((taken, done));
        let collected = scope.spawn(move || {
            let (mut found, mut greatest) = (Vec::<Found>::new(), vec![0.0f64; tests]);
            for (row, shares) in results.into_iter().flatten() {
                let mut most = (0.0, None);
                for (test, share) in shares {
                    greatest[test] = greatest[test].max(share);
                    if share > most.0 {
                        most = (share, Some(test as f64));
                    }
                }
                if found.len() <= row {
                    found.resize(row + 1, (0.0, None));
                }
                found[row] = most;
            }
            (found, greatest)
        });
        let read = read(arguments, kind, &to_do, &bar);
        drop(to_do);
        let lost = look_ups.into_iter().filter_map(|look_up| look_up.join().err()).count();
        let collected = collected.join();
        bar.finish_and_clear();
        read?;
        collected.ok().filter(|_| lost == 0).ok_or_else(|| Fault::Input("a thread was lost".into()))
    })
}

/// Sends all training texts on, some at a time.
fn read(
    arguments: &Arguments,
    mut kind: Kind,
    to_do: &Sender<Vec<(usize, Text)>>,
    bar: &ProgressBar,
) -> Result<(), Fault> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let (mut row, mut bytes) = (0, 0);
    for path in &arguments.train {
        for text in Reader::open(path, &arguments.field, &mut kind)? {
            let text = text?;
            bytes += text.bytes();
            chunk.push((row, text));
            row += 1;
            bar.inc(1);
            if chunk.len() == CHUNK || bytes >= BYTES {
                bytes = 0;
                // If there is nobody left to take it, a thread was lost, which is told by whoever waits for it.
                if to_do.send(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK))).is_err() {
                    return Ok(());
                }
            }
        }
    }
    let _ = to_do.send(chunk);
    Ok(())
}
