//! The feed of one rank.

use std::collections::VecDeque;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::agreement::{Merged, standing};
use super::frame::{Call, Frame};
use super::inbox::Inbox;
use super::{Exchange, Replica};
use crate::base::error::{Error, Result, length, within};
use crate::base::id::Ticket;
use crate::base::metrics::Metrics;
use crate::curriculum::Refused;
use crate::curriculum::refill::Step;
use crate::event::{Batch, Feedback, Verdict};
use crate::feed::Feed;

/// The feed of one rank of several that hold the same curriculum; see [the module](super).
///
/// The replica changes at exchanges only. Whatever is reported in between is checked and judged against it at once,
/// waits, and is taken in by all ranks at the next exchange, which every [`draw`](Feed::draw), [`step`](Feed::step)
/// and [`exchange`](Self::exchange) begins with; each rank calls the same of them equally often. What goes wrong in a
/// replica then goes wrong in all of them: a draw that gives [`Error::Awaiting`] on one rank does so on each, has
/// taken in what there was, and is called again by each.
///
/// | call | the replica | this rank gets |
/// |--|--|--|
/// | `observe`, `report`, [`lose`](Self::lose), `set_version` | is as it was | its verdicts, or its errors |
/// | `draw(want)` | takes in, then draws the sum of `want` | its part of the batch |
/// | `step(want)` | takes in, then [steps](crate::Curriculum::step) by the sum of `want` | its part |
/// | `exchange()` | takes in | the replica, to be saved |
///
/// **Parts.** Of a batch of n tickets the rank that wants `w` behind others that want `b`, of `t` in all, gets those
/// in `[n b / t, n (b + w) / t)`: in a full batch as many as it wants, in a shorter one, such as the last before a
/// [stop](crate::Stop), a share; with a `want` of 0 none. Where all want 0 nothing is drawn. The useful tickets of a
/// step are dealt in the same way, whichever rank reported them.
///
/// **Verdicts** are those of the replica as it stands: its round, and the version of the model as of the last
/// exchange. [`set_version`](Feed::set_version) takes effect at the next exchange, behind what was reported and
/// before the draw. It is enough if one rank says it; ranks that say different versions are [`Error::Diverged`].
///
/// **Reports.** Any rank may report, or give up, any ticket. One that a rank gives up is lost, whatever another
/// reports of it; one of which two ranks report different outcomes is [`Error::Conflict`] on all ranks until one of
/// them gives it up.
///
/// **Errors** of the exchange itself ([`Error::Diverged`], [`Error::Frame`], [`Error::Transport`],
/// [`Error::RankGone`], [`Error::Conflict`]) leave replica and queue as they were.
///
/// **Threads of a rank** share it behind a [`Lockstep`](crate::feed::Lockstep) without patience: with it a draw that
/// is refused would be called again, on this rank only.
///
/// ```
/// use curricle::feed::ranks::{Alone, Replicated};
/// use curricle::{Curriculum, Feed, Feedback, Outcome};
///
/// # fn main() -> curricle::Result<()> {
/// // One rank: the batches are those of the curriculum by itself.
/// let mut rank = Replicated::new(Curriculum::builder(100).build()?, Alone);
/// let batch = rank.draw(4)?;
/// rank.observe(&[Feedback::new(batch.draws[0].ticket, Outcome::default().success(0.5))])?;
/// rank.lose(&[batch.draws[1].ticket, batch.draws[2].ticket, batch.draws[3].ticket])?;
/// assert_eq!((rank.queued(), rank.replica().counts().open), (4, 4));
/// assert_eq!(rank.exchange()?.counts().lost, 3);
/// # Ok(()) }
/// ```
///
/// Cost of an exchange of m tickets among n ranks: one all-gather of 10 to 40 bytes a ticket and 40 a rank; O(m log m
/// + n) on each rank, beside what a curriculum alone would do.
#[derive(Debug)]
pub struct Replicated<F, X> {
    replica: F,
    exchange: X,
    /// How many rounds are drawn at an exchange.
    rounds: u64,
    inbox: Inbox,
    /// What of the reports to this rank was refused before it came to an exchange.
    refused: Refused,
    /// A digest of the frames so far.
    frames: u64,
    exchanges: u64,
    /// This rank's parts of what was drawn ahead, and what it was asked for.
    ahead: VecDeque<Result<Batch>>,
    want: usize,
    /// The size of the last frames, this rank's and that of all.
    bytes: (usize, usize),
}

