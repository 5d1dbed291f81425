//! What each guard promises, measured.

use curricle::signal::uncertainty::Candidate;
use curricle::test_time::budget::{Always, Fixed};
use curricle::test_time::self_improvement::{
    Action, GainGate, Improver, Model, NearDuplicates, Options, Switch, Verified, Why, jaccard,
};
use curricle::{Purpose, Rng, Round};

use super::toy::{Fault, Toy, questions, truth};

fn rng(round: u64) -> Rng {
    Rng::at(11, Round(round), Purpose::User)
}

fn sentence(rng: &mut Rng) -> Vec<u64> {
    (0..40).map(|_| rng.below(5000)).collect()
}

fn text(words: &[u64]) -> String {
    words.iter().map(|word| format!("{:x} ", word * 2_654_435_761)).collect()
}

#[test]
fn planted_duplicates_are_found_and_others_are_not() {
    let mut random = rng(0);
    let originals: Vec<Vec<u64>> = (0..1000).map(|_| sentence(&mut random)).collect();
    let mut seen = NearDuplicates::new(0.8).unwrap();
    originals.iter().for_each(|words| seen.insert(&text(words)));
    let (mut found, mut least) = (0, 1.0f64);
    for words in &originals {
        let mut copy = words.clone();
        copy[random.below(40) as usize] = random.below(5000);
        least = least.min(jaccard(&text(words), &text(&copy)));
        found += usize::from(seen.contains(&text(&copy)));
    }
    assert!(least > 0.8, "{least}");
    assert!(found >= 950, "{found} of 1000 planted duplicates");
    let dropped = (0..1000).filter(|_| seen.contains(&text(&sentence(&mut random)))).count();
    assert!(dropped <= 50, "{dropped} of 1000 fresh texts");
    // Half of the words shared is not the same either.
    let halves = originals.iter().filter(|words| {
        let mut half = words[..20].to_vec();
        half.extend((0..20).map(|_| random.below(5000)));
        seen.contains(&text(&half))
    });
    assert!(halves.count() <= 50);
}

#[test]
fn what_exceeds_the_capacity_is_forgotten_oldest_first() {
    let mut seen = NearDuplicates::new(0.9).unwrap().capacity(3);
    let texts: Vec<String> = (0..5).map(|k| text(&sentence(&mut rng(k)))).collect();
    texts.iter().for_each(|text| seen.insert(text));
    assert_eq!(seen.len(), 3);
    let known: Vec<bool> = texts.iter().map(|text| seen.contains(text)).collect();
    assert_eq!(known, [false, false, true, true, true]);
    assert!(NearDuplicates::new(0.2).is_err());
}

#[test]
fn wrong_pairs_hardly_pass_own_answers() {
    let mut toy = Toy::new(|_| Fault::None);
    toy.corrupt = 0.3;
    let options = Options::paper().samples(8).agreement(8, 0.6);
    let mut improver = Improver::new(options, Always).unwrap();
    let mut synthesised = 0;
    for question in questions(480) {
        improver.answer(&mut toy, &question).unwrap();
    }
    for entry in improver.journal().entries() {
        synthesised += u64::from(entry.synthesised);
    }
    let right = toy.trained_on.iter().filter(|&&(symbol, label)| label == truth(symbol)).count();
    let wrong = toy.trained_on.len() - right;
    let corrupted = 0.3 * synthesised as f64;
    assert!((wrong as f64) <= 0.03 * corrupted, "{wrong} of {corrupted}");
    assert!(right as f64 >= 0.85 * (synthesised as f64 - corrupted), "{right}");
}

#[test]
fn a_switch_hardly_ever_turns_off_in_vain() {
    let alpha = 0.05;
    let mut off = [0; 2];
    for run in 0..10_000 {
        let mut random = rng(run);
        // No effect; and an effect that looks bad at first but has mean 0.
        let mut switches = [Switch::new(alpha).unwrap(), Switch::new(alpha).unwrap()];
        for _ in 0..300 {
            let coin = random.unit();
            let null = if coin < 0.2 {
                1.0
            } else if coin < 0.4 {
                -1.0
            } else {
                0.0
            };
            let skewed = if coin < 0.1 { 0.9 } else { -0.1 };
            switches[0].observe(null);
            switches[1].observe(skewed);
        }
        off.iter_mut().zip(&switches).for_each(|(off, switch)| *off += u32::from(switch.is_off()));
    }
    assert!(off.iter().all(|&off| f64::from(off) <= alpha * 10_000.0), "{off:?}");
    // Not by never betting: a harm of 0.1 an update is found within some hundred.
    let mut random = rng(0);
    let mut switch = Switch::new(alpha).unwrap();
    let found = (0..1000).position(|_| {
        let coin = random.unit();
        switch.observe(if coin < 0.1 {
            1.0
        } else if coin < 0.3 {
            -1.0
        } else {
            0.0
        });
        switch.is_off()
    });
    assert!(found.is_some(), "{}", switch.evidence_of_harm());
    assert!(switch.evidence_of_help() < 1.0);
}

