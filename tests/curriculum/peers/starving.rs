//! Rollouts that are wasted, and steps that wait for ever.

use std::time::Duration;

use curricle::feed::Lockstep;
use curricle::preset::{LearnableArms, PostTraining};
use curricle::sampler::{Passes, Replace};
use curricle::{
    Builder, Curriculum, Error, Feed, Feedback, Gate, Missing, Outcome, Policy, Refill, Sampler,
    Signal, Starvation, Step, Stop,
};

use super::{all_of, filled, group, rng, samples, seen};

fn useful(is_useful: bool) -> Outcome {
    Outcome::default().success(if is_useful { 0.5 } else { 1.0 }).rollouts(8)
}

fn builder(
    refill: Refill,
) -> Builder<curricle::policy::Uniform, curricle::signal::GroupSpread, Replace> {
    Curriculum::builder(500).sampler(Replace).gate(Gate::zero_signal()).refill(refill).seed(3)
}

/// verl, NeMo-RL, SkyRL, prime-rl: a training ends with an exception when too many groups were filtered.
#[test]
fn p14_starvation_is_an_answer_and_no_error() {
    for starvation in [
        Starvation::Fail,
        Starvation::Partial,
        Starvation::Relax,
        Starvation::BestRejected,
        Starvation::Banked,
    ] {
        let mut curriculum = builder(Refill::new().most(20).starvation(starvation)).build().unwrap();
        let mut drawn = 0;
        for _ in 0..5 {
            let (ready, asked) = filled(&mut curriculum, 8, |_| useful(false));
            drawn += asked.iter().sum::<usize>();
            assert_eq!(asked.iter().sum::<usize>(), 20, "as many as it may");
            let expected = (starvation == Starvation::BestRejected).then_some(8);
            assert_eq!(ready.map(|useful| useful.len()), expected, "{starvation:?}");
        }
        assert_eq!(curriculum.counts().drawn, drawn as u64);
        // Where three of twenty are left, there is a step of three, if that was asked for.
        let (ready, _) = filled(&mut curriculum, 8, |draw| useful(draw.ticket.0 >= 117));
        let of_three = match starvation {
            Starvation::Fail => None,
            Starvation::BestRejected => Some(8),
            _ => Some(3),
        };
        assert_eq!(ready.map(|useful| useful.len()), of_three, "{starvation:?}");
        // And the run goes on.
        let (ready, _) = filled(&mut curriculum, 8, |_| useful(true));
        assert_eq!(ready.map(|useful| useful.len()), Some(8), "{starvation:?}");
        assert!(curriculum.counts().is_conserved());
    }
}

/// verl, NeMo-RL, slime: good groups beyond the size of the batch are thrown away.
#[test]
fn p15_every_admitted_group_comes_to_a_step() {
    let mut curriculum = builder(Refill::new().confidence(0.95)).build().unwrap();
    let mut random = rng(4);
    let (mut good, mut taken, mut surplus) = (Vec::new(), Vec::new(), 0);
    for _ in 0..60 {
        let (ready, _) = filled(&mut curriculum, 16, |draw| {
            let is_useful = random.unit() < 0.3;
            good.extend(is_useful.then_some(draw.ticket.0));
            useful(is_useful)
        });
        taken.extend(ready.unwrap().iter().map(|it| it.draw.ticket.0));
        let counts = curriculum.counts();
        assert_eq!(counts.admitted + counts.banked, good.len() as u64);
        assert_eq!(counts.rejected + good.len() as u64, counts.drawn);
        surplus += counts.banked;
    }
    assert_eq!(taken.len(), 60 * 16);
    assert_eq!(taken, good[..taken.len()], "each once, the first drawn first");
    assert!(surplus > 60, "there was surplus: {surplus}");
}

