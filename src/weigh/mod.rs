//! Weights: how much an item counts, from a reading of it.
//!
//! The same non-negative number can be spent on drawing ([`Builder::weights`](crate::Builder::weights)) or on the gradient, as
//! a weight of the loss.
//!
//! | weight | of | paper |
//! |--|--|--|
//! | [`ease`] | any prior score | MacAvaney et al., *Training Curricula for Open Domain Answer Re-Ranking*, arXiv 2004.14269 |
//! | [`RampedWeight`] | ease, ramped to 1 | the same |
//! | [`inverse_power`] | uncertainties of sources | domain-specific risk minimisation |
//! | [`residual`], [`listwise_residual`] | how wrong the model is | *SFT or contrastive learning for reranking*, arXiv 2510.14824 |
//! | [`OffPolicyShape`] | tokens that were sampled under another prompt | Guide, arXiv 2506.13923 |
//! | [`weighted_sum`] | signals of different units | *Fine-Grained Human Feedback*, arXiv 2306.01693 |
//! | [`top_share`] | the best share of every stratum | iTool, arXiv 2501.09766 |

mod ease;
mod power;
mod ramped;
mod residual;
mod shape;
mod top;
mod units;

pub use ease::{EaseRule, ease};
pub use power::inverse_power;
pub use ramped::{Ramped, RampedWeight};
pub use residual::{Residual, listwise_residual, residual};
pub use shape::{OffPolicyShape, Shaped};
pub use top::top_share;
pub use units::weighted_sum;
