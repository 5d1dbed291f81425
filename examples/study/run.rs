//! One training run: a curriculum picks the prompts, the model answers, GRPO trains.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "measures time; no decision is made here"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use curricle::signal::Angle;
use curricle::{Batch, Feedback, Outcome, Purpose, Rng, Round, SampleId, Step, Ticket, Verdict};

use crate::curriculum::{self, Class, Filling, PROMPTS, ROLLOUTS, Teacher};
use crate::grpo::{Group, Trainer};
use crate::model::{Writer, device};
use crate::prompts::{Exercise, Prompts};
use crate::sampling::{read, sample};
use crate::warm_up::Starts;
use crate::workload::{self, Arm, Workload};
use crate::{Result, angle};

/// What a run is: enough to make it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The name of a workload: `workload::find(name)`; with its dials in the name, such as "ladder" or
    /// "map/signal=10/transfer=weak/noise=20".
    pub workload: String,
    /// The name of a curriculum: `curriculum::find(name)`.
    pub curriculum: String,
    pub seed: u64,
    /// Learning rate.
    pub rate: f64,
    /// Rollout tokens after which the run ends.
    pub tokens: u64,
}

/// What was measured after some number of rollout tokens. The first is at 0 tokens (after the warm-up).
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub tokens: u64,
    pub rollouts: u64,
    pub steps: u64,
    /// Groups with signal so far.
    pub useful: u64,
    /// Mean held-out pass rate over the learnable arms; the least of them; the mean over held-out harder levels.
    pub pass: f64,
    pub worst: f64,
    pub harder: f64,
    /// Mean entropy of the sampled tokens, in nats; by imitation, their cross entropy.
    pub entropy: f64,
    /// Held-out pass rate by arm and rollouts so far by arm.
    pub passes: Vec<f64>,
    pub drawn: Vec<u64>,
    pub seconds: f64,
}

/// A finished run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub setting: Setting,
    pub points: Vec<Point>,
}

/// Measurements of a run beside the first.
const POINTS: u64 = 20;
/// Seeds of what must not be what the curriculum draws by.
const ANSWERS: u64 = 0xA45E;
const LUCK: u64 = 0x10C4;
const MEASURED: u64 = 0x3EA5;

/// Makes a run from the warm-up of its workload and seed; `progress` is told the rollout tokens so far.
///
/// The result is a pure function of the setting, but for the seconds.
///
/// # Errors
/// There is no such workload or curriculum; what curricle or burn refuse.
pub fn run(
    setting: &Setting,
    starts: &Starts,
    progress: &dyn Fn(u64 /* tokens so far */),
) -> Result<Run> {
    let workload = workload::find(&setting.workload)?;
    let start = starts.of(&setting.workload, workload.as_ref(), setting.seed, setting.tokens)?;
    let began = Instant::now();
    let mut training = Training::new(setting, workload.as_ref(), start);
    let first = training.measure(began)?;
    let recipe = curriculum::find(&setting.curriculum)?;
    let class = Class {
        arms: &training.arms,
        prompts: &training.prompts,
        model: &training.trainer.model.valid(),
        seed: setting.seed,
        passes: &first.passes,
        rounds: (setting.tokens as f64 / training.tokens_of_a_step).ceil() as u64,
    };
    let mut teacher = (recipe.make)(&class)?;
    training.angle = recipe.angle;
    let mut points = vec![first];
    while training.tokens < setting.tokens {
        training.step(teacher.as_mut(), recipe.filling)?;
        progress(training.tokens);
        if training.tokens * POINTS >= setting.tokens * points.len() as u64 {
            points.push(training.measure(began)?);
        }
    }
    Ok(Run { setting: setting.clone(), points })
}

struct Training<'a> {
    setting: &'a Setting,
    workload: &'a dyn Workload,
    arms: Vec<Arm>,
    prompts: Arc<Prompts>,
    trainer: Trainer,
    device: Device,
    /// What is reported beside the rewards.
    angle: Option<Angle>,
    /// Groups that wait for their step, if it is refilled.
    banked: BTreeMap<Ticket, Group>,
    tokens: u64,
    rollouts: u64,
    steps: u64,
    useful: u64,
    drawn: Vec<u64>,
    /// About how many tokens a step of uniform sampling takes.
    tokens_of_a_step: f64,
}

