//! Groups that are no good, and who says so.

use curricle::policy::Posterior;
use curricle::{
    ArmId, Case, Curriculum, Feedback, Field, Gate, Group, Measure, Outcome, Reason, Schedule, Verdict,
};

use super::seen;

const DEAD: Verdict = Verdict::Reject(Reason::ZeroSignal);

fn verdict(gate: &Gate, outcome: Outcome) -> Verdict {
    gate.admit(&Case::new(&outcome))
}

/// twinkle: rewards that are equal but for their rounding pass for a signal, and nobody can ask for a least spread, a least
/// range or a least number of advantages that are not 0.
#[test]
fn t3_a_signal_must_be_greater_than_noise() {
    // Eight rewards of 0.1, and the mean deviation that a trainer works out of them in f32.
    let rewards = [0.1f32; 8];
    let mean = rewards.iter().fold(0.0f32, |sum, reward| sum + reward) / 8.0;
    let deviation = rewards.iter().map(|reward| (reward - mean).abs()).sum::<f32>() / 8.0;
    let noise = Outcome::default().success(0.1).abs_advantage(deviation.max(7e-9)).rollouts(8);
    assert_eq!(verdict(&Gate::zero_signal(), noise), DEAD);
    assert_eq!(verdict(&Gate::zero_signal(), Outcome::group(&rewards).unwrap()), DEAD);
    // Near ties, by a tolerance that can be set, in each measure.
    let near = Outcome::group(&[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.504]).unwrap();
    let far = Outcome::group(&[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]).unwrap();
    for (by, tolerance) in [(Measure::Spread, 0.01), (Measure::Range, 0.01)] {
        let gate = Gate::ZeroSignal { by, tolerance };
        assert_eq!((verdict(&gate, near), verdict(&gate, far)), (DEAD, Verdict::Admit), "{by:?}");
        assert_eq!(verdict(&Gate::zero_signal_by(by), near), Verdict::Admit, "{by:?}");
        let strict = Gate::ZeroSignal { by, tolerance: 1.0 };
        assert_eq!(verdict(&strict, far), DEAD, "{by:?}");
    }
    // By number.
    let gate = Gate::Advantages { least: 3 };
    let of = |count| Outcome::default().success(0.5).nonzero_advantages(count).rollouts(8);
    assert_eq!([of(0), of(2), of(3)].map(|it| verdict(&gate, it)), [DEAD, DEAD, Verdict::Admit]);
    // What it is told to look at must be reported.
    let mut curriculum = Curriculum::builder(10).gate(gate).build().unwrap();
    let ticket = curriculum.draw(1).unwrap().draws[0].ticket;
    let refused = curriculum.observe(&[Feedback::new(ticket, Outcome::default().success(0.5))]);
    let field = Field::NonzeroAdvantages;
    assert_eq!(refused, Err(curricle::Error::MissingOutcome { ticket, field }));
}

/// verl: a filter on rewards that are shaped lets groups through that failed whole, and a run collapsed within forty steps.
#[test]
fn t4_shaped_rewards_do_not_hide_a_dead_group() {
    let shaped = Group::new(&[0.4, -0.1, 0.2, 0.0]).successes(&[0.0; 4]).outcome().unwrap();
    assert!(shaped.abs_advantage.unwrap() > 0.5);
    assert_eq!(verdict(&Gate::zero_signal_by(Measure::Success), shaped), DEAD);
    assert_eq!(
        verdict(&Gate::zero_signal(), shaped),
        Verdict::Admit,
        "the reward by itself does not say it"
    );
    // Nor is the arm that they are of paid for them: the others learn, one after another.
    let builder = Curriculum::builder(400).arms(4, |sample| (sample.0 / 100) as u32);
    let gate = Gate::zero_signal_by(Measure::Success);
    let mut curriculum = builder.post_training().gate(gate).seed(1).build().unwrap();
    for round in 0..200 {
        let batch = curriculum.draw(32).unwrap();
        let learned =
            Outcome::default().success(0.1 + 0.004 * round as f32).abs_advantage(0.6).rollouts(8);
        let all = seen(&batch, |draw| if draw.arm.0 == 0 { shaped } else { learned });
        let verdicts = curriculum.observe(&all).unwrap();
        for (draw, verdict) in batch.draws.iter().zip(verdicts) {
            assert_eq!(verdict, if draw.arm.0 == 0 { DEAD } else { Verdict::Admit });
        }
    }
    let shares = curriculum.shares();
    assert!(shares[0] < 0.1, "{shares:?}");
}

