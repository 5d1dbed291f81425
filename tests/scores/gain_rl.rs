//! GAIN-RL from a table of scores: the order it makes, what it refuses, and how its mean moves.

use curricle::policy::{Gaussian, MeanRule, Spread};
use curricle::sampler::Distinct;
use curricle::signal::{Angle, HiddenStates, Spans, Utility};
use curricle::table::{Column, Provenance, Table, TableError};
use curricle::{ArmId, Curriculum, Error, Feedback, Field, Outcome, SampleId};
use proptest::prelude::*;
use serde_json::Value;

fn table(rows: &[(u64, Option<f64>)]) -> Table {
    let scores = rows.iter().map(|row| row.1).collect();
    Table::new(Provenance::default(), rows.iter().map(|row| row.0).collect())
        .and_then(|table| table.column("total", Column::Number(scores)))
        .unwrap()
}

fn scored(scores: &[f64]) -> Table {
    let rows: Vec<_> = scores.iter().enumerate().map(|(id, &score)| (id as u64, Some(score))).collect();
    table(&rows)
}

fn ranks(curriculum: &Curriculum<Gaussian, Utility, Distinct>) -> Vec<SampleId> {
    let arms = curriculum.population().arms();
    arms.slots(ArmId(0)).filter_map(|slot| arms.sample_at(slot)).collect()
}

proptest! {
    /// Whatever the order of the rows, and with ties.
    #[test]
    fn ranks_follow_the_scores(scores in prop::collection::vec(0u8..9, 1..40), seed in any::<u64>()) {
        let mut rows: Vec<(u64, Option<f64>)> =
            scores.iter().enumerate().map(|(id, &score)| (id as u64, Some(f64::from(score)))).collect();
        let count = rows.len();
        rows.rotate_left(seed as usize % count);
        let build = |table: &Table| Curriculum::builder(count).seed(seed).gain_rl(table, "total", 4).build();
        let mut curriculum = build(&table(&rows)).unwrap();

        // The naive twin: one by one, the first of the greatest that are left.
        let mut left: Vec<usize> = (0..count).collect();
        let mut order = Vec::new();
        while let Some(&first) = left.iter().max_by(|&&a, &&b| scores[a].cmp(&scores[b]).then(b.cmp(&a))) {
            order.push(SampleId(first as u64));
            left.retain(|&sample| sample != first);
        }
        prop_assert_eq!(ranks(&curriculum), order.clone());

        let mut by_hand = Curriculum::builder(count).seed(seed).ranked(&order, 4).build().unwrap();
        let want = count.min(4);
        prop_assert_eq!(curriculum.draw(want).unwrap(), by_hand.draw(want).unwrap());
    }
}

