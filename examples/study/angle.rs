//! The angle concentration of prompts: what GAIN-RL goes by.

use curricle::signal::{Angle, HiddenStates};

use crate::Result;
use crate::model::{WIDTH, Writer, device};

/// Prompts that are read at a time.
const PART: usize = 500;

/// The score of each prompt by the model as it is. Without the diagonal a prompt of one symbol has no pair of columns, and
/// counts as 0.
pub fn of(model: &Writer, angle: Angle, prompts: &[&[u8]]) -> Result<Vec<f32>> {
    let mut scores = Vec::with_capacity(prompts.len());
    for part in prompts.chunks(PART) {
        let (states, spans) = model.states(part, &device())?;
        let found = HiddenStates { states: &states, dim: WIDTH, spans: &spans }.concentrations()?;
        scores.extend(found.iter().map(|of| angle.of(of).unwrap_or(0.0) as f32));
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use curricle::{Purpose, Rng, Round};

    use super::*;
    use crate::workload;

    #[test]
    fn one_symbol_has_an_angle_with_itself_only() {
        let workload = workload::find("ladder").unwrap();
        let model = Writer::new(workload.shape(), 5, &device().autodiff()).valid();
        let mut rng = Rng::at(1, Round(0), Purpose::User);
        let prompts = [0, 4].map(|level| workload.prompt(level, &mut rng));
        let texts: Vec<&[u8]> = prompts.iter().map(Vec::as_slice).collect();
        let (published, unbiased) =
            (of(&model, Angle::new(), &texts).unwrap(), of(&model, Angle::unbiased(), &texts).unwrap());
        assert!((published[0] - 1.0).abs() < 1e-6 && unbiased[0] == 0.0, "{published:?} {unbiased:?}");
        // Of five symbols the diagonal is a fifth.
        let without = (25.0 * published[1] - 5.0) / 20.0;
        assert!((unbiased[1] - without).abs() < 1e-5, "{published:?} {unbiased:?}");
    }

    /// By the definition, from the states of each prompt read by itself: the mean cosine of all pairs of columns.
    #[test]
    fn a_prompt_has_the_angle_that_it_has_alone() {
        let workload = workload::find("chain").unwrap();
        let model = Writer::new(workload.shape(), 5, &device().autodiff()).valid();
        let mut rng = Rng::at(1, Round(0), Purpose::User);
        let prompts: Vec<Vec<u8>> = [6, 0, 3].map(|level| workload.prompt(level, &mut rng)).to_vec();
        let texts: Vec<&[u8]> = prompts.iter().map(Vec::as_slice).collect();
        let together = of(&model, Angle::new(), &texts).unwrap();
        for (text, found) in texts.iter().zip(together) {
            let (states, _) = model.states(&[text], &device()).unwrap();
            let rows: Vec<&[f32]> = states.chunks(WIDTH).collect();
            assert_eq!(rows.len(), text.len());
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
            };
            let cosine = |a: &[f32], b: &[f32]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
            let sum: f64 = rows.iter().flat_map(|a| rows.iter().map(|b| cosine(a, b))).sum();
            let naive = sum / (rows.len() * rows.len()) as f64;
            assert!((f64::from(found) - naive).abs() < 1e-5, "{found} {naive}");
        }
    }
}
