//! One way to answer a stream of queries.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "measures time; no decision is made here"
)]

use curricle::test_time::budget::{Always, Budget, Fixed, TokenBucket, Tracking};
use curricle::test_time::self_improvement::{GainGate, Improver, Model, Options, Switch, Verified};
use curricle::{Purpose, Rng, Round};
use indicatif::ProgressBar;

use crate::Result;
use crate::speller::Speller;
use crate::task::{Language, Query, SYMBOLS, windows};
use crate::typist::Typist;

/// The share of words that are names, in the first half of the stream and in the second.
pub const NAMES: [f64; 2] = [0.1, 0.4];
/// The budget of [`Course::Budget`] and [`Course::Guarded`].
pub const BUDGET: f64 = 0.2;

/// How far the threshold of the budget moves with an input, and how many inputs it ranks among: a few, since the
/// stream is short.
const ETA: f64 = 0.02;
const WINDOW: usize = 300;

/// From here on there is something to learn: the model gives to what the pairs say less than 1 in e. Found on seeds 1
/// and 2.
const NAT: f64 = 1.0;
/// Updates that are saved up at most, in [`Course::Saved`].
const SAVED: u32 = 100;

/// The ways that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// The model as it is.
    Plain,
    /// TT-SI as published: adapt where the margin is below 0.95, no checks.
    Paper,
    /// A share of the inputs, no checks.
    Budget,
    /// The same share, ranked by what there is to learn.
    Lesson,
    /// Where there is a nat to learn; in quiet times updates are saved up for others, but no more than [`SAVED`].
    Saved,
    /// The same share; held-out pairs and rollback, the gain gate, the switch.
    Guarded,
    /// Adapt to every input, no checks.
    Everything,
    /// No update: where the text has a place that ends as it does, what most of these go on with.
    Lookup,
}

impl Course {
    pub const ALL: [Course; 8] = [
        Course::Plain,
        Course::Paper,
        Course::Budget,
        Course::Lesson,
        Course::Saved,
        Course::Guarded,
        Course::Everything,
        Course::Lookup,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Course::Plain => "no adaptation",
            Course::Paper => "TT-SI, margin < 0.95",
            Course::Budget => "20 % budget",
            Course::Lesson => "20 % budget, by lesson",
            Course::Saved => "20 % saved, by lesson",
            Course::Guarded => "20 % budget, guarded",
            Course::Everything => "adapt to everything",
            Course::Lookup => "looked up in the text",
        }
    }
}

/// What became of every query of a stream.
pub struct Run {
    pub course: Course,
    pub seed: u64,
    pub right: Vec<bool>,
    pub spent: Vec<bool>,
    pub rolled_back: u64,
    pub seconds: f64,
}

/// All of them, on the same trained model and the same stream, with so many pairs an update.
pub fn all(seed: u64, (queries, pairs): (usize, usize), bar: &ProgressBar) -> Result<Vec<Run>> {
    let language = Language::new(seed);
    bar.set_message("training");
    let speller = Speller::trained(&language, seed)?;
    let mut rng = Rng::at(seed, Round(3), Purpose::User);
    let stream: Vec<Query> =
        (0..queries).map(|number| language.query(NAMES[2 * number / queries], &mut rng)).collect();
    let stage = Stage { seed, stream: &stream, bar };
    let published = || Options::paper().samples(pairs).seed(seed);
    let share = || Tracking::with(BUDGET, ETA, WINDOW);
    let runs = Course::ALL.map(|course| {
        bar.set_message(course.name());
        let mut typist = Typist::new(speller.clone());
        match course {
            Course::Plain => stage.unchanged(course, |query| typist.answer(query, &[])),
            Course::Lookup => stage.unchanged(course, |query| match looked_up(query) {
                Some(symbol) => Ok(symbol),
                None => typist.answer(query, &[]),
            }),
            Course::Lesson => stage.improved(course, published().by_lesson(), share()?, typist),
            Course::Paper => stage.improved(course, published(), Fixed::margin(0.95)?, typist),
            Course::Budget => stage.improved(course, published(), share()?, typist),
            Course::Saved => {
                let budget = TokenBucket::new(Fixed::new(NAT)?, BUDGET, SAVED)?;
                stage.improved(course, published().by_lesson(), budget, typist)
            }
            Course::Guarded => {
                let guarded = published()
                    .hold_out(8, 0.0)
                    .paired()
                    .gate(GainGate::new(0.01, 0.05)?)
                    .switch(Switch::new(0.05)?);
                stage.improved(course, guarded, share()?, typist)
            }
            Course::Everything => stage.improved(course, published(), Always, typist),
        }
    });
    bar.finish_with_message("done");
    runs.into_iter().collect()
}

/// What the text goes on with most often at the places that end as it does; of equals, the first in the alphabet.
fn looked_up(query: &Query) -> Option<u8> {
    let mut counts = [0; SYMBOLS];
    let context = query.context();
    for window in windows(&query.text).filter(|window| window.context == context) {
        counts[usize::from(window.next)] += 1;
    }
    let most = *counts.iter().max()?;
    counts.iter().position(|&count| most > 0 && count == most).map(|symbol| symbol as u8)
}

/// What all courses of a seed have in common.
struct Stage<'a> {
    seed: u64,
    stream: &'a [Query],
    bar: &'a ProgressBar,
}

impl Stage<'_> {
    /// Without updates.
    fn unchanged(&self, course: Course, mut answer: impl FnMut(&Query) -> Result<u8>) -> Result<Run> {
        let &Stage { seed, stream, bar } = self;
        let start = std::time::Instant::now();
        let mut right = Vec::with_capacity(stream.len());
        for query in stream {
            right.push(answer(query)? == query.truth);
            bar.inc(1);
        }
        let spent = vec![false; stream.len()];
        let seconds = start.elapsed().as_secs_f64();
        Ok(Run { course, seed, right, spent, rolled_back: 0, seconds })
    }

    fn improved<B: Budget>(
        &self,
        course: Course,
        options: Options,
        budget: B,
        mut typist: Typist,
    ) -> Result<Run> {
        let &Stage { seed, stream, bar } = self;
        let mut improver = Improver::new(options, budget)?;
        let start = std::time::Instant::now();
        let mut right = Vec::with_capacity(stream.len());
        for query in stream {
            let outcome = improver.answer(&mut typist, query)?;
            if let Some(failure) = outcome.failure {
                return Err(failure.to_string().into());
            }
            let given = outcome.answer.map_err(|failure| failure.to_string())? == query.truth;
            right.push(given);
            // The next letter is typed sooner or later, and then tells what was right.
            if let Some(base) = outcome.base {
                improver.verify(outcome.ticket, Verified { base: base == query.truth, given })?;
            } else if course == Course::Guarded {
                improver.verify(outcome.ticket, Verified { base: given, given })?;
            }
            bar.inc(1);
        }
        let entries = improver.journal().entries();
        let spent: Vec<bool> = entries.iter().map(|entry| entry.spent).collect();
        let rolled_back =
            entries.iter().filter(|entry| entry.spent && !entry.is_improved()).count() as u64;
        Ok(Run { course, seed, right, spent, rolled_back, seconds: start.elapsed().as_secs_f64() })
    }
}
