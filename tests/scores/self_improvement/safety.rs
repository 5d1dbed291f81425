//! Whatever the model does: no input is lost, the weights come back, right answers stay right.

use curricle::Error;
use curricle::test_time::budget::{Always, Fixed};
use curricle::test_time::self_improvement::{Action, Cause, Improver, Options, Outcome, Stage, Why};
use proptest::prelude::*;

use super::toy::{Fault, Kind, Question, Toy, questions, truth};

fn guarded() -> Options {
    Options::default().samples(6).hold_out(2, 0.05).agreement(8, 0.6).drift(100.0).clusters(0.99, 8)
}

struct Run {
    right: usize,
    outcomes: Vec<Outcome<usize, String>>,
    journal: Vec<u8>,
}

fn run(mut toy: Toy, options: Options, questions: &[Question]) -> Run {
    let mut improver = Improver::new(options.seed(3), Fixed::margin(0.95).unwrap()).unwrap();
    let before = toy.bits();
    let mut outcomes = Vec::new();
    for question in questions {
        let outcome = improver.answer(&mut toy, question).expect("an outcome");
        assert_eq!(toy.bits(), before, "weights after {:?}", outcome.action);
        assert_eq!(outcome.ticket.0, question.number);
        outcomes.push(outcome);
    }
    let right = |(outcome, question): (&Outcome<usize, String>, &Question)| {
        outcome.answer == Ok(truth(question.symbol))
    };
    Run {
        right: outcomes.iter().zip(questions).filter(|&pair| right(pair)).count(),
        journal: improver.journal().to_bytes().unwrap(),
        outcomes,
    }
}

