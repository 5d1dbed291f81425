//! What is trained on: families of generated tasks with an exact check, whose arms differ in how hard they are.
//!
//! To add one is a file with an `impl Workload` and a line in [`find`] and [`NAMES`].

mod addition;
mod chain;
mod countdown;
mod keys;
mod ladder;
mod luck;
mod map;
mod pool;
mod sequence;
mod table;
mod text;

use curricle::{Purpose, Rng, Round};

use crate::Result;
pub use luck::Luck;

/// The symbol that ends an answer.
pub const END: u8 = 0;
/// What an answer begins behind.
pub const BEGIN: u8 = 1;
/// The digit 0; the others follow.
pub const DIGIT: u8 = 2;
/// The first symbol that is no digit.
pub const SIGN: u8 = DIGIT + 10;

/// How much room prompts and answers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Different symbols.
    pub symbols: usize,
    /// Symbols of the longest prompt.
    pub prompt: usize,
    /// Symbols of the longest answer, its end included.
    pub answer: usize,
}

/// An arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    pub name: String,
    /// Different draws of prompts to train on.
    pub samples: usize,
    /// When someone who knows the tasks would begin with it: arms of the same stage together.
    pub stage: usize,
    /// What decides the rewards, if it is not the answer: then nothing can be learned.
    pub luck: Option<Luck>,
}

impl Arm {
    fn new(name: String, samples: usize, stage: usize) -> Self {
        Self { name, samples, stage, luck: None }
    }

    /// Whether training can raise its success.
    pub fn is_learnable(&self) -> bool {
        self.luck.is_none()
    }
}

/// The supervised training that all runs of a seed begin with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarmUp {
    pub steps: u64,
    /// Learning rate.
    pub rate: f64,
}

/// A family of tasks. Levels are numbered: the arms first, then those that are held out because they are harder.
pub trait Workload: Send + Sync {
    fn arms(&self) -> Vec<Arm>;

    /// How many levels there are beyond the arms, which are never trained on.
    fn harder(&self) -> usize {
        0
    }

    fn shape(&self) -> Shape;

    /// Rollout tokens of a run, unless it says otherwise.
    fn tokens(&self) -> u64;

    fn warm_up(&self) -> WarmUp;

    /// A random prompt of a level.
    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8>;

    /// A prompt for held-out measurements, if it is drawn otherwise than for training.
    fn held_out(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        self.prompt(level, rng)
    }

    /// A prompt and an answer, its end included, for the warm-up. It may be a wrong one, where form shall be known and
    /// the content not.
    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>);

    /// Whether an answer, without its end, is right.
    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool;

    /// A random prompt of a level and what it is to be answered with, its end included, if the workload is trained on by
    /// imitation and not by reinforcement. All levels have such, or none.
    fn imitated(
        &self,
        _level: usize,
        _is_held_out: bool,
        _rng: &mut Rng,
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        None
    }

    /// How well an answer is known, from 0 to 1, by the log-chance of each of its symbols: the chance of the whole.
    fn known(&self, log_chances: &[f32]) -> f64 {
        libm::exp(log_chances.iter().map(|&chance| f64::from(chance)).sum())
    }

    /// Whether it is trained on by imitation.
    fn is_supervised(&self) -> bool {
        let mut rng = Rng::at(0, Round(0), Purpose::User);
        self.imitated(0, false, &mut rng).is_some()
    }
}

/// The names of the workloads, with one cell of the map.
pub const NAMES: [&str; 10] = [
    "sequence",
    "sequence-noise",
    "chain",
    "chain-noise",
    "ladder",
    "pool",
    "map/signal=10/transfer=none/noise=20",
    "countdown",
    "addition",
    "text",
];

/// The workload of a name. The cells of the map have their dials in it: see [`map`].
///
/// # Errors
/// There is none of that name.
pub fn find(name: &str) -> Result<Box<dyn Workload>> {
    Ok(match name {
        "sequence" => Box::new(sequence::Sequence::new()),
        "sequence-noise" => Box::new(luck::Noisy::new(sequence::Sequence::new())),
        "chain" => Box::new(chain::Chain::new()),
        "chain-noise" => Box::new(luck::Noisy::new(chain::Chain::new())),
        "ladder" => Box::new(ladder::Ladder::new()),
        "pool" => Box::new(pool::Pool::new()),
        "countdown" => Box::new(countdown::Countdown),
        "addition" => Box::new(addition::Addition),
        "text" => Box::new(text::Text::new()),
        _ => match name.strip_prefix("map/") {
            Some(dials) => Box::new(map::cell(dials)?),
            None => return Err(format!("no workload `{name}`").into()),
        },
    })
}

