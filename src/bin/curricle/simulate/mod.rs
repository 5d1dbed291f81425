//! `curricle simulate`: what a curriculum would do to the simulated learner, beside uniform sampling.

mod course;
mod picture;

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use curricle::simulator::{Options, Scenario, curriculum};
use curricle::{Config, Error, SampleId};
use serde_json::json;

use crate::fault::Fault;
use crate::out_file;
use crate::progress::progress;
use crate::said::say;
use course::Course;

#[derive(clap::Args)]
pub struct Arguments {
    /// A curriculum, as TOML or, where the name ends in `.json`, as JSON. Its seed is not used.
    config: PathBuf,
    /// The world to learn.
    #[arg(long, default_value = "grid", value_parser = scenarios())]
    scenario: Scenario,
    /// How many seeds, from 1 on.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// How many steps each run has.
    #[arg(long, default_value_t = 6000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    steps: u64,
    /// Where to write the picture: skill by arm and what was drawn, over the steps.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Everything as JSON.
    #[arg(long)]
    json: bool,
}

/// The worlds by their names; another name is refused with a list of them.
fn scenarios() -> impl TypedValueParser<Value = Scenario> {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::name)).try_map(|name| {
        let found = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
        found.ok_or("no such scenario")
    })
}

pub fn run(arguments: &Arguments) -> Result<(), Fault> {
    let Arguments { scenario, seeds, steps, .. } = *arguments;
    if let Some(out) = &arguments.out {
        out_file::check(out, &["svg"], [arguments.config.as_path()])?;
    }
    let config = read(&arguments.config)?;
    let options = Options { cap: steps, ..Options::default() };
    let bar = progress(2 * seeds as usize, "runs");
    let fault = |error: Error| Fault::file(&arguments.config, error);
    let mut courses =
        [Course::new("configured", &scenario, steps), Course::new("uniform", &scenario, steps)];
    for seed in 1..=seeds {
        let mut uniform = curriculum(&scenario, seed, &options).build().map_err(fault)?;
        let arms = uniform.population().arms();
        let samples = (0..arms.samples() as u64).map(SampleId);
        let labels = samples.map(|sample| arms.arm_of(sample).map(|arm| arm.0));
        let labels = labels.collect::<curricle::Result<Vec<u32>>>().map_err(fault)?;
        let configured = config.builder(labels.len()).labels(&labels);
        let mut configured = configured.seed(seed).build().map_err(fault)?;
        let [ours, theirs] = &mut courses;
        ours.run(&mut configured, &scenario, seed, &options).map_err(fault)?;
        bar.inc(1);
        theirs.run(&mut uniform, &scenario, seed, &options).map_err(fault)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(out) = &arguments.out {
        let drawn = picture::draw(&courses, scenario, options.target).map_err(Fault::Input)?;
        out_file::write(out, &drawn)?;
    }
    let said = match arguments.json {
        true => as_json(&courses, scenario, &options),
        false => as_text(&courses, scenario, &options),
    };
    say(&said)
}

fn read(path: &Path) -> Result<Config, Fault> {
    let text = std::fs::read_to_string(path).map_err(|error| Fault::file(path, error))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let config = if is_json { Config::from_json(&text) } else { Config::from_toml(&text) };
    config.map_err(|error| Fault::file(path, error))
}

fn as_text(courses: &[Course], scenario: Scenario, options: &Options) -> String {
    let head = format!(
        "{}: steps to a mean ability of {}, at most {}, {} prompts a step; seeds 1 to {}\n\n{:<12}{:>9}{:>9}{:>9}{:>9}{:>12}\n",
        scenario.name(),
        options.target,
        options.cap,
        options.batch,
        courses.first().map_or(0, |course| course.steps.len()),
        "",
        "reached",
        "q1",
        "median",
        "q3",
        "ability"
    );
    let row = |course: &Course| {
        let at = |quantile| course.quantile(quantile).map_or("-".into(), |steps| format!("{steps:.0}"));
        let reached = format!("{}/{}", course.reached(), course.steps.len());
        format!(
            "{:<12}{reached:>9}{:>9}{:>9}{:>9}{:>12.3}\n",
            course.name,
            at(0.25),
            at(0.5),
            at(0.75),
            course.last_ability()
        )
    };
    head + &courses.iter().map(row).collect::<String>()
}

fn as_json(courses: &[Course], scenario: Scenario, options: &Options) -> String {
    let course = |course: &Course| {
        let value = json!({
            "steps": course.steps,
            "reached": course.reached(),
            "median": course.quantile(0.5),
            "ability": course.abilities(),
            "shares": course.shares(),
        });
        (course.name.to_owned(), value)
    };
    let learnable: Vec<u32> = scenario.learnable().iter().map(|arm| arm.0).collect();
    let whole = json!({
        "scenario": scenario.name(),
        "learnable": learnable,
        "target": options.target,
        "cap": options.cap,
        "batch": options.batch,
        "every": courses.first().map_or(1, |course| course.every),
        "courses": courses.iter().map(course).collect::<serde_json::Map<_, _>>(),
    });
    format!("{whole:#}\n")
}