#[test]
fn right_answers_stay_right_under_every_fault() {
    use Stage::*;
    type Row = (fn(u64) -> Fault, &'static str);
    macro_rules! rows {
        ($($fault:expr),* $(,)?) => {
            [$({
                let row: Row =
                    (|number| if number.is_multiple_of(3) { $fault } else { Fault::None }, stringify!($fault));
                row
            }),*]
        };
    }
    let table = rows![
        Fault::Liar,
        Fault::Silent,
        Fault::Copies,
        Fault::NoCandidates,
        Fault::In(Candidates, Kind::Err),
        Fault::In(Candidates, Kind::Panic),
        Fault::In(Candidates, Kind::Nan),
        Fault::In(Synthesise, Kind::Err),
        Fault::In(Synthesise, Kind::Panic),
        Fault::In(Text, Kind::Err),
        Fault::In(Text, Kind::Panic),
        Fault::In(Accepts, Kind::Err),
        Fault::In(Accepts, Kind::Panic),
        Fault::In(Agreement, Kind::Err),
        Fault::In(Agreement, Kind::Panic),
        Fault::In(Agreement, Kind::Nan),
        Fault::In(Adapt, Kind::Err),
        Fault::In(Adapt, Kind::Panic),
        Fault::In(Adapt, Kind::Nan),
        Fault::In(Loss, Kind::Err),
        Fault::In(Loss, Kind::Panic),
        Fault::In(Loss, Kind::Nan),
        Fault::In(Drift, Kind::Err),
        Fault::In(Drift, Kind::Panic),
        Fault::In(Drift, Kind::Nan),
        Fault::In(Answer, Kind::Err),
        Fault::In(Answer, Kind::Panic),
        Fault::In(Embedding, Kind::Err),
        Fault::In(Embedding, Kind::Nan),
        Fault::In(Store, Kind::Panic),
        Fault::In(Load, Kind::Err),
        Fault::In(Load, Kind::Panic),
    ];
    let questions = questions(240);
    let base = 180;
    let honest = run(Toy::new(|_| Fault::None), guarded(), &questions);
    assert_eq!((honest.right, honest.outcomes.len()), (240, 240), "an honest model learns everything");
    for (fault, name) in table {
        for paired in [false, true] {
            let options = if paired { guarded().paired() } else { guarded() };
            let first = run(Toy::new(fault), options.clone(), &questions);
            assert!(first.right + 1 >= base, "{name}: {} of {base}", first.right);
            assert!(first.outcomes.iter().all(|outcome| outcome.answer.is_ok()), "{name}");
            let again = run(Toy::new(fault), options, &questions);
            assert_eq!(first.journal, again.journal, "{name}");
        }
    }
}

#[test]
fn a_liar_everywhere_is_refused_by_own_answers() {
    let questions = questions(240);
    let run = run(Toy::new(|_| Fault::Liar), guarded(), &questions);
    assert!(run.right + 1 >= 180, "{}", run.right);
}

#[test]
fn a_failure_says_where_and_what() {
    let outcome = |fault, options| run(Toy::new(fault), options, &[Question { number: 0, symbol: 13 }]);
    let of = |fault| {
        let mut run = outcome(fault, guarded());
        let outcome = run.outcomes.remove(0);
        let failure = outcome.failure.expect("a failure");
        assert_eq!(outcome.action, Action::Base(Why::Failed(failure.stage)));
        (failure.stage, failure.cause)
    };
    assert_eq!(
        of(|_| Fault::In(Stage::Adapt, Kind::Panic)),
        (Stage::Adapt, Cause::Panicked("Adapt broke".into()))
    );
    assert_eq!(
        of(|_| Fault::In(Stage::Synthesise, Kind::Err)),
        (Stage::Synthesise, Cause::Model("no Synthesise".into()))
    );
    let (stage, cause) = of(|_| Fault::In(Stage::Candidates, Kind::Nan));
    assert_eq!(stage, Stage::Candidates);
    assert!(matches!(cause, Cause::Refused(Error::NonFinite { index: 1, .. })));
    let (_, cause) = of(|_| Fault::NoCandidates);
    assert_eq!(cause, Cause::Refused(Error::Empty { what: "possible candidates", index: 0 }));
    // NaN weights: the loss of the held-out pair says so.
    let (stage, cause) = of(|_| Fault::In(Stage::Adapt, Kind::Nan));
    assert_eq!(stage, Stage::Loss);
    assert!(matches!(cause, Cause::Refused(Error::NonFinite { .. })));
}

#[test]
fn a_model_that_cannot_be_restored_is_not_used_again() {
    let mut toy = Toy::new(|_| Fault::None);
    let mut improver = Improver::new(guarded(), Always).unwrap();
    toy.restore_fails = true;
    let question = Question { number: 0, symbol: 13 };
    let outcome = improver.answer(&mut toy, &question).unwrap();
    assert_eq!(outcome.answer, Ok(truth(13)));
    assert_eq!(outcome.failure.map(|failure| failure.stage), Some(Stage::Restore));
    let refused = improver.answer(&mut toy, &question).unwrap_err();
    assert_eq!(refused, Error::Unrestored(outcome.ticket));
    assert_eq!(improver.journal().entries().len(), 1);
    toy = Toy::new(|_| Fault::None);
    improver.restored();
    assert_eq!(improver.answer(&mut toy, &question).unwrap().answer, Ok(truth(13)));
}

#[test]
fn a_loop_saved_and_restored_goes_on_as_if_nothing_had_happened() {
    let questions = questions(120);
    let whole = run(Toy::new(|_| Fault::None), guarded(), &questions);
    let mut toy = Toy::new(|_| Fault::None);
    let mut improver = Improver::new(guarded().seed(3), Fixed::margin(0.95).unwrap()).unwrap();
    for question in &questions {
        let bytes = postcard::to_stdvec(&improver).unwrap();
        improver = postcard::from_bytes(&bytes).unwrap();
        improver.answer(&mut toy, question).unwrap();
    }
    assert_eq!(improver.journal().to_bytes().unwrap(), whole.journal);
}

thread_local! {
    static SCRIPT: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// The fault that the script of the test has for an input.
fn scripted(number: u64) -> Fault {
    const STAGES: [Stage; 11] = [
        Stage::Candidates,
        Stage::Embedding,
        Stage::Load,
        Stage::Synthesise,
        Stage::Text,
        Stage::Agreement,
        Stage::Loss,
        Stage::Adapt,
        Stage::Drift,
        Stage::Store,
        Stage::Answer,
    ];
    let code = SCRIPT.with_borrow(|script| script[number as usize]) as usize;
    let kind = [Kind::Err, Kind::Panic, Kind::Nan][code % 3];
    match STAGES.get(code / 3) {
        Some(&stage) => Fault::In(stage, kind),
        None if code.is_multiple_of(2) => Fault::None,
        None => Fault::Liar,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_sequence_of_faults_loses_an_input(
        script in prop::collection::vec(0u8..40, 40),
        repeated in 0u64..3,
    ) {
        SCRIPT.set(script);
        let questions: Vec<Question> = (0..40)
            .map(|number| Question { number, symbol: ((number >> repeated) as usize * 5) % 24 })
            .collect();
        // Weights and numbers are checked inside.
        let first = run(Toy::new(scripted), guarded().paired(), &questions);
        prop_assert!(first.outcomes.iter().all(|outcome| outcome.answer.is_ok()));
        let again = run(Toy::new(scripted), guarded().paired(), &questions);
        prop_assert_eq!(first.journal, again.journal);
    }
}
