//! What several policies are made of.

pub(crate) mod evidence;
pub(super) mod learned;
pub(crate) mod mixture;
pub(crate) mod odds;
pub(super) mod open_arms;
pub(super) mod power_law;
pub(super) mod silence;
pub(super) mod variate;
