//! Explanations: they say what the next draw does, and change nothing.

use crate::common::{chi_square, feedback, outcome, policies};
use curricle::policy::{Any, Boltzmann, Bounded, Fixed, Gaussian, MeanRule, Prior, Spread, Uniform};
use curricle::sampler::{Any as AnySampler, Distinct, Replace, Systematic, Top};
use curricle::{
    AgeLimit, ArmId, Arrival, Curriculum, Durability, Error, Explanation, Feedback, Journal, Missing,
    Obstacle, Outcome, Policy, SampleId, Sampler, Schedule, Signal,
};

const SAMPLERS: [AnySampler; 4] =
    [AnySampler::Replace, AnySampler::Distinct, AnySampler::Systematic, AnySampler::Top];

fn weights(samples: usize) -> Vec<f64> {
    (0..samples).map(|sample| f64::from(1 + sample as u32 % 5) / 2.0).collect()
}

/// Explains every sample, for a batch of n; nothing changes.
fn explained<P: Policy, S: Signal, D: Sampler>(
    curriculum: &Curriculum<P, S, D>,
    n: usize,
) -> Vec<Explanation> {
    let before = curriculum.to_bytes().unwrap();
    let samples = (0..curriculum.population().arms().samples() as u64).map(SampleId);
    let all = samples.map(|sample| curriculum.explain_in(sample, n).unwrap()).collect();
    assert!(curriculum.to_bytes().unwrap() == before);
    all
}

/// What is explained is what is then drawn, to the last bit.
fn is_as_drawn<P: Policy, S: Signal + Clone, D: Sampler>(
    curriculum: &Curriculum<P, S, D>,
    n: usize,
    is_propensity: bool,
    what: &str,
) {
    let all = explained(curriculum, n);
    let sum: f64 = all.iter().filter_map(|one| one.first_slot).sum();
    assert!((sum - 1.0).abs() < 1e-7, "{what}: {sum}");
    let mut next = curriculum.clone();
    let batch = next.draw(n).unwrap();
    let first = batch.draws[0];
    let one = &all[first.sample.index()];
    assert_eq!((one.round, one.batch, one.obstacle.clone()), (batch.round, n, None), "{what}");
    assert_eq!(one.arm, first.arm);
    if is_propensity {
        assert_eq!(one.first_slot, Some(first.propensity), "{what}");
    }
    let shares = next.shares();
    for one in &all {
        assert_eq!(one.next_share, shares.get(one.arm.index()).copied(), "{what}");
        // What has no chance says why.
        assert_eq!(one.obstacle.is_some(), one.first_slot == Some(0.0) && one.expected != Some(1.0));
    }
    for draw in &batch.draws {
        assert_eq!(all[draw.sample.index()].obstacle, None, "{what}");
    }
}

#[test]
fn every_policy_draws_what_is_explained() {
    let mut checked = 0;
    for (name, policy) in policies::pairs(4) {
        for sampler in SAMPLERS {
            let built = Curriculum::builder(40)
                .arms(4, |sample| (sample.0 % 4) as u32)
                .weights(weights(40))
                .policy(policy.clone())
                .sampler(sampler)
                .seed(checked)
                .build();
            let Ok(mut curriculum) = built else { continue };
            let what = format!("{name}, {sampler:?}");
            is_as_drawn(&curriculum, 1, true, &what);
            for _ in 0..6 {
                let batch = curriculum.draw(5).unwrap();
                let seen: Vec<Feedback> = batch
                    .draws
                    .iter()
                    .map(|draw| Feedback::new(draw.ticket, outcome(draw.ticket.0)))
                    .collect();
                curriculum.observe(&seen).unwrap();
            }
            curriculum.fold().unwrap();
            curriculum.set_weight(SampleId(7), 0.0).unwrap();
            curriculum.remove(SampleId(8)).unwrap();
            curriculum.insert(ArmId(2), 1.5).unwrap();
            is_as_drawn(&curriculum, 1, true, &what);
            is_as_drawn(&curriculum, 5, sampler != AnySampler::Systematic, &what);
            checked += 1;
        }
    }
    assert!(checked > 600, "{checked}");
}

