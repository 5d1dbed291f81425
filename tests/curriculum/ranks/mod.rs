//! Ranks that hold the same curriculum: held against one curriculum that draws and is told everything, for any number
//! of ranks; and what each of them is told when one differs, is misheard or goes away.

mod faults;
mod golden;
mod refilled;
mod resumed;
mod twin;

use std::panic::resume_unwind;
use std::thread::{Result as Ended, scope};

use crate::common;
use curricle::feed::ranks::{Replica, Threads};
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::sampler::Replace;
use curricle::signal::MeanAdvantage;
use curricle::{Builder, Curriculum, Draw, Feedback, Policy, Purpose, Rng, Round, Sampler, Signal};

pub const SIZES: [usize; 5] = [1, 2, 3, 4, 8];

/// A bandit whose next draw depends on everything that was reported.
pub fn builder(seed: u64) -> Builder<Bounded<Boltzmann>, MeanAdvantage, Replace> {
    Curriculum::builder(120)
        .arms(6, |sample| (sample.0 % 6) as u32)
        .policy(Bounded::new(Boltzmann::new().alpha(0.5)).floor(0.1, Prior::Uniform))
        .signal(MeanAdvantage)
        .sampler(Replace)
        .seed(seed)
}

/// What each rank comes to, each on a thread of its own; a panic of one is an error here.
pub fn ends<T: Send>(size: usize, work: impl Fn(Threads) -> T + Sync) -> Vec<Ended<T>> {
    scope(|scope| {
        let threads = Threads::group(size).into_iter().map(|rank| scope.spawn(|| work(rank)));
        threads.collect::<Vec<_>>().into_iter().map(|thread| thread.join()).collect()
    })
}

/// The same, where none may panic.
pub fn on_ranks<T: Send>(size: usize, work: impl Fn(Threads) -> T + Sync) -> Vec<T> {
    let ends = ends(size, work).into_iter();
    ends.map(|end| end.unwrap_or_else(|panic| resume_unwind(panic))).collect()
}

/// A total divided among ranks at random, so that some may want nothing.
pub fn divided(total: usize, size: usize, seed: u64, round: u64) -> Vec<usize> {
    let mut coins = Rng::at(seed ^ size as u64, Round(round), Purpose::User);
    let mut cuts: Vec<usize> =
        (1..size).map(|_| (coins.unit() * (total + 1) as f64) as usize).collect();
    cuts.extend([0, total]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| cut[1] - cut[0]).collect()
}

/// What has been seen of draws: a made-up outcome that depends on the ticket.
pub fn seen(draws: &[Draw]) -> Vec<Feedback> {
    draws.iter().map(|draw| Feedback::new(draw.ticket, common::outcome(draw.ticket.0))).collect()
}

/// All that is remembered, to the last bit.
pub fn state(replica: &impl Replica) -> Vec<u8> {
    bytes(replica.curriculum())
}

pub fn bytes<P: Policy, S: Signal, D: Sampler>(curriculum: &Curriculum<P, S, D>) -> Vec<u8> {
    curriculum.to_bytes().unwrap()
}
