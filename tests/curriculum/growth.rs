//! Data that grows and changes: keys, arms that are added, new samples of the greatest weight, and runs that go on with other data.

use std::collections::BTreeMap;

use crate::common::{self, outcome, policies};
use curricle::policy::{
    Advance, Allotment, Any, Boltzmann, Difficulty, Fixed, Policy, Reads, Reward, Staged, Turn, Uniform,
};
use curricle::sampler::{Passes, Systematic};
use curricle::signal::Utility;
use curricle::{
    ArmId, Arrival, Batch, Builder, Curriculum, Durability, Error, Feedback, Gate, Journal, Key,
    Measure, Missing, Outcome, Population, Purpose, Reconciled, Refill, Rng, Round, SampleId,
    SnapshotError, Step, Ticket, Weight, Weighting,
};

fn all_of(batch: &Batch) -> Vec<Feedback> {
    let seen = |ticket: Ticket| Feedback::new(ticket, outcome(ticket.0));
    batch.draws.iter().map(|draw| seen(draw.ticket)).collect()
}

fn samples(batch: &Batch) -> Vec<u64> {
    batch.samples().map(|sample| sample.0).collect()
}

/// Every policy takes a new arm, or says that it cannot, and what it has learned of the others stays.
#[test]
fn arms_can_be_added_to_a_run() {
    let (mut grown, mut refused) = (Vec::new(), Vec::new());
    for (name, policy) in policies::pairs(4) {
        let build = || {
            let builder = Curriculum::builder(80).arms(4, |sample| (sample.0 / 20) as u32);
            builder.policy(policy.clone()).sampler(Systematic).seed(2).build()
        };
        let Ok(mut curriculum) = build() else { continue };
        let run = |curriculum: &mut Curriculum<Any, _, Systematic>, rounds: usize| {
            let mut from_new = 0;
            for _ in 0..rounds {
                let batch = curriculum.draw(12).unwrap();
                from_new += batch.draws.iter().filter(|draw| draw.arm.0 >= 4).count();
                curriculum.observe(&all_of(&batch)).unwrap();
            }
            from_new
        };
        run(&mut curriculum, 6);
        let before = curriculum.to_bytes().unwrap();
        match curriculum.add_arm() {
            Err(Error::Unsupported { part: "policy", .. }) => {
                assert!(curriculum.to_bytes().unwrap() == before, "{name}");
                refused.push(name);
                continue;
            }
            added => assert_eq!(added, Ok(ArmId(4)), "{name}"),
        }
        assert_eq!(curriculum.add_arm(), Ok(ArmId(5)), "{name}");
        run(&mut curriculum, 2);
        for arm in [4, 4, 4, 5] {
            curriculum.insert(ArmId(arm), 1.0).unwrap();
        }
        curriculum.retag(SampleId(0), ArmId(5)).unwrap();
        let from_new = run(&mut curriculum, 40);
        let shares = curriculum.shares();
        assert_eq!(shares.len(), 6, "{name}");
        let is_by_hand = name.contains("fixed") || name.contains("mixture");
        assert!(from_new > 0 || is_by_hand, "{name}: nothing is drawn from the new arms: {shares:?}");
        // Onto what was built before.
        let bytes = curriculum.to_bytes().unwrap();
        let mut restored = build().unwrap();
        restored.restore_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(restored.to_bytes().unwrap() == bytes, "{name}");
        assert_eq!(restored.draw(12), curriculum.draw(12), "{name}");
        grown.push(name);
    }
    assert!(grown.len() > 100, "{grown:?}");
    let is_told =
        |name: &String| ["difficulty", "staged", "gaussian process"].iter().any(|it| name.contains(it));
    assert!(refused.iter().all(is_told), "{refused:?}");
}

