//! Targets that differ from the log: their probabilities by hand, and what is refused.

use curricle::off_policy::{Estimator, Evaluation};
use curricle::policy::{Boltzmann, Exp3, Fixed, Uniform};
use curricle::sampler::{Distinct, Replace, Systematic, Top};
use curricle::{
    Batch, Builder, Curriculum, Error, Feedback, Field, Missing, Outcome, Refill, SampleId, Ticket,
};

use crate::common::{feedback, outcome};

fn weights() -> Vec<f64> {
    (0..40).map(|sample| f64::from(1 + sample % 5)).collect()
}

fn builder() -> Builder {
    Curriculum::builder(40).arms(4, |sample| (sample.0 / 10) as u32).weights(weights()).seed(1)
}

fn success(outcome: &Outcome) -> Option<f64> {
    outcome.success.map(f64::from)
}

fn all(batch: &Batch) -> Vec<Feedback> {
    batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0))).collect()
}

/// Two arms by parity instead of four by number, with other weights: probabilities and predictions by hand.
#[test]
fn another_partition() {
    let mut run = builder().sampler(Replace).build().unwrap();
    let target = Curriculum::builder(40)
        .arms(2, |sample| (sample.0 % 2) as u32)
        .policy(Fixed::weights(vec![3.0, 1.0]))
        .sampler(Replace)
        .build()
        .unwrap();
    let mut evaluation = Evaluation::new(target, success);
    let mut expected = Vec::new();
    let mut rewards: [Vec<f64>; 2] = Default::default();
    for _ in 0..6 {
        let batch = run.draw(5).unwrap();
        evaluation.draw(&batch).unwrap();
        let mean = |rewards: &[f64]| rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
        let every: Vec<f64> = rewards.iter().flatten().copied().collect();
        let arm_mean =
            |arm: usize| if rewards[arm].is_empty() { mean(&every) } else { mean(&rewards[arm]) };
        let means = [arm_mean(0), arm_mean(1)];
        let mut came = Vec::new();
        for draw in &batch.draws {
            let arm = (draw.sample.0 % 2) as usize;
            let p = [0.75, 0.25][arm] / 20.0;
            let reward = f64::from(outcome(draw.ticket.0).success.unwrap());
            expected.push((draw.propensity, p, reward, means[arm], 0.75 * means[0] + 0.25 * means[1]));
            came.push((arm, reward));
        }
        run.observe(&all(&batch)).unwrap();
        evaluation.observe(&all(&batch)).unwrap();
        came.into_iter().for_each(|(arm, reward)| rewards[arm].push(reward));
    }
    let rows = evaluation.rows();
    assert_eq!(rows.len(), expected.len());
    for (row, (q, p, r, m, v)) in rows.iter().zip(expected) {
        let prediction = row.prediction.unwrap();
        let found = [row.propensity, row.target, row.reward, prediction.logged, prediction.expected];
        for (found, expected) in found.into_iter().zip([q, p, r, m, v]) {
            assert!((found - expected).abs() < 1e-12, "{row:?}: {found} {expected}");
        }
    }
}

/// A target that learns has learned from the log what a curriculum of its own would have from the same picks: its Boltzmann
/// values are the running means of what was reported.
#[test]
fn a_target_learns_from_the_log() {
    let mut run = builder().build().unwrap();
    let target = builder().policy(Boltzmann::new().start(0.0)).build().unwrap();
    let mut evaluation = Evaluation::new(target, success);
    let good = |batch: &Batch| {
        feedback(batch, |_, arm| Outcome::default().success(if arm == 2 { 0.5 } else { 0.0 }))
    };
    for _ in 0..30 {
        let batch = run.draw(8).unwrap();
        evaluation.draw(&batch).unwrap();
        run.observe(&good(&batch)).unwrap();
        evaluation.observe(&good(&batch)).unwrap();
    }
    assert!(evaluation.target().shares()[2] > 0.9, "{:?}", evaluation.target().shares());
    // The log goes on evenly, so late picks of arm 2 weigh about four times.
    let rows = evaluation.rows();
    let late: Vec<f64> = rows[200..]
        .iter()
        .filter(|row| row.reward > 0.0)
        .map(|row| row.target / row.propensity)
        .collect();
    assert!(late.len() > 4 && late.iter().all(|weight| *weight > 3.0), "{late:?}");
    assert_eq!(evaluation.target().counts().drawn, 240);
}

/// What the log never draws is told; the mean weight falls short by as much.
#[test]
fn what_the_log_cannot_say() {
    let mut run = builder().policy(Fixed::weights(vec![1.0, 1.0, 0.0, 0.0])).build().unwrap();
    let target = builder().policy(Fixed::weights(vec![1.0, 2.0, 3.0, 4.0])).build().unwrap();
    let mut evaluation = Evaluation::new(target, success);
    assert_eq!(evaluation.unseen(), None);
    for _ in 0..100 {
        let batch = run.draw(4).unwrap();
        evaluation.draw(&batch).unwrap();
        run.observe(&all(&batch)).unwrap();
        evaluation.observe(&all(&batch)).unwrap();
    }
    assert!((evaluation.unseen().unwrap() - 0.7).abs() < 1e-9);
    let found = evaluation.estimate(&Estimator::new()).unwrap();
    assert!((found.weights.uncovered - 0.7).abs() < 0.05, "{found}");
    let (_, high) = found.weights.mean.interval.unwrap();
    assert!(high < 1.0);
}