#[test]
fn the_switch_ends_what_a_held_out_pair_cannot_see() {
    let liar = |options: Options| {
        let mut toy = Toy::new(|_| Fault::Liar);
        let mut improver = Improver::new(options.paired(), Always).unwrap();
        for question in questions(480) {
            let outcome = improver.answer(&mut toy, &question).unwrap();
            let given = outcome.answer == Ok(truth(question.symbol));
            let base = outcome.base.map_or(given, |base| base == truth(question.symbol));
            improver.verify(outcome.ticket, Verified { base, given }).unwrap();
        }
        improver
    };
    let without = liar(Options::default().samples(6)).journal().summary();
    assert!(without.harmed > 300, "{without:?}");
    let with = liar(Options::default().samples(6).switch(Switch::new(0.05).unwrap()));
    let summary = with.journal().summary();
    assert!(with.switch().unwrap().is_off() && summary.harmed <= 15, "{summary:?}");
    let last = with.journal().entries().last().unwrap();
    assert_eq!(last.action, Action::Base(Why::SwitchedOff));
}

/// Answers right or wrong by chance: the rates are known.
struct Coin {
    error: f64,
    fix: f64,
    harm: f64,
    adapted: bool,
}

impl Model for Coin {
    type Input = u64;
    type Sample = ();
    type Answer = bool;
    type Error = ();

    fn candidates(&mut self, &number: &u64) -> Result<Vec<Candidate<String>>, ()> {
        let margin = rng(number).unit();
        let p = (1.0 + margin) / 2.0;
        #[expect(clippy::disallowed_methods, reason = "the model is not part of the decisions")]
        Ok(vec![Candidate::new("yes", -p.ln()), Candidate::new("no", -(1.0 - p).ln())])
    }

    fn synthesise(&mut self, _: &u64, count: usize, _: u64) -> Result<Vec<()>, ()> {
        Ok(vec![(); count])
    }

    fn adapt(&mut self, _: &[()]) -> Result<(), ()> {
        self.adapted = true;
        Ok(())
    }

    fn restore(&mut self) -> Result<(), ()> {
        self.adapted = false;
        Ok(())
    }

    fn answer(&mut self, &number: &u64, _: &[()]) -> Result<bool, ()> {
        let mut random = rng(1_000_000 + number);
        let right = random.unit() >= self.error;
        let coin = random.unit();
        Ok(match (self.adapted, right) {
            (false, right) => right,
            (true, true) => coin >= self.harm,
            (true, false) => coin < self.fix,
        })
    }
}

/// The share of updates wanted and spent over the second half of 4000 inputs.
fn rates(fix: f64, harm: f64, threshold: f64) -> (f64, f64) {
    let mut coin = Coin { error: 0.3, fix, harm, adapted: false };
    let options = Options::paper().paired().gate(GainGate::new(0.01, 0.05).unwrap());
    let mut improver = Improver::new(options, Fixed::new(threshold).unwrap()).unwrap();
    for number in 0..4000 {
        if number == 2000 {
            improver.take_journal();
        }
        let outcome = improver.answer(&mut coin, &number).unwrap();
        let given = outcome.answer.unwrap();
        let base = outcome.base.unwrap_or(given);
        improver.verify(outcome.ticket, Verified { base, given }).unwrap();
    }
    let summary = improver.journal().summary();
    let share = |count: u64| count as f64 / summary.inputs as f64;
    (share(summary.wanted), share(summary.spent))
}

#[test]
fn a_gate_explores_where_nothing_is_gained_and_spends_where_much_is() {
    let (wanted, spent) = rates(0.3, 0.3, 0.0);
    assert!(wanted > 0.99);
    assert!((spent - 0.05).abs() < 0.02, "{spent}");
    let (wanted, spent) = rates(0.9, 0.02, 0.8);
    assert!((wanted - 0.2).abs() < 0.03, "{wanted}");
    assert_eq!(wanted, spent);
}

#[test]
fn the_error_of_a_gate_rises_with_the_rank() {
    let mut gate = GainGate::new(0.0, 0.0).unwrap();
    let mut random = rng(7);
    for _ in 0..3000 {
        let rank = random.unit();
        gate.learn(rank, random.unit() >= rank * 0.6, None);
    }
    let gains: Vec<f64> = (0..10).map(|k| gate.expect(f64::from(k) / 10.0 + 0.05).gain / 0.5).collect();
    assert!(gains.windows(2).all(|pair| pair[0] <= pair[1]), "{gains:?}");
    for (k, gain) in gains.iter().enumerate() {
        let expected = 0.6 * (k as f64 / 10.0 + 0.05);
        assert!((gain - expected).abs() < 0.08, "{k}: {gain} {expected}");
    }
}