/// What a reader is told of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    pub name: String,
    /// Names of the arms, and whether they can be learned.
    pub arms: Vec<(String, bool)>,
    /// Rollout tokens of a run, unless it says otherwise.
    pub tokens: u64,
    /// Whether it is trained on by imitation.
    pub is_supervised: bool,
}

/// Of one workload.
///
/// # Errors
/// There is none of that name.
pub fn about(name: &str) -> Result<About> {
    let workload = find(name)?;
    let arms = workload.arms().into_iter().map(|arm| (arm.is_learnable(), arm.name));
    let arms = arms.map(|(is_learnable, name)| (name, is_learnable)).collect();
    let (tokens, is_supervised) = (workload.tokens(), workload.is_supervised());
    Ok(About { name: name.to_owned(), arms, tokens, is_supervised })
}

/// Of all that have a fixed name.
///
/// # Errors
/// None, as long as [`NAMES`] and [`find`] agree.
pub fn all() -> Result<Vec<About>> {
    NAMES.iter().map(|name| about(name)).collect()
}

/// A random digit below a base.
fn digit(base: u64, rng: &mut Rng) -> u8 {
    DIGIT + rng.below(base) as u8
}

/// The number that a digit stands for.
fn value(symbol: u8) -> i64 {
    i64::from(symbol) - i64::from(DIGIT)
}

