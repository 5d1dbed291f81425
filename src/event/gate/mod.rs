//! Gates: who admits an outcome to the gradient step.

mod own;

use std::sync::Arc;

use serde::Serialize;

use crate::base::error::{Error, Result, length, within};
use crate::base::id::{ArmId, Round, SampleId};
use crate::base::schedule::Schedule;
use crate::event::age::{Age, AgeLimit};
use crate::event::{Field, Outcome, Reason, Verdict};
use crate::route::{MOST, RoutingTable, Treatment};
pub use own::{Admit, Own};

/// What a gate judges: an outcome, and what it is the outcome of.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Case<'a> {
    /// What the trainer saw.
    pub outcome: &'a Outcome,
    /// The sample it saw it of.
    pub sample: SampleId,
    /// The arm from which the sample was drawn.
    pub arm: ArmId,
    /// The round that the next draw will have.
    pub round: Round,
    /// How long ago the sample was drawn.
    pub age: Age,
}

impl<'a> Case<'a> {
    /// An outcome by itself: of sample 0 and arm 0, in round 0, of age 0.
    pub fn new(outcome: &'a Outcome) -> Self {
        Self { outcome, sample: SampleId(0), arm: ArmId(0), round: Round(0), age: Age::default() }
    }

    /// The round that drew the sample.
    fn drawn(&self) -> Round {
        Round(self.round.0.saturating_sub(1 + self.age.rounds))
    }
}

/// Which outcomes the trainer may use for its gradient step.
///
/// A rejected outcome still teaches the policy, but where [`Stale`](Self::Stale) is told otherwise: the gate saves the
/// trainer an update that would do nothing, it does not hide evidence. Feedback that lacks a field without which a gate
/// cannot judge is refused.
///
/// Gates are put together by [`and`](Self::and), to each arm its own by [`Arms`](Self::Arms); one that is not here is
/// [one's own](Self::own). Rejections are counted by reason, for all and for each arm, in the
/// [metrics](crate::Curriculum::metrics).
///
/// ```
/// use curricle::{AgeLimit, Case, Gate, Outcome, Reason, Verdict};
///
/// let gate = Gate::zero_signal().and(Gate::Rollouts { least: 4 }).and(Gate::band(0.1, 0.9));
/// let verdict = |outcome: Outcome| gate.admit(&Case::new(&outcome));
/// assert_eq!(verdict(Outcome::zero_signal(1.0, 8)), Verdict::Reject(Reason::ZeroSignal));
/// assert_eq!(verdict(Outcome::default().success(0.5).rollouts(3)), Verdict::Reject(Reason::TooFew));
/// assert_eq!(verdict(Outcome::default().success(0.5).rollouts(8)), Verdict::Admit);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Gate {
    /// Everything.
    #[default]
    All,
    /// All but groups whose advantages are 0 within a tolerance. A group of one rollout has no relative
    /// advantage, so it is rejected whatever it reports. The dynamic sampling of DAPO (arXiv 2503.14476).
    ///
    /// Shaped rewards differ within a group that failed whole: measured by [`Success`](Measure::Success) it is
    /// rejected.
    ZeroSignal {
        /// What tells that there is a signal.
        by: Measure,
        /// The greatest value of the measure that counts as none, `>= 0`.
        tolerance: f32,
    },
    /// All but groups of which fewer than so many rollouts have an advantage that is not 0. Needs
    /// [`nonzero_advantages`](Outcome::nonzero_advantages).
    Advantages {
        /// The least number admitted, at least 1.
        least: u32,
    },
    /// All but groups with fewer scored [`rollouts`](Outcome::rollouts), as those are of which some failed to run.
    Rollouts {
        /// The least number admitted, at least 1.
        least: u32,
    },
    /// Success rates in `[low, high]` only; both ends may move with the rounds.
    Band {
        /// The least success rate admitted.
        low: Schedule,
        /// The greatest success rate admitted. Where the ends cross, what lies below the lower end is too hard, and all
        /// else too easy.
        high: Schedule,
    },
    /// Only what is young enough.
    Stale {
        /// The greatest age admitted.
        most: AgeLimit,
        /// Whether what is too old teaches the policy all the same. If not, it counts as a ticket that was drawn for
        /// nothing, as a lost one does.
        teaches: bool,
    },
    /// To each outcome the treatment of the band that a field of it falls into: [`TRAIN`](Treatment::TRAIN) admits it,
    /// [`Drop`](Treatment::Drop) rejects it, and any other is handed to the trainer in the verdict. What is
    /// [retired](Treatment::Retire) is not drawn again until its [re-test](crate::Builder::retest). Edges that move are
    /// those of the round that drew the sample, whenever the report comes. A field and an edge are compared in single
    /// precision, which is that of the field, and without the slack of [`RoutingTable::route`]: a success of 0.1 reaches
    /// the edge 0.1.
    Route {
        /// What is read.
        by: Field,
        /// Bands and treatments.
        table: RoutingTable,
    },
    /// What every gate of a list admits, in order: the reason is that of the first that does not. Weights of the loss are
    /// multiplied.
    Every(Vec<Gate>),
    /// To each arm its own gate, by number.
    Arms(Vec<Gate>),
    /// A gate of one's own; made by [`Gate::own`].
    Own(Own),
}