impl<'a> Training<'a> {
    fn new(setting: &'a Setting, workload: &'a dyn Workload, start: Writer) -> Self {
        let (arms, prompts) = (workload.arms(), Arc::new(Prompts::new(workload, setting.seed)));
        let drawn = vec![0; arms.len()];
        let device = device();
        let gradients = device.clone().autodiff();
        let trainer = Trainer::new(start.train(), workload.shape(), setting.rate, gradients);
        Self {
            setting,
            workload,
            arms,
            prompts,
            trainer,
            device,
            angle: None,
            banked: BTreeMap::new(),
            tokens: 0,
            rollouts: 0,
            steps: 0,
            useful: 0,
            drawn,
            tokens_of_a_step: 1.0,
        }
    }

    /// Draws what the gradient is over, and takes the step.
    fn step(&mut self, teacher: &mut dyn Teacher, filling: Filling) -> Result<()> {
        let groups = match filling {
            Filling::Drawn(prompts) if self.workload.is_supervised() => {
                return self.imitate(teacher, prompts);
            }
            _ if self.workload.is_supervised() => {
                return Err(
                    "what is trained on by imitation has no rollouts to refill or to share".into()
                );
            }
            Filling::Drawn(prompts) => {
                let batch = teacher.draw(prompts)?;
                let rollouts = vec![ROLLOUTS; batch.draws.len()];
                self.answer(teacher, &batch, &rollouts)?
            }
            Filling::Shared(prompts, aim) => {
                let batch = teacher.draw(prompts)?;
                let shared = teacher.rollouts(&batch, (prompts * ROLLOUTS) as u64, aim)?;
                let shared: Vec<usize> = shared.into_iter().map(|rollouts| rollouts as usize).collect();
                self.answer(teacher, &batch, &shared)?
            }
            Filling::Refilled(want) => self.refill(teacher, want)?,
        };
        if groups.is_empty() {
            return Ok(());
        }
        self.trainer.improve(&groups.iter().map(|(_, group)| group).collect::<Vec<_>>())?;
        self.steps += 1;
        Ok(())
    }

    /// A supervised step on the prompts of one draw. What is reported is what so many rollouts would have been: each is
    /// right with the chance that the answer is known by. All prompts are trained on, whatever the verdict.
    fn imitate(&mut self, teacher: &mut dyn Teacher, prompts: usize) -> Result<()> {
        let batch = teacher.draw(prompts)?;
        let all = Arc::clone(&self.prompts);
        let (prompts, answers): (Vec<&[u8]>, Vec<&[u8]>) =
            batch.samples().map(|sample| all.exercise(sample).texts()).unzip();
        let model = self.trainer.model.valid();
        let chances = self.log_chances(&model, &prompts, &answers)?;
        let angles = self.angles(&model, &prompts)?;
        let mut feedback = Vec::new();
        for ((draw, chances), angle) in batch.draws.iter().zip(&chances).zip(angles) {
            let known = self.workload.known(chances);
            let rewards: Vec<f32> = (0..ROLLOUTS)
                .map(|rollout| f32::from(self.stream(LUCK, draw.ticket, rollout).unit() < known))
                .collect();
            let outcome = self.counted(draw.sample, &rewards, (1, chances.len() as u64), angle)?;
            feedback.push(Feedback::new(draw.ticket, outcome.loss(-chances.iter().sum::<f32>())));
        }
        teacher.observe(&feedback)?;
        self.trainer.imitate(&prompts, &answers)?;
        self.steps += 1;
        Ok(())
    }