/// A new arm is one of which nothing is known: what is decided is what is decided with an empty arm from the beginning.
#[test]
fn an_arm_that_is_added_is_as_good_as_one_that_was_empty() {
    let build = |arms| {
        let builder = Curriculum::builder(40).arms(arms, |sample| (sample.0 / 20) as u32);
        builder.policy(Boltzmann::new()).sampler(Systematic).seed(2).build().unwrap()
    };
    let (mut added, mut spare) = (build(2), build(3));
    added.add_arm().unwrap();
    for curriculum in [&mut added, &mut spare] {
        curriculum.insert(ArmId(2), 1.0).unwrap();
    }
    for _ in 0..20 {
        let batch = added.draw(5).unwrap();
        assert_eq!(spare.draw(5).unwrap(), batch);
        added.observe(&all_of(&batch)).unwrap();
        spare.observe(&all_of(&batch)).unwrap();
    }
}

/// Labels become wider at 2, 257 and 65 537 arms, arms are not tallied from 1024 on, and the tree of arms begins there.
#[test]
fn arms_can_be_added_across_every_width() {
    for from in [1u32, 255, 1022] {
        let build = || {
            let samples = 2 * from as usize;
            let builder = Curriculum::builder(samples).arms(from, move |sample| sample.0 as u32 % from);
            let refill = Refill::new();
            builder.policy(Boltzmann::new()).gate(Gate::zero_signal()).refill(refill).build().unwrap()
        };
        let folder = common::folder();
        let path = folder.path().join("run");
        let mut journal = Journal::open(&path, build()).unwrap().durability(Durability::OnDemand);
        for arm in from..from + 4 {
            for _ in 0..3 {
                match journal.step(4).unwrap() {
                    Step::Draw(batch) => _ = journal.observe(&all_of(&batch)).unwrap(),
                    Step::Ready(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(journal.add_arm().unwrap(), ArmId(arm));
            assert_eq!(journal.insert(ArmId(arm), 1.0).unwrap().0, u64::from(from + arm));
            journal = common::reopened(journal, &path, build, arm % 2 == 0);
            for sample in 0..u64::from(from + arm) {
                let expected = if sample < 2 * u64::from(from) {
                    sample % u64::from(from)
                } else {
                    sample - u64::from(from)
                };
                let found = journal.curriculum().population().arms().arm_of(SampleId(sample));
                assert_eq!(found, Ok(ArmId(expected as u32)), "{from} {sample}");
            }
        }
        assert!(journal.curriculum().counts().is_conserved());
    }
}

#[test]
fn what_is_told_of_each_arm_takes_no_new_one() {
    let builder = |arms: u32| Curriculum::builder(4).arms(arms, |sample| sample.0 as u32 % 2);
    let mut by_gate =
        builder(2).gate(Gate::Arms(vec![Gate::All, Gate::band(0.1, 0.9)])).build().unwrap();
    let refused = by_gate.add_arm();
    assert!(matches!(refused, Err(Error::Unsupported { part: "a gate by arm", .. })), "{refused:?}");
    let staged = Staged::one_by_one(2, Advance::Rounds(3));
    assert!(builder(2).policy(staged).build().unwrap().add_arm().is_err());
    assert!(builder(2).policy(Difficulty::new(vec![1.0, 2.0])).build().unwrap().add_arm().is_err());
    // The weights of a mixture come with a setter.
    let mut fixed = builder(2).policy(Fixed::weights(vec![1.0, 1.0])).build().unwrap();
    let arm = fixed.add_arm().unwrap();
    fixed.insert(arm, 1.0).unwrap();
    fixed.set_mixture(&[1.0, 1.0, 2.0]).unwrap();
    fixed.draw(1).unwrap();
    assert_eq!(fixed.shares(), [0.25, 0.25, 0.5]);
    assert_eq!(fixed.arm_name(arm), "2");
    assert!(fixed.set_arm_names(["a", "b"]).is_err() && fixed.set_arm_names(["a", "b", "a"]).is_err());
    fixed.set_arm_names(["a", "b", "new"]).unwrap();
    assert_eq!(fixed.arm_name(arm), "new");
}

#[test]
fn a_new_sample_can_have_the_greatest_weight_there_ever_was() {
    let build = || {
        let builder = Curriculum::builder(3).weights(vec![1.0, 4.0, 2.0]).signal(Utility);
        builder.weighting(Weighting::Score { floor: 0.5 }).build().unwrap()
    };
    let folder = common::folder();
    let path = folder.path().join("run");
    let mut journal = Journal::open(&path, build()).unwrap();
    let weight_of = |journal: &mut Journal<_, _, _>| {
        let new = journal.insert(ArmId(0), Weight::Greatest).unwrap();
        journal.curriculum().population().weight(new).unwrap()
    };
    assert_eq!(weight_of(&mut journal), 4.0);
    journal.set_weight(SampleId(0), 7.0).unwrap();
    journal.set_weights(&[(SampleId(0), 1.0), (SampleId(1), 0.0)]).unwrap();
    assert_eq!(weight_of(&mut journal), 7.0, "also of a weight that was");
    let batch = journal.draw(1).unwrap();
    journal.observe(&[Feedback::new(batch.draws[0].ticket, Outcome::default().utility(30.0))]).unwrap();
    journal.fold().unwrap();
    let mut journal = common::reopened(journal, &path, build, true);
    assert_eq!(weight_of(&mut journal), 30.0, "and of scores");
}

#[test]
fn keys_are_unique_and_find_their_samples() {
    let same = Curriculum::builder(3).keys(["a", "b", "a"]).build();
    assert!(matches!(same, Err(Error::Duplicate { what: "key", index: 2 })));
    assert!(matches!(
        Curriculum::builder(3).keys(["a"]).build(),
        Err(Error::Length { what: "keys", .. })
    ));
    let build = || Curriculum::builder(3).keys([7u128, u128::MAX, 0]).build().unwrap();
    let folder = common::folder();
    let path = folder.path().join("run");
    let mut journal = Journal::open(&path, build()).unwrap();
    let unkeyed = journal.insert(ArmId(0), 1.0);
    assert!(matches!(unkeyed, Err(Error::Unsupported { .. })), "{unkeyed:?}");
    let taken = journal.insert_key(u128::MAX, ArmId(0), 1.0);
    assert!(matches!(taken, Err(Error::Duplicate { index: 1, .. })), "{taken:?}");
    assert_eq!(journal.insert_key(9u128, ArmId(0), 1.0), Ok(SampleId(3)));
    journal.remove(SampleId(1)).unwrap();
    // The key of one that is gone is free again.
    assert_eq!(journal.insert_key(u128::MAX, ArmId(0), 1.0), Ok(SampleId(4)));
    let journal = common::reopened(journal, &path, build, false);
    let journal = common::reopened(journal, &path, build, true);
    let population = journal.curriculum().population();
    let found = [7, u128::MAX, 0, 9, 8].map(|key| population.find(Key(key)).map(|sample| sample.0));
    assert_eq!(found, [Some(0), Some(4), Some(2), Some(3), None]);
    assert_eq!(population.key(SampleId(1)), Some(Key(u128::MAX)));
    assert_eq!(population.key(SampleId(5)), None);
    let mut without = Curriculum::builder(3).build().unwrap();
    assert!(matches!(without.insert_key("a", ArmId(0), 1.0), Err(Error::Unsupported { .. })));
    // Other keys are other data.
    let bytes = build().to_bytes().unwrap();
    let mut other = Curriculum::builder(3).keys([7u128, 8, 0]).build().unwrap();
    let refused = other.restore_bytes(&bytes);
    assert!(matches!(refused, Err(Error::Snapshot(SnapshotError::Dataset { .. }))), "{refused:?}");
}

/// A row of a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    key: u128,
    arm: u32,
}

type Built = Curriculum<Boltzmann, Utility, Passes>;

fn builder(rows: &[Row], arms: u32, is_arrival: bool) -> Builder<Boltzmann, Utility, Passes> {
    let labels: Vec<u32> = rows.iter().map(|row| row.arm).collect();
    let builder = Curriculum::builder(rows.len())
        .arms(arms, |sample| labels[sample.index()])
        .keys(rows.iter().map(|row| row.key))
        .costs(rows.iter().map(|row| 1.0 + (row.key % 9) as f64).collect())
        .policy(Boltzmann::new())
        .signal(Utility)
        .sampler(Passes)
        .exclude_in_flight(true)
        .seed(6);
    if is_arrival { builder.pace(Arrival::new()) } else { builder.lag(2).missing(Missing::Lose) }
}

/// What is known of each sample, by key.
fn known(curriculum: &Built) -> BTreeMap<Key, (u32, f64, String)> {
    let population = curriculum.population();
    let all = (0..population.arms().samples() as u64).map(SampleId);
    let there = all.filter_map(|sample| Some((sample, population.arms().arm_of(sample).ok()?)));
    there
        .map(|(sample, arm)| {
            let record = format!("{:?}", curriculum.record(sample).unwrap());
            (population.key(sample).unwrap(), (arm.0, population.weight(sample).unwrap(), record))
        })
        .collect()
}

fn tickets(curriculum: &Built) -> Vec<(Ticket, Key, ArmId, f64)> {
    let population = curriculum.population();
    let draws = curriculum.unfinished().into_iter().flat_map(|batch| batch.draws);
    draws.map(|it| (it.ticket, population.key(it.sample).unwrap(), it.arm, it.propensity)).collect()
}

/// Random runs go on with random changes of their data; what is known of each sample is compared by key, and nothing that has
/// no key may change.
#[test]
fn a_run_goes_on_with_other_data_and_loses_nothing() {
    let (mut kept, mut added, mut removed, mut moved, mut open) = (0, 0, 0, 0, 0);
    for case in 0..60u64 {
        let is_arrival = case % 2 == 1;
        let mut rng = Rng::at(case, Round(0), Purpose::User);
        let mut arms = 3;
        let mut rows: Vec<Row> =
            (0..40).map(|key| Row { key: key * 1_000_003, arm: (key % 3) as u32 }).collect();
        let folder = common::folder();
        let path = folder.path().join("run");
        let built = builder(&rows, arms, is_arrival).build().unwrap();
        let mut journal = Journal::open(&path, built).unwrap().durability(Durability::OnDemand);
        let mut next = 1000;
        for _ in 0..5 {
            for _ in 0..6 {
                let batch = match rng.below(2) {
                    0 => journal.draw(4),
                    _ => journal.draw_within(15.0),
                };
                let Ok(batch) = batch else { continue };
                let mut report = all_of(&batch);
                rng.shuffle(&mut report);
                report.truncate(rng.below(5) as usize);
                journal.observe(&report).unwrap();
            }
            let before = journal.curriculum();
            let (was, flying, counts) = (known(before), tickets(before), before.counts());
            let (values, round, digest) =
                (before.policy().values().to_vec(), before.round(), before.digest());
            let passes: Vec<u64> =
                (0..arms).map(|arm| before.population().passes(ArmId(arm))).collect();
            let position = journal.position();
            drop(journal);
            // The data changes.
            rng.shuffle(&mut rows);
            let gone: Vec<Row> = rows.split_off(rows.len() - rng.below(6) as usize);
            for _ in 0..rng.below(6) {
                rows.push(Row { key: next, arm: rng.below(arms.into()) as u32 });
                next += 1;
            }
            arms += rng.below(2) as u32;
            let mut at = BTreeMap::new();
            for row in &mut rows {
                if rng.below(8) == 0 {
                    row.arm = rng.below(arms.into()) as u32;
                }
                at.insert(Key(row.key), row.arm);
            }
            rng.shuffle(&mut rows);
            let refused = Journal::open(&path, builder(&rows, arms, is_arrival).build().unwrap());
            assert!(matches!(refused.err(), Some(Error::Snapshot(_))));
            let report: Reconciled;
            (journal, report) =
                Journal::reconcile(&path, builder(&rows, arms, is_arrival).build().unwrap()).unwrap();
            let now = known(journal.curriculum());
            assert_eq!(now.keys().collect::<Vec<_>>(), at.keys().collect::<Vec<_>>());
            let fresh = builder(&rows, arms, is_arrival).build().unwrap();
            for (key, (arm, weight, record)) in &now {
                assert_eq!(*arm, at[key]);
                let (old, new) = (was.get(key), &known(&fresh)[key]);
                let (_, old_weight, old_record) = old.unwrap_or(new);
                assert_eq!((weight, record), (old_weight, old_record));
            }
            let is_gone = |key: &Key| was.contains_key(key) && !now.contains_key(key);
            assert_eq!(report.kept, was.keys().filter(|key| now.contains_key(*key)).count());
            assert_eq!(report.added.len(), now.len() - report.kept);
            assert!(report.removed.iter().all(is_gone) && report.removed.len() == gone.len());
            for it in &report.moved {
                let key = journal.curriculum().population().key(it.sample).unwrap();
                assert_eq!((was[&key].0, now[&key].0), (it.from.0, it.to.0));
            }
            let is_moved = |key: &&Key| was.get(*key).is_some_and(|it| it.0 != now[*key].0);
            assert_eq!(report.moved.len(), now.keys().filter(is_moved).count());
            let of_removed = flying.iter().filter(|it| !now.contains_key(&it.1)).count();
            assert_eq!(report.tickets_of_removed, of_removed);
            // What has no number of a sample is as it was.
            let after = journal.curriculum();
            assert_eq!((after.counts(), after.round(), after.digest()), (counts, round, digest));
            assert_eq!(after.policy().values()[..values.len()], values);
            assert_eq!(tickets(after), flying);
            let found: Vec<u64> =
                (0..passes.len() as u32).map(|arm| after.population().passes(ArmId(arm))).collect();
            assert!(found.iter().zip(&passes).all(|(now, was)| (*was..=was + 1).contains(now)));
            assert_eq!(journal.position(), position);
            kept += report.kept;
            added += report.added.len();
            removed += report.removed.len();
            moved += report.moved.len();
            open += report.tickets_of_removed;
            let build = || builder(&rows, arms, is_arrival).build().unwrap();
            journal = common::reopened(journal, &path, build, true);
        }
    }
    assert!(kept > 5000 && added > 300 && removed > 300 && moved > 300 && open > 100);
}

/// The same data in the same order is a restore; in another order the batches have the same keys as long as nothing depends on it.
#[test]
fn data_that_has_not_changed_is_a_restore() {
    let rows: Vec<Row> = (0..30).map(|key| Row { key, arm: (key % 2) as u32 }).collect();
    let build = |rows: &[Row]| builder(rows, 2, false).build().unwrap();
    let folder = common::folder();
    let file = folder.path().join("run");
    let mut before = build(&rows);
    for _ in 0..7 {
        let batch = before.draw_within(12.0).unwrap();
        before.observe(&all_of(&batch)).unwrap();
    }
    before.save(&file).unwrap();
    let mut after = build(&rows);
    let report = after.reconcile(&file).unwrap();
    assert_eq!(
        (report.kept, report.added.len(), report.removed.len(), report.moved.len()),
        (30, 0, 0, 0)
    );
    assert!(after.to_bytes().unwrap() == before.to_bytes().unwrap());
    assert_eq!(samples(&after.draw(3).unwrap()), samples(&before.draw(3).unwrap()));
}

/// A policy of one's own that says nothing of what it was built with.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Mine {
    rate: f64,
    values: Vec<f64>,
}

impl Policy for Mine {
    fn prepare(&mut self, population: &Population) -> curricle::Result<()> {
        self.values = vec![0.0; population.arms().count()];
        Ok(())
    }
    fn reads(&self) -> Reads {
        Reads::SCORE
    }
    fn allot(&self, turn: &Turn<'_>, rng: &mut Rng, allotment: &mut Allotment) -> curricle::Result<()> {
        Uniform.allot(turn, rng, allotment)
    }
    fn learn(&mut self, _: &Population, rewards: &[Reward]) {
        rewards.iter().for_each(|it| self.values[it.arm.index()] += self.rate * it.score);
    }
}

/// Data may change, and nothing else: the options of a policy of one's own, or another policy, are told by name.
#[test]
fn other_options_do_not_come_along_with_other_data() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run");
    fn build<P: Policy>(keys: &[&str], policy: P) -> Curriculum<P> {
        Curriculum::builder(keys.len()).keys(keys.to_vec()).policy(policy).build().unwrap()
    }
    let mine = |rate| Mine { rate, values: Vec::new() };
    let mut before = build(&["a", "b"], mine(0.5));
    let batch = before.draw(2).unwrap();
    before.observe(&all_of(&batch)).unwrap();
    before.fold().unwrap();
    before.save(&file).unwrap();
    let told = |refused: curricle::Result<Reconciled>, names: [&str; 2]| {
        let Err(Error::Snapshot(SnapshotError::Configuration { expected, found, differences })) =
            refused
        else {
            panic!("{refused:?}")
        };
        assert_ne!(expected, found);
        let [it] = &differences[..] else { panic!("{differences:?}") };
        assert_eq!(it.part, "policy");
        assert!(it.expected.contains(names[0]) && it.found.contains(names[1]), "{it:?}");
    };
    told(build(&["a", "c"], mine(0.1)).reconcile(&file), ["rate: 0.1", "rate: 0.5"]);
    told(build(&["a", "c"], Uniform).reconcile(&file), ["Uniform", "Mine"]);
    let mut after = build(&["a", "c"], mine(0.5));
    assert_eq!(after.reconcile(&file).unwrap().kept, 1);
    assert_eq!(after.policy().values, before.policy().values);
}

