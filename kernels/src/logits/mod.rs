//! Sums over a row of logits: what entropy, margin, energy and their kin are made of.
//!
//! A row `z` of a vocabulary of 150 000 tokens is 600 kB, so that reading it is the price of any score. One
//! read suffices for all of them: the row comes in blocks that fit the first cache; of each block the two
//! greatest elements and the moments are taken first, then the exponentials below the greatest so far, and
//! the sums of the blocks before are moved down if a block raises it.
//!
//! No probability is formed, and the maximum itself never enters a sum, so nothing cancels: with
//! `S = 1 + R`, `log p_max = -ln(1 + R)` keeps all its digits where `p_max` is rounded to 1.

mod exact;

mod row;
mod survey;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::Element;

/// Sums over the finite elements of one row of logits at a temperature `T`.
///
/// With `m` the greatest of `z / T`, `i` its place and `d_j = z_j / T - m`; an element of `-inf` is a token
/// that is impossible: it has no part in any of them.
///
/// If exactly one element is `+inf` and none is NaN, the sums are the limit for that element going to infinity.
/// Other rows with `+inf` or NaN are faulty: [`faults`](Self::faults) tells how many such elements there are, and
/// the sums are those of the finite ones.
///
/// ```
/// let row = curricle_kernels::logits::row(&[2.0f32, 1.0, 0.1], 1.0);
/// assert_eq!((row.max, row.argmax, row.second, row.count), (2.0, 0, 1.0, 3));
/// let entropy = row.rest.ln_1p() - row.weighted / (1.0 + row.rest);
/// assert!((entropy - 0.846_738_18).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowSums {
    /// `T`.
    pub temperature: f64,
    /// `m`, the greatest element; `-inf` for a row without finite elements.
    pub max: f64,
    /// `i`, its place; the lowest if there are several.
    pub argmax: u64,
    /// The second greatest, equal to `max` if there are several of it; `-inf` if there is only one element.
    pub second: f64,
    /// How many elements are finite (the one of `+inf` counts too, if the row is not faulty).
    pub count: u64,
    /// `R`, the sum of `e^d_j` over `j != i`.
    pub rest: f64,
    /// `A`, the sum of `e^d_j d_j` over `j != i`.
    pub weighted: f64,
    /// `Q`, the sum of `e^(2 d_j)` over `j != i`.
    pub squared: f64,
    /// Sums without an exponential; a graphics device leaves them out.
    pub moments: Option<Moments>,
    /// How many elements are NaN.
    pub nan: u64,
    /// How many elements are `+inf`.
    pub infinite: u64,
    /// Where the first `+inf` is; 0 if there is none.
    pub infinite_at: u64,
}

/// The sums over a row of logits that have no exponential in them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// The sum of `d_j`.
    pub gaps: f64,
    /// The sum of `(z_j / T - mean)^2`.
    pub spread: f64,
}

impl RowSums {
    pub(crate) fn empty() -> Self {
        Self {
            temperature: 1.0,
            max: f64::NEG_INFINITY,
            argmax: 0,
            second: f64::NEG_INFINITY,
            count: 0,
            rest: 0.0,
            weighted: 0.0,
            squared: 0.0,
            moments: Some(Moments::default()),
            nan: 0,
            infinite: 0,
            infinite_at: 0,
        }
    }

    /// How many elements have no meaning: NaN, and `+inf` if there is more than one, or NaN beside it.
    pub fn faults(&self) -> u64 {
        if self.nan == 0 && self.infinite == 1 { 0 } else { self.nan + self.infinite }
    }

    /// Brings what was computed in units of `z` to those of `z / T`, and takes the limit at one `+inf`.
    pub(crate) fn settled(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        // No negative zero, so that equal rows have equal bits.
        self.max = self.max / temperature + 0.0;
        self.second = self.second / temperature + 0.0;
        if let Some(moments) = &mut self.moments {
            moments.gaps /= temperature;
            moments.spread /= temperature * temperature;
        }
        if self.nan == 0 && self.infinite == 1 {
            (self.second, self.max, self.argmax) = (self.max, f64::INFINITY, self.infinite_at);
            (self.rest, self.weighted, self.squared) = (0.0, 0.0, 0.0);
            let limit = Moments { gaps: f64::NEG_INFINITY, spread: f64::INFINITY };
            let limit = if self.count > 0 { limit } else { Moments::default() };
            self.moments = self.moments.map(|_| limit);
            self.count += 1;
        }
        self
    }
}

