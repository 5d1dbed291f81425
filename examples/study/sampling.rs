//! Answers sampled a symbol at a time, many at once.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use curricle::Rng;

use crate::Result;
use crate::model::Writer;
use crate::workload::{BEGIN, END, Shape};

/// A sampled answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// Its symbols, the end among them; without one if it was cut off at the longest answer.
    pub answer: Vec<u8>,
    /// `ln p` of each of them when it was sampled.
    pub log_chances: Vec<f32>,
    /// Entropy of the distributions that they were sampled from, summed up, in nats.
    pub entropy: f64,
}

impl Rollout {
    /// Tokens that were sampled.
    pub fn tokens(&self) -> u64 {
        self.answer.len() as u64
    }

    /// The answer without its end; none if it has no end.
    pub fn ended(&self) -> Option<&[u8]> {
        self.answer.split_last().filter(|(last, _)| **last == END).map(|(_, answer)| answer)
    }
}

/// Samples answers: for each row the number of its prompt, and the generator that all its symbols come from, so that an
/// answer is the same whatever stands beside it in the batch, but for the rounding of sums.
pub fn sample(
    model: &Writer,
    shape: Shape,
    prompts: &[&[u8]],
    rows: Vec<(usize, Rng)>,
    device: &Device,
) -> Result<Vec<Rollout>> {
    let (numbers, mut generators): (Vec<usize>, Vec<Rng>) = rows.into_iter().unzip();
    let empty = Rollout { answer: Vec::new(), log_chances: Vec::new(), entropy: 0.0 };
    let mut rollouts = vec![empty; numbers.len()];
    if numbers.is_empty() {
        return Ok(rollouts);
    }
    let mut cache = model.prompts(prompts, device).rows(&numbers, device);
    let mut last = vec![BEGIN; numbers.len()];
    // Which rows of the cache are still written to.
    let mut open: Vec<usize> = (0..numbers.len()).collect();
    for column in 0..shape.answer {
        let (logits, grown) = model.next(shape, &last, 1, column, cache, device);
        let chances = read(softmax(logits, 1))?;
        let mut going = Vec::with_capacity(open.len());
        last.clear();
        for (place, (&row, chances)) in open.iter().zip(chances.chunks_exact(shape.symbols)).enumerate()
        {
            let symbol = pick(chances, generators[row].unit());
            let rollout = &mut rollouts[row];
            rollout.answer.push(symbol as u8);
            rollout.log_chances.push(libm::logf(chances[symbol].max(f32::MIN_POSITIVE)));
            rollout.entropy += entropy(chances);
            if symbol as u8 != END {
                going.push((place, row));
                last.push(symbol as u8);
            }
        }
        if going.is_empty() {
            break;
        }
        // What has ended is not carried along, once it is worth the copy.
        cache = if going.len() < open.len() {
            grown.rows(&going.iter().map(|&(place, _)| place).collect::<Vec<_>>(), device)
        } else {
            grown
        };
        open = going.into_iter().map(|(_, row)| row).collect();
    }
    Ok(rollouts)
}

/// The first symbol up to which the chances come to more than a uniform number.
fn pick(chances: &[f32], uniform: f64) -> usize {
    let mut sum = 0.0;
    let found = chances.iter().position(|&chance| {
        sum += f64::from(chance);
        uniform < sum
    });
    // The chances come to a little less than one: then the last that has any.
    found.unwrap_or_else(|| chances.iter().rposition(|&chance| chance > 0.0).unwrap_or(0))
}

fn entropy(chances: &[f32]) -> f64 {
    let terms = chances.iter().map(|&chance| f64::from(chance)).filter(|&chance| chance > 0.0);
    -terms.map(|chance| chance * libm::log(chance)).sum::<f64>()
}

/// The numbers of a tensor.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    Ok(tensor.try_into_data()?.try_to_vec()?)
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use curricle::{Purpose, Round};

    use super::*;
    use crate::workload;

    /// Prompts of several lengths side by side, a symbol at a time, rows that end dropping out: the chances are those of
    /// one forward pass over each prompt and its whole answer by itself.
    #[test]
    fn sampling_over_a_cache_is_the_full_forward() {
        for name in ["chain", "sequence"] {
            let workload = workload::find(name).unwrap();
            let (shape, device) = (workload.shape(), Device::flex());
            let model = Writer::new(shape, 5, &device.clone().autodiff()).valid();
            let draw =
                |level| workload.prompt(level, &mut Rng::at(1, Round(level as u64), Purpose::User));
            let prompts: Vec<Vec<u8>> = [4, 0, 6, 2].map(draw).to_vec();
            let texts: Vec<&[u8]> = prompts.iter().map(Vec::as_slice).collect();
            let rng = |row| Rng::at(7, Round(row as u64), Purpose::User);
            let rows: Vec<(usize, Rng)> = (0..12).map(|row| (row % 4, rng(row))).collect();
            let sampled = sample(&model, shape, &texts, rows, &device).unwrap();
            let lengths: Vec<usize> = sampled.iter().map(|it| it.answer.len()).collect();
            assert!(lengths.iter().any(|&length| length != lengths[0]), "{lengths:?}");
            for (row, rollout) in sampled.iter().enumerate() {
                let cache = model.prompts(&[texts[row % 4]], &device);
                let full = model.log_chances(shape, &[&rollout.answer], cache, &device);
                for (full, cached) in read(full).unwrap().iter().zip(&rollout.log_chances) {
                    assert!((full - cached).abs() < 1e-4, "{full} {cached}");
                }
                // And it does not matter what it was sampled beside.
                let alone =
                    sample(&model, shape, &[texts[row % 4]], vec![(0, rng(row))], &device).unwrap();
                assert_eq!(alone[0].answer, rollout.answer);
            }
        }
    }

    #[test]
    fn a_symbol_is_picked_by_its_chance() {
        let chances = [0.25, 0.0, 0.5, 0.25];
        let picked = [0.0, 0.2499, 0.25, 0.74, 0.75, 0.9999].map(|uniform| pick(&chances, uniform));
        assert_eq!(picked, [0, 0, 2, 2, 3, 3]);
        // Rounded down: what is left falls to the last that can be.
        assert_eq!(pick(&[0.5, 0.49, 0.0], 0.995), 1);
        assert!((entropy(&[0.5, 0.0, 0.5]) - std::f64::consts::LN_2).abs() < 1e-12);
    }
}