/// What tells a group with a signal from one without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The mean absolute advantage; where none is reported, the spread of the rewards; where neither is, the success.
    #[default]
    Reported,
    /// The mean absolute advantage.
    AbsAdvantage,
    /// The standard deviation of the rewards.
    Spread,
    /// The difference of the greatest and the least reward.
    Range,
    /// The distance of the success from 0 or 1, whatever advantage is reported.
    Success,
}

impl Measure {
    /// Its value of an outcome that reports it.
    fn of(self, outcome: &Outcome) -> Option<f32> {
        let distance = || outcome.success.map(|success| success.min(1.0 - success));
        match self {
            Measure::Reported => outcome.abs_advantage.or(outcome.spread).or_else(distance),
            Measure::AbsAdvantage => outcome.abs_advantage,
            Measure::Spread => outcome.spread,
            Measure::Range => outcome.range,
            Measure::Success => distance(),
        }
    }

    fn field(self) -> Field {
        match self {
            Measure::Reported | Measure::Success => Field::Success,
            Measure::AbsAdvantage => Field::AbsAdvantage,
            Measure::Spread => Field::Spread,
            Measure::Range => Field::Range,
        }
    }
}

/// The tolerance of gates made by name: rewards in `f32` that are equal have a spread below it.
const TOLERANCE: f32 = 1e-6;

impl Gate {
    /// [`ZeroSignal`](Self::ZeroSignal) by what is reported, with a tolerance of 1e-6.
    pub fn zero_signal() -> Self {
        Self::zero_signal_by(Measure::Reported)
    }

    /// [`ZeroSignal`](Self::ZeroSignal) with a tolerance of 1e-6.
    pub fn zero_signal_by(by: Measure) -> Self {
        Gate::ZeroSignal { by, tolerance: TOLERANCE }
    }

    /// [`Band`](Self::Band) between two success rates or schedules of them.
    pub fn band(low: impl Into<Schedule>, high: impl Into<Schedule>) -> Self {
        Gate::Band { low: low.into(), high: high.into() }
    }

    /// [`Stale`](Self::Stale), teaching all the same.
    pub fn stale(most: AgeLimit) -> Self {
        Gate::Stale { most, teaches: true }
    }

    /// [`Route`](Self::Route) by a field.
    ///
    /// ```
    /// use curricle::route::{RoutingTable, Treatment};
    /// use curricle::{Curriculum, Feedback, Field, Gate, Outcome, SampleId, Verdict};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let treatments = vec![Treatment::Hint, Treatment::TRAIN, Treatment::Retire];
    /// let gate = Gate::route(Field::Success, RoutingTable::new([0.001, 0.999], treatments)?);
    /// let mut curriculum = Curriculum::builder(8).gate(gate).retest(20).build()?;
    /// let batch = curriculum.draw(8)?;
    /// let success = |sample: SampleId| [0.0, 0.5, 1.0, 0.5][sample.0 as usize % 4];
    /// let seen = |draw: &curricle::Draw| Outcome::default().success(success(draw.sample)).rollouts(8);
    /// let feedback: Vec<Feedback> = batch.draws.iter().map(|it| Feedback::new(it.ticket, seen(it))).collect();
    /// for (draw, verdict) in batch.draws.iter().zip(curriculum.observe(&feedback)?) {
    ///     match verdict.treatment() {
    ///         Treatment::Train { .. } => {} // into the gradient step
    ///         Treatment::Hint => {}         // rollouts with a hint: another prompt, not this ticket
    ///         _ => assert_eq!(success(draw.sample), 1.0),
    ///     }
    /// }
    /// curricle::Curriculum::draw(&mut curriculum, 1)?;
    /// assert_eq!(curriculum.population().retired(), 2);
    /// # Ok(()) }
    /// ```
    pub fn route(by: Field, table: RoutingTable) -> Self {
        Gate::Route { by, table }
    }