/// The first picks of many seeds have the frequencies that are explained.
#[test]
fn first_picks_have_the_frequencies_that_are_explained() {
    const SEEDS: u64 = 20_000;
    for (sampler, n) in [
        (AnySampler::Replace, 1),
        (AnySampler::Replace, 6),
        (AnySampler::Distinct, 1),
        (AnySampler::Distinct, 6),
        (AnySampler::Systematic, 1),
    ] {
        let build = |seed| {
            Curriculum::builder(15)
                .arms(3, |sample| (sample.0 / 5) as u32)
                .weights(weights(15))
                .policy(Fixed::weights(vec![1.0, 5.0, 2.0]))
                .sampler(sampler)
                .seed(seed)
                .build()
                .unwrap()
        };
        let probabilities: Vec<f64> =
            explained(&build(0), n).iter().map(|one| one.first_slot.unwrap()).collect();
        let mut counts = vec![0; 15];
        let mut appearances = [0.0; 15];
        for seed in 0..SEEDS {
            let batch = build(seed).draw(n).unwrap();
            counts[batch.draws[0].sample.index()] += 1;
            batch.samples().for_each(|sample| appearances[sample.index()] += 1.0 / SEEDS as f64);
        }
        chi_square(&counts, &probabilities, &format!("{sampler:?}, {n}"));
        for one in explained(&build(0), n) {
            let Some(expected) = one.expected else { continue };
            let seen = appearances[one.sample.index()];
            // Five standard deviations of a mean of counts with at most the variance of Poisson's.
            assert!((seen - expected).abs() < 5.0 * (expected / SEEDS as f64).sqrt(), "{one:?} {seen}");
        }
    }
}

/// A tree of very many arms is explained as the next draw brings it up to date.
#[test]
fn very_many_arms() {
    let floor = Schedule::Linear { from: 0.3, to: 0.1, rounds: 20 };
    let mut curriculum = Curriculum::builder(3300)
        .arms(1100, |sample| (sample.0 / 3) as u32)
        .policy(Bounded::new(Boltzmann::new()).floor(floor, Prior::Uniform))
        .seed(3)
        .build()
        .unwrap();
    for round in 0..5 {
        is_as_drawn(&curriculum, 4, true, "a tree");
        let batch = curriculum.draw(64).unwrap();
        curriculum
            .observe(&feedback(&batch, |_, arm| Outcome::default().success((arm % 11) as f32 / 10.0)))
            .unwrap();
        curriculum.fold().unwrap();
        // Arms that are emptied and filled again are not forgotten.
        (0..3).for_each(|place| {
            curriculum.set_weight(SampleId(300 * round + place), 0.0).unwrap();
            curriculum.set_weight(SampleId(100 * round + place), 1.0).unwrap();
        });
    }
    is_as_drawn(&curriculum, 4, true, "a tree");
    let emptied = curriculum.explain(SampleId(1200)).unwrap();
    assert_eq!((emptied.next_share, emptied.obstacle), (Some(0.0), Some(Obstacle::NoWeight)));
}

/// A Gaussian that stays near its start.
fn gaussian(sd: f64) -> Gaussian {
    Gaussian::new(MeanRule::paper(3.0), Spread::Ranks(sd)).start(4.0)
}

#[test]
fn over_ranks() {
    let order: Vec<SampleId> = (0..50).rev().map(SampleId).collect();
    for sampler in [AnySampler::Replace, AnySampler::Distinct, AnySampler::Top] {
        let mut curriculum = Curriculum::builder(50)
            .order(&order)
            .policy(gaussian(4.0))
            .missing(Missing::Lose)
            .sampler(sampler)
            .build()
            .unwrap();
        for round in 0..6 {
            is_as_drawn(&curriculum, 2, true, "ranks");
            curriculum.draw(3).unwrap();
            curriculum.fold().unwrap();
            curriculum.remove(SampleId(40 + round)).unwrap();
            curriculum.insert(ArmId(0), 1.0).unwrap();
        }
        let one = curriculum.explain(SampleId(30)).unwrap();
        assert_eq!((one.rank, one.last_share, one.next_share), (Some(19), None, None));
        assert_eq!(curriculum.explain(SampleId(52)).unwrap().rank, Some(52));
    }
    let curriculum =
        Curriculum::builder(50).order(&order).policy(gaussian(0.1)).sampler(Replace).build().unwrap();
    assert_eq!(curriculum.explain(SampleId(0)).unwrap().obstacle, Some(Obstacle::TooFar));
    assert!(curriculum.explain(SampleId(0)).unwrap().to_string().contains("Its rank is 49"));
}