impl<F: Replica, X: Exchange> Replicated<F, X> {
    /// One rank, with its copy. All copies are built in the same way, or restored from the same snapshot; that they
    /// were is checked at the first exchange.
    pub fn new(replica: F, exchange: X) -> Self {
        Self {
            replica,
            exchange,
            rounds: 1,
            inbox: Inbox::default(),
            refused: Refused::default(),
            frames: 0,
            exchanges: 0,
            ahead: VecDeque::new(),
            want: 0,
            bytes: (0, 0),
        }
    }

    /// Exchanges every so many rounds only, from now on: a draw at an exchange draws that many batches, one after the
    /// other, and the next calls hand out the others without an exchange. All of them are asked for with the same
    /// `want`. Ages count as if all had been drawn before the first was worked on, which they were.
    ///
    /// An error that one of those draws meets is what the call gets that asks for it; the one after it exchanges.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for 0, or for more than the [lag](crate::Builder::lag) and 1: the feedback of the first
    /// batch would be due before it could have been exchanged.
    pub fn every(self, rounds: u64) -> Result<Self> {
        Self::check_every(&self.replica, rounds)?;
        Ok(Self { rounds, ..self })
    }

    /// Whether [`every`](Self::every) takes so many rounds, before a copy is handed over to [`new`](Self::new).
    ///
    /// # Errors
    /// Those of `every`.
    pub fn check_every(replica: &F, rounds: u64) -> Result<()> {
        let most = replica.lag().saturating_add(1);
        within("rounds between exchanges", rounds as f64, 1.0, most as f64).map(drop)
    }

    /// Exchanges what waits, and draws nothing: all ranks call it, as before one of them saves the curriculum. What
    /// waits here is in no snapshot; what was drawn ahead is, as [unfinished](crate::Curriculum::unfinished).
    ///
    /// # Errors
    /// Those of the exchange; in the pace of arrival those of [`Curriculum::observe`](crate::Curriculum::observe) and
    /// [`lose`](crate::Curriculum::lose), too, which are the same on all ranks.
    pub fn exchange(&mut self) -> Result<&F> {
        self.meet(Call::Exchange, 0)?;
        Ok(&self.replica)
    }

    /// Gives tickets up at the next exchange; an outcome that still waits for it is forgotten.
    ///
    /// # Errors
    /// As [`Curriculum::lose`](crate::Curriculum::lose); then none of the tickets is given up.
    pub fn lose(&mut self, tickets: &[Ticket]) -> Result<()> {
        self.inbox.lose(&self.replica, tickets)
    }

    /// This rank's part of a batch that no rank has been handed, as of one that is
    /// [unfinished](crate::Curriculum::unfinished) after a restore: in equal parts, in the order of ranks.
    ///
    /// ```
    /// use curricle::Curriculum;
    /// use curricle::feed::ranks::{Replicated, Threads};
    ///
    /// # fn main() -> curricle::Result<()> {
    /// let mut restored = Curriculum::builder(10).build()?;
    /// let batch = restored.draw(5)?;
    /// let ranks = Threads::group(2).into_iter().map(|rank| Replicated::new(restored.clone(), rank));
    /// let parts: Vec<_> = ranks.map(|rank| rank.part(&batch).draws).collect();
    /// assert_eq!((parts[0].len(), parts.concat()), (2, batch.draws));
    /// # Ok(()) }
    /// ```
    pub fn part(&self, batch: &Batch) -> Batch {
        let wants = vec![1; self.exchange.size()];
        part_of(batch.clone(), &wants, self.exchange.rank())
    }

    /// The copy of this rank, to be looked at. A snapshot of it lacks what [waits](Self::queued).
    pub fn replica(&self) -> &F {
        &self.replica
    }

    /// The copy of this rank, for changes that all ranks make alike, between the same exchanges: samples that come
    /// and go, weights. One that a rank makes alone is reported by [`Error::Diverged`], at the next exchange where it
    /// changes the number of tickets or samples, else once decisions differ.
    pub fn replica_mut(&mut self) -> &mut F {
        &mut self.replica
    }

    /// What carries the frames.
    pub fn transport(&self) -> &X {
        &self.exchange
    }

    /// How many tickets wait for the next exchange.
    pub fn queued(&self) -> usize {
        self.inbox.len()
    }

