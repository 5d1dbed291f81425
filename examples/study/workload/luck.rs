//! Rewards that no training can cause, and arms of them beside those of any workload.

use curricle::Rng;

use super::{Arm, Shape, WarmUp, Workload};

/// What the rewards of an arm go by in place of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Luck {
    /// One half.
    Coin,
    /// .15 or .85, by the prompt.
    ByPrompt,
    /// Between .15 and .85 and back, five times in a run.
    Swing,
    /// Never.
    Impossible,
}

impl Luck {
    pub const ALL: [Self; 4] = [Self::Coin, Self::ByPrompt, Self::Swing, Self::Impossible];

    pub fn name(self) -> &'static str {
        match self {
            Self::Coin => "coin",
            Self::ByPrompt => "coin by prompt",
            Self::Swing => "swing",
            Self::Impossible => "impossible",
        }
    }

    /// The chance of a reward, when a part of the run's tokens has been spent.
    pub fn chance(self, prompt: &[u8], spent: f64) -> f64 {
        match self {
            Self::Coin => 0.5,
            Self::ByPrompt => {
                let sum: u64 = prompt.iter().map(|&symbol| u64::from(symbol)).sum();
                if sum.is_multiple_of(2) { 0.15 } else { 0.85 }
            }
            Self::Swing => 0.5 + 0.35 * libm::sin(5.0 * std::f64::consts::TAU * spent),
            Self::Impossible => 0.0,
        }
    }
}

/// A workload with more arms, of the kinds of luck in turn. Their prompts are those of its own arms behind the mark of the
/// kind, and the warm-up answers them like those.
pub struct Noisy<W> {
    pub within: W,
    /// How many arms of luck.
    pub arms: usize,
}

/// Prompts of each arm of luck.
const SAMPLES: usize = 1000;

impl<W: Workload> Noisy<W> {
    /// One arm of each kind.
    pub fn new(within: W) -> Self {
        Self { within, arms: Luck::ALL.len() }
    }

    fn arms_within(&self) -> usize {
        self.within.arms().len()
    }

    /// The prompt of a task within, behind the mark of a kind of luck.
    fn marked(&self, kind: usize, prompt: &[u8]) -> Vec<u8> {
        let mark = (self.within.shape().symbols + kind) as u8;
        [&[mark], prompt].concat()
    }
}

impl<W: Workload> Workload for Noisy<W> {
    fn arms(&self) -> Vec<Arm> {
        let mut arms = self.within.arms();
        let stage = arms.iter().map(|arm| arm.stage + 1).max().unwrap_or(0);
        arms.extend((0..self.arms).map(|number| {
            let luck = Luck::ALL[number % Luck::ALL.len()];
            let round = number / Luck::ALL.len();
            let name =
                if round == 0 { luck.name().into() } else { format!("{} {}", luck.name(), round + 1) };
            Arm { luck: Some(luck), ..Arm::new(name, SAMPLES, stage) }
        }));
        arms
    }

    fn harder(&self) -> usize {
        self.within.harder()
    }

    fn shape(&self) -> Shape {
        let Shape { symbols, prompt, answer } = self.within.shape();
        Shape { symbols: symbols + Luck::ALL.len(), prompt: prompt + 1, answer }
    }

    fn tokens(&self) -> u64 {
        // Whoever draws all arms alike sees the learnable ones as often as without the noise.
        let within = self.arms_within() as u64;
        self.within.tokens() * (within + self.arms as u64) / within
    }

    fn warm_up(&self) -> WarmUp {
        self.within.warm_up()
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        let within = self.arms_within();
        match level.checked_sub(within) {
            None => self.within.prompt(level, rng),
            Some(luck) if luck < self.arms => {
                let level = rng.below(within as u64) as usize;
                self.marked(luck % Luck::ALL.len(), &self.within.prompt(level, rng))
            }
            Some(beyond) => self.within.prompt(within + beyond - self.arms, rng),
        }
    }

    fn held_out(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        let within = self.arms_within();
        match level.checked_sub(within) {
            None => self.within.held_out(level, rng),
            Some(luck) if luck < self.arms => self.prompt(level, rng),
            Some(beyond) => self.within.held_out(within + beyond - self.arms, rng),
        }
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let (prompt, answer) = self.within.example(rng);
        // One in eight.
        match rng.below(8 * Luck::ALL.len() as u64) as usize {
            kind if self.arms > 0 && kind < Luck::ALL.len() => (self.marked(kind, &prompt), answer),
            _ => (prompt, answer),
        }
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        self.within.is_right(prompt, answer)
    }
}
