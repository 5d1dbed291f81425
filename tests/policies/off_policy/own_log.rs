//! A target that is the log's own curriculum: it goes along with its own log to the last bit.

use curricle::off_policy::{Estimator, Evaluation};
use curricle::policy::{Any, Boltzmann, Bounded, Gaussian, MeanRule, Prior, Spread};
use curricle::sampler::Any as AnySampler;
use curricle::signal::GroupSpread;
use curricle::{
    AgeLimit, ArmId, Arrival, Builder, Curriculum, Feedback, Gate, Missing, Outcome, Policy, Refill,
    SampleId, Sampler, Signal, Step, Ticket,
};

use crate::common::{outcome, policies};

fn reward(outcome: &Outcome) -> Option<f64> {
    outcome.utility.map(f64::from)
}

fn seen(tickets: &[Ticket]) -> Vec<Feedback> {
    tickets.iter().map(|&ticket| Feedback::new(ticket, outcome(ticket.0))).collect()
}

/// A run of some rounds: feedback that comes late, in pieces and out of order, tickets that are lost, samples that come and
/// go. The target is the same at the end, in all bytes.
fn goes_along<P: Policy, S: Signal, D: Sampler>(
    build: impl Fn() -> curricle::Result<Curriculum<P, S, D>>,
    n: usize,
    what: &str,
) -> bool {
    let (Ok(mut run), Ok(target)) = (build(), build()) else { return false };
    let mut evaluation = Evaluation::new(target, reward);
    let mut behind: Vec<Ticket> = Vec::new();
    for round in 0..12u64 {
        let batch = run.draw(n).unwrap();
        evaluation.draw(&batch).unwrap();
        let tickets: Vec<Ticket> = batch.draws.iter().map(|draw| draw.ticket).collect();
        // Half of it at once, the last of it a round later.
        let (now, later) = tickets.split_at(n / 2);
        let mut due = std::mem::replace(&mut behind, later.to_vec());
        if round % 4 == 3 {
            let lost = due.split_off(due.len() - 1);
            run.lose(&lost).unwrap();
            evaluation.lose(&lost).unwrap();
        }
        due.reverse();
        for tickets in [now, &due] {
            run.observe(&seen(tickets)).unwrap();
            evaluation.observe(&seen(tickets)).unwrap();
        }
        if round == 5 {
            // Reported, and then given up before it is folded in.
            let lost = [now[0]];
            assert_eq!(run.lose(&lost).is_ok(), evaluation.lose(&lost).is_ok());
        }
        if round % 3 == 1 {
            let arm = ArmId(u32::from(run.population().arms().count() > 1));
            assert_eq!(run.insert(arm, 1.5).unwrap(), evaluation.insert(arm, 1.5).unwrap());
            run.remove(SampleId(round)).unwrap();
            evaluation.remove(SampleId(round)).unwrap();
            run.retag(SampleId(round + 1), arm).unwrap();
            evaluation.retag(SampleId(round + 1), arm).unwrap();
            run.set_weight(SampleId(20 + round), 0.0).unwrap();
            evaluation.set_weight(SampleId(20 + round), 0.0).unwrap();
            let both = [(SampleId(3), 2.0), (SampleId(9), 0.25)];
            run.set_weights(&both).unwrap();
            evaluation.set_weights(&both).unwrap();
            run.set_version(round).unwrap();
            evaluation.set_version(round).unwrap();
            assert_eq!(run.fold().unwrap(), evaluation.fold().unwrap());
        }
    }
    assert!(evaluation.target().to_bytes().unwrap() == run.to_bytes().unwrap(), "{what}");
    let rows = evaluation.rows();
    assert!(rows.len() > 12 * n / 2 && rows.len() + evaluation.left_out() == 12 * n);
    for row in &rows {
        assert_eq!(row.target, row.propensity.min(1.0), "{what}");
    }
    let found = evaluation.estimate(&Estimator::new()).unwrap();
    assert_eq!((found.ips, found.snips), (found.logged, Some(found.logged)), "{what}");
    assert_eq!(found.weights.mean.value, 1.0);
    assert!(evaluation.unseen().is_none_or(|unseen| unseen < 1.0));
    true
}

