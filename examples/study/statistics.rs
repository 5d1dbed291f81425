//! What is reckoned from curves and from numbers by seed. Nothing here knows what a curriculum is.

use curricle::{Purpose, Rng, Round};

/// Resamples of a bootstrap interval.
const RESAMPLES: usize = 10_000;
/// The share that an interval leaves out at each end.
const TAIL: f64 = 0.025;
/// The address of the random numbers of all intervals.
const SEED: u64 = 16;
/// With fewer seeds no sign-flip test can fall below 0.05, and no verdict is given.
pub const FEWEST: usize = 6;
/// With more, the sign-flip test is not enumerated.
const MOST_FLIPPED: usize = 20;
/// Below this the sign flips agree with an interval.
pub const SURE: f64 = 0.05;
/// What "not worse" allows to lose.
pub const MARGIN: f64 = 0.02;

/// A curve: values after numbers of tokens, which rise.
pub type Curve = [(f64, f64)];

/// The value at a place, on straight lines between the points; that of the last point behind it, `None` before the
/// first.
pub fn value_at(curve: &Curve, place: f64) -> Option<f64> {
    let after = curve.partition_point(|(at, _)| *at < place);
    match (after.checked_sub(1).and_then(|before| curve.get(before)), curve.get(after)) {
        (_, Some((at, value))) if *at == place => Some(*value),
        (Some(before), Some(after)) => Some(between(*before, *after, place)),
        (Some((_, last)), None) => Some(*last),
        (None, _) => None,
    }
}

/// The area under a curve up to a place, divided by the place: the mean of the values on the way. Trapezoids; behind
/// the last point its value holds. `None` if the curve does not begin at 0, or the place is 0.
pub fn area(curve: &Curve, place: f64) -> Option<f64> {
    let end = value_at(curve, place)?;
    if curve.first()?.0 != 0.0 || place <= 0.0 {
        return None;
    }
    let inside = curve.iter().copied().take_while(|(at, _)| *at < place);
    let points: Vec<(f64, f64)> = inside.chain([(place, end)]).collect();
    let strips = points.iter().zip(points.iter().skip(1));
    let strip = |((from, first), (to, second)): (&(f64, f64), &(f64, f64))| {
        (to - from) * (first + second) / 2.0
    };
    Some(strips.map(strip).sum::<f64>() / place)
}

/// The first place, up to an end, where a curve is at a level or above it; `None` if it is nowhere.
pub fn first_at(curve: &Curve, level: f64, end: f64) -> Option<f64> {
    let first = curve.iter().position(|(_, value)| *value >= level)?;
    let (at, value) = *curve.get(first)?;
    let place = match first.checked_sub(1).and_then(|before| curve.get(before)) {
        Some(&(from, below)) => from + (at - from) * (level - below) / (value - below),
        None => at,
    };
    // A level that was read off the curve at the end is found there but for rounding.
    (place <= end * (1.0 + 1e-9)).then(|| place.min(end))
}

fn between((from, first): (f64, f64), (to, second): (f64, f64), place: f64) -> f64 {
    first + (second - first) * (place - from) / (to - from)
}

/// The mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The median: of an even number the mean of the two in the midst, infinite if the upper is. `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The quantile, on straight lines between the ordered values; `None` of nothing.
pub fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    of_sorted(&sorted, part)
}

fn of_sorted(sorted: &[f64], part: f64) -> Option<f64> {
    let place = part * (sorted.len().checked_sub(1)? as f64);
    let low = *sorted.get(place.floor() as usize)?;
    let high = *sorted.get(place.ceil() as usize)?;
    let rest = place - place.floor();
    // Infinite values have no difference.
    Some(if rest == 0.0 || low == high { low } else { low + (high - low) * rest })
}

/// Where a number lies, most likely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The 95 % percentile bootstrap interval of a statistic over seeds. The same values give the same interval. `None` of
/// fewer than two values.
pub fn bootstrap(values: &[f64], statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let mut rng = Rng::at(SEED, Round(0), Purpose::User);
    let mut sample = vec![0.0; values.len()];
    let mut found = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        for place in &mut sample {
            *place = *values.get(rng.below(values.len() as u64) as usize)?;
        }
        found.push(statistic(&sample)?);
    }
    found.sort_by(f64::total_cmp);
    Some(Interval { low: of_sorted(&found, TAIL)?, high: of_sorted(&found, 1.0 - TAIL)? })
}

/// The two-sided p-value of "the mean is 0" by exact sign flips: the share of all ways to give the values signs whose
/// mean is at least as far from 0. `None` of nothing, and of more than 20 values.
pub fn sign_flip_p(values: &[f64]) -> Option<f64> {
    if values.is_empty() || values.len() > MOST_FLIPPED {
        return None;
    }
    let sum: f64 = values.iter().sum();
    let size: f64 = values.iter().map(|value| value.abs()).sum();
    // Sums of the same values in another order may differ in their last bits.
    let least = sum.abs() - 1e-12 * size;
    let all = 1u32 << values.len();
    let flipped = |signs: &u32| -> f64 {
        let signed =
            |(place, value): (usize, &f64)| if signs >> place & 1 == 0 { *value } else { -value };
        values.iter().enumerate().map(signed).sum()
    };
    let far = (0..all).filter(|signs| flipped(signs).abs() >= least).count();
    Some(far as f64 / f64::from(all))
}