#[test]
fn what_cannot_be_reconciled_is_told() {
    let folder = common::folder();
    let file = folder.path().join("run");
    let build = |keys: &[&str]| Curriculum::builder(keys.len()).keys(keys.to_vec()).build().unwrap();
    build(&["a", "b"]).save(&file).unwrap();
    let mut unkeyed = Curriculum::builder(2).build().unwrap();
    assert!(matches!(
        unkeyed.reconcile(&file),
        Err(Error::Unsupported { part: "curriculum without keys", .. })
    ));
    let mut drawn = build(&["a", "c"]);
    drawn.draw(1).unwrap();
    assert!(matches!(
        drawn.reconcile(&file),
        Err(Error::Unsupported { part: "curriculum that has drawn", .. })
    ));
    let mut otherwise = Curriculum::builder(2).keys(["a", "b"]).seed(1).build().unwrap();
    let refused = otherwise.reconcile(&file);
    assert!(
        matches!(refused, Err(Error::Snapshot(SnapshotError::Configuration { .. }))),
        "{refused:?}"
    );
    let two =
        Curriculum::builder(2).keys(["a", "b"]).arms(2, |sample| sample.0 as u32).build().unwrap();
    two.save(&file).unwrap();
    let refused = build(&["a", "b"]).reconcile(&file);
    assert!(
        matches!(refused, Err(Error::Length { what: "arms", expected: 2, found: 1 })),
        "{refused:?}"
    );
    // Not the one nor the other has changed.
    assert_eq!(drawn.counts().drawn, 1);
    assert!(drawn.reconcile(folder.path().join("none")).is_err());
    std::fs::write(&file, b"nothing of the kind").unwrap();
    assert!(matches!(build(&["a"]).reconcile(&file), Err(Error::Snapshot(_))));
    // A bank goes along.
    let build = |keys: &[&str]| {
        let gate = Gate::zero_signal_by(Measure::Success);
        Curriculum::builder(keys.len())
            .keys(keys.to_vec())
            .gate(gate)
            .refill(Refill::new())
            .build()
            .unwrap()
    };
    let mut before = build(&["a", "b", "c", "d"]);
    let Step::Draw(batch) = before.step(3).unwrap() else { panic!() };
    let useful =
        |draw: &curricle::Draw| Feedback::new(draw.ticket, Outcome::default().success(0.5).rollouts(8));
    before.observe(&batch.draws.iter().map(useful).collect::<Vec<_>>()).unwrap();
    let file = folder.path().join("bank");
    before.save(&file).unwrap();
    let mut after = build(&["d", "x", "c"]);
    after.reconcile(&file).unwrap();
    let Step::Ready(taken) = after.step(3).unwrap() else { panic!() };
    for (old, new) in batch.draws.iter().zip(taken) {
        let found = (before.population().key(old.sample), after.population().key(new.draw.sample));
        assert_eq!(found.0, found.1);
    }
}