/// Each reason why a sample cannot be drawn.
#[test]
fn every_obstacle() {
    let builder = || {
        Curriculum::builder(12)
            .arms(3, |sample| (sample.0 / 4) as u32)
            .policy(Fixed::weights(vec![1.0, 1.0, 0.0]))
            .weights(weights(12))
    };
    let mut curriculum = builder().build().unwrap();
    curriculum.remove(SampleId(0)).unwrap();
    curriculum.set_weight(SampleId(1), 0.0).unwrap();
    let obstacle = |sample| curriculum.explain(SampleId(sample)).unwrap().obstacle;
    assert_eq!(obstacle(0), Some(Obstacle::Removed));
    assert_eq!(obstacle(1), Some(Obstacle::NoWeight));
    assert_eq!(obstacle(2), None);
    assert_eq!(obstacle(8), Some(Obstacle::ArmWithoutProbability));
    assert_eq!(curriculum.explain(SampleId(12)), Err(Error::UnknownSample(SampleId(12))));
    let removed = curriculum.explain(SampleId(0)).unwrap();
    assert!(!removed.is_alive && removed.arm == ArmId(0) && removed.weight == 0.0);
    assert_eq!(removed.first_slot, Some(0.0));

    let too_many = curriculum.explain_in(SampleId(2), 100).unwrap();
    let refused = Error::BatchExceedsPool { want: 100, available: 10 }.to_string();
    assert_eq!(too_many.obstacle, Some(Obstacle::Refused(refused)));
    assert_eq!((too_many.next_share, too_many.first_slot), (None, None));
    // There are ten in all, but six in arms of positive probability.
    let seven = curriculum.explain_in(SampleId(2), 7).unwrap();
    assert!(matches!(seven.obstacle, Some(Obstacle::Refused(_))), "{seven:?}");

    let top = builder().sampler(Top).build().unwrap();
    assert_eq!(top.explain_in(SampleId(0), 2).unwrap().obstacle, Some(Obstacle::Outranked));
    let best = top.explain_in(SampleId(7), 2).unwrap();
    assert_eq!((best.expected, best.obstacle), (Some(0.0), Some(Obstacle::Outranked)));
    assert_eq!(top.explain_in(SampleId(4), 2).unwrap().expected, Some(1.0));

    // All that has a weight is in the arm without probability.
    let mut nothing = builder().build().unwrap();
    (0..8).for_each(|sample| nothing.set_weight(SampleId(sample), 0.0).unwrap());
    assert_eq!(nothing.explain(SampleId(9)).unwrap().obstacle, Some(Obstacle::NothingToDraw));
    assert_eq!(nothing.draw(1).unwrap_err(), Error::NothingToDraw);
}

/// What is known of a sample and its tickets, and whether the next draw learns first.
#[test]
fn what_is_known() {
    let build = || Curriculum::builder(4).lag(1).policy(Boltzmann::new()).seed(9).build().unwrap();
    let mut curriculum = build();
    let never = curriculum.explain(SampleId(1)).unwrap();
    assert_eq!((never.known.draws, never.known.last, never.last_share), (0, None, None));
    let first = curriculum.draw(4).unwrap();
    curriculum.set_version(3).unwrap();
    let second = curriculum.draw(4).unwrap();
    let one = curriculum.explain(SampleId(1)).unwrap();
    let of = |batch: &curricle::Batch| {
        batch.draws.iter().find(|draw| draw.sample.0 == 1).map(|draw| draw.ticket)
    };
    let tickets: Vec<_> =
        one.open.iter().map(|open| (Some(open.ticket), open.age_rounds, open.age_versions)).collect();
    assert_eq!(tickets, [(of(&first), 1, 3), (of(&second), 0, 0)]);
    // The draw of round 2 learns from round 0.
    assert!(one.is_feedback_due);
    curriculum.observe(&feedback(&first, |_, _| Outcome::default().success(0.5))).unwrap();
    assert!(curriculum.explain(SampleId(1)).unwrap().is_feedback_due);
    curriculum.fold().unwrap();
    let one = curriculum.explain(SampleId(1)).unwrap();
    assert!(!one.is_feedback_due && one.open.len() == 1);
    let known = one.known;
    assert_eq!((known.draws, known.settled, known.success), (2, 1, 0.5));
    assert_eq!((known.last, one.progress.visits(), one.last_share), (Some(second.round), 1, Some(1.0)));
    assert_eq!((one.weight, one.share_of_arm), (1.0, 0.25));

    let arrival = Arrival::new().give_up(AgeLimit::versions(2));
    let mut arriving = Curriculum::builder(4).pace(arrival).build().unwrap();
    arriving.draw(1).unwrap();
    assert!(!arriving.explain(SampleId(0)).unwrap().is_feedback_due);
    arriving.set_version(3).unwrap();
    assert!(arriving.explain(SampleId(0)).unwrap().is_feedback_due);
}

