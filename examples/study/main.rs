//! Does it help? Small models are trained by reinforcement (GRPO) on generated tasks, with many curricula, and judged by
//! what they have learned after so many rollout tokens.
//!
//! ```text
//! cargo run --release --features train --example study -- run [--workload NAME] [--curriculum NAME] [--seed N]
//!     [--rate X] [--tokens N]
//! cargo run --release --features train --example study -- names
//! ```

mod curriculum;
mod grpo;
mod model;
mod prompts;
mod run;
mod sampling;
mod warm_up;
mod workload;

use indicatif::{ProgressBar, ProgressStyle};
use run::{Run, Setting};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The learning rate unless another is given.
const RATE: f64 = 1e-3;

fn main() -> Result<()> {
    use lexopt::prelude::*;
    let mut arguments = lexopt::Parser::from_env();
    match arguments.next()? {
        Some(Value(verb)) if verb == "run" => one(arguments),
        Some(Value(verb)) if verb == "names" => names(),
        Some(other) => Err(other.unexpected().into()),
        None => Err("say `run` or `names`".into()),
    }
}

fn names() -> Result<()> {
    for about in workload::all()? {
        let learnable = about.arms.iter().filter(|(_, is_learnable)| *is_learnable).count();
        println!(
            "{:40} {} arms, {learnable} learnable, {} tokens",
            about.name,
            about.arms.len(),
            about.tokens
        );
    }
    for recipe in curriculum::all() {
        println!("{:40} {}", recipe.name, recipe.line);
    }
    Ok(())
}

fn one(mut arguments: lexopt::Parser) -> Result<()> {
    use lexopt::prelude::*;
    let (mut workload, mut curriculum) = ("sequence".to_owned(), "default".to_owned());
    let (mut seed, mut rate, mut tokens) = (1, RATE, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("workload") => workload = arguments.value()?.string()?,
            Long("curriculum") => curriculum = arguments.value()?.string()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("rate") => rate = arguments.value()?.parse()?,
            Long("tokens") => tokens = Some(arguments.value()?.parse()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let about = workload::about(&workload)?;
    let tokens = tokens.unwrap_or(about.tokens);
    let bar = ProgressBar::new(tokens);
    let style = "{prefix} {bar:32} {human_pos:>9} tokens  {elapsed:>4}, about {eta} more";
    bar.set_style(ProgressStyle::with_template(style)?);
    bar.set_prefix(format!("{workload}, {curriculum}"));
    let setting = Setting { workload, curriculum, seed, rate, tokens };
    let run = run::run(&setting, &|tokens| bar.set_position(tokens))?;
    bar.finish_and_clear();
    print(&run, &about);
    Ok(())
}

fn print(run: &Run, about: &workload::About) {
    println!("{:?}", run.setting);
    println!("  tokens rollouts steps useful   pass worst harder entropy unlearnable seconds  by arm");
    for point in &run.points {
        let drawn = about.arms.iter().zip(&point.drawn);
        let wasted: u64 = drawn.filter(|((_, learnable), _)| !learnable).map(|(_, drawn)| drawn).sum();
        let passes: Vec<String> = point.passes.iter().map(|pass| format!("{pass:.2}")).collect();
        println!(
            "{:8} {:8} {:5} {:6} {:6.3} {:5.2} {:6.2} {:7.2} {:11.2} {:7.1}  {}",
            point.tokens,
            point.rollouts,
            point.steps,
            point.useful,
            point.pass,
            point.worst,
            point.harder,
            point.entropy,
            wasted as f64 / point.rollouts.max(1) as f64,
            point.seconds,
            passes.join(" ")
        );
    }
}
