//! A model that is a table of logits, with every way to fail.

use std::collections::BTreeMap;

use curricle::signal::uncertainty::Candidate;
use curricle::test_time::self_improvement::{Model, Stage};
use curricle::{Purpose, Rng, Round};

pub const SYMBOLS: usize = 24;
pub const CLASSES: usize = 4;

/// The right class of a symbol.
pub fn truth(symbol: usize) -> usize {
    (symbol * 7 + 3) % CLASSES
}

/// The class of a symbol; `number` tells inputs apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    pub number: u64,
    pub symbol: usize,
}

/// `count` questions, all symbols equally often.
pub fn questions(count: u64) -> Vec<Question> {
    (0..count).map(|number| Question { number, symbol: (number as usize * 5) % SYMBOLS }).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Err,
    Panic,
    Nan,
}

/// What is wrong with the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Every synthesised label is wrong, always in the same way.
    Liar,
    /// Synthesises nothing.
    Silent,
    /// Synthesises the same pair again and again.
    Copies,
    /// Lists no candidates.
    NoCandidates,
    /// Fails in a verb.
    In(Stage, Kind),
}

/// Its table is sure and right on the first half of the symbols, unsure on the second, where every other
/// favourite is wrong.
#[derive(Debug, Clone)]
pub struct Toy {
    pub weights: Vec<f32>,
    pub base: Vec<f32>,
    /// The fault of an input, by its number.
    pub fault: fn(u64) -> Fault,
    /// How often a synthesised label is wrong.
    pub corrupt: f64,
    /// How often an own answer is right.
    pub knows: f64,
    /// How much a pair about a symbol has to do with a question.
    pub relevance: fn(&Question, usize) -> Option<f64>,
    pub adapted: u64,
    pub synthesised: u64,
    pub trained_on: Vec<(usize, usize)>,
    pub restore_fails: bool,
    number: u64,
    shelf: BTreeMap<u64, Vec<f32>>,
}

impl Toy {
    pub fn new(fault: fn(u64) -> Fault) -> Self {
        let mut base = vec![0.0f32; SYMBOLS * CLASSES];
        for symbol in 0..SYMBOLS {
            let sure = symbol < SYMBOLS / 2;
            let favourite = if sure || symbol % 2 == 0 { truth(symbol) } else { truth(symbol) + 1 };
            base[symbol * CLASSES + favourite % CLASSES] = if sure { 6.0 } else { 0.3 };
        }
        Self {
            weights: base.clone(),
            base,
            fault,
            corrupt: 0.0,
            knows: 0.8,
            relevance: |question, symbol| Some(f64::from(u8::from(question.symbol == symbol))),
            adapted: 0,
            synthesised: 0,
            trained_on: Vec::new(),
            restore_fails: false,
            number: 0,
            shelf: BTreeMap::new(),
        }
    }

    pub fn bits(&self) -> Vec<u32> {
        self.weights.iter().map(|weight| weight.to_bits()).collect()
    }