fn builder(policy: Any, sampler: AnySampler, seed: u64) -> Builder<Any, GroupSpread, AnySampler> {
    Curriculum::builder(80)
        .arms(4, |sample| (sample.0 % 4) as u32)
        .weights((0..80).map(|sample| f64::from(1 + sample % 5)).collect())
        .policy(policy)
        .sampler(sampler)
        .seed(seed)
}

#[test]
fn every_policy_goes_along_with_its_own_log() {
    let mut checked = 0;
    for (name, policy) in policies::pairs(4) {
        for sampler in [AnySampler::Replace, AnySampler::Distinct, AnySampler::Systematic] {
            let what = format!("{name}, {sampler:?}");
            let build = || builder(policy.clone(), sampler, checked).lag(1).build();
            checked += u64::from(goes_along(build, 6, &what));
        }
    }
    assert!(checked > 450, "{checked}");
}

/// Under every pace, gate and weighting.
#[test]
fn so_do_others() {
    let boltzmann = || Any::from(Bounded::new(Any::from(Boltzmann::new())).floor(0.1, Prior::Uniform));
    for sampler in [AnySampler::Replace, AnySampler::Distinct, AnySampler::Systematic] {
        let base = || builder(boltzmann(), sampler, 5);
        assert!(goes_along(|| base().pace(Arrival::new()).build(), 6, "arrival"));
        let old = || Arrival::new().give_up(AgeLimit::rounds(9));
        assert!(goes_along(
            || base().pace(old()).gate(Gate::stale(AgeLimit::rounds(1))).build(),
            6,
            "old"
        ));
        let weighted = || base().lag(2).weighting(curricle::Weighting::Score { floor: 0.01 }).build();
        assert!(goes_along(weighted, 6, "weights by score"));
        let many = || {
            let builder = Curriculum::builder(4400).arms(1100, |sample| (sample.0 % 1100) as u32);
            builder.policy(boltzmann()).sampler(sampler).lag(1).seed(2).build()
        };
        assert!(goes_along(many, 32, "very many arms"));
    }
    for sampler in [AnySampler::Replace, AnySampler::Distinct] {
        let order: Vec<SampleId> = (0..80).rev().map(SampleId).collect();
        let gaussian = || Gaussian::new(MeanRule::paper(8.0), Spread::Ranks(12.0)).start(20.0);
        let build = || {
            let builder = Curriculum::builder(80).order(&order).policy(gaussian());
            builder.sampler(sampler).lag(1).seed(4).build()
        };
        assert!(goes_along(build, 6, "over ranks"));
    }
}

/// A log of refill is followed by a target without it: batches that go on with a round go on with the target's.
#[test]
fn a_log_of_refill_is_followed() {
    let base = || {
        let policy = Any::from(Bounded::new(Any::from(Boltzmann::new())).floor(0.1, Prior::Uniform));
        builder(policy, AnySampler::Distinct, 8).missing(Missing::Lose)
    };
    let gate = Gate::zero_signal();
    let mut run = base().gate(gate).refill(Refill::new().confidence(0.5)).build().unwrap();
    let mut evaluation = Evaluation::new(base().build().unwrap(), reward);
    let (mut further, mut steps, mut last) = (0, 0, None);
    while steps < 30 {
        match run.step(8).unwrap() {
            Step::Draw(batch) => {
                further += u64::from(last == Some(batch.round));
                last = Some(batch.round);
                evaluation.draw(&batch).unwrap();
                // Half of them teach nothing.
                let seen = |ticket: u64| outcome(ticket).abs_advantage((ticket % 2) as f32);
                let feedback: Vec<Feedback> = batch
                    .draws
                    .iter()
                    .map(|draw| Feedback::new(draw.ticket, seen(draw.ticket.0)))
                    .collect();
                run.observe(&feedback).unwrap();
                evaluation.observe(&feedback).unwrap();
            }
            _ => steps += 1,
        }
    }
    assert!(further > 8, "{further}");
    assert_eq!(evaluation.target().round(), run.round());
    assert_eq!(evaluation.target().digest(), run.digest());
    assert!(evaluation.rows().iter().all(|row| row.target == row.propensity));
}
