//! Weights that come from scores: ticket after ticket, and what rests stays at rest.

use curricle::sampler::Replace;
use curricle::signal::Utility;
use curricle::{Curriculum, Feedback, Outcome, Purpose, Rng, Round, SampleId, Ticket, Weighting};

const FLOOR: f64 = 0.01;

fn curriculum(samples: usize) -> Curriculum<curricle::policy::Uniform, Utility, Replace> {
    Curriculum::builder(samples)
        .signal(Utility)
        .sampler(Replace)
        .weighting(Weighting::Score { floor: FLOOR })
        .build()
        .unwrap()
}

/// Against the rule, ticket after ticket: a score sets the weight, a loss halves what stands there.
#[test]
fn scores_and_losses_of_one_round_follow_each_other() {
    let (mut halved, mut set) = (0, 0);
    for seed in 0..50 {
        let mut curriculum = curriculum(3);
        let mut weights = [1.0f64; 3];
        let mut rng = Rng::at(seed, Round(0), Purpose::User);
        for _ in 0..10 {
            let batch = curriculum.draw(6).unwrap();
            for draw in &batch.draws {
                let weight = &mut weights[draw.sample.index()];
                if rng.below(3) == 0 {
                    curriculum.lose(&[draw.ticket]).unwrap();
                    *weight = if *weight > FLOOR { (0.5 * *weight).max(FLOOR) } else { *weight };
                    halved += 1;
                } else {
                    let score = rng.below(100) as f32 / 50.0;
                    let seen = Outcome::default().utility(score);
                    curriculum.observe(&[Feedback::new(draw.ticket, seen)]).unwrap();
                    *weight = f64::from(score).max(FLOOR);
                    set += 1;
                }
            }
            curriculum.fold().unwrap();
            for (sample, weight) in weights.iter().enumerate() {
                let found = curriculum.population().weight(SampleId(sample as u64)).unwrap();
                assert!((found - weight).abs() < 1e-8, "sample {sample}: {found}, not {weight}");
            }
        }
    }
    assert!(halved > 800 && set > 1500, "{halved} {set}");
}

/// A sample that is set to rest while a ticket of it is under way stays at rest when that comes back, or does not.
#[test]
fn what_rests_is_not_woken_by_its_tickets() {
    for is_lost in [false, true] {
        let mut curriculum = curriculum(2);
        let batch = curriculum.draw(8).unwrap();
        curriculum.set_weight(SampleId(0), 0.0).unwrap();
        for draw in &batch.draws {
            if is_lost {
                curriculum.lose(&[draw.ticket]).unwrap();
            } else {
                let seen = Outcome::default().utility(0.5);
                curriculum.observe(&[Feedback::new(draw.ticket, seen)]).unwrap();
            }
        }
        let next = curriculum.draw(50).unwrap();
        assert!(next.samples().all(|sample| sample == SampleId(1)), "lost: {is_lost}");
        assert_eq!(curriculum.population().weight(SampleId(0)), Ok(0.0));
        // Until it is set again.
        curriculum.set_weight(SampleId(0), 1.0).unwrap();
        let all: Vec<Ticket> = next.draws.iter().map(|draw| draw.ticket).collect();
        curriculum.lose(&all).unwrap();
        assert!(curriculum.draw(50).unwrap().samples().any(|sample| sample == SampleId(0)));
    }
}
