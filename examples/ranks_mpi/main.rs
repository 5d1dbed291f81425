//! Ranks over MPI, held to the digests of `tests/data/ranks.json`; then what a round of 1 024 draws costs.
//!
//! ```text
//! cargo build --release --no-default-features --features mpi --example ranks_mpi
//! mpirun -n 4 target/release/examples/ranks_mpi
//! ```
//!
//! Every rank wants another part of a round, the first often none; odd ones report in the reverse order. Any rank
//! that comes to another digest ends all. `run` beside this file does it for several numbers of ranks, and over a
//! network.

use std::error::Error;

use curricle::feed::ranks::{Exchange, Mpi, Replicated};
use curricle::policy::{Boltzmann, Bounded, Prior};
use curricle::sampler::Replace;
use curricle::signal::MeanAdvantage;
use curricle::{Batch, Builder, Curriculum, Feed, Feedback, Gate, Outcome};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};
use serde_json::Value;

const ROUNDS: u64 = 200;
const DRAWS: usize = 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let universe = mpi::initialize().ok_or("MPI runs already")?;
    let world = universe.world();
    let file: Value = serde_json::from_str(include_str!("../../tests/data/ranks.json"))?;
    for run in file["runs"].as_array().ok_or("no runs")? {
        if let Err(error) = follow(run, &world) {
            eprintln!("rank {}: {error}", world.rank());
            world.abort(1);
        }
    }
    measure(&world)
}

/// Goes through a run of the file and compares digests.
fn follow(run: &Value, world: &SimpleCommunicator) -> Result<(), Box<dyn Error>> {
    let number = |value: &Value| value.as_u64().ok_or("no number");
    let list = |key: &str| run[key].as_array().ok_or("no list");
    let (seed, lag) = (number(&run["config"]["seed"])?, number(&run["config"]["lag"])?);
    let built = builder(number(&run["samples"])? as usize, 6)
        .gate(Gate::band(0.2, 0.8))
        .seed(seed)
        .lag(lag)
        .build()?;
    let mut feed = Replicated::new(built, Mpi::new(world.duplicate()));
    for (round, (total, digest)) in list("wants")?.iter().zip(list("digests")?).enumerate() {
        let batch = feed.draw(want(number(total)? as usize, world))?;
        feed.observe(&reports(&batch, world))?;
        let found = format!("{:016x}", feed.replica().digest());
        if digest.as_str() != Some(&found) {
            return Err(format!("seed {seed}, round {round}: {found}, the file has {digest}").into());
        }
    }
    Ok(())
}

/// The curriculum of the file, over so many arms.
fn builder(samples: usize, arms: u32) -> Builder<Bounded<Boltzmann>, MeanAdvantage, Replace> {
    Curriculum::builder(samples)
        .arms(arms, move |sample| (sample.0 % u64::from(arms)) as u32)
        .policy(Bounded::new(Boltzmann::new().alpha(0.5)).floor(0.1, Prior::Uniform))
        .signal(MeanAdvantage)
        .sampler(Replace)
}

/// What this rank wants of a total: the later, the more.
fn want(total: usize, world: &SimpleCommunicator) -> usize {
    let (rank, size) = (world.rank() as usize, world.size() as usize);
    let before = |rank: usize| total * rank * rank / (size * size);
    before(rank + 1) - before(rank)
}

fn reports(batch: &Batch, world: &SimpleCommunicator) -> Vec<Feedback> {
    let outcome = |sample: u64| {
        let success = ((7 * sample + 3 * batch.round.0) % 5) as f32 / 4.0;
        Outcome::default().success(success).abs_advantage(success * (1.0 - success)).rollouts(8)
    };
    let draws = batch.draws.iter();
    let mut all: Vec<Feedback> =
        draws.map(|draw| Feedback::new(draw.ticket, outcome(draw.sample.0))).collect();
    if world.rank() % 2 == 1 {
        all.reverse();
    }
    all
}

/// The time of a round, and the bytes of its frames.
fn measure(world: &SimpleCommunicator) -> Result<(), Box<dyn Error>> {
    let rank = Mpi::new(world.duplicate());
    let (size, own) = (rank.size(), rank.rank());
    let mut feed = Replicated::new(builder(100_000, 64).seed(1).build()?, rank);
    let want = DRAWS * (own + 1) / size - DRAWS * own / size;
    let mut start = 0.0;
    for round in 0..=ROUNDS {
        // The first round is for the caches and the connections.
        if round == 1 {
            start = mpi::time();
        }
        let batch = feed.draw(want)?;
        feed.observe(&reports(&batch, world))?;
    }
    let microseconds = (mpi::time() - start) * 1e6 / ROUNDS as f64;
    let bytes = feed.metrics().get("ranks/bytes/gathered").unwrap_or(0.0);
    let digest = feed.exchange()?.digest();
    if own == 0 {
        println!("{size} ranks: digests as in the file, {digest:016x} at the end");
        println!("{DRAWS} draws a round: {microseconds:.0} us, {bytes} bytes");
    }
    // None ends while another still waits for what it has sent.
    world.barrier();
    Ok(())
}
