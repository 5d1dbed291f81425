//! One family with three dials, for the map of when a curriculum pays.
//!
//! Twenty arms stand on ladders. Arm `d` of a ladder asks for the keys `d - 2`, `d - 1` and `d` of its ladder, in answers of
//! three digits (see [`keys`](super::keys)); what stands before the first is a key that everybody knows. At the start no
//! other key is known, so the first arm of each ladder succeeds in one of 4 answers, the second in one of 16, the others in
//! one of 64; each key that is learned opens the next arm. The name has the dials: `map/signal=10/transfer=weak/noise=20`.
//!
//! - `signal`: the share of the learnable arms, in per cent, whose prompts succeed in one of 4 answers at the start: 5,
//!   10, 25, 50 or 100. It is the number of ladders: 1, 2, 5, 10 or 20, of 20, 10, 4, 2 or 1 arms.
//! - `transfer`: `none`: each key has a table of its own. `strong`: all have the same, so that one rule is all there is to
//!   learn, but that each key has to be trusted to follow it. `weak`: the same for half of the digits.
//! - `noise`: the share of all arms, in per cent, whose rewards are luck: 0, 20 or 50. That is 0, 5 or 20 more arms.

use curricle::Rng;

use super::keys::{KEYS, Keys};
use super::luck::Noisy;
use super::table::Table;
use super::{Arm, Shape, WarmUp, Workload};
use crate::Result;

const ARMS: usize = 20;
const SAMPLES: usize = 300;

/// A cell of the map without its noise.
struct Ladders {
    /// Key 0 is the one that is known; those of the arms follow.
    keys: Keys,
    /// Arms of a ladder.
    depth: usize,
}

/// The cell of the map with these dials.
///
/// # Errors
/// A dial is missing, there is no such dial, or it has no such position.
pub fn cell(dials: &str) -> Result<impl Workload + use<>> {
    let dial = |name: &str| {
        let found = dials.split('/').find_map(|dial| dial.strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| format!("no `{name}` among the dials `{dials}`"))
    };
    let (signal, transfer, noise) = (dial("signal")?, dial("transfer")?, dial("noise")?);
    if dials.split('/').count() != 3 {
        return Err(format!("not three dials: `{dials}`").into());
    }
    let depth = match signal {
        "5" => 20,
        "10" => 10,
        "25" => 4,
        "50" => 2,
        "100" => 1,
        _ => return Err(format!("signal is 5, 10, 25, 50 or 100, not `{signal}`").into()),
    };
    let shared = match transfer {
        "none" => 0,
        "weak" => 4,
        "strong" => 8,
        _ => return Err(format!("transfer is none, weak or strong, not `{transfer}`").into()),
    };
    let arms = match noise {
        "0" => 0,
        "20" => ARMS / 4,
        "50" => ARMS,
        _ => return Err(format!("noise is 0, 20 or 50, not `{noise}`").into()),
    };
    let common = Table::new(200);
    let mut tables = vec![Table::new(100)];
    tables.extend((1..=ARMS as u64).map(|key| Table::agreeing(200 + key, &common, shared)));
    Ok(Noisy { within: Ladders { keys: Keys(tables), depth }, arms })
}

impl Workload for Ladders {
    fn arms(&self) -> Vec<Arm> {
        let arm = |level: usize| {
            let (ladder, rung) = (level / self.depth + 1, level % self.depth);
            Arm::new(format!("{ladder}.{}", rung + 1), SAMPLES, rung)
        };
        (0..ARMS).map(arm).collect()
    }

    fn shape(&self) -> Shape {
        self.keys.shape()
    }

    fn tokens(&self) -> u64 {
        250_000
    }

    fn warm_up(&self) -> WarmUp {
        WarmUp { steps: 600, rate: 1.5e-3 }
    }

    fn prompt(&self, level: usize, rng: &mut Rng) -> Vec<u8> {
        let (first, rung) = (level - level % self.depth, level % self.depth);
        // From the oldest of the three on; 0 for what stands before the ladder.
        let key =
            |place: usize| (rung + place + 1).checked_sub(KEYS).map_or(0, |rung| first + rung + 1);
        self.keys.prompt(std::array::from_fn(key), rng)
    }

    fn example(&self, rng: &mut Rng) -> (Vec<u8>, Vec<u8>) {
        let level = rng.below(ARMS as u64) as usize;
        let prompt = self.prompt(level, rng);
        let answer = self.keys.example(&prompt, |key| key == 0, rng);
        (prompt, answer)
    }

    fn is_right(&self, prompt: &[u8], answer: &[u8]) -> bool {
        self.keys.solve(prompt) == answer
    }
}

#[cfg(test)]
mod tests {
    use curricle::{Purpose, Round};

    use super::*;

    /// By the keys that a prompt asks for: how many arms have exactly one that is not known, and that each rung asks for
    /// what was opened before it.
    #[test]
    fn the_signal_dial_is_the_share_of_arms_one_key_away() {
        let mut rng = Rng::at(1, Round(0), Purpose::User);
        for signal in [5, 10, 25, 50, 100] {
            let cell = cell(&format!("signal={signal}/transfer=none/noise=50")).unwrap();
            let mut open = 0;
            for level in 0..ARMS {
                let prompt = cell.prompt(level, &mut rng);
                let keys: Vec<usize> = Keys::keys(&prompt).collect();
                let unknown = keys.iter().filter(|&&key| key > 0).count();
                open += usize::from(unknown == 1);
                assert_eq!(keys[KEYS - 1], level + 1);
                assert!(keys.windows(2).all(|pair| pair[0] == 0 || pair[1] == pair[0] + 1));
            }
            assert_eq!(open * 100, signal * ARMS);
            let unlearnable = cell.arms().iter().filter(|arm| !arm.is_learnable()).count();
            assert_eq!(unlearnable, ARMS);
        }
        for (noise, arms) in [(0, 20), (20, 25), (50, 40)] {
            let cell = cell(&format!("signal=10/transfer=none/noise={noise}")).unwrap();
            assert_eq!(cell.arms().len(), arms);
        }
    }
}