    /// A gate of one's own.
    pub fn own(gate: impl Admit + 'static) -> Self {
        Gate::Own(Own(Arc::new(gate)))
    }

    /// What both admit; the reason of this one goes before. But where it rejects for want of a signal or by a
    /// [band](Self::Band), and the other one [retires](Treatment::Retire), the sample is retired: what is solved has no
    /// signal either. Weights of the loss are multiplied; where a gate of one's own says a treatment that has no weight, a
    /// margin for example, that treatment alone is heard.
    #[must_use]
    pub fn and(self, other: Gate) -> Self {
        match self {
            Gate::All => other,
            Gate::Every(mut gates) => {
                gates.push(other);
                Gate::Every(gates)
            }
            one => Gate::Every(vec![one, other]),
        }
    }

    /// The verdict on an outcome.
    pub fn admit(&self, case: &Case<'_>) -> Verdict {
        self.judge(case).verdict
    }

    pub(crate) fn judge(&self, case: &Case<'_>) -> Judgement {
        let Case { outcome, arm, round, age, .. } = *case;
        let unless = |is_bad: bool, reason| {
            let verdict = if is_bad { Verdict::Reject(reason) } else { Verdict::Admit };
            Judgement { verdict, teaches: true }
        };
        match self {
            Gate::All => Judgement::ADMITTED,
            Gate::ZeroSignal { by, tolerance } => {
                let is_dead = by.of(outcome).is_some_and(|value| value <= *tolerance);
                unless(is_dead || outcome.rollouts < 2, Reason::ZeroSignal)
            }
            Gate::Advantages { least } => unless(
                outcome.nonzero_advantages.is_some_and(|count| count < *least),
                Reason::ZeroSignal,
            ),
            Gate::Rollouts { least } => unless(outcome.rollouts < *least, Reason::TooFew),
            Gate::Band { low, high } => match outcome.success {
                Some(success) if success < low.at(round) as f32 => unless(true, Reason::TooHard),
                Some(success) => unless(success > high.at(round) as f32, Reason::TooEasy),
                None => Judgement::ADMITTED,
            },
            Gate::Stale { most, teaches } => {
                let is_stale = most.is_exceeded(age);
                Judgement { teaches: *teaches || !is_stale, ..unless(is_stale, Reason::Stale) }
            }
            Gate::Route { by, table } => match outcome.get(*by) {
                Some(value) => {
                    let treatment = table.band(case.drawn(), |edge| value < edge as f32);
                    Judgement { verdict: by_treatment(treatment), teaches: true }
                }
                None => Judgement::ADMITTED,
            },
            Gate::Every(gates) => {
                let mut all = Judgement::ADMITTED;
                for (place, gate) in gates.iter().enumerate() {
                    let judged = gate.judge(case);
                    if !judged.verdict.is_admitted() {
                        return gates[place + 1..]
                            .iter()
                            .map(|gate| gate.judge(case))
                            .find(|other| judged.gives_way_to(other))
                            .unwrap_or(judged);
                    }
                    all.verdict = both(all.verdict, judged.verdict);
                }
                all
            }
            Gate::Arms(gates) => {
                gates.get(arm.index()).map_or(Judgement::ADMITTED, |gate| gate.judge(case))
            }
            Gate::Own(Own(gate)) => Judgement { verdict: gate.admit(case), teaches: true },
        }
    }

    /// A field without which the gate cannot judge this outcome.
    pub(crate) fn missing(&self, case: &Case<'_>) -> Option<Field> {
        let outcome = case.outcome;
        let unless = |is_there: bool, field| (!is_there).then_some(field);
        match self {
            Gate::All | Gate::Rollouts { .. } | Gate::Stale { .. } => None,
            Gate::ZeroSignal { by, .. } => unless(by.of(outcome).is_some(), by.field()),
            Gate::Advantages { .. } => {
                unless(outcome.nonzero_advantages.is_some(), Field::NonzeroAdvantages)
            }
            Gate::Band { .. } => unless(outcome.success.is_some(), Field::Success),
            Gate::Route { by, .. } => unless(outcome.get(*by).is_some(), *by),
            Gate::Every(gates) => gates.iter().find_map(|gate| gate.missing(case)),
            Gate::Arms(gates) => gates.get(case.arm.index()).and_then(|gate| gate.missing(case)),
            Gate::Own(Own(gate)) => gate.missing(case),
        }
    }

