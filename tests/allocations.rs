//! A steady step allocates nothing.

mod common;

use std::alloc::System;

use curricle::policy::{Boltzmann, Bounded, Fixed, Gaussian, MeanRule, Prior, Spread, Uniform};
use curricle::sampler::{Distinct, Replace, Systematic, Top};
use curricle::signal::Utility;
use curricle::{
    Batch, Belief, Builder, Curriculum, Feedback, Gate, Outcome, Policy, SampleId, Sampler, Signal,
    Weighting,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const WARM_UP: usize = 200;
const STEPS: usize = 200;

/// Allocations, and growths of what was allocated, in some steps of draw and observe after others of their kind.
fn counted<P: Policy, S: Signal, D: Sampler>(builder: Builder<P, S, D>) -> usize {
    let mut curriculum = builder.gate(Gate::zero_signal()).build().unwrap();
    let (mut batch, mut verdicts) = (Batch::default(), Vec::new());
    let mut feedback: Vec<Feedback> = Vec::with_capacity(64);
    let mut region = Region::new(ALLOCATOR);
    for step in 0..WARM_UP + STEPS {
        if step == WARM_UP {
            region.reset();
        }
        curriculum.draw_into(64, &mut batch).unwrap();
        feedback.clear();
        feedback.extend(batch.draws.iter().map(|draw| {
            let outcome = Outcome::group(&[1.0, 0.0, f32::from(draw.ticket.0 % 3 == 0)]).unwrap();
            Feedback::new(draw.ticket, outcome.utility(0.5))
        }));
        if step % 2 == 1 {
            feedback.reverse();
        }
        curriculum.observe_into(&feedback, &mut verdicts).unwrap();
    }
    let change = region.change();
    change.allocations + change.reallocations
}

/// One test, as the counter is that of the process.
#[test]
fn a_steady_step_allocates_nothing() {
    let base = || Curriculum::builder(20_000).arms(20, |sample| (sample.0 % 20) as u32);
    let many = || Curriculum::builder(20_000).arms(5000, |sample| (sample.0 % 5000) as u32);
    let sec = || Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform);
    assert_eq!(counted(base().post_training()), 0);
    assert_eq!(counted(base().post_training().lag(3)), 0);
    assert_eq!(counted(base().policy(Uniform)), 0);
    assert_eq!(counted(base().policy(Fixed::weights((1..21).map(f64::from).collect()))), 0);
    let belief = Weighting::Belief(Belief::new().retest(50));
    for weighting in [Weighting::Given, Weighting::Score { floor: 0.1 }, belief] {
        assert_eq!(counted(base().policy(sec()).sampler(Distinct).weighting(weighting)), 0);
        assert_eq!(counted(base().policy(sec()).sampler(Replace).weighting(weighting)), 0);
        assert_eq!(counted(base().policy(sec()).sampler(Systematic).weighting(weighting)), 0);
        assert_eq!(counted(many().policy(sec()).weighting(weighting)), 0);
    }
    assert_eq!(counted(base().policy(sec()).importance(0.5)), 0);
    assert_eq!(counted(many().policy(sec()).sampler(Systematic)), 0);
    let order: Vec<SampleId> = (0..20_000).rev().map(SampleId).collect();
    let gain_rl = Gaussian::new(MeanRule::paper(64.0), Spread::Ranks(1000.0));
    assert_eq!(counted(Curriculum::builder(20_000).order(&order).policy(gain_rl).signal(Utility)), 0);
    // The count is not that of nothing: a greedy sampler sorts what it takes into new lists.
    assert!(counted(base().sampler(Top)) > 0);
}
