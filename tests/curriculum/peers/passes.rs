//! Each once, in order, and not while it is in flight.

use std::collections::BTreeSet;

use curricle::policy::Uniform;
use curricle::sampler::{Any, Passes, Sequential};
use curricle::signal::GroupSpread;
use curricle::{Curriculum, SampleId};

use super::{all_of, resumed, samples};

type Run = Curriculum<Uniform, GroupSpread, Any>;

/// datasets, lerobot: within a pass some samples come twice and others not at all, the more so after a resume.
#[test]
fn t10_nothing_comes_twice_before_all_have_come() {
    let build = || Curriculum::builder(10).sampler(Passes).seed(3).build().unwrap();
    for stop in 0..12 {
        let mut curriculum = build();
        let mut drawn = Vec::new();
        for at in 0..15 {
            if at == stop {
                curriculum = resumed(&curriculum, build());
            }
            let batch = curriculum.draw(4).unwrap();
            drawn.extend(samples(&batch));
            curriculum.observe(&all_of(&batch)).unwrap();
        }
        for pass in drawn.chunks(10) {
            assert_eq!(pass.iter().copied().collect::<BTreeSet<_>>(), (0..10).collect());
        }
    }
}

/// axolotl, TRL: an order that was made with care is shuffled by the trainer.
#[test]
fn t10_a_given_order_is_kept() {
    let order: Vec<SampleId> = (0..50).map(|rank| SampleId(rank * 7 % 50)).collect();
    let build = || Curriculum::builder(50).order(&order).sampler(Sequential).seed(3).build().unwrap();
    let mut curriculum = build();
    let mut drawn = Vec::new();
    for round in 0..30 {
        let batch = curriculum.draw(1 + round % 9).unwrap();
        drawn.extend(batch.samples());
        curriculum.observe(&all_of(&batch)).unwrap();
        curriculum = resumed(&curriculum, build());
    }
    assert!(drawn.len() > 100);
    assert!(drawn.iter().zip(order.iter().cycle()).all(|(found, expected)| found == expected));
}

/// metta: the task that is still being worked on is scheduled again.
#[test]
fn t10_nothing_is_drawn_while_it_is_in_flight() {
    for sampler in [Any::Distinct, Any::Systematic, Any::Passes, Any::Sequential] {
        let build = |excludes| -> Run {
            let builder = Curriculum::builder(100).sampler(sampler).lag(4).seed(5);
            builder.exclude_in_flight(excludes).build().unwrap()
        };
        let five = |mut curriculum: Run| -> BTreeSet<u64> {
            (0..5).flat_map(|_| samples(&curriculum.draw(20).unwrap())).collect()
        };
        assert_eq!(five(build(true)), (0..100).collect(), "{sampler:?}");
        if sampler == Any::Distinct {
            let repeated = 100 - five(build(false)).len();
            assert!(repeated > 15, "by chance alone a third would be repeated: {repeated}");
        }
    }
}
