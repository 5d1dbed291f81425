//! How the loop is used: variants, clusters, verification, options.

use curricle::signal::uncertainty::{Candidate, PerLength};
use curricle::test_time::budget::{Always, Budget, Fixed};
use curricle::test_time::self_improvement::{
    Action, Cause, GainGate, Improver, Options, Stage, Summary, Switch, Variant, Verified, Why,
};
use curricle::{Error, Ticket};

use super::toy::{Fault, Question, Toy, questions, truth};

fn paper(options: Options) -> Improver<Fixed> {
    Improver::new(options, Fixed::margin(0.95).unwrap()).unwrap()
}

#[test]
fn only_uncertain_inputs_are_adapted_to() {
    let mut toy = Toy::new(|_| Fault::None);
    let mut improver = paper(Options::paper());
    for question in questions(48) {
        let outcome = improver.answer(&mut toy, &question).unwrap();
        let expected = if question.symbol < 12 { Action::Base(Why::Certain) } else { Action::Adapted };
        assert_eq!(outcome.action, expected);
        assert_eq!(outcome.answer, Ok(truth(question.symbol)));
    }
    let summary = improver.journal().summary();
    assert_eq!((summary.inputs, summary.wanted, summary.spent, toy.adapted), (48, 24, 24, 24));
    let metrics = improver.metrics();
    let found = |name: &str| metrics.get(&format!("self_improvement/{name}")).unwrap();
    assert_eq!(["inputs", "wanted", "spent", "improved"].map(found), [48.0, 24.0, 24.0, 24.0]);
    assert_eq!(["failed", "verified", "fixed", "harmed"].map(found), [0.0; 4]);
    assert_eq!(metrics.get("budget/threshold"), Some(improver.budget().threshold()));
}

#[test]
fn a_teacher_takes_the_place_of_the_synthesiser() {
    let mut toy = Toy::new(|_| Fault::Liar);
    let mut improver = paper(Options::paper().variant(Variant::Distillation));
    let question = Question { number: 0, symbol: 13 };
    assert!(matches!(improver.answer(&mut toy, &question), Err(Error::Unsupported { .. })));
    let mut asked = 0;
    let teacher = |question: &Question, count: usize, _| {
        asked += count;
        Ok(vec![(question.symbol, truth(question.symbol), 0); count])
    };
    let outcome = improver.answer_taught(&mut toy, teacher, &question).unwrap();
    assert_eq!((outcome.action, outcome.answer, asked), (Action::Adapted, Ok(truth(13)), 1));
    let mut own = paper(Options::paper());
    let refused = own.answer_taught(&mut toy, |_, _, _| Ok(vec![]), &question);
    assert!(matches!(refused, Err(Error::Unsupported { .. })));
}

#[test]
fn in_context_nothing_is_trained() {
    let mut toy = Toy::new(|_| Fault::None);
    let mut improver = paper(Options::default().variant(Variant::InContext).paired());
    let outcome = improver.answer(&mut toy, &Question { number: 0, symbol: 13 }).unwrap();
    assert_eq!(outcome.action, Action::Demonstrated);
    assert_eq!((outcome.answer, outcome.base), (Ok(truth(13)), Some((truth(13) + 1) % 4)));
    assert_eq!(toy.adapted, 0);
}

#[test]
fn a_cluster_pays_once() {
    let run = |options: Options| {
        let mut toy = Toy::new(|_| Fault::None);
        let mut improver = paper(options);
        let right = questions(240)
            .iter()
            .filter(|question| {
                let outcome = improver.answer(&mut toy, question).unwrap();
                assert!(toy.is_restored());
                outcome.answer == Ok(truth(question.symbol))
            })
            .count();
        (right, improver.journal().summary().spent, toy.adapted)
    };
    assert_eq!(run(Options::default()), (240, 120, 120));
    assert_eq!(run(Options::default().clusters(0.95, 100)), (240, 12, 12));
    // Room for six of twelve that come in turn: every one has been dropped when it comes again.
    assert_eq!(run(Options::default().clusters(0.95, 6)), (240, 120, 120));
}

#[test]
fn an_update_that_does_not_help_is_rolled_back() {
    let mut toy = Toy::new(|_| Fault::None);
    let question = Question { number: 0, symbol: 13 };
    let mut of = |options: Options| {
        let mut improver = paper(options);
        let outcome = improver.answer(&mut toy, &question).unwrap();
        assert!(toy.is_restored());
        (outcome.action, improver.journal().entries()[0].clone())
    };
    let (action, entry) = of(Options::default().hold_out(1, 0.1));
    let (before, after) = entry.held_out.unwrap();
    assert!(action == Action::Adapted && before - after > 0.1);
    let (action, entry) = of(Options::default().hold_out(1, 100.0));
    assert_eq!(action, Action::Base(Why::HeldOut));
    assert!(entry.spent && entry.held_out == Some((before, after)));
    assert_eq!(of(Options::default().drift(0.01)).0, Action::Base(Why::Drift));
    assert_eq!(of(Options::default().loss_band(10.0, 20.0)).0, Action::Base(Why::TooFewSamples));
    assert_eq!(of(Options::default().loss_band(0.0, 20.0)).0, Action::Adapted);
    // The pairs of this symbol differ in a name only: nearly all of them is shared.
    assert_eq!(of(Options::default().duplicates(0.0)).0, Action::Base(Why::TooFewSamples));
}

