//! Routes: what is done with an item, by a reading of it.
//!
//! A filter is a choice of [`Treatment`], and dropping is only one of them. A [`RoutingTable`] makes the choice by the bands
//! that a reading falls into; the routes of the papers are such choices with readings of their own:
//!
//! | route | of | to | paper |
//! |--|--|--|--|
//! | [`GroupFilter`] | rewards of groups | train or drop; which to retire | Lambert et al., *Tülu 3*, arXiv 2411.15124 |
//! | [`HintRoute`] | accuracies of groups | train, hint, drop | Guide, arXiv 2506.13923 |
//! | [`PreferenceBands`] | strength of preference pairs | flip, soften, margin | *Secrets of RLHF II*, arXiv 2401.06080 |
//! | [`PairGates`] | scored candidates of a prompt | a pair, or none | iTool, arXiv 2501.09766 |
//! | [`EditPair`] | two texts and their qualities | a pair, or none | RISE, arXiv 2410.06638 |
//! | [`StudentProbe`] | what a candidate teaches a student | pairs, and the best questions | Learning by Teaching; ARTE |
//! | [`BalancedKeep`] | scored responses of many queries | those to keep | B-STaR |
//!
//! Contaminated texts are dropped by [`Overlap`](crate::gauge::Overlap), runs are stopped by
//! [`CurveFit::stop`](crate::monitor::CurveFit::stop), alarms are raised by [`TrendAlarm`](crate::monitor::TrendAlarm) and
//! [`slot_guess`](crate::gauge::slot_guess).

mod balanced;
mod bands;
mod groups;
mod hint;
mod pairs;
mod preference;
mod student;

pub use balanced::{BalancedKeep, Kept, Responses};
pub(crate) use bands::MOST;
pub use bands::{RoutingTable, Treatment};
pub use groups::{GroupFilter, GroupRoutes};
pub use hint::{HintRoute, HintRoutes};
pub use pairs::{EditPair, EditReading, PairGates, PairReading, PairReason};
pub use preference::{PreferenceBands, Strengths};
pub use student::{StudentProbe, StudentReading, Votes};
