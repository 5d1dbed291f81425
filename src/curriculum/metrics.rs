//! What a curriculum shows of itself.

use super::{Curriculum, Memory};
use crate::base::id::ArmId;
use crate::base::math::{exp, ln};
use crate::base::metrics::Metrics;
use crate::event::Reason;
use crate::policy::{Allotment, Policy, Turn};

impl<P: Policy, S, D> Curriculum<P, S, D> {
    /// The state of the run as names and numbers, to be logged after a draw.
    ///
    /// | name | what |
    /// |--|--|
    /// | `curriculum/round` | the round that the next draw will have |
    /// | `curriculum/version` | the [version](Self::set_version) of the model |
    /// | `curriculum/tickets/{drawn,admitted,rejected,banked,lost,open}` | where all tickets are |
    /// | `policy/entropy` | entropy of the probabilities of the arms, in nats; not over ranks |
    /// | `policy/effective_arms` | `exp(entropy)`: the number of equally likely arms that it is worth |
    /// | `policy/is_adapted` | 0 while the policy [waits](Policy::is_adapted), and its decisions are those of the start whatever has come back; else 1 |
    /// | `sampler/batch` | how many samples the last batch had, as long as it has not been folded in |
    /// | `sampler/in_flight` | samples that rest because they are [in flight](crate::Builder::exclude_in_flight), if any do |
    /// | `sampler/retired` | samples that are [retired](crate::route::Treatment::Retire), if the gate retires any |
    /// | `sampler/effective_sample_size` | `(sum w)^2 / sum w^2` of the last batch with `w = 1 / propensity` |
    /// | `gate/admission_rate` | admitted of all that were judged |
    /// | `gate/rejected/{zero_signal,too_hard,too_easy,too_few,stale,own,retired,routed}` | rejections by reason |
    /// | `feedback/pending_rounds` | rounds that have not been folded in |
    /// | `feedback/age_{rounds,versions}_{mean,most}` | [age](crate::Age) of feedback when it came, over the run |
    /// | `feedback/open_age_{rounds,versions}` | age of the oldest open ticket |
    /// | `feedback/refused/{unknown,late,repeated,invalid}` | what [`report`](Self::report) refused, in this process |
    ///
    /// and, for fewer than 1024 arms, by the [name](crate::Builder::arm_names) of the arm or its number,
    ///
    /// | name | what |
    /// |--|--|
    /// | `arm/{}/share` | its probability in the last draw |
    /// | `arm/{}/{drawn,admitted,rejected,lost}` | its tickets; the last three when their round has been folded in |
    /// | `arm/{}/rejected/{zero_signal,...}` | rejections by reason, of those that there were |
    /// | `arm/{}/asked_share`, `arm/{}/drawn_share` | of all tickets, what the probabilities asked for (not over ranks), and what was drawn |
    /// | `arm/{}/passes`, `arm/{}/left_in_pass` | its completed [passes](crate::Population::passes), and what is left of this one, where they are kept |
    /// | `arm/{}/cost`, `arm/{}/cost_share` | the cost that was reported of it, and its part of that of all arms, if any was |
    /// | `arm/{}/requested_share` | of samples or cost, what a [`Mixture`](crate::policy::Mixture) was asked for so far |
    /// | `arm/{}/admission_rate` | admitted of all that were judged |
    /// | `arm/{}/score_mean`, `arm/{}/score_spread` | mean and standard deviation of the scores of its tickets |
    /// | `arm/{}/success`, `arm/{}/success_slow`, `arm/{}/evidence`, `arm/{}/dip`, `arm/{}/dip_z` | its [`Progress`](crate::Progress) |
    ///
    /// Cost: O(K + n).
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        let ledger = &self.memory.ledger;
        metrics.push("curriculum/round", self.memory.round.0 as f64);
        metrics.push("curriculum/version", self.memory.version as f64);
        let counts = ledger.counts;
        let tickets = [
            ("drawn", counts.drawn),
            ("admitted", counts.admitted),
            ("rejected", counts.rejected),
            ("banked", counts.banked),
            ("lost", counts.lost),
            ("open", counts.open),
        ];
        metrics.push_counts("curriculum/tickets", tickets);
        self.policy_metrics(&mut metrics);
        let Memory { policy, population, round, batch, .. } = &self.memory;
        let is_adapted = policy.is_adapted(&Turn::new(*round, (*batch).max(1), population));
        metrics.push("policy/is_adapted", f64::from(u8::from(is_adapted)));
        self.batch_metrics(&mut metrics);
        if self.options.exclude_in_flight {
            metrics.push("sampler/in_flight", self.memory.population.in_flight() as f64);
        }
        if self.options.gate.retires() || self.memory.population.retired() > 0 {
            metrics.push("sampler/retired", self.memory.population.retired() as f64);
        }
        metrics.push("gate/admission_rate", rate(counts.admitted + counts.banked, counts.rejected));
        for reason in Reason::ALL {
            metrics.push(format!("gate/rejected/{reason}"), ledger.rejections().get(reason) as f64);
        }
        metrics.push("feedback/pending_rounds", ledger.pending.len() as f64);
        ledger.ages.metrics(&mut metrics);
        if let Some(pending) = ledger.pending.iter().find(|pending| !pending.is_done()) {
            let age = self.memory.age(pending);
            metrics.push("feedback/open_age_rounds", age.rounds as f64);
            metrics.push("feedback/open_age_versions", age.versions as f64);
        }
        self.refused.metrics(&mut metrics);
        self.arm_metrics(&mut metrics);
        let requested = self.memory.policy.requested().filter(|_| !ledger.tallies.is_empty());
        for (arm, share) in (0u32..).map(ArmId).zip(requested.unwrap_or_default()) {
            metrics.push(format!("arm/{}/requested_share", self.arm_name(arm)), share);
        }
        metrics
    }
}