    /// The log-chance of each symbol of the answers to imitate.
    fn log_chances(
        &self,
        model: &Writer,
        prompts: &[&[u8]],
        answers: &[&[u8]],
    ) -> Result<Vec<Vec<f32>>> {
        let cache = model.prompts(prompts, &self.device);
        let all = read(model.log_chances(self.workload.shape(), answers, cache, &self.device))?;
        let longest = answers.iter().map(|answer| answer.len()).max().unwrap_or(0).max(1);
        let rows = all.chunks(longest).zip(answers);
        Ok(rows.map(|(row, answer)| row.iter().copied().take(answer.len()).collect()).collect())
    }

    fn refill(&mut self, teacher: &mut dyn Teacher, want: usize) -> Result<Vec<(Ticket, Group)>> {
        let mut first = None;
        loop {
            match teacher.step(want)? {
                Step::Draw(batch) => {
                    first = first.or_else(|| batch.draws.first().map(|draw| draw.ticket));
                    let rollouts = vec![ROLLOUTS; batch.draws.len()];
                    let admitted = self.answer(teacher, &batch, &rollouts)?;
                    self.banked.extend(admitted);
                }
                Step::Ready(useful) => {
                    let taken = useful.iter().filter_map(|useful| {
                        self.banked.remove(&useful.draw.ticket).map(|group| (useful.draw.ticket, group))
                    });
                    let taken = taken.collect();
                    // What is left of this step may be used in the next one.
                    self.banked = first.map(|first| self.banked.split_off(&first)).unwrap_or_default();
                    return Ok(taken);
                }
                Step::Starved { .. } => return Ok(Vec::new()),
                _ => return Err("a step waits, though all was reported".into()),
            }
        }
    }

    /// Answers a batch, reports it, and returns what was admitted.
    fn answer(
        &mut self,
        teacher: &mut dyn Teacher,
        batch: &Batch,
        rollouts: &[usize],
    ) -> Result<Vec<(Ticket, Group)>> {
        let all = Arc::clone(&self.prompts);
        let prompts: Vec<&[u8]> = batch.samples().map(|sample| all.get(sample)).collect();
        let (mut rows, mut luck) = (Vec::new(), Vec::new());
        for (number, (draw, &rollouts)) in batch.draws.iter().zip(rollouts).enumerate() {
            rows.extend(
                (0..rollouts).map(|rollout| (number, self.stream(ANSWERS, draw.ticket, rollout))),
            );
            luck.extend((0..rollouts).map(|rollout| self.stream(LUCK, draw.ticket, rollout).unit()));
        }
        let model = self.trainer.model.valid();
        let sampled = sample(&model, self.workload.shape(), &prompts, rows, &self.device)?;
        let spent = self.tokens as f64 / self.setting.tokens as f64;
        let angles = self.angles(&model, &prompts)?;

        let (mut answers, mut groups, mut feedback) =
            (sampled.into_iter().zip(luck), Vec::new(), Vec::new());
        let drawn = batch.draws.iter().zip(&prompts).zip(rollouts).zip(angles);
        for (((draw, prompt), &count), angle) in drawn {
            let arm = self.prompts.arm(draw.sample);
            let (rollouts, luck): (Vec<_>, Vec<f64>) = answers.by_ref().take(count).unzip();
            let rewards: Vec<f32> = match self.arms[arm].luck {
                Some(kind) => {
                    let chance = kind.chance(prompt, spent);
                    luck.iter().map(|&luck| f32::from(luck < chance)).collect()
                }
                None => {
                    let is_right = |answer: &[u8]| self.workload.is_right(prompt, answer);
                    rollouts.iter().map(|it| f32::from(it.ended().is_some_and(is_right))).collect()
                }
            };
            let tokens: u64 = rollouts.iter().map(|rollout| rollout.tokens()).sum();
            let outcome = self.counted(draw.sample, &rewards, (count as u64, tokens), angle)?;
            feedback.push(Feedback::new(draw.ticket, outcome));
            groups.push((draw.ticket, Group { prompt: prompt.to_vec(), rollouts, rewards }));
        }
        let verdicts = teacher.observe(&feedback)?;
        let judged = groups.into_iter().zip(verdicts);
        Ok(judged.filter(|(_, verdict)| *verdict == Verdict::Admit).map(|(group, _)| group).collect())
    }