/// SkyRL: the rest of an epoch that is smaller than a batch is dropped.
#[test]
fn p15_the_rest_of_a_pass_is_a_batch() {
    let builder = Curriculum::builder(100).sampler(Passes).stop(Stop::AllExhausted(1));
    let mut curriculum = builder.clone().missing(Missing::Lose).build().unwrap();
    let mut drawn = Vec::new();
    let end = loop {
        match curriculum.draw(32) {
            Ok(batch) => drawn.extend(samples(&batch)),
            Err(error) => break error,
        }
    };
    drawn.sort_unstable();
    assert_eq!((drawn, end), ((0..100).collect(), Error::Finished));
    // The same of steps that are filled.
    let mut curriculum = builder.refill(Refill::new()).build().unwrap();
    let mut sizes = Vec::new();
    let end = loop {
        match curriculum.step(32) {
            Ok(Step::Draw(batch)) => _ = curriculum.observe(&all_of(&batch)).unwrap(),
            Ok(Step::Ready(useful)) => sizes.push(useful.len()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!((sizes, end), (vec![32, 32, 32, 4], Error::Finished));
}

/// verl, NeMo-RL, slime, ROLL: a fixed factor of how many groups to ask for, whatever part of them is accepted.
#[test]
fn p16_what_is_asked_for_follows_what_is_accepted() {
    for rate in [0.1, 0.5, 0.9] {
        let mut curriculum = builder(Refill::new().most(100_000)).build().unwrap();
        let mut random = rng(5);
        let (mut asked, mut used, mut calls, mut surplus) = (0, 0, 0, 0);
        for step in 0..180 {
            let (ready, draws) = filled(&mut curriculum, 32, |_| useful(random.unit() < rate));
            // When nothing is known yet it asks for many; what is too much is used by the steps that follow.
            if step >= 80 {
                asked += draws.iter().sum::<usize>();
                used += ready.unwrap().len();
                calls += draws.len();
                surplus += curriculum.counts().banked;
            }
        }
        // As many as it takes, in little more than one draw a step: twice what is needed would be too few, or too many.
        let times = asked as f64 / used as f64 * rate;
        assert!((0.95..1.1).contains(&times), "{rate}: {times}");
        assert!((60..=130).contains(&calls), "{rate}: {calls} draws for 100 steps");
        assert!(surplus < 1600, "{rate}: a surplus of {surplus} in 100 steps of 32");
    }
    // A rate that changes is followed: one step needs several draws, and those after it need not.
    let mut curriculum = builder(Refill::new().most(512)).build().unwrap();
    let mut random = rng(6);
    let mut calls = Vec::new();
    for step in 0..120 {
        let rate = if step < 60 { 0.9 } else { 0.1 };
        let (_, draws) = filled(&mut curriculum, 32, |_| useful(random.unit() < rate));
        calls.push(draws.len());
    }
    let surprised = calls[60..64].iter().max().unwrap();
    assert!((3..=12).contains(surprised), "{calls:?}");
    assert!(calls[64..].iter().sum::<usize>() <= 73, "{calls:?}");
}

/// Rounds of 16 in which arms have these rates: the share of each arm of what was drawn.
fn drawn<P: Policy, S: Signal, D: Sampler>(
    curriculum: &mut Curriculum<P, S, D>,
    rounds: usize,
    rates: [f64; 4],
    random: &mut curricle::Rng,
) -> [f64; 4] {
    let mut counts = [0.0; 4];
    for _ in 0..rounds {
        let batch = curriculum.draw(16).unwrap();
        let mut all = Vec::new();
        for draw in &batch.draws {
            counts[draw.arm.index()] += 1.0 / (16 * rounds) as f64;
            all.push(Feedback::new(draw.ticket, group(rates[draw.arm.index()], random)));
        }
        curriculum.observe(&all).unwrap();
    }
    counts
}

/// prime-rl, open-instruct: what was solved once never comes back, until the pools run dry or nothing is left to draw.
#[test]
fn p17_what_is_solved_rests_and_comes_back_when_it_is_forgotten() {
    fn check<P: Policy, S: Signal, D: Sampler>(mut curriculum: Curriculum<P, S, D>, what: &str) {
        let mut random = rng(7);
        drawn(&mut curriculum, 100, [1.0, 0.5, 0.5, 0.5], &mut random);
        let resting = drawn(&mut curriculum, 100, [1.0, 0.5, 0.5, 0.5], &mut random);
        assert!(resting[0] > 0.0 && resting[0] < 0.1, "{what} rests: {resting:?}");
        drawn(&mut curriculum, 200, [0.5; 4], &mut random);
        let back = drawn(&mut curriculum, 100, [0.5; 4], &mut random);
        assert!(back[0] > 0.15, "{what}, it is as the others again: {back:?}");
        let all = drawn(&mut curriculum, 200, [1.0; 4], &mut random);
        assert!(all.iter().all(|share| *share > 0.05), "{what}, all are solved: {all:?}");
        drawn(&mut curriculum, 60, [0.4, 1.0, 1.0, 1.0], &mut random);
        let forgotten = drawn(&mut curriculum, 60, [0.4, 1.0, 1.0, 1.0], &mut random);
        assert!(forgotten[0] > 0.5, "{what}, one is forgotten: {forgotten:?}");
    }
    let builder = || Curriculum::builder(400).arms(4, |sample| (sample.0 / 100) as u32).seed(8);
    let learnable: LearnableArms = builder().learnable_arms().build().unwrap();
    check(learnable, "learnable arms");

    // The default goes by progress: the others have to be learned, and so has what was forgotten.
    let mut unknown: PostTraining = builder().post_training().build().unwrap();
    let mut random = rng(7);
    let mut learning = |curriculum: &mut PostTraining, known: f64, rates: [f64; 2]| -> Vec<f64> {
        let rate = |step: u32| rates[0] + (rates[1] - rates[0]) * f64::from(step) / 300.0;
        let all = |step| {
            if known > 0.0 {
                [known, rate(step), rate(step), rate(step)]
            } else {
                [rate(step), 1.0, 1.0, 1.0]
            }
        };
        (0..300).map(|step| drawn(curriculum, 1, all(step), &mut random)[0]).collect()
    };
    let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
    let resting = learning(&mut unknown, 1.0, [0.2, 0.6]);
    assert!((0.001..0.15).contains(&mean(&resting[100..])), "it rests: {resting:?}");
    let back = learning(&mut unknown, 0.0, [0.2, 0.9]);
    assert!(mean(&back[100..200]) > 0.5, "it is forgotten, and learned again: {back:?}");
}

/// verl: the whole store is listed every two seconds, and all of it is looked through for what is to be evicted.
#[test]
fn p18_nothing_is_asked_twice() {
    // A loop that asks only after something has come in: each call but the last of a step makes it go on.
    let mut curriculum = builder(Refill::new().most(100_000)).build().unwrap();
    let mut random = rng(9);
    let (mut flying, mut ready, mut waits, mut calls, mut reports) = (Vec::new(), 0, 0, 0, 0);
    while ready < 50 {
        calls += 1;
        match curriculum.step(8).unwrap() {
            Step::Draw(batch) => flying.extend(batch.draws.into_iter().map(|draw| draw.ticket)),
            Step::Ready(_) => ready += 1,
            Step::Wait { open } => {
                assert_eq!(open, flying.len() as u64);
                let ticket = flying.swap_remove(random.below(open) as usize);
                let outcome = useful(random.unit() < 0.4);
                curriculum.observe(&[Feedback::new(ticket, outcome)]).unwrap();
                (waits, reports) = (waits + 1, reports + 1);
            }
            other => panic!("{other:?}"),
        }
        assert!(calls <= reports + 3 * (ready + 1) + 50, "{calls} calls for {reports} reports");
    }
    assert_eq!(waits, reports);
    // A thread that waits for a report is told of it; a patience of an hour is none of its time.
    let curriculum = Curriculum::builder(10).build().unwrap();
    let mut feed = Lockstep::new(curriculum).patience(Duration::from_secs(3600));
    let batch = feed.draw(2).unwrap();
    std::thread::scope(|scope| {
        let mut waiting = feed.clone();
        let next = scope.spawn(move || waiting.draw(2));
        std::thread::yield_now();
        feed.observe(&seen(&batch, |_| useful(true))).unwrap();
        assert_eq!(next.join().unwrap().unwrap().round.0, 1);
    });
}
