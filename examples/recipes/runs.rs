//! What the course of a run, or of several, says.

use curricle::monitor::{CurveFit, TrendAlarm, relative_gain};
use curricle::policy::{Boltzmann, Bounded, Prior, Rehearsed};
use curricle::{ArmId, Curriculum, Feedback, Outcome, Result};

/// MM-BigBench: models on benchmarks of different scales, by their mean relative gain. The number of the best model.
pub fn best_over_scales() -> Result<usize> {
    let gains = relative_gain(&[[0.50, 61.0], [0.60, 58.0], [0.55, 55.0]])?.gain;
    let mean = |row: &Vec<Option<f64>>| row.iter().flatten().sum::<f64>() / row.len() as f64;
    let best = (0..gains.len()).max_by(|&a, &b| mean(&gains[a]).total_cmp(&mean(&gains[b])));
    Ok(best.unwrap_or(0))
}

/// Inverse scaling: whether a metric falls with the logarithm of size.
pub fn gets_worse(scores: &[f64]) -> Result<bool> {
    let alarm = TrendAlarm { log_x: true, ..TrendAlarm::default() };
    Ok(alarm.read(&[1e8, 1e9, 1e10], scores)?.alarm)
}

/// The secret recipe, and pre-training under infinite compute: early losses of three runs, and which is the best at its
/// limit, though another is ahead now.
pub fn triage() -> Result<usize> {
    let steps: Vec<f64> = (1..=8).map(|step| f64::from(step * 100)).collect();
    let run = |limit: f64, height: f64, power: f64| -> Vec<f64> {
        steps.iter().map(|&step| limit + height * libm::pow(step / 100.0, -power)).collect()
    };
    let runs = [run(2.0, 1.0, 1.0), run(1.5, 2.5, 0.8), run(2.2, 0.5, 1.0)];
    let recipes: Vec<(&[f64], &[f64])> = runs.iter().map(|run| (&steps[..], &run[..])).collect();
    Ok(CurveFit::loss().compare(&recipes)?.order[0])
}

/// The stability gap: an arm that is forgotten while the policy is busy elsewhere gets its even share back. The least and
/// the greatest probability of it, before and after it falls.
pub fn rehearse() -> Result<(f64, f64)> {
    let greedy = Bounded::new(Boltzmann::new().temperature(0.05)).floor(0.2, Prior::Uniform);
    let builder = Curriculum::builder(40).arms(2, |sample| (sample.0 % 2) as u32);
    let mut curriculum = builder.policy(Rehearsed::new(greedy)).seed(3).build()?;
    let (mut before, mut after) = (1.0f64, 0.0f64);
    for round in 0..120 {
        let batch = curriculum.draw(16)?;
        // Arm 0 goes up and down and so has most of the spread; arm 1 is known, and forgotten from round 60 on.
        let success = |arm: ArmId| {
            if arm.0 == 0 {
                0.5
            } else if round < 60 {
                1.0
            } else {
                0.0
            }
        };
        let seen = |draw: &curricle::Draw| {
            Feedback::new(draw.ticket, Outcome::default().success(success(draw.arm)).rollouts(8))
        };
        curriculum.observe(&batch.draws.iter().map(seen).collect::<Vec<_>>())?;
        let share = curriculum.shares()[1];
        if (20..60).contains(&round) {
            before = before.min(share);
        } else if round > 60 {
            after = after.max(share);
        }
    }
    Ok((before, after))
}

#[test]
fn readings_of_runs() -> Result<()> {
    assert_eq!(best_over_scales()?, 1);
    assert!(gets_worse(&[0.6, 0.57, 0.5])? && !gets_worse(&[0.5, 0.57, 0.6])?);
    assert_eq!(triage()?, 1);
    let (before, after) = rehearse()?;
    assert!(before < 0.15 && after > 0.3, "{before} {after}");
    Ok(())
}