    /// The angle of each prompt, if it is reported.
    fn angles(&self, model: &Writer, prompts: &[&[u8]]) -> Result<Vec<Option<f32>>> {
        match self.angle {
            Some(angle) => Ok(angle::of(model, angle, prompts)?.into_iter().map(Some).collect()),
            None => Ok(vec![None; prompts.len()]),
        }
    }

    /// Counts a group, and says what is reported of it.
    fn counted(
        &mut self,
        sample: SampleId,
        rewards: &[f32],
        (rollouts, tokens): (u64, u64),
        angle: Option<f32>,
    ) -> Result<Outcome> {
        self.tokens += tokens;
        self.rollouts += rollouts;
        self.drawn[self.prompts.arm(sample)] += rollouts;
        self.useful += u64::from(rewards.iter().any(|&reward| reward != rewards[0]));
        let outcome = Outcome::group(rewards)?.cost(tokens as f32);
        Ok(angle.into_iter().fold(outcome, Outcome::utility))
    }

    /// The ticket addresses the randomness of a rollout.
    fn stream(&self, purpose: u64, ticket: Ticket, rollout: usize) -> Rng {
        let place = Round((ticket.0 << 16) + rollout as u64);
        Rng::at(self.setting.seed ^ (purpose << 32), place, Purpose::User)
    }

    /// Samples an answer to every held-out prompt, with the same random numbers whenever and whatever is measured. By
    /// imitation nothing is sampled: how well the answers are known is computed, and their cross entropy.
    fn measure(&mut self, began: Instant) -> Result<Point> {
        let model = self.trainer.model.valid();
        let spent = self.tokens as f64 / self.setting.tokens as f64;
        let (mut passes, mut entropy, mut tokens) = (Vec::new(), 0.0, 0);
        for (level, exercises) in self.prompts.held_out().iter().enumerate() {
            let (prompts, answers): (Vec<&[u8]>, Vec<&[u8]>) =
                exercises.iter().map(Exercise::texts).unzip();
            if self.workload.is_supervised() {
                let chances = self.log_chances(&model, &prompts, &answers)?;
                let known: Vec<f64> = chances.iter().map(|of| self.workload.known(of)).collect();
                passes.push(mean(&known));
                if level < self.arms.len() {
                    entropy -= chances.iter().flatten().map(|&it| f64::from(it)).sum::<f64>();
                    tokens += chances.iter().map(|of| of.len() as u64).sum::<u64>();
                }
                continue;
            }
            let luck = self.arms.get(level).and_then(|arm| arm.luck);
            if let Some(luck) = luck {
                let chances = prompts.iter().map(|prompt| luck.chance(prompt, spent));
                passes.push(chances.sum::<f64>() / prompts.len() as f64);
                continue;
            }
            let stream = |number: usize| Round(((level as u64) << 32) + number as u64);
            let rows = (0..prompts.len()).map(|at| (at, Rng::at(MEASURED, stream(at), Purpose::User)));
            let sampled =
                sample(&model, self.workload.shape(), &prompts, rows.collect(), &self.device)?;
            let right = prompts.iter().zip(&sampled).filter(|(prompt, rollout)| {
                rollout.ended().is_some_and(|answer| self.workload.is_right(prompt, answer))
            });
            passes.push(right.count() as f64 / prompts.len() as f64);
            if level < self.arms.len() {
                entropy += sampled.iter().map(|rollout| rollout.entropy).sum::<f64>();
                tokens += sampled.iter().map(|rollout| rollout.tokens()).sum::<u64>();
            }
        }
        let harder = passes.split_off(self.arms.len());
        let learnable = self.arms.iter().zip(&passes).filter(|(arm, _)| arm.is_learnable());
        let learnable: Vec<f64> = learnable.map(|(_, &pass)| pass).collect();
        let prompts = learnable.len() as f64 * self.prompts.held_out()[0].len() as f64;
        let answers = if self.workload.is_supervised() { PROMPTS } else { PROMPTS * ROLLOUTS };
        self.tokens_of_a_step = tokens as f64 / prompts * answers as f64;
        Ok(Point {
            tokens: self.tokens,
            rollouts: self.rollouts,
            steps: self.steps,
            useful: self.useful,
            pass: mean(&learnable),
            worst: learnable.iter().copied().fold(1.0, f64::min),
            harder: mean(&harder),
            entropy: entropy / tokens.max(1) as f64,
            passes,
            drawn: self.drawn.clone(),
            seconds: began.elapsed().as_secs_f64(),
        })
    }
}

