//! Randomness as a function of (seed, round, purpose).
//!
//! Nothing in a curriculum owns a generator. Whoever needs random bits names the round and the
//! purpose and gets the ChaCha8 stream at that address, so a checkpoint holds no generator state
//! and one part that draws more bits never shifts another part's.

use std::convert::Infallible;

use rand::{Rng as _, SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;

use crate::base::id::Round;
use crate::base::math;

/// What a stream of random bits is used for. The discriminants are part of the decision stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
#[non_exhaustive]
pub enum Purpose {
    /// The policy's own randomness.
    Policy = 1,
    /// Which arms and which members are drawn.
    Sampler = 2,
    /// Whatever the user of the library needs beside.
    User = 3,
    /// What self-improvement at test time tosses and hands to the model as seeds.
    TestTime = 4,
}

/// The random bits at one address: ChaCha8 keyed with (seed, purpose, number of the draw within its round), stream =
/// round.
///
/// It implements [`rand::Rng`], so every distribution of `rand` and `rand_distr` can be sampled
/// from it. The methods here are the ones that decisions use: their values are a promise of this
/// crate, locked by tests, whereas the values that `rand`'s own distributions derive from the same
/// bits may change between versions of `rand`.
///
/// ```
/// use curricle::{Purpose, Rng, Round};
///
/// let mut a = Rng::at(7, Round(3), Purpose::User);
/// let mut b = Rng::at(7, Round(3), Purpose::User);
/// assert_eq!(a.below(1000), b.below(1000));
/// ```
#[derive(Debug, Clone)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream at an address.
    pub fn at(seed: u64, round: Round, purpose: Purpose) -> Self {
        Self::at_draw(seed, round, purpose, 0)
    }

    /// That of a further draw of the round.
    pub(crate) fn at_draw(seed: u64, round: Round, purpose: Purpose, draw: u64) -> Self {
        let mut key = [0; 32];
        key[16..24].copy_from_slice(&draw.to_le_bytes());
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(round.0);
        Self(generator)
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform multiple of 2^-53 in `[0, 1)`.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A uniform integer in `[0, bound)`, without bias (Lemire, 2019). Returns 0 if `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut product = u128::from(self.bits()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound.max(1);
            while (product as u64) < threshold {
                product = u128::from(self.bits()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// A standard normal variate (Marsaglia's polar method; the second variate is discarded so that
    /// no state is kept between calls).
    pub fn normal(&mut self) -> f64 {
        self.two_normals().0
    }

    /// Two independent standard normal variates, for the price of one.
    pub fn two_normals(&mut self) -> (f64, f64) {
        loop {
            let x = 2.0 * self.unit() - 1.0;
            let y = 2.0 * self.unit() - 1.0;
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * math::ln(square) / square).sqrt();
                return (x * scale, y * scale);
            }
        }
    }

    /// A standard exponential variate.
    pub fn exponential(&mut self) -> f64 {
        -math::ln(1.0 - self.unit())
    }

    /// Puts a slice in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

impl TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_differ_in_every_coordinate() {
        let first = |seed, round, purpose| Rng::at(seed, Round(round), purpose).bits();
        let base = first(1, 1, Purpose::Sampler);
        assert_eq!(base, first(1, 1, Purpose::Sampler));
        assert_ne!(base, first(2, 1, Purpose::Sampler));
        assert_ne!(base, first(1, 2, Purpose::Sampler));
        assert_ne!(base, first(1, 1, Purpose::Policy));
    }

    #[test]
    fn below_stays_below_and_takes_zero() {
        let mut rng = Rng::at(0, Round(0), Purpose::User);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
        for bound in [2, 3, 1 << 40, u64::MAX] {
            assert!((0..1000).all(|_| rng.below(bound) < bound));
        }
    }

    #[test]
    fn rand_distributions_sample_from_it() {
        use rand_distr::Distribution;
        let mut rng = Rng::at(0, Round(0), Purpose::User);
        let beta = rand_distr::Beta::new(2.0, 3.0).expect("valid shape");
        assert!((0..100).all(|_| (0.0..=1.0).contains(&beta.sample(&mut rng))));
    }
}