/// A pick from an arm to which a target of importance-weighted learning gives nothing leaves what it has
/// learned of the others, also where the pick earned nothing: 0 is not divided by 0.
#[test]
fn arms_without_probability_are_learned_from() {
    let mut run = builder().sampler(Systematic).build().unwrap();
    let rests: Vec<f64> = (0..40).map(|sample| if sample < 30 { 1.0 } else { 0.0 }).collect();
    let target = builder().weights(rests).policy(Exp3::graves()).build().unwrap();
    let mut evaluation = Evaluation::new(target, success);
    for _ in 0..60 {
        let batch = run.draw(8).unwrap();
        let seen = |arm: u32| Outcome::default().success(if arm == 0 { 0.5 } else { 1.0 });
        let seen = feedback(&batch, |_, arm| seen(arm));
        evaluation.draw(&batch).unwrap();
        run.observe(&seen).unwrap();
        evaluation.observe(&seen).unwrap();
    }
    let shares = evaluation.target().shares();
    // It has learned which arm has something to teach.
    assert!(shares[0] > 0.6 && shares[3] == 0.0, "{shares:?}");
    assert!(evaluation.rows().iter().any(|row| row.target == 0.0));
}

/// Predictions are means of what came in before the batch, and was not given up: of the arm, or of all where it has none.
#[test]
fn predictions_are_running_means() {
    let mut run = builder().sampler(Replace).lag(1).build().unwrap();
    let each = Curriculum::builder(40).arms(40, |sample| sample.0 as u32).sampler(Replace).lag(1);
    let mut evaluation = Evaluation::new(each.build().unwrap(), success);
    let mut rewards: Vec<Vec<f64>> = vec![Vec::new(); 40];
    let mean = |rewards: &[f64]| rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
    let (mut expected, mut fallbacks) = (Vec::new(), 0);
    for _ in 0..20 {
        let batch = run.draw(6).unwrap();
        evaluation.draw(&batch).unwrap();
        let every: Vec<f64> = rewards.iter().flatten().copied().collect();
        let of = |arm: usize| if rewards[arm].is_empty() { mean(&every) } else { mean(&rewards[arm]) };
        let means: Vec<f64> = (0..40).map(of).collect();
        for draw in &batch.draws {
            fallbacks += usize::from(rewards[draw.sample.index()].is_empty());
            expected.push((draw.ticket, means[draw.sample.index()], mean(&means)));
        }
        run.observe(&all(&batch)).unwrap();
        evaluation.observe(&all(&batch)).unwrap();
        // The last came, and is given up.
        let lost = batch.draws[5].ticket;
        run.lose(&[lost]).unwrap();
        evaluation.lose(&[lost]).unwrap();
        expected.retain(|(ticket, ..)| *ticket != lost);
        for draw in &batch.draws[..5] {
            let reward = f64::from(outcome(draw.ticket.0).success.unwrap());
            rewards[draw.sample.index()].push(reward);
        }
    }
    assert!(fallbacks > 20, "{fallbacks}");
    let rows = evaluation.rows();
    assert_eq!(rows.len(), expected.len());
    for (row, (ticket, logged, mean)) in rows.iter().zip(expected) {
        let found = row.prediction.unwrap();
        assert!((found.logged - logged).abs() < 1e-12, "{ticket}: {found:?} {logged}");
        assert!((found.expected - mean).abs() < 1e-12, "{ticket}: {found:?} {mean}");
    }
}

