//! What has happened to a curriculum, as a history tells it.

use crate::base::id::{ArmId, SampleId, Ticket};
use crate::curriculum::refill::Step;
use crate::event::{Batch, Feedback, Verdict};

/// One event of a journal, with what it gave: what [`History`](crate::History) lets happen again.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Happened {
    /// [`draw`](crate::Curriculum::draw) or [`draw_within`](crate::Curriculum::draw_within) gave this batch.
    Draw(Batch),
    /// [`observe`](crate::Curriculum::observe) or [`report`](crate::Curriculum::report) took this feedback in.
    Observed {
        /// What was taken in.
        feedback: Vec<Feedback>,
        /// The verdict on each, in the same order.
        verdicts: Vec<Verdict>,
    },
    /// [`lose`](crate::Curriculum::lose) gave these tickets up.
    Lost(Vec<Ticket>),
    /// [`step`](crate::Curriculum::step) drew, was ready or starved.
    Step {
        /// How many useful tickets were wanted.
        want: usize,
        /// What it gave.
        step: Step,
    },
    /// [`insert`](crate::Curriculum::insert) or [`insert_key`](crate::Curriculum::insert_key) made a sample.
    Inserted {
        /// The new sample.
        sample: SampleId,
        /// Its arm.
        arm: ArmId,
        /// Its weight.
        weight: f64,
    },
    /// [`remove`](crate::Curriculum::remove) took a sample out.
    Removed(SampleId),
    /// [`retag`](crate::Curriculum::retag) moved a sample to another arm.
    Retagged {
        /// The sample.
        sample: SampleId,
        /// Its new arm.
        arm: ArmId,
    },
    /// [`set_weight`](crate::Curriculum::set_weight) or [`set_weights`](crate::Curriculum::set_weights) set these.
    Weights(Vec<(SampleId, f64)>),
    /// [`set_costs`](crate::Curriculum::set_costs) set these.
    Costs(Vec<(SampleId, f64)>),
    /// [`add_arm`](crate::Curriculum::add_arm) made an arm.
    ArmAdded(ArmId),
    /// [`set_mixture`](crate::Curriculum::set_mixture) set these weights of arms.
    Mixture(Vec<f64>),
    /// What was due was folded in without a draw, or by one that failed, which may have brought
    /// [retired](crate::Builder::retest) samples back, too.
    Folded,
    /// [`set_version`](crate::Curriculum::set_version) said that this version of the model is trained.
    Version(u64),
    /// The journal was [compacted](crate::Journal::compact) more than once since the history was last asked. So many
    /// events are gone, and the state is that of the new base.
    Missed(u64),
}
