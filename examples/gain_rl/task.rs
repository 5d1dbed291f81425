//! Sums told with superfluous words, so that a long prompt need not be a hard one.
//!
//! A prompt is a solved example, the same for all, and a question: up to [`WORDS`] words that say
//! nothing, two numbers of 1 to [`DIGITS`] digits, a plus and an equals sign. The number of words
//! has nothing to do with the number of digits.

use curricle::{Purpose, Rng, Round, SampleId};

use crate::sum::Problem;

/// The most digits of an addend.
pub const DIGITS: usize = 4;
/// The most superfluous words of a question.
pub const WORDS: u64 = 8;
/// Different words.
const DICTIONARY: u64 = 12;

const PLUS: usize = 10;
const EQUALS: usize = 11;
const STOP: usize = 12;
const FIRST_WORD: usize = 13;
/// How many symbols there are: digits, signs, words.
pub const SYMBOLS: usize = FIRST_WORD + DICTIONARY as usize;
/// How many marks there are: one for each place of a sum, and one for what is no digit.
pub const PLACES: usize = DIGITS + 2;
/// Tokens of the longest prompt with its answer.
pub const LONGEST: usize = PREFIX + WORDS as usize + 2 * DIGITS + 2 + DIGITS;
/// Tokens of the solved example.
pub const PREFIX: usize = 7;

/// A symbol, and the place of the digit if it is one, so that digits of the same place find each
/// other (as in McLeish et al., *Transformers Can Do Arithmetic with the Right Embeddings*, arXiv
/// 2405.17399).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub symbol: usize,
    /// 0 for what is no digit, else the place plus 1.
    pub place: usize,
}

impl Token {
    fn sign(symbol: usize) -> Self {
        Self { symbol, place: 0 }
    }

    fn digit(digit: usize, place: usize) -> Self {
        Self { symbol: digit, place: place + 1 }
    }
}

/// A sum with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub problem: Problem,
    words: Vec<usize>,
    /// How many of the words come before the sum.
    before: usize,
}

impl Question {
    fn draw(digits: usize, rng: &mut Rng) -> Self {
        let problem = Problem::draw(digits, rng);
        let count = rng.below(WORDS + 1);
        let words = (0..count).map(|_| FIRST_WORD + rng.below(DICTIONARY) as usize).collect();
        Self { problem, words, before: rng.below(count + 1) as usize }
    }

    /// The tokens of the question, without the solved example.
    pub fn tokens(&self) -> usize {
        self.words.len() + 2 * self.problem.digits + 2
    }

    /// The solved example and the question.
    pub fn prompt(&self) -> Vec<Token> {
        let mut tokens = solved();
        let (before, after) = self.words.split_at(self.before);
        let places = || (0..self.problem.digits).rev();
        tokens.extend(before.iter().copied().map(Token::sign));
        tokens.extend(places().map(|place| Token::digit(self.problem.pair(place).0, place)));
        tokens.push(Token::sign(PLUS));
        tokens.extend(places().map(|place| Token::digit(self.problem.pair(place).1, place)));
        tokens.extend(after.iter().copied().map(Token::sign));
        tokens.push(Token::sign(EQUALS));
        tokens
    }

    /// The prompt and the answer but for its last digit: what a model reads that is asked for each digit
    /// in turn, the ones first.
    pub fn tokens_read(&self) -> Vec<Token> {
        let mut tokens = self.prompt();
        let written = 0..self.problem.digits;
        tokens.extend(written.map(|place| Token::digit(self.problem.answer(place), place)));
        tokens
    }
}

/// `2 + 3 = 50.`, the ones of the answer first.
fn solved() -> Vec<Token> {
    let tokens = [
        Token::digit(2, 0),
        Token::sign(PLUS),
        Token::digit(3, 0),
        Token::sign(EQUALS),
        Token::digit(5, 0),
        Token::digit(0, 1),
        Token::sign(STOP),
    ];
    tokens.to_vec()
}

/// The questions to train on; a quarter of them has each number of digits.
#[derive(Debug, Clone)]
pub struct Pool(Vec<Question>);

impl Pool {
    pub fn new(count: usize, seed: u64) -> Self {
        Self(questions(count, &mut Rng::at(seed, Round(0), Purpose::User)))
    }

    pub fn all(&self) -> &[Question] {
        &self.0
    }

    pub fn get(&self, sample: SampleId) -> &Question {
        &self.0[sample.index()]
    }
}

/// Questions that are not from the pool, to measure accuracy on.
pub fn held_out(count: usize) -> Vec<Question> {
    questions(count, &mut Rng::at(u64::MAX, Round(0), Purpose::User))
}

fn questions(count: usize, rng: &mut Rng) -> Vec<Question> {
    (0..count).map(|index| Question::draw(1 + index % DIGITS, rng)).collect()
}