    /// Whether it is told something of each arm.
    pub(crate) fn is_by_arm(&self) -> bool {
        match self {
            Gate::Arms(_) => true,
            Gate::Every(gates) => gates.iter().any(Gate::is_by_arm),
            _ => false,
        }
    }

    /// Whether it may train on an outcome by such a treatment.
    fn treats(&self, such: fn(&Treatment) -> bool) -> bool {
        match self {
            Gate::Route { table, .. } => table.treatments().iter().any(|it| it.trains() && such(it)),
            Gate::Every(gates) | Gate::Arms(gates) => gates.iter().any(|gate| gate.treats(such)),
            _ => false,
        }
    }

    /// Whether it may retire samples, as far as is known: a gate of one's own does not say.
    pub(crate) fn retires(&self) -> bool {
        match self {
            Gate::Route { table, .. } => table.treatments().contains(&Treatment::Retire),
            Gate::Every(gates) | Gate::Arms(gates) => gates.iter().any(Gate::retires),
            _ => false,
        }
    }

    /// Whether it may retire samples for all that is known: a gate of one's own does not say.
    pub(crate) fn may_retire(&self) -> bool {
        match self {
            Gate::Own(_) => true,
            Gate::Every(gates) | Gate::Arms(gates) => gates.iter().any(Gate::may_retire),
            gate => gate.retires(),
        }
    }

    pub(crate) fn check(&self, arms: usize) -> Result<()> {
        match self {
            Gate::All | Gate::Own(_) => Ok(()),
            Gate::ZeroSignal { by, tolerance } => {
                // A success is at most 1/2 away from both.
                let most = if *by == Measure::Success { 0.499 } else { 1e6 };
                within("tolerance of the gate", f64::from(*tolerance), 0.0, most).map(drop)
            }
            Gate::Advantages { least } | Gate::Rollouts { least } => {
                within("least number of the gate", f64::from(*least), 1.0, f64::from(u32::MAX))
                    .map(drop)
            }
            Gate::Band { low, high } => {
                high.check("upper end of the band", 0.0, 1.0)?;
                low.check("lower end of the band", 0.0, 1.0)?;
                // Where neither moves, a band that admits nothing is a mistake.
                match (low, high) {
                    (Schedule::Constant(low), Schedule::Constant(high)) => {
                        within("lower end of the band", *low, 0.0, *high).map(drop)
                    }
                    _ => Ok(()),
                }
            }
            Gate::Stale { most, .. } => most.check("age limit of the gate"),
            Gate::Every(gates) if gates.is_empty() => {
                Err(Error::Empty { what: "list of gates", index: 0 })
            }
            Gate::Route { table, .. } => table.check(),
            Gate::Every(gates) => {
                let treating = gates.iter().filter(|gate| gate.treats(|it| *it != Treatment::TRAIN));
                if treating.count() > 1 && self.treats(|it| !matches!(it, Treatment::Train { .. })) {
                    let request = "two treatments of one outcome";
                    return Err(Error::Unsupported { part: "list of gates", request });
                }
                gates.iter().try_for_each(|gate| gate.check(arms))
            }
            Gate::Arms(gates) => {
                length("gates of arms", arms, gates.len())?;
                gates.iter().try_for_each(|gate| gate.check(arms))
            }
        }
    }
}

impl Admit for Gate {
    fn admit(&self, case: &Case<'_>) -> Verdict {
        Gate::admit(self, case)
    }

    fn missing(&self, case: &Case<'_>) -> Option<Field> {
        Gate::missing(self, case)
    }
}

/// The verdict that says a treatment.
fn by_treatment(treatment: Treatment) -> Verdict {
    match treatment {
        Treatment::TRAIN => Verdict::Admit,
        Treatment::Drop => Verdict::Reject(Reason::Routed),
        treatment => Verdict::Treat(treatment),
    }
}

/// The verdict of two gates that both admit.
fn both(first: Verdict, second: Verdict) -> Verdict {
    match (first, second) {
        (Verdict::Admit, verdict) | (verdict, Verdict::Admit) => verdict,
        (
            Verdict::Treat(Treatment::Train { weight }),
            Verdict::Treat(Treatment::Train { weight: other }),
        ) => by_treatment(Treatment::Train { weight: (weight * other).min(MOST) }),
        // Only gates of one's own come here: the first is heard.
        (verdict, _) => verdict,
    }
}

