//! A sampler of one's own: what it picks is looked at before anything is drawn.

use crate::common::outcome;
use curricle::policy::Allotment;
use curricle::sampler::{Distinct, Pick, Scratch};
use curricle::{ArmId, Curriculum, Error, Feedback, Population, Result, Rng, SampleId, Sampler};
use serde::{Deserialize, Serialize};

/// Picks as `Distinct` does, and then does something to them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    Fewer,
    More,
    UnknownSample,
    RemovedSample,
    UnknownArm,
    OtherArm,
    Propensity(f64),
    Share(f64),
}

impl Sampler for Wrong {
    fn draw(
        &self,
        population: &Population,
        allotment: &Allotment,
        n: usize,
        rng: &mut Rng,
        scratch: &mut Scratch,
        picks: &mut Vec<Pick>,
    ) -> Result<()> {
        Distinct.draw(population, allotment, n, rng, scratch, picks)?;
        let pick = &mut picks[1];
        match *self {
            Wrong::Nothing => {}
            Wrong::Fewer => _ = picks.pop(),
            Wrong::More => picks.push(picks[0]),
            Wrong::UnknownSample => pick.sample = SampleId(9999),
            Wrong::RemovedSample => pick.sample = SampleId(3),
            Wrong::UnknownArm => pick.arm = ArmId(7),
            Wrong::OtherArm => pick.arm = ArmId(1 - pick.arm.0),
            Wrong::Propensity(value) => pick.propensity = value,
            Wrong::Share(value) => pick.share = value,
        }
        Ok(())
    }

    fn most(&self, population: &Population) -> usize {
        Distinct.most(population)
    }
}

#[test]
fn a_pick_that_is_none_is_refused_by_name() {
    let build = |sampler: Wrong| {
        let builder = Curriculum::builder(20).arms(2, |sample| (sample.0 % 2) as u32);
        let mut curriculum = builder.importance(0.5).lag(1).sampler(sampler).build().unwrap();
        curriculum.remove(SampleId(3)).unwrap();
        curriculum
    };
    let mut good = build(Wrong::Nothing);
    for _ in 0..3 {
        let batch = good.draw(4).unwrap();
        let all: Vec<Feedback> =
            batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome(1))).collect();
        good.observe(&all).unwrap();
    }
    let refused = |sampler: Wrong| {
        let mut curriculum = build(sampler);
        let before = curriculum.to_bytes().unwrap();
        let error = curriculum.draw(4).unwrap_err();
        assert!(curriculum.to_bytes().unwrap() == before, "{sampler:?} has changed something");
        error
    };
    let length = |found| Error::Length { what: "picks of the sampler", expected: 4, found };
    assert_eq!((refused(Wrong::Fewer), refused(Wrong::More)), (length(3), length(5)));
    assert_eq!(refused(Wrong::UnknownSample), Error::UnknownSample(SampleId(9999)));
    assert_eq!(refused(Wrong::RemovedSample), Error::UnknownSample(SampleId(3)));
    assert!(matches!(refused(Wrong::UnknownArm), Error::Pick { arm: ArmId(7), .. }));
    assert!(matches!(refused(Wrong::OtherArm), Error::Pick { .. }));
    for value in [0.0, -0.0, -1.0, 1.5, 1e300] {
        let refused = refused(Wrong::Propensity(value));
        assert!(matches!(refused, Error::OutOfRange { what: "propensity of a pick", .. }), "{value}");
    }
    for value in [f64::NAN, f64::INFINITY] {
        let not_finite = |error: Error| matches!(error, Error::NonFinite { index: 1, .. });
        assert!(
            not_finite(refused(Wrong::Propensity(value))) && not_finite(refused(Wrong::Share(value)))
        );
    }
    assert!(matches!(refused(Wrong::Share(-0.1)), Error::OutOfRange { what: "share of a pick", .. }));
}
