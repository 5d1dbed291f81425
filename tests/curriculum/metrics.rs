//! What `metrics` says, worked out anew from what was drawn and reported.

use std::collections::BTreeMap;

use crate::common::{self, outcome};
use curricle::feed::{Lockstep, Prefetch};
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::sampler::{Distinct, Systematic};
use curricle::{
    Batch, Builder, Curriculum, Error, Feed, Feedback, Gate, Journal, SampleId, Verdict,
    signal::GroupSpread,
};

const NAMES: [&str; 3] = ["algebra", "geometry", "logic"];

fn builder() -> Builder<Bounded<Boltzmann>, GroupSpread, Systematic> {
    Curriculum::builder(60)
        .arms(3, |sample| (sample.0 / 20) as u32)
        .arm_names(NAMES)
        .policy(Bounded::new(Boltzmann::new()).floor(0.2, Prior::Uniform))
        .sampler(Systematic)
        .gate(Gate::band(0.2, 0.8))
        .seed(3)
}

/// Compares one number with what it should be.
#[track_caller]
fn is(found: Option<f64>, expected: f64) {
    let found = found.expect("the number is there");
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found}, expected {expected}");
}

#[test]
fn numbers_are_those_of_the_run() {
    let mut curriculum = builder().build().unwrap();
    // By arm: drawn, admitted, rejected, lost, asked.
    let mut arms = [[0.0; 5]; 3];
    let (mut reasons, mut scores) = (BTreeMap::new(), vec![Vec::new(); 3]);
    let mut last = None;
    for round in 0..12 {
        let batch = curriculum.draw(8).unwrap();
        for (arm, share) in curriculum.shares().into_iter().enumerate() {
            arms[arm][4] += share * 8.0;
        }
        batch.draws.iter().for_each(|draw| arms[draw.arm.index()][0] += 1.0);
        let lost = batch.draws[round % 8];
        let rest: Vec<_> =
            batch.draws.iter().filter(|draw| draw.ticket != lost.ticket).copied().collect();
        let feedback: Vec<Feedback> =
            rest.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
        let verdicts = curriculum.observe(&feedback).unwrap();
        curriculum.lose(&[lost.ticket]).unwrap();
        curriculum.fold().unwrap_or_default();
        if round == 11 {
            last = Some(batch);
            break;
        }
        arms[lost.arm.index()][3] += 1.0;
        for ((draw, verdict), feedback) in rest.iter().zip(verdicts).zip(&feedback) {
            match verdict {
                Verdict::Admit => arms[draw.arm.index()][1] += 1.0,
                Verdict::Reject(reason) => {
                    arms[draw.arm.index()][2] += 1.0;
                    *reasons.entry(reason.to_string()).or_insert(0.0) += 1.0;
                }
                _ => unreachable!(),
            }
            let success = f64::from(feedback.outcome.success.unwrap());
            scores[draw.arm.index()].push(2.0 * (success * (1.0 - success)).sqrt());
        }
    }
    // The last round is reported; it is not due before the next draw.
    let metrics = curriculum.metrics();
    assert_eq!(metrics.get("curriculum/round"), Some(12.0));
    let batch = last.unwrap();
    let drawn: f64 = arms.iter().map(|arm| arm[0]).sum();
    assert_eq!((metrics.get("curriculum/tickets/drawn"), drawn), (Some(96.0), 96.0));
    let counts = curriculum.counts();
    is(metrics.get("curriculum/tickets/admitted"), counts.admitted as f64);
    is(metrics.get("curriculum/tickets/lost"), counts.lost as f64);
    is(
        metrics.get("gate/admission_rate"),
        counts.admitted as f64 / (counts.admitted + counts.rejected) as f64,
    );
    let rejected: f64 = ["zero_signal", "too_hard", "too_easy"]
        .iter()
        .filter_map(|reason| metrics.get(&format!("gate/rejected/{reason}")))
        .sum();
    is(Some(rejected), counts.rejected as f64);
    assert!(reasons.values().all(|&count| count > 0.0) && reasons.len() == 2, "{reasons:?}");

    let shares = curriculum.shares();
    #[expect(clippy::disallowed_methods, reason = "the reference may use the host's functions")]
    let entropy: f64 = shares.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    is(metrics.get("policy/entropy"), entropy);
    #[expect(clippy::disallowed_methods, reason = "the reference may use the host's functions")]
    is(metrics.get("policy/effective_arms"), entropy.exp());
    let asked: f64 = arms.iter().map(|arm| arm[4]).sum();
    for (arm, name) in NAMES.iter().enumerate() {
        let get = |what: &str| metrics.get(&format!("arm/{name}/{what}"));
        is(get("share"), shares[arm]);
        is(get("drawn"), arms[arm][0]);
        is(get("drawn_share"), arms[arm][0] / drawn);
        is(get("asked_share"), arms[arm][4] / asked);
        let of_last = batch.draws.iter().filter(|draw| draw.arm.index() == arm).count() as f64;
        let closed = get("admitted").unwrap() + get("rejected").unwrap() + get("lost").unwrap();
        assert!(closed == arms[arm][0] || closed == arms[arm][0] - of_last);
        assert!(get("success").is_some() && get("evidence").is_some());
    }
}

