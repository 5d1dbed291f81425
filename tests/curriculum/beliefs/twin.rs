//! The naive twin: plain lists, and every number anew from all that has happened.

/// One report of a sample: the round that folded it in, its success, and its rollouts in those of an average report.
#[derive(Debug, Clone, Copy)]
struct Report {
    round: u64,
    success: f64,
    size: f64,
}

/// One report of an arm: success, rollouts, and what it counts for.
type Moment = (f64, f64, f64);

/// What a ticket came to: its sample, its arm, and success and rollouts, unless it was given up.
pub type Ticket = (usize, usize, Option<(f32, u32)>);

#[derive(Debug, Clone)]
pub struct Sample {
    pub arm: usize,
    pub is_alive: bool,
    pub given: f64,
    /// Its weight, as it was set last.
    pub weight: f64,
    reports: Vec<Report>,
}

#[derive(Debug, Clone)]
pub struct Twin {
    pub rollouts: u32,
    pub decay: f64,
    pub floor: f64,
    pub retest: u64,
    pub patience: u32,
    pub samples: Vec<Sample>,
    /// By arm: the reports of each round that had some.
    pub arms: Vec<Vec<Vec<Moment>>>,
    next: usize,
    /// Whether all of an arm are drawn alike, whatever they weigh.
    pub keeps_passes: bool,
}

/// The chance of a useful group, as the sum over all counts of successes but none and all.
pub fn useful(a: f64, b: f64, n: u32) -> f64 {
    let n = f64::from(n);
    let beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let of = |k: f64| {
        let choose = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
        libm::exp(choose + beta(k + a, n - k + b) - beta(a, b))
    };
    (1..n as u32).map(|k| of(f64::from(k))).sum()
}

/// A weight as it is kept: in units of 2^-32, at least one, and of these 24 bits.
fn kept(given: f64) -> f64 {
    f64::from(in_units(given) as f32)
}

/// A weight in the units that draws go by.
fn in_units(weight: f64) -> f64 {
    let unit = 1.0 / 4_294_967_296.0;
    unit * if weight > 0.0 { (weight / unit).round().max(1.0) } else { 0.0 }
}

impl Twin {
    pub fn new((rollouts, decay, floor): (u32, f64, f64), (retest, patience): (u64, u32)) -> Self {
        let (samples, arms) = (Vec::new(), Vec::new());
        let (next, keeps_passes) = (0, false);
        Self { rollouts, decay, floor, retest, patience, samples, arms, next, keeps_passes }
    }

    pub fn insert(&mut self, arm: usize, given: f64) {
        let (weight, given) = (in_units(given), kept(given));
        let sample = Sample { arm, is_alive: true, given, weight, reports: Vec::new() };
        self.samples.push(sample);
    }

    pub fn remove(&mut self, sample: usize) {
        let gone = &mut self.samples[sample];
        (gone.is_alive, gone.given, gone.weight) = (false, 0.0, 0.0);
        gone.reports.clear();
    }

    pub fn set_weight(&mut self, sample: usize, given: f64, now: u64) {
        self.samples[sample].given = kept(given);
        self.samples[sample].weight = in_units(given * self.factor(sample, now));
    }

    /// Shapes, chance and mean rollouts of an arm, from all of its reports.
    pub fn prior(&self, arm: usize) -> (f64, f64, f64, f64) {
        let (mut w, mut x, mut w2, mut x2, mut count, mut rollouts) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (at, round) in self.arms[arm].iter().enumerate() {
            let later = &self.arms[arm][at + 1..];
            let kept: f64 = later.iter().map(|round| 1024.0 / (1024.0 + round.len() as f64)).product();
            for &(success, n, weight) in round {
                w += kept * weight;
                x += kept * weight * success;
                if n > 1.5 {
                    w2 += kept * weight;
                    let both = success * (success * n - 1.0) / (n - 1.0);
                    x2 += kept * weight * both.max(0.0);
                }
                count += kept;
                rollouts += kept * n;
            }
        }
        let (mean, square) = ((x + 2.0) / (w + 4.0), (x2 + 4.0 / 3.0) / (w2 + 4.0));
        let spread = mean * (1.0 - mean);
        let sum = spread / (square - mean * mean).max(spread / 101.0) - 1.0;
        let sum = sum.clamp(0.05, 100.0);
        let (a, b) = ((mean * sum).max(1e-3), ((1.0 - mean) * sum).max(1e-3));
        let mean_rollouts = (rollouts + 4.0 * f64::from(self.rollouts)) / (count + 4.0);
        (a, b, useful(a, b, self.rollouts), mean_rollouts)
    }

