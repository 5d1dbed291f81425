//! The speller as a model that can be improved on the text at hand.

use burn::module::Module;
use curricle::signal::uncertainty::Candidate;
use curricle::test_time::self_improvement::Model;
use curricle::{Purpose, Rng, Round};

use crate::speller::Speller;
use crate::task::{Query, Window, windows};

const STEPS: usize = 8;
const RATE: f64 = 0.01;

/// Its own weights are never written to: adapting makes a copy, restoring drops it.
pub struct Typist {
    own: Speller,
    frozen: Speller,
    adapted: Option<Speller>,
}

impl Typist {
    pub fn new(own: Speller) -> Self {
        Self { frozen: own.valid(), own, adapted: None }
    }

    fn now(&self) -> &Speller {
        self.adapted.as_ref().unwrap_or(&self.frozen)
    }
}

impl Model for Typist {
    type Input = Query;
    type Sample = Window;
    type Answer = u8;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn candidates(&mut self, query: &Query) -> crate::Result<Vec<Candidate<String>>> {
        let row = self.now().log_probabilities(&[query.context()])?;
        let candidate =
            |(symbol, &score): (usize, &f32)| Candidate::new(symbol.to_string(), -f64::from(score));
        Ok(row.iter().enumerate().map(candidate).collect())
    }

    /// Pairs by a rule that needs no label: places of the text before the cursor, half of them those
    /// that end most like it, half any.
    fn synthesise(&mut self, query: &Query, count: usize, seed: u64) -> crate::Result<Vec<Window>> {
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let context = query.context();
        let mut all: Vec<Window> = windows(&query.text).collect();
        rng.shuffle(&mut all);
        let shared = |window: &Window| {
            let pairs = window.context.iter().zip(&context).rev();
            pairs.take_while(|(a, b)| a == b).count()
        };
        // A stable sort: within a class the order stays random.
        all.sort_by_key(|window| std::cmp::Reverse(shared(window)));
        let mut near: Vec<Window> = all.drain(..all.len().min(count / 2)).collect();
        rng.shuffle(&mut all);
        rng.shuffle(&mut near);
        // The last pairs are those that may be held out: whether they get better should tell whether
        // this query does.
        let mut pairs: Vec<Window> = all.into_iter().take(count - near.len()).collect();
        pairs.extend(near);
        Ok(pairs)
    }

    fn adapt(&mut self, samples: &[Window]) -> crate::Result<()> {
        self.adapted = Some(self.own.tuned(samples, STEPS, RATE).valid());
        Ok(())
    }

    fn restore(&mut self) -> crate::Result<()> {
        self.adapted = None;
        Ok(())
    }

    fn answer(&mut self, query: &Query, _: &[Window]) -> crate::Result<u8> {
        let row = self.now().log_probabilities(&[query.context()])?;
        Ok((1..row.len()).fold(0, |best, symbol| if row[symbol] > row[best] { symbol } else { best })
            as u8)
    }

    /// A place that ends as the text does shows how the text goes on.
    fn relevance(&mut self, query: &Query, window: &Window) -> crate::Result<Option<f64>> {
        Ok(Some(f64::from(u8::from(window.context == query.context()))))
    }

    fn loss(&mut self, window: &Window) -> crate::Result<Option<f64>> {
        let row = self.now().log_probabilities(&[window.context])?;
        Ok(Some(-f64::from(row[usize::from(window.next)])))
    }
}