/// Its text is sentences; a journal shows it too.
#[test]
fn it_reads_as_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let build = Curriculum::builder(8)
        .arms(2, |sample| (sample.0 / 4) as u32)
        .arm_names(["easy", "hard"])
        .policy(Any::from(Uniform))
        .sampler(Replace)
        .missing(Missing::Lose)
        .seed(1)
        .build()
        .unwrap();
    let mut journal =
        Journal::open(folder.path().join("run"), build).unwrap().durability(Durability::OnDemand);
    let fresh = journal.curriculum().explain_in(SampleId(5), 8).unwrap();
    let expected = "\
        sample 5 is in arm 1 (hard), with weight 1, 0.2500 of the weight of its arm.\n\
        For round 0 the policy would give it 0.5000.\n\
        It is the first of a batch of 8 with probability 0.1250, and is expected in it once.\n\
        It has never been drawn.\n";
    assert_eq!(fresh.to_string(), expected);
    let batch = journal.draw(64).unwrap();
    let ticket = batch.draws.iter().find(|draw| draw.sample.0 == 5).unwrap().ticket;
    let later = journal.curriculum().explain(SampleId(5)).unwrap();
    let text = later.to_string();
    assert!(
        text.contains(&format!("Its {ticket} of round 0 is open, 0 rounds and 0 versions old.")),
        "{text}"
    );
    assert!(text.contains("In the last draw the arm had probability 0.5000."), "{text}");
    assert!(text.contains("Feedback is due"), "{text}");
    journal.remove(SampleId(5)).unwrap();
    let text = journal.curriculum().explain(SampleId(5)).unwrap().to_string();
    assert!(
        text.contains("was last in") && text.contains("cannot be drawn: it has been removed."),
        "{text}"
    );

    let value = serde_json::to_value(&later).unwrap();
    assert_eq!((&value["sample"], &value["arm_name"]), (&5.into(), &"hard".into()));
    assert_eq!(value["obstacle"], serde_json::Value::Null);
    let gone = journal.curriculum().explain(SampleId(5)).unwrap();
    assert_eq!(serde_json::to_value(&gone).unwrap()["obstacle"], "removed");
}

/// Of a sampler of one's own the probabilities of arms are known, and no more.
#[test]
fn a_sampler_of_ones_own() {
    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    struct Own;

    impl Sampler for Own {
        fn draw(
            &self,
            population: &curricle::Population,
            allotment: &curricle::policy::Allotment,
            n: usize,
            rng: &mut curricle::Rng,
            scratch: &mut curricle::sampler::Scratch,
            picks: &mut Vec<curricle::sampler::Pick>,
        ) -> curricle::Result<()> {
            Distinct.draw(population, allotment, n, rng, scratch, picks)
        }
    }

    let builder = Curriculum::builder(6).arms(2, |sample| (sample.0 / 3) as u32);
    let curriculum = builder.policy(Fixed::weights(vec![1.0, 0.0])).sampler(Own).build().unwrap();
    let one = curriculum.explain(SampleId(0)).unwrap();
    assert_eq!((one.next_share, one.first_slot, one.obstacle), (Some(1.0), None, None));
    let other = curriculum.explain(SampleId(4)).unwrap();
    assert_eq!(other.obstacle, Some(Obstacle::ArmWithoutProbability));
    assert!(curriculum.explain(SampleId(0)).unwrap().to_string().contains("are not known"));
    let _ = Systematic;
}
