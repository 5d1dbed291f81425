//! Arms of which nothing comes back.

use serde::{Deserialize, Serialize};

use crate::policy::Reward;

/// In how many rounds in a row all tickets of an arm were given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::policy) struct Silence(u32);

impl Silence {
    /// Takes in a round that drew from the arm.
    pub fn note(&mut self, reward: &Reward) {
        self.0 = if reward.returned() > 0 { 0 } else { self.0.saturating_add(1) };
    }

    /// How many rounds in a row.
    pub fn rounds(self) -> u32 {
        self.0
    }

    /// Whether the arm counts as broken: three rounds, which do not come of a ticket lost now and then.
    pub fn is_long(self) -> bool {
        self.0 >= 3
    }
}

/// How long an arm of which nothing came back is passed over: twice as long each time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::policy) struct Pause {
    silence: Silence,
    until: u64,
}

impl Pause {
    /// Takes in a round that drew from the arm, the number of which is `round`.
    pub fn note(&mut self, reward: &Reward, round: u64) {
        self.silence.note(reward);
        let rounds = if self.silence.rounds() > 0 { 1 << self.silence.rounds().min(10) } else { 0 };
        self.until = round.saturating_add(rounds);
    }

    /// Whether the arm is passed over when so many rounds have been learned from.
    pub fn holds(self, round: u64) -> bool {
        self.until > round
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ArmId;

    #[test]
    fn a_pause_doubles_and_ends_with_the_first_that_comes_back() {
        let (lost, back) =
            (Reward::new(ArmId(0), 2, 0.0).lost(2), Reward::new(ArmId(0), 2, 0.5).lost(1));
        let mut pause = Pause::default();
        assert!(!pause.holds(0));
        let mut round = 0;
        for silent in [2, 4, 8, 16] {
            round += 1;
            pause.note(&lost, round);
            assert_eq!((0..).find(|&more| !pause.holds(round + more)), Some(silent));
        }
        (0..70).for_each(|_| pause.note(&lost, round));
        assert!(pause.holds(round + 1023) && !pause.holds(round + 1024) && pause.silence.is_long());
        pause.note(&back, round);
        assert!(!pause.holds(round) && pause.silence == Silence::default());
    }
}
