//! Seven streams of margins, as a model might leave them: most near 1, the low ones uncertain.

#![allow(dead_code, reason = "a test takes a part of this")]
#![expect(clippy::disallowed_methods, reason = "made-up data, the same on any one machine")]

use curricle::{Purpose, Rng, Round};

/// A stream of margins in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// One distribution throughout, of which 43 % lie below 0.95.
    Stationary,
    /// In the middle the model meets harder inputs: 81 % below 0.95.
    Shift,
    /// From the easy distribution to the hard one, evenly.
    Drift,
    /// All margins in falling order: each item more uncertain than all before.
    Sorted,
    /// 35 % are exactly 0, as for two equal answers.
    TiesAtZero,
    /// 90 % are exactly 1, as after rounding.
    TiesAtOne,
    /// Five hundred hard inputs in a row, every 2500.
    Bursts,
}

impl Stream {
    pub const ALL: [Self; 7] = [
        Self::Stationary,
        Self::Shift,
        Self::Drift,
        Self::Sorted,
        Self::TiesAtZero,
        Self::TiesAtOne,
        Self::Bursts,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Stationary => "stationary",
            Self::Shift => "shift",
            Self::Drift => "drift",
            Self::Sorted => "sorted",
            Self::TiesAtZero => "35% at 0",
            Self::TiesAtOne => "90% at 1",
            Self::Bursts => "bursts",
        }
    }

    /// The margins, and a coin for each.
    pub fn margins(self, length: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
        /// `u^(1 / power)` has `0.95^power` of its mass below 0.95.
        const EASY: f64 = 16.5;
        const HARD: f64 = 4.1;
        let (mut margins, mut coins) = (Vec::new(), Vec::new());
        for item in 0..length {
            let mut rng = Rng::at(seed, Round(item as u64), Purpose::User);
            let part = item as f64 / length as f64;
            let (u, tie) = (rng.unit(), rng.unit());
            let drawn = |power: f64| u.powf(1.0 / power);
            margins.push(match self {
                Self::Stationary | Self::Sorted => drawn(EASY),
                Self::Shift => drawn(if part < 0.5 { EASY } else { HARD }),
                Self::Drift => drawn(EASY + (HARD - EASY) * part),
                Self::TiesAtZero => {
                    if tie < 0.35 {
                        0.0
                    } else {
                        drawn(EASY)
                    }
                }
                Self::TiesAtOne => {
                    if tie < 0.9 {
                        1.0
                    } else {
                        drawn(EASY)
                    }
                }
                Self::Bursts => drawn(if item % 2500 < 2000 { 2.0 * EASY } else { 1.0 }),
            });
            coins.push(rng.unit());
        }
        if self == Self::Sorted {
            margins.sort_by(|a, b| b.total_cmp(a));
        }
        (margins, coins)
    }
}