    /// Exchanges frames and takes in what they come to; gives what each rank wants.
    fn meet(&mut self, call: Call, want: usize) -> Result<Vec<u64>> {
        let (rank, size) = (self.exchange.rank(), self.exchange.size());
        let frame = Frame {
            rank: rank as u64,
            size: size as u64,
            call,
            exchanges: self.exchanges,
            rounds: self.rounds,
            standing: standing(self.replica.curriculum(), self.frames),
            version: self.inbox.version,
            want: want as u64,
            lost: self.inbox.lost(),
            feedback: self.inbox.feedback(),
        };
        let frame = frame.encode().ok_or(Error::Unsupported { part: "frame", request: "serialise" })?;
        let gathered = self.exchange.all_gather(&frame)?;
        self.bytes = (frame.len(), gathered.iter().map(Vec::len).sum());
        length("frames of an exchange", size, gathered.len())?;
        let read = |(rank, bytes): (usize, &Vec<u8>)| {
            Frame::decode(bytes, rank, size).map_err(|source| Error::Frame { rank, source })
        };
        let frames = gathered.iter().enumerate().map(read).collect::<Result<Vec<Frame>>>()?;
        let merged = Merged::of(&frames)?;
        let checksums: Vec<u8> =
            gathered.iter().filter_map(|bytes| bytes.last_chunk::<8>()).flatten().copied().collect();
        self.frames = xxh3_64_with_seed(&checksums, self.frames);
        self.exchanges += 1;
        self.take_in(&merged)?;
        Ok(merged.wants)
    }

    /// What the replica has taken in waits no more, also where it has failed in the middle.
    fn take_in(&mut self, Merged { feedback, lost, version, .. }: &Merged) -> Result<()> {
        let Self { replica, inbox, .. } = self;
        if !feedback.is_empty() {
            let observed = replica.observe(feedback);
            inbox.forget_feedback(replica);
            observed?;
        }
        if !lost.is_empty() {
            let given_up = replica.lose(lost);
            inbox.forget_feedback(replica);
            inbox.forget_lost(replica);
            given_up?;
        }
        inbox.version = None;
        match version {
            Some(version) if *version > replica.curriculum().version() => replica.set_version(*version),
            _ => Ok(()),
        }
    }
}

impl<F: Replica, X: Exchange> Feed for Replicated<F, X> {
    /// This rank's part of the next batch, `want` samples, which may be 0.
    ///
    /// # Errors
    /// Those of the exchange; as [`Curriculum::draw`](crate::Curriculum::draw), on all ranks. [`Error::OutOfRange`]
    /// for another `want` than that of the batch before, where several are [drawn at an exchange](Self::every).
    fn draw(&mut self, want: usize) -> Result<Batch> {
        if !self.ahead.is_empty() {
            let (value, asked) = (want as f64, self.want as f64);
            within("what is wanted between exchanges", value, asked, asked)?;
        }
        if let Some(next) = self.ahead.pop_front() {
            return next;
        }
        let wants = self.meet(Call::Draw, want)?;
        let all = total(&wants);
        if all == 0 {
            let curriculum = self.replica.curriculum();
            return Ok(Batch {
                round: curriculum.round(),
                version: curriculum.version(),
                draws: vec![],
            });
        }
        let rank = self.exchange.rank();
        let mut draw = || self.replica.draw(all).map(|batch| part_of(batch, &wants, rank));
        let first = draw()?;
        for _ in 1..self.rounds {
            let next = draw();
            let is_last = next.is_err();
            self.ahead.push_back(next);
            if is_last {
                break;
            }
        }
        self.want = want;
        Ok(first)
    }

    /// Takes in outcomes for the next exchange. The verdicts are those that the replicas will come to.
    ///
    /// # Errors
    /// Those of [`Curriculum::observe`](crate::Curriculum::observe) that name a ticket, for one that waits already,
    /// too. Then none of the feedback waits.
    fn observe(&mut self, feedback: &[Feedback]) -> Result<Vec<Verdict>> {
        self.inbox.observe(&self.replica, feedback)
    }

    fn report(&mut self, feedback: &[Feedback]) -> Result<Vec<Result<Verdict>>> {
        let Self { inbox, replica, refused, .. } = self;
        let report = |one| inbox.report(replica, one).inspect_err(|error| refused.count(error));
        Ok(feedback.iter().map(report).collect())
    }