/// The sums of each row of `logits`, shape `[out.len(), vocab]`, at a temperature, over all cores.
///
/// The sums are accumulated in 16 lanes of `f32` over 2048 elements and in `f64` beyond. Against exact
/// arithmetic the entropy is off by less than 1e-6 and the margin by less than 3e-7, at any length. A row whose
/// second element lies more than 50 temperatures below the first, one with NaN or `+inf`, and one of at
/// most 32 elements is summed in `f64`, to all digits. The sums do not depend on the processor, nor on
/// the number of threads, nor on other rows.
///
/// Cost: one read of the logits.
///
/// # Panics
/// If there are not `out.len() * vocab` logits, or if the temperature is not finite and positive.
///
/// ```
/// use curricle_kernels::logits::{RowSums, row, rows};
///
/// let logits = [2.0f32, 1.0, 0.1, 0.0, 0.0, 0.0];
/// let mut out = [row(&[0.0f32], 1.0); 2];
/// rows(&logits, 3, 1.0, &mut out);
/// assert_eq!(out[0], row(&logits[..3], 1.0));
/// assert_eq!(out[1].rest, 2.0);
/// ```
pub fn rows<E: Element>(logits: &[E], vocab: usize, temperature: f64, out: &mut [RowSums]) {
    assert_eq!(logits.len(), out.len() * vocab, "logits of {} rows of {vocab}", out.len());
    checked(temperature);
    if vocab == 0 {
        out.fill(RowSums::empty().settled(temperature));
        return;
    }
    // Parts of a quarter of a megabyte: enough for a thread to begin, few enough to share out.
    let together = (65_536 / vocab).max(1);
    out.par_chunks_mut(together)
        .zip(logits.par_chunks(together * vocab))
        .for_each(|(out, logits)| on(Arch::new(), logits, vocab, temperature, out));
}

/// The sums of one row. Empty rows have none: `count` is 0 and `max` is `-inf`.
///
/// # Panics
/// If the temperature is not finite and positive.
///
/// ```
/// use curricle_kernels::logits::row;
///
/// let sums = row(&[1.0, f32::NEG_INFINITY, 1.0], 1.0);
/// assert_eq!((sums.count, sums.max, sums.second, sums.rest), (2, 1.0, 1.0, 1.0));
/// assert_eq!(row(&[1.0, f32::NAN], 1.0).faults(), 1);
/// ```
pub fn row<E: Element>(logits: &[E], temperature: f64) -> RowSums {
    checked(temperature);
    let mut out = [RowSums::empty().settled(temperature)];
    if !logits.is_empty() {
        on(Arch::new(), logits, logits.len(), temperature, &mut out);
    }
    out[0]
}

/// The sums of one row in `f64` throughout, each off by less than a part in 1e12.
///
/// Cost: two reads and an exponential of `libm` for each element, about 10 ns.
///
/// # Panics
/// If the temperature is not finite and positive.
///
/// ```
/// let sums = curricle_kernels::logits::exact(&[800.0, 0.0], 1.0);
/// assert_eq!(sums.rest, 0.0); // e^-800 is below the least number
/// assert!(curricle_kernels::logits::exact(&[700.0, 0.0], 1.0).rest > 9e-305);
/// ```
pub fn exact(logits: &[f64], temperature: f64) -> RowSums {
    checked(temperature);
    exact::sums(logits.iter().copied(), temperature)
}

fn checked(temperature: f64) {
    assert!(temperature > 0.0 && temperature < f64::INFINITY, "a temperature of {temperature}");
}