    /// The fast and the slow average of a sample.
    fn averages(&self, sample: usize) -> (f64, f64) {
        let step = |x: f64| (x * 4095.0).round() / 4095.0;
        let (mut fast, mut slow) = (0.0, 0.0);
        for (k, report) in self.samples[sample].reports.iter().enumerate() {
            let x = report.success;
            if k == 0 {
                (fast, slow) = (step(x), step(x));
                continue;
            }
            let k = k.min(255);
            let before: f64 = (1..=k).map(|k| libm::pow(self.decay, k as f64)).sum();
            fast = step(fast + report.size / (report.size + before) * (x - fast));
            let before = k.min(31) as f64;
            slow = step(slow + report.size / (report.size + before) * (x - slow));
        }
        (fast, slow)
    }

    pub fn factor(&self, sample: usize, now: u64) -> f64 {
        let reports = &self.samples[sample].reports;
        let Some(last) = reports.last() else { return 1.0 };
        let k = reports.len().min(255);
        let (fast, slow) = self.averages(sample);
        let (a, b, unseen, rollouts) = self.prior(self.samples[sample].arm);
        let mass: f64 = (0..k).map(|k| libm::pow(self.decay, k as f64)).sum();
        let n = rollouts * mass * libm::pow(0.5, ((now - last.round) / self.retest) as f64);
        let mut factor = useful(a + n * fast, b + n * (1.0 - fast), self.rollouts) / unseen;
        let last = ((1.0 - self.decay) / (1.0 + self.decay)).max(1.0 / k as f64);
        let deviation = (slow * (1.0 - slow) / rollouts * last).sqrt();
        if k >= self.patience as usize && (fast - slow).abs() <= 2.0 * deviation {
            factor = factor.min(f64::from(self.patience) / k as f64);
        }
        factor.min(32.0).max(self.floor)
    }

    /// A round is folded in.
    pub fn fold(&mut self, now: u64, tickets: &[Ticket]) {
        let before: Vec<f64> = self.samples.iter().map(|sample| sample.weight).collect();
        let mut rounds = vec![Vec::new(); self.arms.len()];
        for &(sample, arm, seen) in tickets {
            let Sample { is_alive, given, .. } = self.samples[sample];
            if let Some((success, rollouts)) = seen
                && is_alive
                && given > 0.0
            {
                let weight = if self.keeps_passes { 1.0 } else { given / before[sample] };
                rounds[arm].push((f64::from(success), f64::from(rollouts), weight));
            }
        }
        for (arm, round) in rounds.into_iter().enumerate() {
            if !round.is_empty() {
                self.arms[arm].push(round);
            }
        }
        let mut touched = vec![false; self.samples.len()];
        for &(sample, arm, seen) in tickets {
            if let Some((success, rollouts)) = seen
                && self.samples[sample].is_alive
            {
                let size = (f64::from(rollouts) / self.prior(arm).3).clamp(1.0 / 16.0, 16.0);
                let report = Report { round: now, success: success.into(), size };
                self.samples[sample].reports.push(report);
                touched[sample] = true;
            }
        }
        for (sample, is_touched) in touched.iter().enumerate() {
            if *is_touched {
                let given = self.samples[sample].given;
                self.samples[sample].weight = in_units(given * self.factor(sample, now));
            }
        }
        for &(sample, _, seen) in tickets {
            let least = self.floor * self.samples[sample].given;
            let weight = &mut self.samples[sample].weight;
            if seen.is_none() && !touched[sample] && *weight > least {
                *weight = in_units((*weight / 2.0).max(least));
            }
        }
        let all = self.samples.len();
        let due = all.div_ceil(self.retest as usize).min(8 * tickets.len()).min(all);
        for place in self.next..self.next + due {
            let sample = place % all;
            if !touched[sample] && !self.samples[sample].reports.is_empty() {
                let given = self.samples[sample].given;
                self.samples[sample].weight = in_units(given * self.factor(sample, now));
            }
        }
        self.next = (self.next + due) % all.max(1);
    }
}