/// TRL: groups of which generations failed are scored with those that are left, also where one alone is.
#[test]
fn t5_groups_that_come_back_short_count_as_what_they_are() {
    let builder = Curriculum::builder(10).arms(10, |sample| sample.0 as u32);
    let policy = Posterior::new().decay(1.0);
    let mut curriculum = builder.policy(policy).gate(Gate::zero_signal()).build().unwrap();
    let batch = curriculum.draw(2).unwrap();
    let [seven, one] = [&batch.draws[0], &batch.draws[1]];
    let short = Outcome::group(&[1.0, 0.0, f32::NAN, 1.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
    assert_eq!((short.rollouts, short.unscored), (7, 1));
    let single = Outcome::group(&[f32::NAN, 1.0, f32::NAN]).unwrap();
    let all = [Feedback::new(seven.ticket, short), Feedback::new(one.ticket, single)];
    assert_eq!(curriculum.observe(&all).unwrap(), [Verdict::Admit, DEAD]);
    curriculum.fold().unwrap();
    // Three of seven on a prior of one success and one failure, not three sevenths of eight.
    let mean = |arm: ArmId| curriculum.policy().mean(arm);
    assert!((mean(seven.arm) - 4.0 / 9.0).abs() < 1e-6, "{}", mean(seven.arm));
    assert!((mean(one.arm) - 2.0 / 3.0).abs() < 1e-6, "{}", mean(one.arm));
    // One that survived alone has no advantage over itself, whatever is reported.
    let alone = Outcome::default().success(1.0).rollouts(1);
    for alone in [alone, alone.abs_advantage(0.0), alone.abs_advantage(0.9), alone.success(0.5)] {
        assert_eq!(verdict(&Gate::zero_signal(), alone), DEAD);
    }
    let least = Gate::zero_signal().and(Gate::Rollouts { least: 4 });
    let of = |rollouts| verdict(&least, Outcome::default().success(0.5).rollouts(rollouts));
    assert_eq!([of(3), of(4)], [Verdict::Reject(Reason::TooFew), Verdict::Admit]);
}

/// slime: bounds of the reward for each source, which move with the training, and numbers of what they reject.
#[test]
fn t13_each_arm_has_a_gate_of_its_own_that_moves() {
    let rising = Schedule::Linear { from: 0.6, to: 0.9, rounds: 1000 };
    let gate = Gate::Arms(vec![Gate::band(0.1, rising), Gate::band(0.3, 0.9)]);
    let builder = Curriculum::builder(40).arms(2, |sample| (sample.0 % 2) as u32);
    let mut curriculum = builder.gate(gate).arm_names(["math", "code"]).build().unwrap();
    let success = [0.7, 0.2];
    let (mut rejected, mut first) = ([0.0; 2], None);
    for round in 0..1100 {
        let batch = curriculum.draw(2).unwrap();
        let all =
            seen(&batch, |draw| Outcome::default().success(success[draw.arm.index()]).rollouts(8));
        let verdicts = curriculum.observe(&all).unwrap();
        for (draw, verdict) in batch.draws.iter().zip(verdicts) {
            // It is judged in the round of the next draw.
            let high = 0.6 + 0.3 * f64::from(round + 1).min(1000.0) / 1000.0;
            let expected = match draw.arm.0 {
                1 => Verdict::Reject(Reason::TooHard),
                _ if high < 0.7 => Verdict::Reject(Reason::TooEasy),
                _ => Verdict::Admit,
            };
            assert_eq!(verdict, expected, "round {round}");
            rejected[draw.arm.index()] += f64::from(u8::from(verdict != Verdict::Admit));
            if verdict == Verdict::Admit {
                first.get_or_insert(round);
            }
        }
    }
    assert!((333..343).contains(&first.unwrap()), "{first:?}");
    curriculum.fold().unwrap();
    let metrics = curriculum.metrics();
    assert_eq!(metrics.get("arm/math/rejected/too_easy"), Some(rejected[0]));
    assert_eq!(metrics.get("arm/code/rejected/too_hard"), Some(rejected[1]));
    assert_eq!(metrics.get("arm/math/rejected/too_hard"), None);
    assert_eq!(metrics.get("gate/rejected/too_hard"), Some(rejected[1]));
}