/// A log that starts in the middle of a run; errors name its tickets.
#[test]
fn a_log_from_the_middle() {
    let mut run = builder().missing(Missing::Lose).build().unwrap();
    (0..3).for_each(|_| drop(run.draw(7).unwrap()));
    let target = builder().missing(Missing::Lose).signal(curricle::signal::MeanAdvantage);
    let mut evaluation = Evaluation::new(target.policy(Boltzmann::new()).build().unwrap(), success);
    assert_eq!(
        evaluation.observe(&[Feedback::new(Ticket(0), outcome(0))]),
        Err(Error::UnknownTicket(Ticket(0)))
    );
    let batch = run.draw(7).unwrap();
    assert_eq!(batch.draws[0].ticket, Ticket(21));
    evaluation.draw(&batch).unwrap();
    let early = Feedback::new(Ticket(20), outcome(20));
    assert_eq!(evaluation.observe(&[early]), Err(Error::UnknownTicket(Ticket(20))));
    let seen = |ticket| Feedback::new(Ticket(ticket), outcome(ticket));
    evaluation.observe(&[seen(22)]).unwrap();
    assert_eq!(evaluation.observe(&[seen(23), seen(22)]), Err(Error::RepeatedTicket(Ticket(22))));
    evaluation.lose(&[Ticket(24)]).unwrap();
    assert_eq!(evaluation.observe(&[seen(24)]), Err(Error::LateTicket(Ticket(24))));
    let bare = Feedback::new(Ticket(25), Outcome::default().success(0.5));
    let missing = Error::MissingOutcome { ticket: Ticket(25), field: Field::AbsAdvantage };
    assert_eq!(evaluation.observe(&[bare]), Err(missing));
    let broken = Feedback::new(Ticket(26), outcome(26).success(f32::NAN));
    let refused = evaluation.observe(&[broken]).unwrap_err();
    assert!(matches!(refused, Error::NonFinite { what: "success", index: 26, .. }), "{refused}");
    // None of the refused calls has taken anything in: 23, 25 and 26 can still come.
    evaluation.observe(&[seen(23), seen(25), seen(26)]).unwrap();
    assert_eq!((evaluation.rows().len(), evaluation.left_out()), (4, 3));
    // A reward that an outcome does not tell is counted, not made up.
    evaluation.observe(&[Feedback::new(Ticket(27), Outcome::default().abs_advantage(0.1))]).unwrap();
    assert_eq!((evaluation.rows().len(), evaluation.left_out()), (4, 3));
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let mut run = builder().build().unwrap();
    let batch = run.draw(4).unwrap();
    let reward = success;
    let mut top = Evaluation::new(builder().sampler(Top).build().unwrap(), reward);
    let refused = top.draw(&batch).unwrap_err();
    assert!(matches!(refused, Error::Unsupported { part: "Top", .. }), "{refused}");
    assert_eq!((top.target().counts().drawn, top.target().round().0), (0, 0));
    let refill = builder().refill(Refill::new()).build().unwrap();
    let refused = Evaluation::new(refill, reward).draw(&batch).unwrap_err();
    assert!(matches!(refused, Error::Unsupported { part: "curriculum with refill", .. }), "{refused}");

    let mut small = Evaluation::new(Curriculum::builder(1).build().unwrap(), reward);
    assert_eq!(small.draw(&batch), Err(Error::BatchExceedsPool { want: 4, available: 1 }));
    let mut small = Evaluation::new(Curriculum::builder(1).sampler(Replace).build().unwrap(), reward);
    assert!(matches!(small.draw(&batch), Err(Error::UnknownSample(_))));

    let mut evaluation =
        Evaluation::new(builder().policy(Uniform).sampler(Distinct).build().unwrap(), reward);
    let changed = |change: &dyn Fn(&mut Batch)| {
        let mut batch = batch.clone();
        change(&mut batch);
        batch
    };
    for propensity in [0.0, 1.5, -1.0] {
        let bad = changed(&|batch| batch.draws[2].propensity = propensity);
        let refused = evaluation.draw(&bad).unwrap_err();
        assert!(matches!(refused, Error::OutOfRange { what: "propensity", .. }), "{refused}");
    }
    let refused = evaluation.draw(&changed(&|batch| batch.draws[2].propensity = f64::NAN)).unwrap_err();
    assert!(matches!(refused, Error::NonFinite { what: "propensity", index: 2, .. }), "{refused}");
    let refused = evaluation.draw(&changed(&|batch| batch.draws.clear())).unwrap_err();
    assert!(matches!(refused, Error::Empty { what: "logged batch", .. }), "{refused}");
    let refused = evaluation.draw(&changed(&|batch| batch.draws.swap(1, 2))).unwrap_err();
    assert!(matches!(refused, Error::OutOfRange { what: "logged ticket", .. }), "{refused}");
    let refused = evaluation.draw(&changed(&|batch| batch.draws[0].sample = SampleId(99))).unwrap_err();
    assert_eq!(refused, Error::UnknownSample(SampleId(99)));
    assert_eq!(evaluation.target().counts().drawn, 0);
    assert!(matches!(evaluation.estimate(&Estimator::new()), Err(Error::Empty { .. })));

    evaluation.draw(&batch).unwrap();
    // A batch that is missing, and one whose feedback is.
    let mut other = run.clone();
    other.observe(&all(&batch)).unwrap();
    let next = other.draw(4).unwrap();
    let awaiting = Error::Awaiting { round: batch.round, missing: 4, first: Ticket(0) };
    assert_eq!(evaluation.draw(&next), Err(awaiting));
    evaluation.observe(&all(&batch)).unwrap();
    other.observe(&all(&next)).unwrap();
    let after = other.draw(4).unwrap();
    assert!(matches!(evaluation.draw(&after), Err(Error::OutOfRange { what: "logged ticket", .. })));
    evaluation.draw(&next).unwrap();
    let mut back = after.clone();
    back.round = batch.round;
    evaluation.observe(&all(&next)).unwrap();
    assert!(matches!(evaluation.draw(&back), Err(Error::OutOfRange { what: "logged round", .. })));
    evaluation.draw(&after).unwrap();
    assert_eq!(evaluation.target().counts().drawn, 12);
}