/// What a gate says, and whether the policy is to learn from the outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Judgement {
    pub verdict: Verdict,
    pub teaches: bool,
}

impl Judgement {
    pub const ADMITTED: Self = Self { verdict: Verdict::Admit, teaches: true };

    /// Whether this rejection is of an outcome that tells all the same that its sample is to be retired.
    fn gives_way_to(&self, other: &Self) -> bool {
        let of_outcome = [Reason::ZeroSignal, Reason::TooHard, Reason::TooEasy];
        matches!(self.verdict, Verdict::Reject(reason) if of_outcome.contains(&reason))
            && other.verdict == Verdict::Treat(Treatment::Retire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD: Verdict = Verdict::Reject(Reason::ZeroSignal);

    fn verdict(gate: &Gate, outcome: Outcome) -> Verdict {
        gate.admit(&Case::new(&outcome))
    }

    #[test]
    fn equal_rewards_are_no_signal_whatever_their_rounding() {
        // Eight rewards of 0.1 in f32: the trainer's own mean deviation is not exactly 0.
        let noise = Outcome::default().success(0.1).abs_advantage(7e-9).rollouts(8);
        let within = |tolerance| Gate::ZeroSignal { by: Measure::Reported, tolerance };
        assert_eq!(verdict(&Gate::zero_signal(), noise), DEAD);
        let equal = Outcome::group(&[0.1; 8]).unwrap();
        for by in [Measure::Reported, Measure::AbsAdvantage, Measure::Spread, Measure::Range] {
            assert_eq!(verdict(&Gate::zero_signal_by(by), equal), DEAD, "{by:?}");
        }
        assert_eq!(verdict(&within(1e-9), noise), Verdict::Admit);
        let small = Outcome::default().spread(0.01).rollouts(8);
        assert_eq!(verdict(&Gate::zero_signal(), small), Verdict::Admit);
        assert_eq!(verdict(&within(0.05), small), DEAD);
    }

    #[test]
    fn each_measure_looks_at_its_own_field() {
        let all = Outcome::default().success(0.5).abs_advantage(0.5).spread(0.5).range(0.5).rollouts(8);
        let dead = [all.abs_advantage(0.0), all.spread(0.0), all.range(0.0), all.success(1.0)];
        let own = [
            (Measure::Reported, 0, Field::Success),
            (Measure::AbsAdvantage, 0, Field::AbsAdvantage),
            (Measure::Spread, 1, Field::Spread),
            (Measure::Range, 2, Field::Range),
            (Measure::Success, 3, Field::Success),
        ];
        for (by, place, field) in own {
            let gate = Gate::zero_signal_by(by);
            assert_eq!(verdict(&gate, all), Verdict::Admit, "{by:?}");
            for (other, outcome) in dead.into_iter().enumerate() {
                assert_eq!(verdict(&gate, outcome) == DEAD, other == place, "{by:?} of {other}");
            }
            assert_eq!(gate.missing(&Case::new(&all)), None);
            assert_eq!(gate.missing(&Case::new(&Outcome::default())), Some(field));
        }
    }

    #[test]
    fn shaped_rewards_do_not_hide_a_group_that_failed_whole() {
        let shaped = Outcome::default().success(0.0).abs_advantage(0.4).rollouts(8);
        let by_success = Gate::zero_signal_by(Measure::Success);
        assert_eq!(verdict(&Gate::zero_signal(), shaped), Verdict::Admit);
        assert_eq!(verdict(&by_success, shaped), DEAD);
        assert_eq!(verdict(&by_success, shaped.success(1.0)), DEAD);
        assert_eq!(verdict(&by_success, shaped.success(0.5)), Verdict::Admit);
    }

    #[test]
    fn a_group_of_one_has_no_relative_advantage() {
        let one = Outcome::default().success(1.0).rollouts(1);
        for gate in [Gate::zero_signal(), Gate::zero_signal_by(Measure::Success)] {
            for outcome in [one, one.success(0.5), one.abs_advantage(0.0), one.abs_advantage(0.3)] {
                assert_eq!(verdict(&gate, outcome), DEAD);
            }
            assert_eq!(verdict(&gate, one.success(3.0 / 7.0).rollouts(7)), Verdict::Admit);
        }
    }

    #[test]
    fn the_number_of_advantages_and_of_rollouts() {
        let group = Outcome::group(&[1.0, 0.0, 0.5, 0.5]).unwrap();
        assert_eq!(group.nonzero_advantages, Some(2));
        assert_eq!(verdict(&Gate::Advantages { least: 2 }, group), Verdict::Admit);
        assert_eq!(verdict(&Gate::Advantages { least: 3 }, group), DEAD);
        assert_eq!(verdict(&Gate::Rollouts { least: 4 }, group), Verdict::Admit);
        assert_eq!(verdict(&Gate::Rollouts { least: 5 }, group), Verdict::Reject(Reason::TooFew));
        let silent = Outcome::default().success(0.5);
        let missing = Gate::Advantages { least: 2 }.missing(&Case::new(&silent));
        assert_eq!(missing, Some(Field::NonzeroAdvantages));
    }

    #[test]
    fn a_band_moves_with_the_rounds_and_differs_by_arm() {
        let low = Schedule::Linear { from: 0.8, to: 0.2, rounds: 10 };
        let gate = Gate::Arms(vec![Gate::band(low, 1.0), Gate::band(0.0, 0.3)]);
        let outcome = Outcome::default().success(0.5).rollouts(8);
        let at = |arm, round| {
            gate.admit(&Case { arm: ArmId(arm), round: Round(round), ..Case::new(&outcome) })
        };
        assert_eq!(at(0, 0), Verdict::Reject(Reason::TooHard));
        assert_eq!((at(0, 5), at(0, 90)), (Verdict::Admit, Verdict::Admit));
        assert_eq!((at(1, 0), at(1, 90)), (Verdict::Reject(Reason::TooEasy), at(1, 0)));
        // The ends themselves are within, as the `f32` that they are reported as.
        let ends = Gate::band(0.2, 0.8);
        for (success, admitted) in [(0.2, true), (0.8, true), (0.19999, false), (0.80001, false)] {
            let outcome = Outcome::default().success(success);
            assert_eq!(verdict(&ends, outcome) == Verdict::Admit, admitted, "{success}");
        }
    }

    #[test]
    fn all_must_admit_and_the_first_reason_counts() {
        let stale = Gate::Stale { most: AgeLimit::rounds(3), teaches: false };
        let gate = Gate::All.and(Gate::Rollouts { least: 4 }).and(stale).and(Gate::zero_signal());
        let judge = |success: f32, rollouts, rounds| {
            let outcome = Outcome::default().success(success).rollouts(rollouts);
            gate.judge(&Case { age: Age::new(rounds, 0), ..Case::new(&outcome) })
        };
        let rejected = |reason, teaches| Judgement { verdict: Verdict::Reject(reason), teaches };
        assert_eq!(judge(0.5, 4, 3), Judgement::ADMITTED);
        assert_eq!(judge(1.0, 3, 9), rejected(Reason::TooFew, true));
        assert_eq!(judge(1.0, 4, 4), rejected(Reason::Stale, false));
        assert_eq!(judge(1.0, 4, 3), rejected(Reason::ZeroSignal, true));
    }

    #[test]
    fn options_that_make_no_gate() {
        let never = AgeLimit::rounds(1);
        let bad = [
            Gate::Every(vec![]),
            Gate::Every(vec![Gate::All, Gate::Rollouts { least: 0 }]),
            Gate::Advantages { least: 0 },
            Gate::Arms(vec![Gate::All]),
            Gate::Arms(vec![Gate::All, Gate::band(0.5, 0.4)]),
            Gate::band(-0.1, 0.4),
            Gate::band(f64::NAN, 0.4),
            Gate::band(0.1, 1.1),
            Gate::band(Schedule::Linear { from: 0.0, to: 2.0, rounds: 3 }, 1.0),
            Gate::ZeroSignal { by: Measure::Success, tolerance: 0.5 },
            Gate::ZeroSignal { by: Measure::Spread, tolerance: -0.1 },
            Gate::ZeroSignal { by: Measure::Spread, tolerance: f32::NAN },
        ];
        for gate in bad {
            assert!(gate.check(2).is_err(), "{gate:?}");
        }
        let good = [
            Gate::stale(never),
            Gate::Arms(vec![Gate::All, Gate::zero_signal()]),
            Gate::ZeroSignal { by: Measure::Spread, tolerance: 0.5 },
            Gate::band(0.4, 0.4),
        ];
        for gate in good {
            assert_eq!(gate.check(2), Ok(()), "{gate:?}");
        }
    }
}
