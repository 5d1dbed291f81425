//! Off-policy evaluation: what another curriculum would have got, from the log of one.
//!
//! Every draw of a curriculum carries its [propensity](crate::Draw::propensity), so a log of draws and outcomes says
//! something of other curricula, too: a choice that another would have made twice as often counts twice.
//! [`Evaluation`] lets a *target* go along with a log and notes the probability that it would have given to each
//! logged pick; [`Estimator`] makes estimates of the mean reward of a pick from such rows, with errors and with the
//! checks that say whether the log carries that far. Rows from elsewhere will do: [`Logged`].
//!
//! **What it does not say.** The estimate is of the target's choices in the *states that the log went through*: the
//! model was trained on what the log chose. Where the target would have led the model to, and what it would have
//! earned there, is not in the log. Use it to compare curricula that differ in how they choose, over a time in which
//! the model changes little; not to predict a training run.
//!
//! ```
//! use curricle::off_policy::{Estimator, Evaluation};
//! use curricle::policy::{Boltzmann, Bounded, Prior};
//! use curricle::{Builder, Curriculum, Feedback, Outcome};
//!
//! # fn main() -> curricle::Result<()> {
//! let builder = || Curriculum::builder(400).arms(4, |sample| (sample.0 / 100) as u32).seed(7);
//! // The run that happened: every arm as often as the others.
//! let mut run = builder().build()?;
//! // What if a bandit had chosen?
//! let bandit = Bounded::new(Boltzmann::new()).floor(0.1, Prior::Uniform);
//! let reward = |outcome: &Outcome| outcome.success.map(f64::from);
//! let mut evaluation = Evaluation::new(builder().policy(bandit).build()?, reward);
//! for _ in 0..50 {
//!     let batch = run.draw(16)?;
//!     evaluation.draw(&batch)?;
//!     // Arm 3 is the one that has something to teach.
//!     let seen = |arm: u32| Outcome::default().success(if arm == 3 { 0.5 } else { 0.0 });
//!     let feedback: Vec<Feedback> =
//!         batch.draws.iter().map(|draw| Feedback::new(draw.ticket, seen(draw.arm.0))).collect();
//!     run.observe(&feedback)?;
//!     evaluation.observe(&feedback)?;
//! }
//! let found = evaluation.estimate(&Estimator::new())?;
//! // The bandit would have found it; the log covers what it would have done.
//! assert!(found.logged.value < 0.2 && found.snips.is_some_and(|it| it.value > 0.4));
//! assert!((found.weights.mean.value - 1.0).abs() < 0.2);
//! # Ok(()) }
//! ```
//!
//! **How far a log carries.** It must have chosen at random: a floor of some percent under all arms
//! ([`Bounded`](crate::policy::Bounded)) is worth its price. Look at three numbers first: the [mean
//! weight](Weights::mean), which is about 1 if the log covers the target; the [effective sample
//! size](Weights::effective_sample_size), which says how many picks the estimate rests on; and the part of the target
//! that lies on [arms never drawn](Evaluation::unseen).

mod estimate;
mod estimator;
mod evaluation;
mod logged;
mod model;

pub use estimate::Estimate;
pub use estimator::{Estimates, Estimator, Weights};
pub use evaluation::Evaluation;
pub use logged::{Logged, Prediction};
