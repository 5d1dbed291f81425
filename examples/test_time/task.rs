//! Texts with names in them: everybody knows the words, but the names are those of one text.

use curricle::{Purpose, Rng, Round};

/// 26 letters and the space.
pub const SYMBOLS: usize = 27;
pub const SPACE: u8 = 26;
/// Symbols that the model sees.
pub const CONTEXT: usize = 3;

const WORDS: usize = 60;
/// Names that a text has for itself.
const NAMES: usize = 3;
/// Words of a text before the one that is being typed.
const BEFORE: u64 = 30;

/// Three symbols and the one after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub context: [u8; CONTEXT],
    pub next: u8,
}

/// A text that breaks off inside a word, and the symbol that comes next.
#[derive(Debug, Clone)]
pub struct Query {
    pub text: Vec<u8>,
    pub truth: u8,
}

impl Query {
    /// The last symbols of the text.
    pub fn context(&self) -> [u8; CONTEXT] {
        let mut context = [SPACE; CONTEXT];
        context.copy_from_slice(&self.text[self.text.len() - CONTEXT..]);
        context
    }
}

/// The words that all texts share.
pub struct Language {
    words: Vec<Vec<u8>>,
}

impl Language {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        // Consonants and vowels in turn, so that words share their parts.
        let word = |rng: &mut Rng| {
            let length = 4 + rng.below(4);
            let vowels = [0, 4, 8, 14, 20];
            (0..length)
                .map(|place| match place % 2 {
                    0 => loop {
                        let letter = rng.below(26) as u8;
                        if !vowels.contains(&letter) {
                            break letter;
                        }
                    },
                    _ => vowels[rng.below(5) as usize],
                })
                .collect()
        };
        Self { words: (0..WORDS).map(|_| word(&mut rng)).collect() }
    }

    /// A text of which a share of the words are names: five random letters each, new for this text.
    fn text(&self, names: f64, words: u64, rng: &mut Rng) -> Vec<u8> {
        let own: Vec<Vec<u8>> =
            (0..NAMES).map(|_| (0..5).map(|_| rng.below(26) as u8).collect()).collect();
        let mut text = vec![SPACE; CONTEXT];
        for _ in 0..words {
            let list = if rng.unit() < names { &own } else { &self.words };
            text.extend(&list[rng.below(list.len() as u64) as usize]);
            text.push(SPACE);
        }
        text
    }

    /// Windows of new texts, in random order.
    pub fn training(&self, count: usize, rng: &mut Rng) -> Vec<Window> {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend(windows(&self.text(0.15, BEFORE, rng)));
        }
        rng.shuffle(&mut all);
        all.truncate(count);
        all
    }

    /// A query: at least two letters of the last word have been typed.
    pub fn query(&self, names: f64, rng: &mut Rng) -> Query {
        let words = BEFORE + rng.below(10);
        let mut text = self.text(names, words, rng);
        // The last word with its space.
        let start = text[..text.len() - 1].iter().rposition(|&symbol| symbol == SPACE).unwrap_or(0) + 1;
        let cut = start + 2 + rng.below((text.len() - start - 2) as u64) as usize;
        let truth = text[cut];
        text.truncate(cut);
        Query { text, truth }
    }
}

/// Every place of a text inside a word.
pub fn windows(text: &[u8]) -> impl Iterator<Item = Window> {
    text.windows(CONTEXT + 1).filter(|window| window[CONTEXT - 1] != SPACE).map(|window| {
        let mut context = [SPACE; CONTEXT];
        context.copy_from_slice(&window[..CONTEXT]);
        Window { context, next: window[CONTEXT] }
    })
}