    pub fn is_restored(&self) -> bool {
        self.weights.iter().zip(&self.base).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    fn row(&self, symbol: usize) -> Vec<f64> {
        let row = &self.weights[symbol * CLASSES..][..CLASSES];
        let greatest = row.iter().fold(f32::NEG_INFINITY, |most, &x| most.max(x));
        let powers: Vec<f64> = row.iter().map(|&x| libm_exp(f64::from(x - greatest))).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    }

    fn fails(&self, stage: Stage) -> Result<bool, String> {
        match (self.fault)(self.number) {
            Fault::In(at, Kind::Err) if at == stage => Err(format!("no {stage:?}")),
            Fault::In(at, Kind::Panic) if at == stage => panic!("{stage:?} broke"),
            Fault::In(at, Kind::Nan) if at == stage => Ok(true),
            _ => Ok(false),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the model is not part of the decisions")]
fn libm_exp(x: f64) -> f64 {
    x.exp()
}

#[expect(clippy::disallowed_methods, reason = "the model is not part of the decisions")]
fn ln(x: f64) -> f64 {
    x.ln()
}

impl Model for Toy {
    type Input = Question;
    type Sample = (usize, usize, u64);
    type Answer = usize;
    type Error = String;

    fn candidates(&mut self, input: &Question) -> Result<Vec<Candidate<String>>, String> {
        self.number = input.number;
        if (self.fault)(self.number) == Fault::NoCandidates {
            return Ok(Vec::new());
        }
        let nan = self.fails(Stage::Candidates)?;
        let row = self.row(input.symbol).into_iter().enumerate();
        let score = |class: usize, p: f64| if nan && class == 1 { f64::NAN } else { ln(p) };
        Ok(row.map(|(class, p)| Candidate::new(class.to_string(), -score(class, p))).collect())
    }

    fn synthesise(
        &mut self,
        input: &Question,
        count: usize,
        seed: u64,
    ) -> Result<Vec<(usize, usize, u64)>, String> {
        self.synthesised += 1;
        self.fails(Stage::Synthesise)?;
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let fault = (self.fault)(self.number);
        let count = if fault == Fault::Silent { 0 } else { count };
        let mut pair = || {
            let wrong = fault == Fault::Liar || rng.unit() < self.corrupt;
            let shift = if wrong { 1 + 2 * (input.symbol % 2) } else { 0 };
            let name = if fault == Fault::Copies { 0 } else { rng.bits() };
            (input.symbol, (truth(input.symbol) + shift) % CLASSES, name)
        };
        Ok((0..count).map(|_| pair()).collect())
    }

    fn adapt(&mut self, samples: &[(usize, usize, u64)]) -> Result<(), String> {
        self.adapted += 1;
        for step in 0..20 {
            for &(symbol, label, _) in samples {
                let p = self.row(symbol);
                for (class, p) in p.iter().enumerate() {
                    let target = if class == label { 1.0 } else { 0.0 };
                    self.weights[symbol * CLASSES + class] += (target - p) as f32;
                }
            }
            // It breaks half way, with some weights changed.
            if step == 10 && self.fails(Stage::Adapt)? {
                self.weights.fill(f32::NAN);
                return Ok(());
            }
        }
        self.trained_on.extend(samples.iter().map(|&(symbol, label, _)| (symbol, label)));
        Ok(())
    }

    fn restore(&mut self) -> Result<(), String> {
        if self.restore_fails {
            return Err("no way back".into());
        }
        self.weights.copy_from_slice(&self.base);
        Ok(())
    }

    fn answer(
        &mut self,
        input: &Question,
        demonstrations: &[(usize, usize, u64)],
    ) -> Result<usize, String> {
        // By itself it can always answer; what fails is answering with other weights or in other ways.
        if !self.is_restored() || !demonstrations.is_empty() {
            self.fails(Stage::Answer)?;
        }
        if let Some(&(_, label, _)) = demonstrations.iter().find(|shown| shown.0 == input.symbol) {
            return Ok(label);
        }
        let row = self.row(input.symbol);
        Ok((0..CLASSES).fold(0, |best, class| if row[class] > row[best] { class } else { best }))
    }

    fn text(&mut self, sample: &(usize, usize, u64)) -> Result<Option<String>, String> {
        self.fails(Stage::Text)?;
        let &(symbol, label, name) = sample;
        Ok(Some(format!("{name:x} asks for the class of {symbol}, which is {label}, says {name:o}")))
    }

    fn accepts(&mut self, _: &Question, _: &(usize, usize, u64)) -> Result<bool, String> {
        self.fails(Stage::Accepts)?;
        Ok(true)
    }

    fn agreement(
        &mut self,
        sample: &(usize, usize, u64),
        answers: usize,
        seed: u64,
    ) -> Result<Option<f64>, String> {
        if self.fails(Stage::Agreement)? {
            return Ok(Some(f64::NAN));
        }
        let mut rng = Rng::at(seed, Round(1), Purpose::User);
        let own = |rng: &mut Rng| {
            let miss = if rng.unit() < self.knows { 0 } else { 1 + rng.below(CLASSES as u64 - 1) };
            (truth(sample.0) + miss as usize) % CLASSES
        };
        let same = (0..answers).filter(|_| own(&mut rng) == sample.1).count();
        Ok(Some(same as f64 / answers as f64))
    }

    fn loss(&mut self, sample: &(usize, usize, u64)) -> Result<Option<f64>, String> {
        let nan = self.fails(Stage::Loss)?;
        Ok(Some(if nan { f64::NAN } else { -ln(self.row(sample.0)[sample.1]) }))
    }

    fn relevance(
        &mut self,
        input: &Question,
        sample: &(usize, usize, u64),
    ) -> Result<Option<f64>, String> {
        let nan = self.fails(Stage::Relevance)?;
        Ok(if nan { Some(f64::NAN) } else { (self.relevance)(input, sample.0) })
    }

    fn drift(&mut self) -> Result<Option<f64>, String> {
        let nan = self.fails(Stage::Drift)?;
        let moved = self.weights.iter().zip(&self.base).map(|(a, b)| f64::from((a - b).abs()));
        Ok(Some(if nan { f64::NAN } else { moved.fold(0.0, f64::max) }))
    }

    fn embedding(&mut self, input: &Question) -> Result<Option<Vec<f32>>, String> {
        let mut embedding = vec![0.0; SYMBOLS];
        embedding[input.symbol] = 1.0;
        embedding[(input.number % SYMBOLS as u64) as usize] += 0.1;
        if self.fails(Stage::Embedding)? {
            embedding[0] = f32::NAN;
        }
        Ok(Some(embedding))
    }

    fn store(&mut self, cluster: u64) -> Result<(), String> {
        self.fails(Stage::Store)?;
        self.shelf.insert(cluster, self.weights.clone());
        Ok(())
    }

    fn load(&mut self, cluster: u64) -> Result<bool, String> {
        self.fails(Stage::Load)?;
        if let Some(weights) = self.shelf.get(&cluster) {
            self.weights.copy_from_slice(weights);
        }
        Ok(self.shelf.contains_key(&cluster))
    }
}
