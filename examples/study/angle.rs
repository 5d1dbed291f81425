//! The angle concentration of prompts: what GAIN-RL goes by.

use curricle::signal::{Angle, HiddenStates};

use crate::Result;
use crate::model::{WIDTH, Writer, device};

/// Prompts that are read at a time.
const PART: usize = 500;

/// The score of each prompt by the model as it is.
pub fn of(model: &Writer, angle: Angle, prompts: &[&[u8]]) -> Result<Vec<f32>> {
    let mut scores = Vec::with_capacity(prompts.len());
    for part in prompts.chunks(PART) {
        let (states, spans) = model.states(part, &device())?;
        let mut found = vec![0.0; part.len()];
        angle.score(&HiddenStates { states: &states, dim: WIDTH, spans: &spans }, &mut found)?;
        scores.extend(found);
    }
    Ok(scores)
}
