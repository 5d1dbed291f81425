//! What there is to learn for an input, in place of how uncertain the model is.

use curricle::test_time::budget::{Always, Fixed, Tracking};
use curricle::test_time::self_improvement::{Action, Cause, Improver, Model, Options, Stage, Why};
use proptest::prelude::*;

use super::toy::{Fault, Kind, Question, SYMBOLS, Toy, questions};

fn options() -> Options {
    Options::paper().samples(4).by_lesson().seed(5)
}

/// The lesson that the loop saw for a question.
fn seen(toy: &mut Toy, question: &Question) -> f64 {
    let mut improver = Improver::new(options(), Always).unwrap();
    improver.answer(toy, question).unwrap();
    improver.journal().entries()[0].lesson.unwrap()
}

/// All four pairs are about the symbol of the question: one loss, four times.
#[test]
fn a_lesson_is_the_loss_of_relevant_pairs() {
    for question in questions(SYMBOLS as u64) {
        let mut toy = Toy::new(|_| Fault::None);
        let pairs = toy.synthesise(&question, 1, 0).unwrap();
        let loss = toy.loss(&pairs[0]).unwrap().unwrap();
        for (relevance, expected) in [
            ((|_, _| Some(1.0)) as fn(&Question, usize) -> Option<f64>, loss),
            (|_, _| Some(0.25), loss),
            (|_, _| Some(0.1), 0.4 * loss),
            (|_, _| Some(0.0), 0.0),
        ] {
            toy.relevance = relevance;
            let seen = seen(&mut toy, &question);
            assert!((seen - expected).abs() < 1e-12, "{question:?}: {seen} {expected}");
        }
    }
}

/// The pairs that were read are those that are trained on, and an input that is not chosen costs no update.
#[test]
fn pairs_are_made_once() {
    let (mut toy, all) = (Toy::new(|_| Fault::None), questions(48));
    let mut improver = Improver::new(options(), Fixed::new(0.5).unwrap()).unwrap();
    for question in &all {
        improver.answer(&mut toy, question).unwrap();
    }
    assert_eq!(toy.synthesised, 48);
    let entries = improver.journal().entries();
    let chosen = entries.iter().filter(|entry| entry.action == Action::Adapted).count();
    // Of the symbols that the model is sure of there is nothing to learn.
    assert_eq!((chosen, toy.adapted), (24, 24));
    for (entry, question) in entries.iter().zip(&all) {
        assert_eq!(entry.synthesised, 4);
        assert_eq!(entry.action == Action::Adapted, question.symbol >= SYMBOLS / 2);
        assert_eq!(entry.spent, entry.lesson.unwrap() > 0.5);
    }
    // By uncertainty pairs are made for those that are chosen only, and no lesson is told.
    let (mut toy, budget) = (Toy::new(|_| Fault::None), Fixed::margin(0.95).unwrap());
    let mut improver = Improver::new(Options::paper().samples(4).seed(5), budget).unwrap();
    for question in &all {
        improver.answer(&mut toy, question).unwrap();
    }
    assert_eq!((toy.synthesised, toy.adapted), (24, 24));
    assert!(improver.journal().entries().iter().all(|entry| entry.lesson.is_none()));
}

/// Uncertain inputs whose pairs do not speak of them are left alone.
#[test]
fn what_cannot_be_learned_is_not_paid_for() {
    let mut toy = Toy::new(|_| Fault::None);
    toy.relevance = |question, _| Some(f64::from(u8::from(question.symbol % 2 == 1)));
    let all = questions(480);
    let budget = Tracking::with(0.25, 0.02, 100).unwrap();
    let mut improver = Improver::new(options(), budget).unwrap();
    for question in &all {
        improver.answer(&mut toy, question).unwrap();
    }
    let late = improver.journal().entries().iter().zip(&all).skip(240);
    let spent: Vec<usize> = late.filter(|(it, _)| it.spent).map(|(_, it)| it.symbol).collect();
    // A quarter of all symbols are unsure, and have pairs that speak of them.
    assert!((48..=72).contains(&spent.len()), "{}", spent.len());
    let right = spent.iter().filter(|&&symbol| symbol % 2 == 1 && symbol >= SYMBOLS / 2).count();
    assert!(right * 10 >= 9 * spent.len(), "{right} of {}", spent.len());
}

#[test]
fn what_is_not_offered_or_no_number_is_a_failure_of_that_input() {
    let question = questions(1)[0];
    let failed = |mut toy: Toy| {
        let mut improver = Improver::new(options(), Always).unwrap();
        let outcome = improver.answer(&mut toy, &question).unwrap();
        assert_eq!(outcome.action, Action::Base(Why::Failed(Stage::Relevance)));
        assert!(outcome.answer.is_ok() && toy.is_restored() && toy.adapted == 0);
        outcome.failure.unwrap().cause
    };
    let with = |relevance: fn(&Question, usize) -> Option<f64>| {
        let mut toy = Toy::new(|_| Fault::None);
        toy.relevance = relevance;
        toy
    };
    assert!(matches!(failed(with(|_, _| None)), Cause::Refused(_)));
    for wrong in [
        with(|_, _| Some(1.5)),
        with(|_, _| Some(-0.1)),
        Toy::new(|_| Fault::In(Stage::Relevance, Kind::Nan)),
    ] {
        assert!(matches!(failed(wrong), Cause::Refused(_)));
    }
    assert!(matches!(failed(Toy::new(|_| Fault::In(Stage::Relevance, Kind::Err))), Cause::Model(_)));
    assert!(matches!(
        failed(Toy::new(|_| Fault::In(Stage::Relevance, Kind::Panic))),
        Cause::Panicked(_)
    ));
}

proptest! {
    #[test]
    fn a_lesson_is_between_nothing_and_the_greatest_loss(symbol in 0..SYMBOLS, corrupt in 0.0..1.0f64) {
        let mut toy = Toy::new(|_| Fault::None);
        toy.corrupt = corrupt;
        let question = Question { number: 0, symbol };
        let losses: Vec<f64> = (0..4).map(|label| toy.loss(&(symbol, label, 0)).unwrap().unwrap()).collect();
        let most = losses.iter().copied().fold(0.0, f64::max);
        prop_assert!((0.0..=most + 1e-12).contains(&seen(&mut toy, &question)));
    }
}