fn mean(numbers: &[f64]) -> f64 {
    if numbers.is_empty() { 0.0 } else { numbers.iter().sum::<f64>() / numbers.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(workload: &str, curriculum: &str) -> Setting {
        let (workload, curriculum) = (workload.into(), curriculum.into());
        Setting { workload, curriculum, seed: 3, rate: 1e-3, tokens: 3000 }
    }

    fn told(setting: &Setting) -> Vec<Point> {
        let run = run(setting, &Starts::default(), &|_| ()).unwrap();
        run.points.into_iter().map(|point| Point { seconds: 0.0, ..point }).collect()
    }

    /// Beside another run, too.
    #[test]
    fn a_run_repeated_is_equal_to_the_last_bit() {
        // A step that is refilled takes many tokens while hardly a group has signal.
        for (curriculum, tokens) in [("default", 8000), ("refill-16", 40_000)] {
            let setting = Setting { tokens, ..setting("ladder", curriculum) };
            let once = told(&setting);
            let twice = std::thread::scope(|scope| {
                let runs = [(); 2].map(|()| scope.spawn(|| told(&setting)));
                runs.map(|run| run.join().unwrap())
            });
            assert!(
                once.len() > 2 && once.last() != once.first(),
                "{curriculum}: {} points",
                once.len()
            );
            assert_eq!(twice, [once.clone(), once]);
        }
    }

    #[test]
    fn all_curricula_of_a_seed_begin_alike_and_go_apart() {
        let [a, b] = ["uniform", "hand"].map(|name| told(&setting("chain-noise", name)));
        assert_eq!(a[0], b[0]);
        assert_ne!(a.last(), b.last());
    }

    #[test]
    fn every_curriculum_and_every_workload_makes_steps() {
        let curricula = curriculum::all()
            .into_iter()
            .map(|recipe| ("map/signal=25/transfer=weak/noise=20", recipe.name));
        let workloads = workload::NAMES.into_iter().map(|name| match name {
            "addition" | "text" => (name, "gain-rl"),
            _ => (name, "rollouts"),
        });
        for (workload, curriculum) in curricula.chain(workloads) {
            let points = told(&Setting { tokens: 1, ..setting(workload, curriculum) });
            let (first, last) = (&points[0], &points[points.len() - 1]);
            assert_eq!(first.tokens, 0);
            assert!(last.tokens > 0 && last.drawn.iter().sum::<u64>() == last.rollouts, "{curriculum}");
            assert!(last.passes.len() == last.drawn.len() && (0.0..=1.0).contains(&last.pass));
        }
    }

    /// If luck followed the numbers that an answer is sampled with, it could be learned.
    #[test]
    fn luck_has_nothing_to_do_with_the_answer() {
        let setting = setting("sequence-noise", "uniform");
        let workload = workload::find(&setting.workload).unwrap();
        let start = Starts::default()
            .of(&setting.workload, workload.as_ref(), setting.seed, setting.tokens)
            .unwrap();
        let training = Training::new(&setting, workload.as_ref(), start);
        let pairs: Vec<(f64, f64)> = (0..4000)
            .map(|ticket| {
                let unit = |purpose| training.stream(purpose, Ticket(ticket), 1).unit() - 0.5;
                (unit(ANSWERS), unit(LUCK))
            })
            .collect();
        let correlation = 12.0 * mean(&pairs.iter().map(|(a, b)| a * b).collect::<Vec<_>>());
        assert!(correlation.abs() < 4.0 / 4000f64.sqrt(), "{correlation}");
    }
}