impl<P, S, D> Curriculum<P, S, D> {
    /// The name of an arm: as [given](crate::Builder::arm_names), else its number.
    pub fn arm_name(&self, arm: ArmId) -> String {
        self.arm_names.get(arm.index()).cloned().unwrap_or_else(|| arm.0.to_string())
    }

    fn policy_metrics(&self, metrics: &mut Metrics) {
        let shares = self.shares();
        if !shares.is_empty() {
            let entropy: f64 = shares.iter().filter(|p| **p > 0.0).map(|p| -p * ln(*p)).sum();
            metrics.push("policy/entropy", entropy);
            metrics.push("policy/effective_arms", exp(entropy));
        }
    }

    fn batch_metrics(&self, metrics: &mut Metrics) {
        let Some(last) = self.memory.ledger.pending.back() else { return };
        metrics.push("sampler/batch", last.draws.len() as f64);
        // Relative to the greatest weight, so that no square overflows.
        let least = last.draws.iter().map(|draw| draw.propensity).fold(f64::INFINITY, f64::min);
        let weights = || last.draws.iter().map(|draw| least / draw.propensity);
        let sum: f64 = weights().sum();
        let squares: f64 = weights().map(|weight| weight * weight).sum();
        metrics.push("sampler/effective_sample_size", sum * sum / squares);
    }

    fn arm_metrics(&self, metrics: &mut Metrics) {
        let ledger = &self.memory.ledger;
        let drawn = ledger.counts.drawn as f64;
        let cost: f64 = ledger.tallies.iter().map(|tallies| tallies.cost).sum();
        let asked: f64 = ledger.tallies.iter().map(|tallies| tallies.asked).sum();
        let is_over_arms = !matches!(self.memory.allotment, Allotment::Ranks { .. });
        for (arm, tallies) in (0u32..).map(ArmId).zip(&ledger.tallies) {
            let name = self.arm_name(arm);
            let mut push = |what: &str, value: f64| metrics.push(format!("arm/{name}/{what}"), value);
            if is_over_arms {
                push("share", self.memory.allotment.share(arm));
                push("asked_share", tallies.asked / asked);
            }
            push("drawn", tallies.drawn as f64);
            push("admitted", tallies.admitted as f64);
            push("rejected", tallies.rejected as f64);
            push("lost", tallies.lost as f64);
            for reason in Reason::ALL.into_iter().filter(|&reason| tallies.reasons.get(reason) > 0) {
                push(&format!("rejected/{reason}"), tallies.reasons.get(reason) as f64);
            }
            if self.memory.population.keeps_passes() {
                push("passes", self.memory.population.passes(arm) as f64);
                push("left_in_pass", self.memory.population.left_in_pass(arm) as f64);
            }
            push("drawn_share", tallies.drawn as f64 / drawn);
            if cost > 0.0 {
                push("cost", tallies.cost);
                push("cost_share", tallies.cost / cost);
            }
            push("admission_rate", rate(tallies.admitted, tallies.rejected));
            if let Some((mean, spread)) = tallies.mean().zip(tallies.spread()) {
                push("score_mean", mean);
                push("score_spread", spread);
            }
            let progress = &ledger.progress[arm.index()];
            if progress.visits() > 0 {
                push("success", progress.fast());
                push("success_slow", progress.slow());
                push("evidence", progress.evidence());
                push("dip", progress.dip());
                push("dip_z", progress.dip_z());
            }
        }
    }
}

/// The admitted part of what was judged; not finite if nothing was.
fn rate(admitted: u64, rejected: u64) -> f64 {
    admitted as f64 / (admitted as f64 + rejected as f64)
}
