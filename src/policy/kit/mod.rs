//! What several policies are made of.

pub(crate) mod arm_tree;
pub(crate) mod evidence;
pub(super) mod learned;
pub(crate) mod mixture;
pub(super) mod open_arms;
pub(super) mod power_law;
pub(super) mod silence;
pub(super) mod variate;
