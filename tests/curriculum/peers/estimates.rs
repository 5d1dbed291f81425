//! What is known of a task, and how well.

use curricle::policy::Posterior;
use curricle::sampler::Systematic;
use curricle::{ArmId, Curriculum};

use super::{group, rng};

/// prime-rl: of each task only the mean of its last group is kept, which is off by 0.18 where eight rollouts are tossed like
/// coins, and nothing says by how much.
#[test]
fn p23_an_estimate_is_of_many_groups_and_knows_its_noise() {
    let builder = || Curriculum::builder(40).arms(4, |sample| (sample.0 % 4) as u32).seed(2);
    let mut known = builder().policy(Posterior::new().decay(1.0)).sampler(Systematic).build().unwrap();
    let mut plain = builder().sampler(Systematic).build().unwrap();
    let rates = [0.5, 0.5, 0.25, 0.75];
    let mut random = rng(3);
    let (mut squares, mut last, mut gains, mut variances, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for round in 0..400 {
        for (curriculum, is_plain) in [(0, true), (1, false)] {
            let batch = if curriculum == 0 { plain.draw(4) } else { known.draw(4) }.unwrap();
            let mut all = Vec::new();
            for draw in &batch.draws {
                let rate = rates[draw.arm.index()];
                let outcome = group(rate, &mut random);
                if is_plain {
                    let error = f64::from(outcome.success.unwrap()) - rate;
                    last += error * error;
                    count += 1.0;
                }
                all.push(curricle::Feedback::new(draw.ticket, outcome));
            }
            _ = if curriculum == 0 { plain.observe(&all) } else { known.observe(&all) }.unwrap();
        }
        plain.fold().unwrap();
        if round >= 40 {
            for arm in 0..4u32 {
                let progress = plain.progress(ArmId(arm)).unwrap();
                let error = progress.slow() - rates[arm as usize];
                squares += error * error;
                gains += progress.gain() * progress.gain();
                variances += progress.null_sd() * progress.null_sd();
            }
        }
    }
    let visits = 360.0 * 4.0;
    let (of_slow, of_last) = (f64::sqrt(squares / visits), f64::sqrt(last / count));
    assert!((0.15..0.20).contains(&of_last), "the last group alone: {of_last}");
    assert!(of_slow < 0.3 * of_last, "the slow average: {of_slow} against {of_last}");
    // It says what its own noise is, as well as thirty independent gains can show it.
    let ratio = f64::sqrt(variances / gains);
    assert!((0.75..1.35).contains(&ratio), "{ratio}");
    // What never forgets is off by a fortieth after some hundred groups.
    known.fold().unwrap();
    for (arm, rate) in (0..).zip(rates) {
        let mean = known.policy().mean(ArmId(arm));
        assert!((mean - rate).abs() < 0.05, "arm {arm}: {mean}");
    }
    // A task that changes is told from noise.
    let before = plain.progress(ArmId(0)).unwrap().evidence();
    for _ in 0..25 {
        let batch = plain.draw(4).unwrap();
        let all: Vec<_> = batch
            .draws
            .iter()
            .map(|draw| (draw, if draw.arm.0 == 0 { 0.95 } else { rates[draw.arm.index()] }))
            .map(|(draw, rate)| curricle::Feedback::new(draw.ticket, group(rate, &mut random)))
            .collect();
        plain.observe(&all).unwrap();
    }
    plain.fold().unwrap();
    let evidence = |arm| plain.progress(ArmId(arm)).unwrap().evidence();
    assert!(evidence(0) > 0.4 && evidence(0) > before + 0.4, "{before} {}", evidence(0));
    assert!((1..4).all(|arm| evidence(arm) < 0.5), "{:?}", [evidence(1), evidence(2), evidence(3)]);
}