/// The rows on one thread, with the instructions of `arch`.
fn on<E: Element>(arch: Arch, logits: &[E], vocab: usize, temperature: f64, out: &mut [RowSums]) {
    struct Rows<'a, E> {
        logits: &'a [E],
        vocab: usize,
        temperature: f64,
        out: &'a mut [RowSums],
    }
    impl<E: Element> WithSimd for Rows<'_, E> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let mut room = [0.0; row::BLOCK];
            for (logits, out) in self.logits.chunks_exact(self.vocab).zip(self.out) {
                *out = row::sums(simd, logits, self.temperature, &mut room);
            }
        }
    }
    arch.dispatch(Rows { logits, vocab, temperature, out });
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use proptest::prelude::*;

    use super::*;

    /// A bell by the sum of four uniform numbers, from a multiplicative generator.
    fn bell(seed: u64, count: usize, width: f32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut unit = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        (0..count).map(|_| width * (unit() + unit() + unit() + unit() - 2.0)).collect()
    }

    fn entropy(sums: &RowSums) -> f64 {
        libm::log1p(sums.rest) - sums.weighted / (1.0 + sums.rest)
    }

    fn margin(sums: &RowSums) -> f64 {
        -libm::expm1(sums.second - sums.max) / (1.0 + sums.rest)
    }

    /// The sums by their definitions, in `f64`.
    fn naive(row: &[f32], temperature: f64) -> RowSums {
        let z: Vec<f64> = row.iter().map(|&z| f64::from(z) / temperature).collect();
        let mut sums = RowSums::empty().settled(temperature);
        let finite = || z.iter().copied().enumerate().filter(|(_, z)| z.is_finite());
        sums.count = finite().count() as u64;
        let Some((argmax, max)) = finite().rev().max_by(|a, b| a.1.total_cmp(&b.1)) else {
            return sums;
        };
        (sums.argmax, sums.max) = (argmax as u64, max);
        let mean = finite().map(|(_, z)| z).sum::<f64>() / sums.count as f64;
        let mut moments = Moments::default();
        for (index, z) in finite() {
            moments.gaps += z - max;
            moments.spread += (z - mean) * (z - mean);
            if index != argmax {
                sums.second = sums.second.max(z);
                sums.rest += libm::exp(z - max);
                sums.weighted += libm::exp(z - max) * (z - max);
                sums.squared += libm::exp(2.0 * (z - max));
            }
        }
        sums.moments = Some(moments);
        sums
    }

    #[track_caller]
    fn agree(sums: &RowSums, twin: &RowSums, relative: f64) {
        assert_eq!((sums.argmax, sums.count), (twin.argmax, twin.count));
        assert!(sums.max == twin.max || (sums.max - twin.max).abs() <= 1e-15 * twin.max.abs());
        let near = |a: f64, b: f64| a == b || (a - b).abs() <= relative * b.abs();
        assert!(sums.second == twin.second || near(sums.second, twin.second), "{sums:?} {twin:?}");
        assert!(near(sums.rest, twin.rest), "{sums:?} {twin:?}");
        // What is left of a weight below e^-80 is no part of any score.
        let gone = 1e-30 * twin.rest;
        assert!(
            near(sums.weighted, twin.weighted) || (sums.weighted - twin.weighted).abs() <= gone,
            "{sums:?} {twin:?}"
        );
        assert!(near(sums.squared, twin.squared), "{sums:?} {twin:?}");
        let [found, expected] = [sums, twin].map(|sums| sums.moments.expect("moments"));
        assert!(near(found.gaps, expected.gaps), "{sums:?} {twin:?}");
        assert!(near(found.spread, expected.spread), "{sums:?} {twin:?}");
        let (off, apart) = (entropy(sums) - entropy(twin), margin(sums) - margin(twin));
        assert!(off.abs() <= 1e-6, "entropy off by {off}");
        assert!(apart.abs() <= 3e-7, "margin off by {apart}");
    }

    #[test]
    fn a_vocabulary_agrees_with_the_definitions() {
        for (seed, width) in [(1, 1.0), (2, 6.0), (3, 20.0), (4, 60.0)] {
            let mut z = bell(seed, 151_936, width);
            agree(&row(&z, 1.0), &naive(&z, 1.0), 1e-5);
            agree(&row(&z, 0.7), &naive(&z, 0.7), 1e-5);
            // A token that stands out, late, beside one that nearly ties with it.
            z[140_000] = 25.0;
            z[3] = 24.999;
            agree(&row(&z, 1.0), &naive(&z, 1.0), 1e-5);
            agree(&row(&z, 2.5), &naive(&z, 2.5), 1e-5);
        }
    }

    #[test]
    fn rising_and_falling_rows_rescale() {
        let rising: Vec<f32> = (0..50_000).map(|i| i as f32 * 1e-3).collect();
        let falling: Vec<f32> = rising.iter().rev().copied().collect();
        agree(&row(&rising, 1.0), &naive(&rising, 1.0), 1e-5);
        agree(&row(&falling, 1.0), &naive(&falling, 1.0), 1e-5);
        let (up, down) = (row(&rising, 1.0), row(&falling, 1.0));
        assert!((up.rest / down.rest - 1.0).abs() < 1e-6);
    }

    #[test]
    fn masked_rows_and_great_numbers() {
        let mut z = bell(9, 20_000, 5.0);
        z.iter_mut().enumerate().filter(|(i, _)| i % 7 != 0).for_each(|(_, z)| *z = f32::NEG_INFINITY);
        agree(&row(&z, 1.0), &naive(&z, 1.0), 1e-5);
        // A mask by the least number: finite, so it counts.
        z.iter_mut().filter(|z| **z < -1e30).for_each(|z| *z = f32::MIN);
        agree(&row(&z, 1.0), &naive(&z, 1.0), 1e-5);
        let ends: Vec<f32> = (0..5000).map(|i| if i % 2 == 0 { 1e38 } else { -3e38 }).collect();
        agree(&row(&ends, 1.0), &naive(&ends, 1.0), 1e-5);
        // One far above the others: the digits of what is left count.
        let mut sure = vec![0.0f32; 4000];
        sure[77] = 70.0;
        agree(&row(&sure, 1.0), &naive(&sure, 1.0), 1e-13);
        let none = vec![f32::NEG_INFINITY; 3000];
        assert_eq!(row(&none, 1.0), RowSums::empty());
        assert_eq!(row::<f32>(&[], 1.0), RowSums::empty());
        let mut one = none;
        one[2500] = -3.0;
        let sums = row(&one, 1.0);
        assert_eq!(
            (sums.count, sums.argmax, sums.rest, sums.second),
            (1, 2500, 0.0, f64::NEG_INFINITY)
        );
    }

    #[test]
    fn faults_are_counted_and_one_infinity_is_a_limit() {
        let mut z = bell(5, 3000, 5.0);
        let clean = row(&z, 1.0);
        z[10] = f32::INFINITY;
        let sure = row(&z, 1.0);
        assert_eq!((sure.faults(), sure.argmax, sure.rest, sure.count), (0, 10, 0.0, 3000));
        assert!(sure.second == clean.max || clean.argmax == 10);
        z[2999] = f32::NAN;
        assert_eq!((row(&z, 1.0).faults(), row(&z, 1.0).nan, row(&z, 1.0).count), (2, 1, 2998));
        z[10] = 0.0;
        assert_eq!(row(&z, 1.0).faults(), 1);
        z[2999] = f32::INFINITY;
        z[1] = f32::INFINITY;
        assert_eq!(row(&z, 1.0).faults(), 2);
    }

    /// The same bits by every instruction set of this machine, and by none.
    #[test]
    fn instruction_sets_agree() {
        let z: Vec<f32> = bell(11, 10_007 * 3, 15.0);
        let mut plain = [RowSums::empty(); 3];
        on(Arch::Scalar, &z, 10_007, 0.9, &mut plain);
        let mut best = plain;
        best.reverse();
        on(Arch::new(), &z, 10_007, 0.9, &mut best);
        assert_eq!(best, plain);
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            on(Arch::V3(v3), &z, 10_007, 0.9, &mut best);
            assert_eq!(best, plain);
        }
    }

    #[test]
    fn threads_and_neighbours_change_nothing() {
        let (count, vocab) = (40, 5003);
        let mut z = bell(13, count * vocab, 8.0);
        let mut all = vec![RowSums::empty(); count];
        rows(&z, vocab, 1.0, &mut all);
        for (z, sums) in z.chunks(vocab).zip(&all) {
            assert_eq!(*sums, row(z, 1.0));
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(7).build().unwrap();
        let mut again = vec![RowSums::empty(); count];
        pool.install(|| rows(&z, vocab, 1.0, &mut again));
        assert_eq!(again, all);
        z[17 * vocab + 5] = f32::NAN;
        z[18 * vocab..19 * vocab].fill(f32::INFINITY);
        rows(&z, vocab, 1.0, &mut again);
        let differ: Vec<usize> = (0..count).filter(|&i| again[i] != all[i]).collect();
        assert_eq!(differ, [17, 18]);
        rows::<f32>(&[], 0, 1.0, &mut again);
        assert!(again.iter().all(|sums| sums.count == 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_length_agrees_with_the_definitions(
            seed in any::<u64>(), length in 1usize..6000, width in 0.0f32..30.0, temperature in 0.3f64..3.0,
        ) {
            let z = bell(seed, length, width);
            agree(&row(&z, temperature), &naive(&z, temperature), 2e-5);
            let narrow: Vec<bf16> = z.iter().map(|&z| bf16::from_f32(z)).collect();
            let wide: Vec<f32> = narrow.iter().map(|z| z.to_f32()).collect();
            prop_assert_eq!(row(&narrow, 1.0), row(&wide, 1.0));
            let narrow: Vec<f16> = z.iter().map(|&z| f16::from_f32(z)).collect();
            let wide: Vec<f32> = narrow.iter().map(|z| z.to_f32()).collect();
            prop_assert_eq!(row(&narrow, 1.0), row(&wide, 1.0));
        }

        #[test]
        fn exact_agrees_to_the_last_digits(seed in any::<u64>(), length in 1usize..3000, width in 0.0f32..50.0) {
            let z = bell(seed, length, width);
            let wide: Vec<f64> = z.iter().map(|&z| f64::from(z)).collect();
            agree(&exact(&wide, 1.0), &naive(&z, 1.0), 1e-11);
        }

        #[test]
        fn a_shift_that_is_exact_changes_no_bit_of_the_sums(seed in any::<u64>(), length in 33usize..3000) {
            let z: Vec<f32> = bell(seed, length, 64.0).iter().map(|z| (z * 256.0).round() / 256.0).collect();
            let moved: Vec<f32> = z.iter().map(|z| z + 4096.0).collect();
            let (a, b) = (row(&z, 1.0), row(&moved, 1.0));
            prop_assert_eq!((a.argmax, a.rest, a.weighted, a.squared), (b.argmax, b.rest, b.weighted, b.squared));
        }
    }
}
