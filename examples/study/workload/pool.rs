//! A pool like those of real post-training: 40 to 90 % of the prompts of an arm are solved or hopeless at the start, and
//! which they are no arm tells.
//!
//! Six topics of six keys each, of which the warm-up has four (see [`keys`](super::keys)). A prompt is *solved* if it asks
//! for known keys only, *open* if for one that is not (success one in 4), and *hopeless* if for three that are not (one in
//! 64, until others are learned) or if it has a key that no answer fits, half of them each.

use curricle::Rng;

use super::keys::{KEYS, Keys};
use super::table::Table;
use super::{Arm, Shape, WarmUp, Workload, weighted};

const TOPICS: usize = 6;
/// Keys of a topic, and how many of them are known.
const EACH: usize = 6;
const KNOWN: usize = 4;
const SAMPLES: usize = 800;
/// Shares of solved, open, and hopeless prompts, by topic.
const SHARES: [[f64; 3]; TOPICS] = [
    [0.2, 0.6, 0.2],
    [0.4, 0.45, 0.15],
    [0.15, 0.35, 0.5],
    [0.5, 0.25, 0.25],
    [0.25, 0.15, 0.6],
    [0.7, 0.1, 0.2],
];

pub struct Pool {
    keys: Keys,
}

/// The key that no answer fits stands behind those of the topics, and has no table.
const DEAD: usize = TOPICS * EACH;

impl Pool {
    pub fn new() -> Self {
        Self { keys: Keys((0..DEAD as u64).map(|key| Table::new(1000 + key)).collect()) }
    }

    fn draw(&self, topic: usize, may_be_dead: bool, rng: &mut Rng) -> Vec<u8> {
        let is_known = |key: usize| key % EACH < KNOWN;
        let mut key = |known: bool| loop {
            let key = topic * EACH + rng.below(EACH as u64) as usize;
            if is_known(key) == known {
                break key;
            }
        };
        let (mut known, mut unknown) = ([0; KEYS], [0; KEYS]);
        known.iter_mut().for_each(|place| *place = key(true));
        unknown.iter_mut().for_each(|place| *place = key(false));
        let keys = match weighted(&SHARES[topic], rng) {
            0 => known,
            kind => {
                let place = rng.below(KEYS as u64) as usize;
                let is_dead = rng.below(2) == 0;
                match (kind, is_dead && may_be_dead) {
                    (1, _) => {
                        std::array::from_fn(|at| if at == place { unknown[at] } else { known[at] })
                    }
                    (_, true) => std::array::from_fn(|at| if at == place { DEAD } else { known[at] }),
                    _ => unknown,
                }
            }
        };
        self.keys.prompt(keys, rng)
    }
}

impl Workload for Pool {
    fn arms(&self) -> Vec<Arm> {
        (0..TOPICS).map(|topic| Arm::new(format!("topic {}", topic + 1), SAMPLES, 0)).collect()
    }

    fn shape(&self) -> Shape {
        let shape = self.keys.shape();
        Shape { symbols: shape.symbols + 1, ..shape }
    }

    fn tokens(&self) -> u64 {
        400_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 800, rate: 1.5e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        self.draw(level, true, rng)
    }

    /// Without those that no answer fits.
    fn held_out(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        self.draw(level, false, rng)
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let topic = rng.below(TOPICS as u64) as usize;
        let prompt = self.prompt(topic, rng);
        let is_known = |key: usize| key < DEAD && key % EACH < KNOWN;
        let answer = self.keys.example(&prompt, is_known, rng);
        (prompt, answer)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        Keys::keys(prompt).all(|key| key < DEAD) && self.keys.solve(prompt) == answer
    }
}

#[cfg(test)]
mod tests {
    use curricle::{Purpose, Round};

    use super::*;

    #[test]
    fn each_topic_has_the_stated_shares() {
        let (pool, mut rng) = (Pool::new(), Rng::at(1, Round(0), Purpose::User));
        for (topic, shares) in SHARES.iter().enumerate() {
            let mut found = [0.0; 3];
            for _ in 0..4000 {
                let prompt = pool.prompt(topic, &mut rng);
                let is_dead = Keys::keys(&prompt).any(|key| key == DEAD);
                let unknown = Keys::keys(&prompt).filter(|key| key % EACH >= KNOWN).count();
                let kind = if is_dead || unknown == KEYS { 2 } else { unknown };
                found[kind] += 1.0 / 4000.0;
                assert!(!(is_dead && pool.is_right(&prompt, &pool.keys.solve(&prompt))));
                let held_out = pool.held_out(topic, &mut rng);
                assert!(pool.is_right(&held_out, &pool.keys.solve(&held_out)));
            }
            assert!(found.iter().zip(shares).all(|(found, share)| (found - share).abs() < 0.04));
        }
    }
}