#[test]
fn copies_leave_one() {
    let mut toy = Toy::new(|_| Fault::Copies);
    let mut improver = paper(Options::default().no_hold_out());
    improver.answer(&mut toy, &Question { number: 0, symbol: 13 }).unwrap();
    let entry = &improver.journal().entries()[0];
    assert_eq!((entry.synthesised, entry.accepted), (4, 1));
}

#[test]
fn an_option_that_the_model_cannot_serve_is_a_failure_not_a_guess() {
    struct Bare;
    impl curricle::test_time::self_improvement::Model for Bare {
        type Input = ();
        type Sample = ();
        type Answer = ();
        type Error = String;
        fn candidates(&mut self, _: &()) -> Result<Vec<Candidate<String>>, String> {
            Ok(["a", "b"].map(|key| Candidate::new(key, 1.0)).into())
        }
        fn synthesise(&mut self, _: &(), count: usize, _: u64) -> Result<Vec<()>, String> {
            Ok(vec![(); count])
        }
        fn adapt(&mut self, _: &[()]) -> Result<(), String> {
            Ok(())
        }
        fn restore(&mut self) -> Result<(), String> {
            Ok(())
        }
        fn answer(&mut self, _: &(), _: &[()]) -> Result<(), String> {
            Ok(())
        }
    }
    let paper = Options::paper().samples(2);
    for (options, stage, request) in [
        (paper.clone().duplicates(0.5), Stage::Text, "text"),
        (paper.clone().agreement(2, 0.5), Stage::Agreement, "agreement"),
        (paper.clone().loss_band(0.0, 1.0), Stage::Loss, "loss"),
        (paper.clone().hold_out(1, 0.0), Stage::Loss, "loss"),
        (paper.clone().drift(1.0), Stage::Drift, "drift"),
        (paper.clone().clusters(0.5, 4), Stage::Embedding, "embedding"),
    ] {
        let mut improver = Improver::new(options, Always).unwrap();
        let outcome = improver.answer(&mut Bare, &()).unwrap();
        let failure = outcome.failure.expect("a failure");
        assert_eq!(failure.stage, stage);
        assert_eq!(failure.cause, Cause::Refused(Error::Unsupported { part: "Model", request }));
        assert_eq!(outcome.answer, Ok(()));
    }
}

#[test]
fn answers_are_verified_once_and_only_while_in_the_journal() {
    let mut toy = Toy::new(|_| Fault::None);
    let mut improver = paper(Options::default());
    let ticket = improver.answer(&mut toy, &Question { number: 0, symbol: 0 }).unwrap().ticket;
    let wrong = Verified { base: false, given: true };
    assert!(matches!(improver.verify(ticket, wrong), Err(Error::OutOfRange { .. })));
    let right = Verified { base: true, given: true };
    improver.verify(ticket, right).unwrap();
    assert_eq!(improver.verify(ticket, right), Err(Error::RepeatedTicket(ticket)));
    assert_eq!(improver.verify(Ticket(1), right), Err(Error::UnknownTicket(Ticket(1))));
    let taken = improver.take_journal();
    assert_eq!((taken.entries().len(), taken.summary().verified), (1, 1));
    assert_eq!(improver.verify(ticket, right), Err(Error::UnknownTicket(ticket)));
    let next = improver.answer(&mut toy, &Question { number: 1, symbol: 0 }).unwrap().ticket;
    assert_eq!(next, Ticket(1));
}

#[test]
fn bad_options_have_a_name() {
    for bad in [
        Options::paper().samples(0),
        Options::paper().hold_out(1, 0.0),
        Options::default().hold_out(0, 0.0),
        Options::default().hold_out(1, -0.1),
        Options::default().hold_out(1, f64::NAN),
        Options::paper().duplicates(1.5),
        Options::paper().agreement(0, 0.5),
        Options::paper().agreement(3, f64::NAN),
        Options::paper().loss_band(2.0, 1.0),
        Options::paper().loss_band(f64::NAN, 1.0),
        Options::paper().drift(-1.0),
        Options::paper().clusters(2.0, 4),
        Options::paper().clusters(0.5, 0),
        Options::paper().per_length(PerLength::Power(2.0)),
    ] {
        assert!(Improver::new(bad.clone(), Always).is_err(), "{bad:?}");
    }
    assert!(GainGate::new(f64::NAN, 0.1).is_err() && GainGate::new(0.1, 1.5).is_err());
    assert!(Switch::new(0.0).is_err() && Switch::new(f64::NAN).is_err());
    assert!(Fixed::margin(1.5).is_err() && Fixed::new(f64::NAN).is_err());
    assert!(Always.wants(f64::NAN, 0.5).is_err() && Always.wants(0.5, 1.5).is_err());
}

/// Nothing is known of a change that nobody verified, however often it was made.
#[test]
fn a_p_value_takes_verified_inputs() {
    let mut summary = Summary::default();
    (summary.inputs, summary.improved) = (100, 92);
    assert_eq!(summary.p_value(), None);
    // Verified, and nothing changed: no evidence is evidence of 1.
    summary.verified = 5;
    assert_eq!(summary.p_value(), Some(1.0));
    summary.fixed = 5;
    assert_eq!(summary.p_value(), Some(0.0625));
}