/// The number of an item drawn by weights.
fn weighted(weights: &[f64], rng: &mut Rng) -> usize {
    let mut left = rng.unit() * weights.iter().sum::<f64>();
    let found = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    found.unwrap_or(weights.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: u64) -> Rng {
        Rng::at(seed, Round(9), Purpose::User)
    }

    /// Everything fits into the columns and symbols that the model has; the check takes what the warm-up shows, where
    /// it is right, and not what has a symbol changed.
    #[test]
    fn workloads_keep_to_their_shape() {
        for name in NAMES {
            let (workload, mut rng) = (find(name).unwrap(), random(1));
            let (arms, shape) = (workload.arms(), workload.shape());
            assert!(shape.symbols <= 256 && arms.iter().any(Arm::is_learnable));
            for level in 0..arms.len() + workload.harder() {
                for _ in 0..50 {
                    let prompt = workload.prompt(level, &mut rng);
                    assert!((1..=shape.prompt).contains(&prompt.len()), "{name} {level}");
                    assert!(
                        prompt
                            .iter()
                            .all(|&symbol| symbol > BEGIN && (symbol as usize) < shape.symbols)
                    );
                }
            }
            for _ in 0..200 {
                let (prompt, answer) = workload.example(&mut rng);
                assert!(prompt.len() <= shape.prompt && answer.len() <= shape.answer);
                assert_eq!(answer.iter().position(|&symbol| symbol == END), Some(answer.len() - 1));
                assert!(
                    answer.iter().all(|&symbol| symbol != BEGIN && (symbol as usize) < shape.symbols)
                );
            }
        }
        assert!(find("ladders").is_err() && find("map/signal=10/transfer=none").is_err());
        assert!(find("map/signal=11/transfer=none/noise=0").is_err());
    }

    #[test]
    fn names_of_arms_are_different() {
        for about in all().unwrap() {
            let mut names: Vec<&String> = about.arms.iter().map(|(name, _)| name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), about.arms.len(), "{}", about.name);
        }
    }

    /// By another way than the check: numbers in place of symbols.
    fn naive(name: &str, prompt: &[u8]) -> Vec<i64> {
        let numbers: Vec<i64> = prompt.iter().map(|&symbol| i64::from(symbol) - 2).collect();
        if name == "chain" {
            let mut values = vec![numbers[0]];
            for place in (1..numbers.len()).step_by(2) {
                let (at, by) = (values[values.len() - 1], numbers[place + 1]);
                values.push(([at + by, at + 10 - by, at * by])[numbers[place] as usize - 10] % 10);
            }
            return values[1..].to_vec();
        }
        let (sign, key, digits) = (numbers[0] - 10, numbers[1], &numbers[2..]);
        let each = |place: usize| match sign {
            0 => (digits[place] + key) % 10,
            1 => (digits[place] + 10 - key) % 10,
            _ => digits[digits.len() - 1 - place],
        };
        (0..digits.len()).map(each).collect()
    }

    #[test]
    fn sequences_and_chains_are_checked_exactly() {
        for name in ["sequence", "chain"] {
            let (workload, mut rng) = (find(name).unwrap(), random(2));
            for level in (0..workload.arms().len() + workload.harder()).cycle().take(400) {
                let prompt = workload.prompt(level, &mut rng);
                let right: Vec<u8> = naive(name, &prompt).into_iter().map(|it| it as u8 + 2).collect();
                assert!(workload.is_right(&prompt, &right), "{name} {prompt:?} {right:?}");
                let mut wrong = right.clone();
                let place = rng.below(wrong.len() as u64) as usize;
                wrong[place] = DIGIT + (wrong[place] - DIGIT + 1 + rng.below(9) as u8) % 10;
                assert!(!workload.is_right(&prompt, &wrong));
                assert!(!workload.is_right(&prompt, &right[1..]) && !workload.is_right(&prompt, &[]));
            }
        }
    }

    /// Reads an expression from its end, recursively: its value, where it began, and the numbers used.
    fn expression(answer: &[i64], end: usize, used: &mut Vec<i64>) -> Option<(i64, usize)> {
        let last = end.checked_sub(1)?;
        if (0..10).contains(&answer[last]) {
            used.push(answer[last]);
            return Some((answer[last], last));
        }
        let (b, middle) = expression(answer, last, used)?;
        let (a, start) = expression(answer, middle, used)?;
        Some(([a + b, a - b, a * b].get((answer[last] - 10) as usize).copied()?, start))
    }

    #[test]
    fn countdown_is_checked_exactly() {
        let (workload, mut rng) = (find("countdown").unwrap(), random(3));
        let mut found = [0, 0];
        for _ in 0..4000 {
            let (prompt, mut answer) = workload.example(&mut rng);
            answer.pop();
            // Two symbols are exchanged, or one is changed, or none: some come to the same number.
            for _ in 0..rng.below(3) {
                let (a, b) =
                    (rng.below(answer.len() as u64) as usize, rng.below(answer.len() as u64) as usize);
                if rng.below(2) == 0 {
                    answer.swap(a, b)
                } else {
                    answer[a] = SIGN + rng.below(3) as u8
                }
            }
            let numbers = |text: &[u8]| text.iter().map(|&it| i64::from(it) - 2).collect::<Vec<i64>>();
            let (asked, given) = (numbers(&prompt), numbers(&answer));
            let mut used = Vec::new();
            let of = expression(&given, given.len(), &mut used).filter(|&(_, start)| start == 0);
            let mut left = asked[2..].to_vec();
            left.sort_unstable();
            used.sort_unstable();
            let is_right = used == left && of.is_some_and(|(of, _)| of == 10 * asked[0] + asked[1]);
            assert_eq!(workload.is_right(&prompt, &answer), is_right, "{asked:?} {given:?}");
            found[usize::from(is_right)] += 1;
        }
        assert!(found.iter().all(|&count| count > 500), "{found:?}");
    }

    /// What the warm-up shows of a ladder is right in the known places, and one time in four in the others.
    #[test]
    fn a_ladder_shows_what_it_says() {
        let (workload, mut rng) = (find("ladder").unwrap(), random(4));
        let mut right = [0.0; 6];
        let mut seen = [0.0; 6];
        for _ in 0..20_000 {
            let (prompt, mut answer) = workload.example(&mut rng);
            answer.pop();
            assert_eq!(prompt.len(), answer.len());
            if prompt.len() <= 5 {
                seen[prompt.len()] += 1.0;
                right[prompt.len()] += f64::from(u8::from(workload.is_right(&prompt, &answer)));
            }
        }
        assert!(right[1] == seen[1] && right[2] == seen[2]);
        assert!((right[3] / seen[3] - 1.0 / 4.0).abs() < 0.05);
        assert!((right[4] / seen[4] - 1.0 / 16.0).abs() < 0.03 && right[5] / seen[5] < 0.04);
    }
}