    /// What the replica says of a step of the sum of all `want`; of a batch or of useful tickets this rank's part,
    /// which may have none. Where all want 0 the step is ready at once.
    ///
    /// # Errors
    /// Those of the exchange; as [`Curriculum::step`](crate::Curriculum::step), on all ranks. [`Error::Unsupported`]
    /// where several rounds are drawn at an exchange.
    fn step(&mut self, want: usize) -> Result<Step> {
        if self.rounds > 1 {
            return Err(Error::Unsupported { part: "exchange every few rounds", request: "step" });
        }
        let wants = self.meet(Call::Step, want)?;
        let all = total(&wants);
        if all == 0 {
            return Ok(Step::Ready(Vec::new()));
        }
        let rank = self.exchange.rank();
        Ok(match self.replica.step(all)? {
            Step::Draw(batch) => Step::Draw(part_of(batch, &wants, rank)),
            Step::Ready(useful) => Step::Ready(useful[range(useful.len(), &wants, rank)].to_vec()),
            other => other,
        })
    }

    /// Sets the version of the model, at the next exchange.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a version below the present one, or one that was set before.
    fn set_version(&mut self, version: u64) -> Result<()> {
        let least = self.inbox.version.unwrap_or(self.replica.curriculum().version());
        if version < least {
            let (low, high) = (least as f64, u64::MAX as f64);
            return Err(Error::OutOfRange { what: "version", value: version as f64, low, high });
        }
        self.inbox.version = Some(version);
        Ok(())
    }

    /// That of the replica, less what is drawn at an exchange beyond the first.
    fn lag(&self) -> u64 {
        self.replica.lag().saturating_sub(self.rounds - 1)
    }

    /// Those of the replica; `ranks/rank`, `ranks/size`, `ranks/exchanges`, `ranks/queued`; `ranks/bytes/sent` and
    /// `ranks/bytes/gathered`, the size of this rank's frame and of all at the last exchange.
    fn metrics(&self) -> Metrics {
        let mut metrics = self.replica.metrics();
        self.refused.add_to(&mut metrics);
        metrics.push("ranks/rank", self.exchange.rank() as f64);
        metrics.push("ranks/size", self.exchange.size() as f64);
        metrics.push("ranks/exchanges", self.exchanges as f64);
        metrics.push("ranks/queued", self.queued() as f64);
        metrics.push("ranks/bytes/sent", self.bytes.0 as f64);
        metrics.push("ranks/bytes/gathered", self.bytes.1 as f64);
        metrics
    }
}

/// The sum of what is wanted; the greatest number where it is beyond, which no curriculum draws.
fn total(wants: &[u64]) -> usize {
    let sum = wants.iter().fold(0u64, |sum, want| sum.saturating_add(*want));
    usize::try_from(sum).unwrap_or(usize::MAX)
}

fn part_of(mut batch: Batch, wants: &[u64], rank: usize) -> Batch {
    let Range { start, end } = range(batch.draws.len(), wants, rank);
    batch.draws.truncate(end);
    batch.draws.drain(..start);
    batch
}

/// The places of `n` that a rank gets; one of them wants something.
fn range(n: usize, wants: &[u64], rank: usize) -> Range<usize> {
    let sum = |wants: &[u64]| wants.iter().map(|&want| u128::from(want)).sum::<u128>();
    let (all, before) = (sum(wants), sum(&wants[..rank]));
    let place = |wanted: u128| (n as u128 * wanted / all) as usize;
    place(before)..place(before + u128::from(wants[rank]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts are one after the other, all of it, and in a full batch what was wanted.
    #[test]
    fn parts_of_a_batch() {
        let wants_of: [&[u64]; 5] =
            [&[4], &[3, 0, 5], &[0, 0, 1], &[1, 1, 1, 1], &[u64::MAX, u64::MAX, 2]];
        for wants in wants_of {
            for n in [0, 1, 3, 7, 8, 100] {
                let mut end = 0;
                for rank in 0..wants.len() {
                    let part = range(n, wants, rank);
                    assert_eq!(part.start, end);
                    assert!(wants[rank] > 0 || part.is_empty());
                    if total(wants) == n {
                        assert_eq!(part.len() as u64, wants[rank]);
                    }
                    end = part.end;
                }
                assert_eq!(end, n);
            }
        }
        assert_eq!(total(&[u64::MAX, 1]), usize::MAX);
    }
}