#[test]
fn scores_and_verdicts_by_arm_once_all_is_folded_in() {
    let mut curriculum = builder().build().unwrap();
    let mut scores = vec![Vec::new(); 3];
    let mut admitted = [0.0; 3];
    for _ in 0..9 {
        let batch = curriculum.draw(8).unwrap();
        let feedback: Vec<Feedback> =
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect();
        let verdicts = curriculum.observe(&feedback).unwrap();
        for ((draw, feedback), verdict) in batch.draws.iter().zip(&feedback).zip(verdicts) {
            let success = f64::from(feedback.outcome.success.unwrap());
            scores[draw.arm.index()].push(2.0 * (success * (1.0 - success)).sqrt());
            admitted[draw.arm.index()] += f64::from(u8::from(verdict == Verdict::Admit));
        }
    }
    curriculum.fold().unwrap();
    let metrics = curriculum.metrics();
    for (arm, name) in NAMES.iter().enumerate() {
        let n = scores[arm].len() as f64;
        let mean = scores[arm].iter().sum::<f64>() / n;
        let variance = scores[arm].iter().map(|score| (score - mean) * (score - mean)).sum::<f64>() / n;
        let get = |what: &str| metrics.get(&format!("arm/{name}/{what}")).unwrap();
        assert!((get("score_mean") - mean).abs() < 1e-6, "{} {mean}", get("score_mean"));
        assert!((get("score_spread") - variance.sqrt()).abs() < 1e-6);
        assert_eq!(get("admitted"), admitted[arm]);
        assert_eq!(get("admission_rate"), admitted[arm] / n);
    }
}

#[test]
fn the_effective_sample_size_is_that_of_the_propensities() {
    let mut even = Curriculum::builder(60).build().unwrap();
    even.draw(1).unwrap();
    is(even.metrics().get("sampler/effective_sample_size"), 1.0);
    let mut curriculum =
        builder().sampler(Distinct).weights((1..61).map(f64::from).collect()).build().unwrap();
    let batch = curriculum.draw(12).unwrap();
    let weights: Vec<f64> = batch.draws.iter().map(|draw| 1.0 / draw.propensity).collect();
    let sum: f64 = weights.iter().sum();
    let expected = sum * sum / weights.iter().map(|weight| weight * weight).sum::<f64>();
    let metrics = curriculum.metrics();
    is(metrics.get("sampler/effective_sample_size"), expected);
    assert!(expected < 11.95, "{expected}");
    assert_eq!(
        (metrics.get("sampler/batch"), metrics.get("feedback/open_age_rounds")),
        (Some(12.0), Some(0.0))
    );
    // All that was drawn and nothing else: no number that is not known.
    assert!(metrics.iter().all(|(_, value)| value.is_finite()));
    assert_eq!(metrics.get("gate/admission_rate"), None);
}

#[test]
fn metrics_go_through_feeds_snapshots_and_journals() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal =
        Journal::open(folder.path().join("run"), builder().lag(1).build().unwrap()).unwrap();
    let mut plain = builder().lag(1).build().unwrap();
    let batch = journal.draw(8).unwrap();
    plain.draw(8).unwrap();
    let feedback = common::feedback(&batch, |_, _| outcome(5));
    journal.observe(&feedback).unwrap();
    plain.observe(&feedback).unwrap();
    let mut restored = builder().lag(1).build().unwrap();
    restored.restore_bytes(&plain.to_bytes().unwrap()).unwrap();
    assert_eq!(restored.metrics(), plain.metrics());
    let feed = Lockstep::new(journal);
    let shared = Feed::metrics(&feed);
    assert!(plain.metrics().iter().all(|(name, value)| shared.get(name) == Some(*value)));
    assert_eq!(shared.get("journal/events"), Some(2.0));
    let mut prefetch = Prefetch::new(feed, 4, |batch: &Batch| batch.draws.len());
    prefetch.draw().unwrap();
    assert_eq!(prefetch.metrics().get("prefetch/ahead"), Some(1.0));
}

#[test]
fn names_of_arms_tell_them_apart() {
    let build = |names: &[&str]| {
        Curriculum::builder(6)
            .arms(2, |sample| sample.0 as u32 % 2)
            .arm_names(names.iter().copied())
            .build()
            .map(drop)
    };
    assert_eq!(build(&["a", "b"]), Ok(()));
    assert!(matches!(build(&["a"]), Err(Error::Length { expected: 2, found: 1, .. })));
    assert_eq!(build(&["a", "a"]), Err(Error::Duplicate { what: "name of an arm", index: 1 }));
    assert_eq!(build(&["a", ""]), Err(Error::Empty { what: "name of an arm", index: 1 }));
    let mut unnamed = Curriculum::builder(6).arms(2, |sample| sample.0 as u32 % 2).build().unwrap();
    unnamed.set_weights(&[(SampleId(0), 0.0), (SampleId(2), 0.0), (SampleId(4), 0.0)]).unwrap();
    unnamed.draw(2).unwrap();
    assert_eq!(
        (unnamed.metrics().get("arm/0/share"), unnamed.metrics().get("arm/1/share")),
        (Some(0.0), Some(1.0))
    );
}
