//! An n-gram model of characters in tables of fixed size, which forgets.

/// Symbols: ASCII.
const SYMBOLS: usize = 128;
/// Characters that the longest context has.
const ORDERS: usize = 5;
/// Contexts of each order: what does not fit shares a place with something else, and disturbs it.
const PLACES: usize = 1 << 13;
/// What is left of a count when its place is used again.
const KEPT: f32 = 0.98;
/// How much the shorter context counts.
const TRUST: f32 = 2.0;

/// Counts of the symbols behind every context.
pub struct Learner {
    counts: Vec<Vec<[f32; SYMBOLS]>>,
}

impl Learner {
    pub fn new() -> Self {
        Self {
            counts: (0..ORDERS)
                .map(|order| vec![[0.0; SYMBOLS]; if order == 0 { 1 } else { PLACES }])
                .collect(),
        }
    }

    /// The places of the contexts of a symbol, the shortest first.
    fn places(passage: &[u8], at: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..ORDERS.min(at + 1)).map(move |order| {
            let context = &passage[at - order..at];
            let hash = context.iter().fold(order as u64, |hash, &symbol| {
                (hash ^ u64::from(symbol)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
            });
            (order, if order == 0 { 0 } else { hash as usize % PLACES })
        })
    }

    /// The chance of the symbol at a place: each context next to the shorter one.
    fn chance(&self, passage: &[u8], at: usize) -> f64 {
        let mut chance = 1.0 / SYMBOLS as f32;
        for (order, place) in Self::places(passage, at) {
            let counts = &self.counts[order][place];
            let total: f32 = counts.iter().sum();
            chance = (counts[usize::from(passage[at])] + TRUST * chance) / (total + TRUST);
        }
        f64::from(chance)
    }

    pub fn learn(&mut self, passage: &[u8]) {
        for at in 0..passage.len() {
            for (order, place) in Self::places(passage, at) {
                let counts = &mut self.counts[order][place];
                counts.iter_mut().for_each(|count| *count *= KEPT);
                counts[usize::from(passage[at])] += 1.0;
            }
        }
    }

    /// The log-probability of every symbol.
    pub fn log_chances(&self, passage: &[u8]) -> Vec<f64> {
        (0..passage.len()).map(|at| libm::log(self.chance(passage, at))).collect()
    }

    /// The mean loss of a symbol, in nats.
    pub fn loss(&self, passage: &[u8]) -> f32 {
        (-self.log_chances(passage).iter().sum::<f64>() / passage.len().max(1) as f64) as f32
    }

    /// Bits a symbol over passages.
    pub fn bits(&self, passages: &[Vec<u8>]) -> f64 {
        let (mut bits, mut symbols) = (0.0, 0);
        for passage in passages {
            bits -= self.log_chances(passage).iter().sum::<f64>() / std::f64::consts::LN_2;
            symbols += passage.len();
        }
        bits / f64::from(symbols.max(1) as u32)
    }
}
