//! Arms that are alike: what is believed of one from what another showed.

use curricle::policy::{GaussianProcess, Kalman, Policy, Similarity};
use curricle::sampler::Replace;
use curricle::signal::Utility;
use curricle::{Curriculum, Feedback, Outcome, Purpose, Rng, Round};

const ARMS: u32 = 64;
const ROUNDS: u64 = 150;

/// The mean utility of all draws, one a round, of arms of which one chapter in eight is worth 0.8 and the others 0.2;
/// mean over seeds.
fn gained<P: Policy>(policy: &P) -> f64 {
    let mut sum = 0.0;
    for seed in 0..24 {
        let builder = Curriculum::builder(ARMS as usize).arms(ARMS, |sample| sample.0 as u32);
        let builder = builder.policy(policy.clone()).signal(Utility).sampler(Replace).seed(seed);
        let mut curriculum = builder.build().unwrap();
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        let best = rng.below(8) as u32;
        for _ in 0..ROUNDS {
            let draw = curriculum.draw(1).unwrap().draws[0];
            let chance = if draw.arm.0 / 8 == best { 0.8 } else { 0.2 };
            let utility = if rng.unit() < chance { 1.0 } else { 0.0 };
            let outcome = Outcome::default().utility(utility);
            curriculum.observe(&[Feedback::new(draw.ticket, outcome)]).unwrap();
            sum += f64::from(utility);
        }
    }
    sum / (24 * ROUNDS) as f64
}

fn chapters(chapter: impl Fn(u32) -> u32) -> Similarity {
    Similarity::Tree((0..ARMS).map(|arm| vec![chapter(arm)]).collect())
}

/// Each arm is drawn little more than twice on average: alone none of them could be known.
#[test]
fn kin_are_found_from_few_reports() {
    let of = |similarity| gained(&GaussianProcess::new(similarity).retention(1.0));
    let (told, alone) = (of(chapters(|arm| arm / 8)), gained(&Kalman::new(0.0)));
    assert!(told > alone + 0.07, "{told} with chapters, {alone} without");
    // Chapters that are none help less.
    let wrong = of(chapters(|arm| arm % 8));
    assert!(told > wrong + 0.07, "{told} with chapters, {wrong} with others");
}
