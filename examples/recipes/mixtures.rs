//! Where the next batch comes from, and what is done with what comes back.

use curricle::policy::{Fixed, Prior, Tilt};
use curricle::route::{RoutingTable, Treatment};
use curricle::{Curriculum, Feedback, Field, Gate, Outcome, Result, weigh};

/// Domain-specific risk minimisation: sources in inverse proportion to the entropy of the model on them, as a mixture.
pub fn by_entropy(entropies: &[f64]) -> Result<Vec<f64>> {
    let weights = weigh::inverse_power(entropies, 1.0)?;
    let arms = entropies.len() as u32;
    let builder = Curriculum::builder(300).arms(arms, |sample| sample.0 as u32 % arms);
    let mut curriculum = builder.policy(Fixed::weights(weights)).build()?;
    curriculum.draw(32)?;
    Ok(curriculum.shares())
}

/// Unpacking DPO and PPO: the source of the preferences matters most, so start from a prior over sources, which what is
/// observed may tilt.
pub fn by_prior() -> Result<Vec<f64>> {
    let builder = Curriculum::builder(300).arms(3, |sample| (sample.0 % 3) as u32);
    let prior = Prior::Weights(vec![0.6, 0.3, 0.1]);
    let mut curriculum = builder.policy(Tilt::new().target(prior)).build()?;
    curriculum.draw(32)?;
    Ok(curriculum.shares())
}

/// Guide: prompts that all rollouts fail are tried again with a hint, solved ones rest for a while. Three rounds of 32
/// prompts, a third of which is hopeless and a third solved.
pub fn treated() -> Result<[usize; 3]> {
    let treatments = vec![Treatment::Hint, Treatment::TRAIN, Treatment::Retire];
    let gate = Gate::route(Field::Success, RoutingTable::new([0.001, 0.999], treatments)?);
    let mut curriculum = Curriculum::builder(96).gate(gate).retest(20).build()?;
    let mut counts = [0; 3];
    for _ in 0..3 {
        let batch = curriculum.draw(32)?;
        for draw in &batch.draws {
            let success = [0.0, 0.5, 1.0][draw.sample.0 as usize % 3];
            let outcome = Outcome::default().success(success).rollouts(8);
            let verdict = curriculum.observe(&[Feedback::new(draw.ticket, outcome)])?[0];
            counts[match verdict.treatment() {
                Treatment::Hint => 0, // another eight rollouts of this prompt, with the hint
                Treatment::Train { .. } => 1,
                _ => 2,
            }] += 1;
        }
    }
    Ok(counts)
}

#[test]
fn mixtures_are_what_was_asked_for() -> Result<()> {
    let shares = by_entropy(&[0.5, 1.0, 2.0])?;
    for (share, expected) in shares.iter().zip([4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0]) {
        assert!((share - expected).abs() < 1e-12, "{shares:?}");
    }
    let shares = by_prior()?;
    assert!(
        (shares[0] - 0.6).abs() < 0.1 && shares[0] > shares[1] && shares[1] > shares[2],
        "{shares:?}"
    );
    let [hints, trained, retired] = treated()?;
    assert_eq!(hints + trained + retired, 96);
    // Each of the 32 solved ones is met at most once, and others take their place.
    assert!(hints > 0 && trained > 0 && (1..=32).contains(&retired), "{hints} {trained} {retired}");
    Ok(())
}