/// What an interval of a gain says, by the rule of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is above 0, and the sign flips agree.
    Better,
    /// All of it is above -2 %.
    NotWorse,
    /// All of it is below 0, and the sign flips agree.
    Worse,
    /// None of these, or too few seeds.
    Open,
}

impl Verdict {
    /// The first of the rules that holds.
    pub fn of(interval: Option<Interval>, p: Option<f64>, seeds: usize) -> Self {
        // Of a few seeds the interval alone is too narrow; of so many that no flips are reckoned it is not.
        let is_sure = p.is_none_or(|p| p < SURE);
        match interval {
            _ if seeds < FEWEST => Self::Open,
            Some(Interval { low, .. }) if low > 0.0 && is_sure => Self::Better,
            Some(Interval { low, .. }) if low > -MARGIN => Self::NotWorse,
            Some(Interval { high, .. }) if high < 0.0 && is_sure => Self::Worse,
            _ => Self::Open,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::NotWorse => "not worse",
            Self::Worse => "worse",
            Self::Open => "open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAMP: [(f64, f64); 4] = [(0.0, 0.2), (10.0, 0.4), (30.0, 0.4), (40.0, 0.9)];

    #[test]
    fn values_between_points() {
        let at = |place| value_at(&RAMP, place);
        assert_eq!([0.0, 10.0, 20.0, 40.0, 99.0].map(at), [0.2, 0.4, 0.4, 0.9, 0.9].map(Some));
        assert!((at(5.0).unwrap() - 0.3).abs() < 1e-15);
        assert_eq!((at(-1.0), value_at(&[], 3.0)), (None, None));
    }

    /// By hand: to 10, 3; to 30, 8; to 40, 6.5.
    #[test]
    fn areas() {
        let close = |place: f64, expected: f64| (area(&RAMP, place).unwrap() - expected).abs() < 1e-15;
        assert!(close(10.0, 0.3) && close(30.0, 11.0 / 30.0) && close(40.0, 17.5 / 40.0));
        // Between points, and behind the last.
        assert!(close(35.0, (11.0 + 5.0 * (0.4 + 0.65) / 2.0) / 35.0) && close(50.0, 26.5 / 50.0));
        assert_eq!((area(&RAMP, 0.0), area(&[], 1.0), area(&RAMP[1..], 20.0)), (None, None, None));
    }

    /// The naive twin: a million thin strips.
    #[test]
    fn areas_are_those_of_thin_strips() {
        let mut rng = Rng::at(3, Round(0), Purpose::User);
        for _ in 0..5 {
            let mut at = 0.0;
            let mut curve = vec![(0.0, rng.unit())];
            for _ in 0..20 {
                at += 1.0 + 10.0 * rng.unit();
                curve.push((at, rng.unit()));
            }
            let end = at * (0.5 + rng.unit());
            let strips = 100_000;
            let middle = |strip: i32| end * (f64::from(strip) + 0.5) / f64::from(strips);
            let sum: f64 = (0..strips).map(|strip| value_at(&curve, middle(strip)).unwrap()).sum();
            assert!((area(&curve, end).unwrap() - sum / f64::from(strips)).abs() < 1e-6);
        }
    }

    #[test]
    fn the_first_place_at_a_level() {
        let first = |level, end| first_at(&RAMP, level, end);
        assert_eq!(first(0.1, 40.0), Some(0.0));
        assert_eq!(first(0.4, 40.0), Some(10.0));
        assert!((first(0.65, 40.0).unwrap() - 35.0).abs() < 1e-12);
        assert_eq!((first(0.65, 34.0), first(0.95, 40.0)), (None, None));
        let end = 10.0 / 3.0;
        assert_eq!(first(value_at(&RAMP, end).unwrap(), end), Some(end));
        // It counts where it was first, though it falls below again.
        assert_eq!(first_at(&[(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (3.0, 1.0)], 0.5, 9.0), Some(0.5));
    }

    #[test]
    fn quantiles() {
        let values = [3.0, 1.0, f64::INFINITY, 2.0];
        assert_eq!(
            (quantile(&values, 0.0), median(&values), quantile(&values, 1.0)),
            (Some(1.0), Some(2.5), Some(f64::INFINITY))
        );
        assert_eq!(median(&[f64::INFINITY, 1.0]), Some(f64::INFINITY));
        assert_eq!(median(&[f64::INFINITY; 4]), Some(f64::INFINITY));
        assert_eq!((median(&[]), mean(&[]), mean(&[1.0, 2.0])), (None, None, Some(1.5)));
    }

    /// The naive twin: all 4^4 resamples of four values, each as likely.
    #[test]
    fn an_interval_is_that_of_all_resamples() {
        let values = [0.01, -0.02, 0.05, 0.03];
        let mut all = Vec::new();
        for code in 0..256 {
            let pick = |place: u32| values[code / 4usize.pow(place) % 4];
            all.push((0..4).map(pick).sum::<f64>() / 4.0);
        }
        let Interval { low, high } = bootstrap(&values, mean).unwrap();
        let below = |end: f64| all.iter().filter(|mean| **mean < end - 1e-12).count() as f64 / 256.0;
        let up_to = |end: f64| all.iter().filter(|mean| **mean <= end + 1e-12).count() as f64 / 256.0;
        // An end is a quantile if no more than its share lies below it, and no less up to it; but for what 10 000
        // resamples can be off (5 standard errors of 0.025: 0.008).
        for (end, part) in [(low, 0.025), (high, 0.975)] {
            assert!(below(end) <= part + 0.008 && up_to(end) >= part - 0.008, "{end}");
        }
        assert_eq!(bootstrap(&values, mean), bootstrap(&values, mean));
    }

    #[test]
    fn intervals_by_hand() {
        let of = |values: &[f64]| bootstrap(values, mean);
        assert_eq!(of(&[0.25; 8]), Some(Interval { low: 0.25, high: 0.25 }));
        assert_eq!((of(&[]), of(&[1.0])), (None, None));
        // Of two values the mean is one of three.
        assert_eq!(of(&[0.0, 1.0]), Some(Interval { low: 0.0, high: 1.0 }));
        let never = [0.5, 0.6, 0.7, f64::INFINITY, f64::INFINITY];
        let Interval { low, high } = bootstrap(&never, median).unwrap();
        assert!((0.5..=0.6).contains(&low) && high == f64::INFINITY);
    }

    /// How often the interval of normal values holds their mean. It is too narrow, as percentile intervals of few values
    /// are known to be: the protocol says so, and gives the exact test beside it.
    #[test]
    fn what_intervals_of_few_seeds_cover() {
        let mut rng = Rng::at(5, Round(0), Purpose::User);
        let trials = 300;
        for (seeds, share) in [(6, 0.856), (8, 0.886)] {
            let holds = (0..trials).filter(|_| {
                let values: Vec<f64> = (0..seeds).map(|_| rng.normal()).collect();
                let Interval { low, high } = bootstrap(&values, mean).unwrap();
                low <= 0.0 && 0.0 <= high
            });
            let covered = holds.count() as f64 / f64::from(trials);
            // 5 standard errors of 300 trials; the shares are those of numpy, over 2000.
            assert!((covered - share).abs() < 0.1, "{covered} of {seeds} seeds");
        }
    }

    #[test]
    fn sign_flips_by_hand() {
        assert_eq!(sign_flip_p(&[1.0; 8]), Some(2.0 / 256.0));
        assert_eq!(sign_flip_p(&[-1.0; 6]), Some(2.0 / 64.0));
        // The eight sums are 6, 4, 2, 0, and as many below 0; ours is 4.
        assert_eq!(sign_flip_p(&[3.0, 2.0, -1.0]), Some(4.0 / 8.0));
        assert_eq!(sign_flip_p(&[0.0; 5]), Some(1.0));
        assert_eq!((sign_flip_p(&[]), sign_flip_p(&[1.0; 21])), (None, None));
    }

    /// The naive twin: signs tossed many times.
    #[test]
    fn sign_flips_are_those_of_tosses() {
        let values = [0.3, -0.1, 0.25, 0.4, -0.2, 0.05, 0.31];
        let sum: f64 = values.iter().sum();
        let mut rng = Rng::at(9, Round(0), Purpose::User);
        let tosses = 40_000;
        let far = (0..tosses).filter(|_| {
            let toss = |value: &f64| if rng.below(2) == 0 { *value } else { -value };
            values.iter().map(toss).sum::<f64>().abs() >= sum.abs() - 1e-12
        });
        let share = far.count() as f64 / f64::from(tosses);
        // 5 standard errors of a half: 0.0125.
        assert!((sign_flip_p(&values).unwrap() - share).abs() < 0.0125);
    }

    #[test]
    fn verdicts() {
        let told = |low, high, p| Verdict::of(Some(Interval { low, high }), Some(p), 8);
        let of = |low, high| told(low, high, 0.049);
        assert_eq!(of(0.001, 0.05), Verdict::Better);
        assert_eq!(of(0.0, 0.05), Verdict::NotWorse);
        assert_eq!(of(-0.019, 0.05), Verdict::NotWorse);
        assert_eq!(of(-0.015, -0.001), Verdict::NotWorse);
        assert_eq!(of(-0.02, 0.05), Verdict::Open);
        assert_eq!(of(-0.03, -0.001), Verdict::Worse);
        assert_eq!(of(-0.03, 0.0), Verdict::Open);
        assert_eq!(told(0.001, 0.05, 0.05), Verdict::NotWorse);
        assert_eq!(told(-0.05, -0.03, 0.05), Verdict::Open);
        assert_eq!(Verdict::of(Some(Interval { low: 0.1, high: 0.2 }), Some(0.01), 5), Verdict::Open);
        assert_eq!(Verdict::of(Some(Interval { low: 0.1, high: 0.2 }), None, 30), Verdict::Better);
        assert_eq!(Verdict::of(None, Some(0.01), 8), Verdict::Open);
    }
}
