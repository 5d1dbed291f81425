//! Papers that need no part of their own: each is ten lines of the parts that there are, inside a loop of `draw` and
//! `observe` or beside one. [PAPERS.md](../../PAPERS.md) says which paper is where.
//!
//! ```text
//! cargo run --no-default-features --example recipes
//! cargo test --no-default-features --example recipes
//! ```

mod mixtures;
mod rewards;
mod runs;

use curricle::Result;

fn main() -> Result<()> {
    println!("ToolRL       the same answer at step 0 and 150: {:?}", rewards::ramped(0.75)?);
    println!(
        "R3           a text that repeats itself: {:.2}",
        rewards::undegenerate("a b a b a b", 0.9)?
    );
    println!("Fine-grained two signals of three answers: {:?}", rewards::standardised()?);
    println!("Reranking    who is still wrong weighs most: {:?}", rewards::residual()?);
    println!("DRM          sources by inverse entropy: {:?}", mixtures::by_entropy(&[0.5, 1.0, 2.0])?);
    println!("DPO and PPO  batches of a prior over sources: {:?}", mixtures::by_prior()?);
    println!("Guide        hopeless, useful, solved of 96 prompts: {:?}", mixtures::treated()?);
    println!("MM-BigBench  the model that is best over scales: {}", runs::best_over_scales()?);
    println!("Inverse      larger is worse: {}", runs::gets_worse(&[0.6, 0.57, 0.5])?);
    println!("Triage       the run to go on with: {}", runs::triage()?);
    println!(
        "Dip          the share of an arm before and after it is forgotten: {:?}",
        runs::rehearse()?
    );
    Ok(())
}
