//! Calibration: what uncertainty is worth, measured on answers known to be right or wrong.
//!
//! | question | measure |
//! |--|--|
//! | are the uncertain answers the wrong ones? | [`auroc`], [`aurc`] |
//! | is confidence the frequency of being right? | [`Reliability`]: ECE, MCE, Brier, log-likelihood |
//! | which temperature makes it so? | [`Temperature`] |
//! | how probable is an error at an uncertainty? | [`Isotonic`] |
//! | did a change help, on the same items? | [`McNemar`] |
//! | the same, where items come in clusters | [`ClusteredMcNemar`] |

mod clustered_mcnemar;
mod isotonic;
mod mcnemar;
mod ranking;
mod reliability;
mod temperature;

pub use clustered_mcnemar::ClusteredMcNemar;
pub use isotonic::Isotonic;
pub use mcnemar::McNemar;
pub use ranking::{aurc, auroc};
pub use reliability::{Bins, Reliability};
pub use temperature::Temperature;
