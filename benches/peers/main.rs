//! curricle beside its peers in Python: one command, interleaved round by round, ratios printed.
//!
//! ```text
//! cargo bench --no-default-features --bench peers
//!     --python PATH   another interpreter than python3
//!     --large         the rounds at 10^7 samples too (some take seconds)
//!     --only NAME     one comparison, such as `bandit`
//!     --picture FILE  instead, `step` at 10^4 to 10^7 samples, drawn beside the time of one random cache line
//! ```
//!
//! The peers are numpy, `torch.multinomial`, torchrl's `PrioritizedSampler` and cpprb's `PrioritizedReplayBuffer`, each where
//! it is installed; what is missing is named. In every round each contender works for 20 ms, at least for
//! three batches, and the median batch counts; the table has the medians of the rounds. Peers are called
//! from Python as their users call them, curricle from Rust. On a busy machine a peer's batch counts with
//! its processor time if that is less than the time that passed; curricle's with what passed.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod ours;
#[path = "../picture/mod.rs"]
mod picture;
#[path = "../weights/mod.rs"]
mod weights;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use picture::Line;
use plotters::style::RGBColor;

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// One comparison: its name in both languages, samples, batch, and what curricle does.
struct Task {
    name: &'static str,
    title: &'static str,
    samples: usize,
    batch: usize,
    rounds: usize,
    ours: fn(usize, usize) -> Box<dyn FnMut()>,
}

/// The interpreter with the peers.
struct Python {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Python {
    fn start(interpreter: &str) -> Anything<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/peers.py");
        let mut child = Command::new(interpreter)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let mut python = Self { child, input, output };
        println!("{}", python.line()?);
        Ok(python)
    }

    fn line(&mut self) -> Anything<String> {
        Ok(self.output.next().ok_or("the Python side ended")??)
    }

    /// Says something; returns the lines of the answer before its end.
    fn ask(&mut self, what: &str, end: &str) -> Anything<Vec<(String, String)>> {
        writeln!(self.input, "{what}")?;
        let mut answer = Vec::new();
        loop {
            let line = self.line()?;
            if line == end {
                return Ok(answer);
            }
            let (key, value) = line.split_once('\t').ok_or("a line without a tab")?;
            answer.push((key.to_owned(), value.to_owned()));
        }
    }
}

fn main() -> Anything<()> {
    let (mut interpreter, mut large, mut only) = ("python3".to_owned(), false, None);
    let mut drawing = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("python") => {
                interpreter = arguments.value()?.to_string_lossy().into_owned()
            }
            lexopt::Arg::Long("large") => large = true,
            lexopt::Arg::Long("only") => only = Some(arguments.value()?.to_string_lossy().into_owned()),
            lexopt::Arg::Long("picture") => drawing = Some(arguments.value()?),
            lexopt::Arg::Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    let mut python = Python::start(&interpreter)
        .inspect_err(|error| println!("no Python peers: {interpreter}: {error}"))
        .ok();
    let million = 1_000_000;
    let task =
        |name, title, samples, batch, rounds, ours| Task { name, title, samples, batch, rounds, ours };
    let mut tasks = vec![
        task("step", "update 512 + draw 512", million, 512, 15, ours::step),
        task("distinct", "distinct 512", million, 512, 9, ours::distinct),
        task(
            "gaussian at the start",
            "Gaussian, mean 0, sd 1000",
            million,
            1024,
            9,
            ours::gaussian_at_start,
        ),
        task(
            "gaussian in the middle",
            "Gaussian, mean N/2, sd N/20",
            million,
            1024,
            9,
            ours::gaussian_in_middle,
        ),
        task("bandit", "softmax bandit, batch 512 of K arms", 100_000, 512, 15, ours::bandit),
        task(
            "bandit",
            "the same with tickets, gate and ledger",
            100_000,
            512,
            15,
            ours::bandit_curriculum,
        ),
        task("selection", "512 in a band, rested for 5 rounds", million, 512, 9, ours::selection),
        task(
            "selection",
            "512 in a band, weights by score",
            million,
            512,
            9,
            ours::step_of_a_curriculum,
        ),
        task("tree", "draw 512", million, 512, 15, ours::draw),
        task("tree", "draw 512", 10 * million, 512, 15, ours::draw),
    ];
    if large && drawing.is_none() {
        tasks.push(task("step", "update 512 + draw 512", 10 * million, 512, 7, ours::step));
    }
    if let Some(path) = drawing {
        let step = |power: u32| {
            let rounds = if power > 6 { 5 } else { 9 };
            task("step", "update 512 + draw 512", 10usize.pow(power), 512, rounds, ours::step)
        };
        tasks.clear();
        tasks.extend((4..=7).map(step));
        let measured = tasks.iter().map(|task| Ok((task.samples, compare(task, python.as_mut())?)));
        draw(&measured.collect::<Anything<Vec<_>>>()?, path.as_ref())?;
        tasks.clear();
    }
    for task in tasks.iter().filter(|task| only.as_ref().is_none_or(|only| only == task.name)) {
        compare(task, python.as_mut())?;
    }
    if let Some(mut python) = python {
        writeln!(python.input, "quit")?;
        python.child.wait()?;
    }
    Ok(())
}