#[test]
fn a_table_that_does_not_fit_is_refused() {
    let refused = |rows: &[(u64, Option<f64>)], column: &str| {
        let built = Curriculum::builder(3).gain_rl(&table(rows), column, 2).build();
        match built.err() {
            Some(Error::Table(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let full = [(0, Some(0.1)), (1, Some(0.3)), (2, Some(0.2))];
    assert_eq!(refused(&full, "angle"), TableError::NoColumn("angle".into()));
    let gap = TableError::Gap { samples: 3, missing: 1, first: SampleId(1) };
    assert_eq!(refused(&[full[0], full[2]], "total"), gap);
    let beyond = [full[0], full[1], full[2], (3, Some(0.9))];
    assert_eq!(refused(&beyond, "total"), TableError::Stray(SampleId(3)));
    let undefined = TableError::Undefined { column: "total".into(), undefined: 2, first: SampleId(2) };
    assert_eq!(refused(&[(2, None), full[0], (1, None)], "total"), undefined);
    assert!(Curriculum::builder(3).gain_rl(&table(&full), "total", 2).build().is_ok());
    assert!(Curriculum::builder(0).gain_rl(&table(&[]), "total", 2).build().is_ok());
}

/// A sample without a question has no angle, so it has no place in the order.
#[test]
fn an_empty_question_has_no_rank() {
    let states = [1.0f32, 0.0, 3.0, 4.0];
    let spans = [(0..1, 1..2), (0..1, 1..1), (0..0, 1..2)];
    let spans = spans.map(|(prefix, question)| Spans { prefix, question });
    let evidence = HiddenStates { states: &states, dim: 2, spans: &spans };
    let found = evidence.concentrations().unwrap();
    let table = Table::of_concentrations(Provenance::default(), vec![0, 1, 2], &found).unwrap();
    let Some(Column::Number(totals)) = table.get("total") else { panic!("no total") };
    assert_eq!(totals.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    for (column, undefined, first) in [("total", 1, 1), ("inter", 2, 1), ("intra_no_diag", 3, 0)] {
        let refused = Curriculum::builder(3).gain_rl(&table, column, 2).build().err();
        let first = SampleId(first);
        let expected = TableError::Undefined { column: column.into(), undefined, first };
        assert_eq!(refused, Some(Error::Table(expected)));
    }
    let mut scores = [0.0; 3];
    let refused = Angle::new().score(&evidence, &mut scores);
    assert_eq!(refused, Err(Error::Empty { what: "question", index: 1 }));
    // One token without a prefix has an angle with itself, and none with another.
    let refused = Angle::unbiased().score(&evidence, &mut scores);
    assert_eq!(refused, Err(Error::Empty { what: "question", index: 1 }));
    assert_eq!(found[0].total_no_diag(), found[0].inter);
    assert_eq!((found[2].total(), found[2].total_no_diag()), (found[2].intra, None));
}

/// The published updates, reported ticket by ticket: the mean of a batch counts, in success and in
/// angle.
#[test]
fn the_mean_moves_by_the_success_and_the_angle_of_the_batch() {
    let golden: Value = serde_json::from_str(include_str!("../data/angle.json")).unwrap();
    let cases = golden["mu_update"].as_array().unwrap();
    let mut tried = 0;
    for case in cases.iter().filter(|case| case["formula"] == "paper_reconstructed") {
        let number = |key: &str| case[key].as_f64().unwrap();
        assert_eq!([number("alpha"), number("beta"), number("gamma")], [2.0, 0.5, 0.5]);
        let rule = MeanRule::paper(number("n"));
        let scores: Vec<f64> = (0..10_000).map(|rank| -f64::from(rank)).collect();
        let mut curriculum = Curriculum::builder(scores.len())
            .gain_rl(&scored(&scores), "total", number("n") as u32)
            .policy(Gaussian::new(rule, Spread::Ranks(1000.0)).start(number("mu")))
            .build()
            .unwrap();
        let batch = curriculum.draw(64).unwrap();
        let feedback: Vec<Feedback> = batch
            .draws
            .iter()
            .enumerate()
            .map(|(index, draw)| {
                let off = if index % 2 == 0 { 0.125 } else { -0.125 };
                let success = number("acc") as f32 + off * f32::from(u8::from(number("acc") > 0.0));
                let outcome = Outcome::default().success(success).utility(number("C") as f32 + off);
                Feedback::new(draw.ticket, outcome)
            })
            .collect();
        curriculum.observe(&feedback).unwrap();
        curriculum.draw(64).unwrap();
        let mean = curriculum.policy().mean();
        assert!((mean - number("mu_next")).abs() < 1e-4, "{case}: {mean}");
        tried += 1;
    }
    assert_eq!(tried, 4);
}

#[test]
fn a_batch_without_its_angle_is_refused() {
    let mut curriculum =
        Curriculum::builder(3).gain_rl(&scored(&[0.1, 0.2, 0.3]), "total", 2).build().unwrap();
    let batch = curriculum.draw(2).unwrap();
    let report = |outcome: Outcome| -> Vec<Feedback> {
        batch.draws.iter().map(|draw| Feedback::new(draw.ticket, outcome)).collect()
    };
    let before = curriculum.to_bytes().unwrap();
    for (outcome, field) in [
        (Outcome::default().success(1.0), Field::Utility),
        (Outcome::default().utility(1.0), Field::Success),
    ] {
        let refused = curriculum.observe(&report(outcome));
        assert!(matches!(refused, Err(Error::MissingOutcome { field: found, .. }) if found == field));
        assert_eq!(curriculum.to_bytes().unwrap(), before);
    }
    curriculum.observe(&report(Outcome::default().success(1.0).utility(1.0))).unwrap();
}

/// The columns of a table of concentrations are the scores of both kinds: its total, and its parts without the
/// diagonal.
#[test]
fn a_table_has_both_scores() {
    let states = [1.0f32, 0.0, 3.0, 4.0, 4.0, 3.0, 0.0, 0.0];
    let spans = [1..3, 1..2, 2..4].map(|question| Spans { prefix: 0..1, question });
    let evidence = HiddenStates { states: &states, dim: 2, spans: &spans };
    let found = evidence.concentrations().unwrap();
    let unbiased = found.iter().map(|found| Angle::unbiased().of(found)).collect();
    let table = Table::of_concentrations(Provenance::default(), vec![0, 1, 2], &found)
        .and_then(|table| table.column("total_no_diag", Column::Number(unbiased)))
        .unwrap();
    for (column, angle) in [("total", Angle::new()), ("total_no_diag", Angle::unbiased())] {
        let mut scores = [0.0; 3];
        angle.score(&evidence, &mut scores).unwrap();
        let Some(Column::Number(numbers)) = table.get(column) else { panic!("no {column}") };
        for (number, score) in numbers.iter().zip(scores) {
            assert!((number.unwrap() - f64::from(score)).abs() < 1e-6);
        }
    }
}