/// The median time of a batch in one round, in nanoseconds: 20 ms, at least three batches.
fn time(work: &mut dyn FnMut()) -> u128 {
    let (mut times, mut spent) = (Vec::new(), 0);
    while times.len() < 3 || spent < 20_000_000 && times.len() < 2000 {
        let start = Instant::now();
        work();
        times.push(start.elapsed().as_nanos());
        spent += times[times.len() - 1];
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// Contenders and their nanoseconds an item.
type Times = Vec<(String, f64)>;

/// The picture of the times at several numbers of samples, the limit drawn in.
fn draw(measured: &[(usize, Times)], path: &std::path::Path) -> Anything<()> {
    let palette =
        [[30, 90, 170], [200, 120, 40], [225, 175, 120], [190, 60, 60], [60, 150, 90], [150, 80, 150]];
    let mut lines: Vec<Line> = Vec::new();
    for (samples, times) in measured {
        for (name, time) in times {
            let at = (*samples as f64, *time);
            match lines.iter_mut().find(|line| line.name == *name) {
                Some(line) => line.points.push(at),
                None => {
                    let [r, g, b] = palette[lines.len() % palette.len()];
                    lines.push(Line {
                        name: name.clone(),
                        colour: RGBColor(r, g, b),
                        points: vec![at],
                    });
                }
            }
        }
    }
    // The slowest is named first, as it lies highest.
    lines.sort_by(|a, b| b.points[b.points.len() - 1].1.total_cmp(&a.points[a.points.len() - 1].1));
    let limit = |&(samples, _): &(usize, Times)| {
        (samples as f64, time(&mut *ours::random_lines(samples, 512)) as f64 / 512.0)
    };
    let points: Vec<(f64, f64)> = measured.iter().map(limit).collect();
    points.iter().for_each(|(samples, time)| println!("limit at {samples}: {time:.1} ns"));
    let name = "limit: one random cache line".into();
    lines.push(Line { name, colour: RGBColor(140, 140, 140), points });
    picture::draw(&lines, "ns to update and draw one of 512", path)
}

fn compare(task: &Task, mut python: Option<&mut Python>) -> Anything<Times> {
    println!("\n{}, N = {}", task.title, task.samples);
    let mut rust: Vec<(String, Box<dyn FnMut()>)> =
        vec![("curricle".into(), (task.ours)(task.samples, task.batch))];
    if task.name == "tree" {
        rust.push(("rand_distr WeightedTreeIndex".into(), ours::rand_draw(task.samples, task.batch)));
    }
    if let Some(python) = &mut python {
        let order = format!("prepare\t{}\t{}\t{}", task.name, task.samples, task.batch);
        for (key, value) in python.ask(&order, "ready")? {
            if key == "skip" {
                println!("  skipped: {value}");
            }
        }
    }
    let mut times: Vec<(String, Vec<u128>)> = Vec::new();
    let mut note = |name: &str, time: u128| match times.iter_mut().find(|(known, _)| known == name) {
        Some((_, list)) => list.push(time),
        None => times.push((name.to_owned(), vec![time])),
    };
    rust.iter_mut().for_each(|(_, work)| (0..20).for_each(|_| work()));
    for _ in 0..task.rounds {
        rust.iter_mut().for_each(|(name, work)| note(name, time(work)));
        if let Some(python) = &mut python {
            for (name, time) in python.ask("round", "done")? {
                note(&name, time.parse()?);
            }
        }
    }
    let median = |list: &[u128]| {
        let mut sorted = list.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() / 2] as f64
    };
    let base = median(&times[0].1);
    let mut found = Vec::new();
    for (name, list) in &times {
        let median = median(list);
        found.push((name.clone(), median / task.batch as f64));
        println!(
            "  {name:<40} {:>11.1} us a batch {:>10.1} ns an item {:>9.1} x",
            median / 1000.0,
            median / task.batch as f64,
            median / base
        );
    }
    Ok(found)
}
